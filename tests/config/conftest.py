"""A project folder with two experiments and a baseline, to be broken in many ways."""

from pathlib import Path

import pytest
import yaml

EXPERIMENTS = {
    "wave_eq_100/pde": {
        "title": "PDE",
        "dataset": {"name": "wave_eq_100"},
        "task": {"n_cond": 5, "n_pred": 20, "n_pred_test": 40},
        "model": {"name": "pde", "mixing": "mul", "code_size_static": 32, "code_size_dynamic": 32},
        "training": {"schedule_name": "published", "iterations": 100, "precision": "float32"},
    },
    "wave_eq_100/copy_last": {
        "dataset": {"name": "wave_eq_100"},
        "task": {"n_cond": 5, "n_pred": 20, "n_pred_test": 40},
        "model": {"name": "copy_last"},
    },
    "wave_eq/pde": {
        "dataset": {"name": "wave_eq"},
        "task": {"n_cond": 5, "n_pred": 20, "n_pred_test": 40},
        "model": {"name": "pde", "mixing": "mul", "code_size_static": 32, "code_size_dynamic": 32},
        "training": {"schedule_name": "published", "epochs": 2},
    },
}


class Project:
    """A folder with config/config.yaml and config/experiments."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name, content in EXPERIMENTS.items():
            self.write(f"config/experiments/{name}.yaml", content)

    def write(self, path: str, content: object) -> Path:
        """Write `content` (text, or what YAML is made of) to a file of the project."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))
        return file


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)
