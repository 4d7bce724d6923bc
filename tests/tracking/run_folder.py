"""Run folders as training and evaluation leave them, written by the functions that they use, in no time."""

import hashlib
import math
import shutil
import struct
import zlib
from pathlib import Path
from typing import Any

from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.loading import write_run
from pipeline_lib.config.paths import ResultPaths, RunPaths
from pipeline_lib.records.files import write_metrics, write_training
from pipeline_lib.records.journal import Journal
from pipeline_lib.records.provenance import provenance
from pipeline_lib.records.run import run_entry

LOSSES = ("loss_forecast", "loss_autoencode", "loss_invariance", "loss_regularisation")


class FakeRun:
    """One run under `results_dir`; its journal is in the state folder until `publish` copies it."""

    def __init__(self, results_dir: Path, experiment: Experiment, seed: int | None, digest: str | None = None) -> None:
        self.experiment, self.seed = experiment, seed
        self.digest = digest or hashlib.sha256(f"{experiment.name} {seed}".encode()).hexdigest()[:16]
        self.paths: RunPaths = ResultPaths(results_dir, results_dir).run(experiment.name, seed)
        self.state = self.paths.state(self.digest)
        self.journal_path = self.state / "journal.jsonl"
        self.iterations = 0

    @property
    def folder(self) -> Path:
        return self.paths.folder

    def data(self) -> dict[str, Any]:
        name = self.experiment.dataset.name
        return {"name": name, "part": "train", "digest": "0123456789abcdef" * 4, "source": "simulated"}

    def begin(self) -> Journal:
        """Open the journal and write its head and this session."""
        journal = Journal(self.journal_path)
        settings = self.experiment.model_dump(mode="json")
        journal.run(run_entry(settings, self.seed, self.digest, [self.data()]))
        journal.session({**provenance(), "device": "cpu", "precision": "float32", "resumed_at": self.iterations})
        journal.state("running")
        return journal

    def train(self, journal: Journal, n_points: int, every: int = 50) -> None:
        """Journal `n_points` more points of every curve."""
        for _ in range(n_points):
            self.iterations += every
            decay = math.exp(-self.iterations / 6000) * (1 + 0.1 * math.sin(self.iterations + (self.seed or 0)))
            values = {name: 10.0 ** -(3 + i) * decay for i, name in enumerate(LOSSES)}
            values |= {"loss": sum(values.values()), "learning_rate": 4e-4, "iterations_per_second": 4.0 + decay}
            if self.iterations % 500 == 0:
                values["train_sample_mse_per_pixel"] = 3e-4 * decay
            journal.metrics(self.iterations, values)

    def publish(self) -> None:
        """What a finished training leaves in the run folder."""
        write_run(self.experiment, self.seed, self.paths.config)
        shutil.copyfile(self.journal_path, self.paths.journal)
        training = self.experiment.training
        content = {
            "experiment": self.experiment.name,
            "seed": self.seed,
            "digest": self.digest,
            "schedule_name": training.schedule_name if training else "none",
            "iterations": self.iterations,
            "precision": "float32",
            "n_parameters": {"total": 1_234_567},
            "weights_sha256": hashlib.sha256(self.digest.encode()).hexdigest(),
            "provenance": provenance(),
        }
        write_training(self.paths.training, content)

    def evaluate(self, mse: float, settings_digest: str = "same for all seeds", figure: bytes | None = None) -> None:
        """What an evaluation and a figure leave."""
        horizon = [mse * (0.2 + 1.6 * frame / 40) for frame in range(40)]
        result = {"mean": mse, "std_over_windows": mse / 2, "horizon": horizon, "at": {}}
        content = {
            "experiment": self.experiment.name,
            "title": self.experiment.title,
            "paper": self.experiment.paper,
            "dataset": self.experiment.dataset.name,
            "model": self.experiment.variant,
            "seed": self.seed,
            "digest": self.digest,
            "settings_digest": settings_digest,
            "schedule_name": self.experiment.training.schedule_name if self.experiment.training else None,
            "iterations": self.iterations,
            "precision": "float32",
            "data_source": "simulated",
            "n_pred_test": 40,
            "test_data": {"content_sha256": "fedcba9876543210" * 4},
            "protocols": {
                "forecast": {
                    "window_sets": {
                        "all": window_set(6360, result),
                        "published": window_set(1200, {**result, "mean": mse * 1.01}),
                    }
                }
            },
            "provenance": provenance(),
            "training": {},
        }
        write_metrics(self.paths.metrics, content)
        path = self.paths.figure("forecast", "png")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(figure or grey_png(8))

    def finish(self, n_points: int = 20, mse: float = 1e-4) -> "FakeRun":
        """The whole life of a run."""
        journal = self.begin()
        if self.experiment.training is not None:
            self.train(journal, n_points)
        journal.state("finished")
        journal.close()
        self.publish()
        self.evaluate(mse)
        return self


def window_set(n_windows: int, result: dict[str, Any]) -> dict[str, Any]:
    return {"n_windows": n_windows, "n_available": n_windows, "metrics": {"mse_per_pixel": result}}


def grey_png(size: int, level: int = 128) -> bytes:
    """A grey square as a PNG file."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = (b"\0" + bytes([level]) * size) * size
    header = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
