"""An experiment: dataset × model, with its task, training and evaluation."""

import math
from typing import Any, Literal

from pydantic import Field, model_validator

from pipeline_lib.config.dataset import COMPLETE_VIDEO
from pipeline_lib.config.evaluation import EvaluationSettings
from pipeline_lib.config.registry import DATASETS, METRICS, AnyDataset, AnyModel
from pipeline_lib.config.section import Section
from pipeline_lib.config.task import TaskSettings
from pipeline_lib.config.training import TrainingSettings

EXPERIMENT_NAME = r"^[a-z0-9_]+/[a-z0-9_]+$"


class Experiment(Section):
    """A named configuration. `name` is `<dataset>/<model>`, the path of its YAML under config/experiments."""

    name: str = Field(
        pattern=EXPERIMENT_NAME,
        description="`<dataset>/<model>`: the path of its YAML, which need not repeat it.",
    )
    paper: Literal["pde", "dive", "none"] = Field("none", description="Paper that the experiment reproduces.")
    title: str = Field("", description="What tables and figures call the model.")
    dataset: AnyDataset
    task: TaskSettings
    model: AnyModel
    training: TrainingSettings | None = Field(None, description="null for baselines, which are fitted, not trained.")
    evaluation: EvaluationSettings = EvaluationSettings()

    @model_validator(mode="after")
    def _fits_together(self) -> "Experiment":
        if self.name.split("/")[0] != self.dataset.name:
            raise ValueError(f"experiment {self.name} must be named after its dataset {self.dataset.name}")
        if self.model.is_trained and self.training is None:
            raise ValueError(f"model {self.model.name} needs a training section")
        if not self.model.is_trained and self.training is not None:
            raise ValueError(f"model {self.model.name} is a baseline and takes no training section")
        self.model.check_task(self.task)
        self.dataset.check_task(self.task)
        if self.dataset.frame_shape is not None:
            self.model.check_frames(self.dataset.frame_shape)
        if self.model.context not in (None, self.dataset.context):
            raise ValueError(
                f"model {self.model.name} needs what {self.dataset.name} does not know of its windows; choose another"
            )
        self._check_metrics()
        self._check_protocols()
        return self

    def _check_metrics(self) -> None:
        metrics = self.evaluation.metrics
        unknown = [metric for metric in metrics if metric not in METRICS]
        if unknown:
            raise ValueError(f"evaluation.metrics: unknown {unknown}, registered are {sorted(METRICS)}")
        if lost := [metric for metric in metrics if METRICS[metric].context not in (None, self.dataset.context)]:
            raise ValueError(f"evaluation.metrics: {', '.join(lost)} needs what {self.dataset.name} does not know")
        if alone := [metric for metric in metrics if METRICS[metric].kind in ("labels", "components")]:
            raise ValueError(
                f"evaluation.metrics: {', '.join(alone)} comes with the protocol missingness by itself: leave it out"
            )
        of_video = [metric for metric in metrics if METRICS[metric].kind == "video"]
        if of_video and not self.model.can_decompose:
            raise ValueError(
                f"evaluation.metrics: model {self.model.name} has no likelihood of videos: leave {', '.join(of_video)} "
                "out"
            )
        if len(of_video) == len(metrics):
            raise ValueError(f"evaluation.metrics: {', '.join(metrics)} scores no forecast: add one that does")
        self._check_sides()

    def _check_sides(self) -> None:
        """What is scored must be as large as a metric's window."""
        _, height, width = self.dataset.frame_shape or (1, math.inf, math.inf)
        if self.dataset.visible_rows is not None:
            first, end = self.dataset.visible_rows
            height = end - first
        for metric in self.evaluation.metrics:
            if min(height, width) < (needed := METRICS[metric].min_side):
                raise ValueError(
                    f"evaluation.metrics: {metric} needs frames of at least {needed}x{needed} pixels, those of "
                    f"{self.dataset.name} have {height}x{width}: leave it out"
                )

    def _check_protocols(self) -> None:
        horizons, n_pred = self.evaluation.horizons, self.task.n_pred_test
        if horizons and horizons[-1] > n_pred:
            raise ValueError(
                f"evaluation.horizons: {horizons[-1]} frames are more than are predicted (task.n_pred_test is {n_pred})"
            )
        self._check_swap()
        self._check_protocols_of_input()

    def _check_swap(self) -> None:
        if "swap" not in self.evaluation.protocols:
            return
        if DATASETS[self.dataset.name].swap is None:
            raise ValueError(f"evaluation.protocols: {self.dataset.name} has no content-swap test: leave swap out")
        if not self.model.can_swap:
            raise ValueError(
                f"evaluation.protocols: model {self.model.name} cannot swap contents, which takes a static code of its "
                "own: leave swap out"
            )
        if lost := [metric for metric in self.evaluation.metrics if METRICS[metric].context]:
            raise ValueError(f"evaluation.metrics: {', '.join(lost)} cannot score content swaps: leave out one of them")

    def _check_protocols_of_input(self) -> None:
        asked = self.evaluation.of_input
        if asked and self.dataset.context != COMPLETE_VIDEO:
            raise ValueError(
                f"evaluation.protocols: {self.dataset.name} does not know what its videos do not show: leave out "
                f"{', '.join(asked)}"
            )
        able = {"imputation": self.model.can_impute}
        if lost := [protocol for protocol in asked if not able.get(protocol, self.model.can_decompose)]:
            raise ValueError(
                f"evaluation.protocols: model {self.model.name} does not take videos apart into objects: leave out "
                f"{', '.join(lost)}"
            )
        of_video = [metric for metric in self.evaluation.metrics if METRICS[metric].kind == "video"]
        if of_video and "reconstruction" not in asked:
            raise ValueError(
                f"evaluation.metrics: {', '.join(of_video)} stands beside reconstructions: add reconstruction to "
                "evaluation.protocols, or leave it out"
            )

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of all metrics that it reports: those that are asked for, and those that a protocol brings."""
        if "missingness" not in self.evaluation.protocols:
            return self.evaluation.metrics
        brought = (name for name, entry in METRICS.items() if entry.kind in ("labels", "components"))
        return (*self.evaluation.metrics, *brought)

    @property
    def is_baseline(self) -> bool:
        return self.training is None

    @property
    def variant(self) -> str:
        """The model's name within its dataset: the second part of the experiment's name."""
        return self.name.split("/")[1]

    def identity(self, seed: int | None) -> dict[str, Any]:
        """What decides a run's numbers: data, task, model, objective, optimiser, batch, precision, seed (as JSON)."""
        return {
            "dataset": self.dataset.model_dump(mode="json"),
            "task": self.task.model_dump(mode="json", include={"n_cond", "n_pred"}),
            "model": self.model.model_dump(mode="json"),
            "training": self.training.identity() if self.training else None,
            "seed": seed,
        }
