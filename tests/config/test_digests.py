"""What an edit starts again, and what it trains anew: for every module of the package in turn."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline_lib.config.digests import run_digest, run_modules, stage_digest, stage_modules
from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.registry import DATASETS, FIGURES, METRICS, MODELS
from pipeline_lib.config.source_graph import SourceGraph
from tests.structure import source_tree

# Stage -> what a run of it on wave_eq_100/pde loads by name.
STAGES = {
    "prepare": [DATASETS["wave_eq_100"].prepare],
    "train": [MODELS["pde"].build],
    "evaluate": [MODELS["pde"].build, METRICS["mse_per_pixel"].function],
    "tabulate": [],
    "draw": [FIGURES["horizon"].draw],
    "track": [],
    "check": [],
}


class Edited(SourceGraph):
    """A graph of the package in which one module has been edited; the others are taken as they were read."""

    def __init__(self, before: SourceGraph, package: Path, module: str) -> None:
        super().__init__(package)
        self._before, self._module = before, module

    def imports(self, module: str) -> frozenset[str]:
        return super().imports(module) if module == self._module else self._before.imports(module)

    def _digest(self, module: str) -> str:
        return super()._digest(module) if module == self._module else self._before._digest(module)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package, to be edited."""
    copy = tmp_path_factory.mktemp("source") / "pipeline_lib"
    shutil.copytree(source_tree.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@contextmanager
def edited(graph: SourceGraph, package: Path, module: str, added: str) -> Iterator[Edited]:
    """The graph with `added` at the end of a module."""
    file = file_of(package.parent, module)
    text = file.read_text()
    file.write_text(f"{text}\n{added}\n")
    try:
        yield Edited(graph, package, module)
    finally:
        file.write_text(text)


def file_of(root: Path, module: str) -> Path:
    path = root.joinpath(*module.split("."))
    return path.with_suffix(".py") if path.with_suffix(".py").is_file() else path / "__init__.py"


def reached_from(*roots: str) -> set[str]:
    """The import closure, found by other means than the code under test."""
    reached, waiting = set(), list(roots)
    while waiting:
        module = waiting.pop()
        if module in reached:
            continue
        reached.add(module)
        parts = module.split(".")
        file = file_of(source_tree.REPOSITORY, module)
        inner = [found.module for found in source_tree.imports_of(file) if found.module.startswith("pipeline_lib.")]
        waiting += inner + [".".join(parts[:n]) for n in range(1, len(parts))]
    return reached


def is_values_or_dispatch(module: str) -> bool:
    return module in ("pipeline_lib.cli", "pipeline_lib.__main__") or f"{module}.".startswith("pipeline_lib.config.")


def test_editing_a_module_changes_the_digests_of_exactly_the_stages_that_import_it(package):
    graph = SourceGraph(package)
    before = {stage: stage_digest(stage, functions, graph) for stage, functions in STAGES.items()}
    reached = {
        stage: reached_from(f"pipeline_lib.cli.{stage}", *(name.split(":")[0] for name in functions))
        for stage, functions in STAGES.items()
    }
    for module in sorted(graph.modules()):
        with edited(graph, package, module, "EDITED = True") as after:
            changed = {stage for stage in STAGES if stage_digest(stage, STAGES[stage], after) != before[stage]}
        expected = {stage for stage in STAGES if module in reached[stage] and not is_values_or_dispatch(module)}
        if module.startswith("pipeline_lib.tracking"):
            expected.discard("train")
        assert changed == expected, module
        with edited(graph, package, module, '# a comment\n"""A string that stands for itself."""') as after:
            assert {stage: stage_digest(stage, STAGES[stage], after) for stage in STAGES} == before, module


def test_which_stages_an_edit_concerns_in_words():
    """The same for a few modules, as facts rather than as a graph."""
    modules = {stage: stage_modules(stage, functions) for stage, functions in STAGES.items()}

    def concerned(module):
        return {stage for stage, reached in modules.items() if f"pipeline_lib.{module}" in reached}

    assert concerned("models.pde.objective") == {"train", "evaluate"}
    assert concerned("training.loop") == {"train"}
    assert concerned("data.wave_eq") == {"prepare"}
    assert concerned("evaluation.forecast") == {"evaluate"}
    assert concerned("reporting.figures.horizon") == {"draw"}
    assert concerned("reporting.tables") == {"tabulate"}
    assert concerned("cli.train") == {"train"}
    assert {"train", "track"} <= concerned("records.journal")
    assert concerned("config.model") == concerned("cli") == set()


def test_only_what_computes_the_numbers_names_the_state_folder(tiny_experiment):
    modules = {name.removeprefix("pipeline_lib.") for name in run_modules(tiny_experiment)}
    assert {"models.pde.objective", "models.pde.integrator", "training.loop", "training.schedule"} <= modules
    assert {"data.hdf5", "data.windows", "runtime.seeding", "runtime.precision"} <= modules
    # A metric that is added must not retrain what is trained; validation only watches (tests/training proves it).
    assert not {name for name in modules if name.startswith("metrics")} and "training.validation" not in modules
    assert not {"training.pictures", "training.picture_page", "training.decomposition_pictures"} & modules
    assert not {"data.wave_eq", "runtime.progress", "runtime.locks", "runtime.signals", "runtime.atomic"} & modules
    assert not {name for name in modules if name.split(".")[0] in ("config", "records", "tracking", "cli", "reporting")}
    baseline = experiment_with(
        tiny_experiment, model={"name": "mean_frame"}, training=None, name="wave_eq_100/mean_frame"
    )
    modules = {name.removeprefix("pipeline_lib.") for name in run_modules(baseline)}
    assert "models.baselines" in modules and "training.loop" not in modules and "models.pde.objective" not in modules


def experiment_with(experiment: Experiment, **changes) -> Experiment:
    return Experiment.model_validate({**experiment.model_dump(), **changes})


def section_with(experiment: Experiment, section: str, **changes) -> Experiment:
    return experiment_with(experiment, **{section: {**experiment.model_dump()[section], **changes}})


def test_a_run_is_what_its_settings_seed_data_and_source_make_it(tiny_experiment, package):
    graph = SourceGraph(package)
    digest = run_digest(tiny_experiment, 0, "data", graph)
    objective = {**tiny_experiment.model.model_dump()["objective"], "lambda_forecast": 3.0}
    preparation = {**tiny_experiment.dataset.preparation.model_dump(), "seed": 7}

    def digest_of(experiment):
        return run_digest(experiment, 0, "data", graph)

    other = [
        run_digest(tiny_experiment, 1, "data", graph),
        run_digest(tiny_experiment, 0, "other data", graph),
        digest_of(section_with(tiny_experiment, "model", objective=objective)),
        digest_of(section_with(tiny_experiment, "model", code_size_static=4, code_size_dynamic=4)),
        digest_of(section_with(tiny_experiment, "task", n_pred=11)),
        digest_of(section_with(tiny_experiment, "dataset", windows="published")),
        digest_of(section_with(tiny_experiment, "dataset", preparation=preparation)),
        digest_of(section_with(tiny_experiment, "training", batch_size=9)),
        digest_of(section_with(tiny_experiment, "training", optimiser={"learning_rate": 1e-3})),
        digest_of(section_with(tiny_experiment, "training", precision="bf16")),
    ]
    same = [
        digest_of(section_with(tiny_experiment, "training", iterations=40)),
        digest_of(section_with(tiny_experiment, "training", schedule_name="short", logging_interval=1)),
        digest_of(section_with(tiny_experiment, "training", device="auto", checkpoint_interval=1)),
        digest_of(section_with(tiny_experiment, "evaluation", metrics=["mse_per_pixel"], batch_size=1)),
        digest_of(section_with(tiny_experiment, "task", n_pred_test=20)),
        digest_of(experiment_with(tiny_experiment, title="Another")),
    ]
    assert len({digest, *other}) == len(other) + 1
    assert set(same) == {digest}

    def after_editing(module):
        with edited(graph, package, f"pipeline_lib.{module}", "EDITED = True") as after:
            return run_digest(tiny_experiment, 0, "data", after)

    for module in ("models.pde.objective", "training.loop", "data.hdf5", "runtime.precision"):
        assert after_editing(module) != digest, module
    for module in (
        "config.model",
        "records.journal",
        "cli.train",
        "data.wave_eq",
        "runtime.atomic",
        "models.baselines",
    ):
        assert after_editing(module) == digest, module
