"""What a run folder says about its run in the tracking store. Nothing here asks the store."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline_lib.config.paths import RunPaths
from pipeline_lib.config.yaml_files import read_mapping
from pipeline_lib.records.files import read_metrics, read_training
from pipeline_lib.records.journal import END_STATES, GONE, read_journal
from pipeline_lib.records.run import flatten
from pipeline_lib.records.scores import Score, n_frames_of, of_input, scores
from pipeline_lib.runtime.locks import FileLock, LockHeldError
from pipeline_lib.tracking.points import Point
from pipeline_lib.tracking.ship import as_text, dataset_input
from pipeline_lib.tracking.shipping_record import JournalHead, read_head
from pipeline_lib.tracking.store import DatasetInput

SETTINGS_SHOWN = ("dataset", "task", "model", "training")
TRAINING_LOCK = ".lock"

PROTOCOLS = {
    "swap": "content swap",
    "whole_forecast": "forecast, hidden rows too",
    "reconstruction": "reconstruction",
    "whole_reconstruction": "reconstruction, hidden rows too",
    "imputation": "imputation, where something is missing",
    "missingness": "labels of what is missing, all together",
}
"""What a description calls protocols, beside the forecast."""


@dataclass(frozen=True)
class RunFolder:
    """One run: its journal, and what training and evaluation have left so far.

    folder: where the paths of journalled artifacts count from. end_ms: when the training's journal ended.
    """

    folder: Path
    journal: Path
    head: JournalHead
    end_ms: int
    config: dict[str, Any] | None
    training: dict[str, Any] | None
    metrics: dict[str, Any] | None

    @property
    def label(self) -> str:
        return str(self.head.content["run_name"])

    @property
    def state_folder(self) -> Path:
        return RunPaths(self.folder).state(str(self.head.content["digest"]))

    def params(self) -> dict[str, Any]:
        """Flat parameters: of the run as it was finished, else as it was begun."""
        if self.config is None:
            return dict(self.head.content["params"])
        params = flatten({key: self.config[key] for key in SETTINGS_SHOWN if self.config.get(key)})
        if self.training is not None and "n_parameters" in self.training:
            params["n_parameters"] = self.training["n_parameters"]["total"]
        return params

    def tags(self) -> dict[str, str]:
        """Tags that are known when the run is finished, beside those of the journal."""
        found: dict[str, Any] = {}
        if self.training is not None:
            found |= {
                "schedule": self.training.get("schedule_name"),
                "iterations": self.training["iterations"],
                "precision": self.training.get("precision"),
                "weights_sha256": self.training.get("weights_sha256"),
            }
        if self.metrics is not None:
            found |= {key: self.metrics.get(key) for key in ("title", "data_source", "settings_digest")}
            found["protocols"] = ",".join(self.metrics["protocols"])
        return {key: as_text(value) for key, value in found.items() if value is not None}

    def note(self) -> str | None:
        """What the web page says about an evaluated run: what it is, and what its metrics mean."""
        return None if self.metrics is None else describe(self.metrics)

    def scores(self, main_only: bool = False) -> list[Point]:
        """Evaluation metrics as single values: `test_<metric>` on the main windows, `test_<metric>_<set>` on others,
        `test_<metric>_at_<n>` over the first n frames; `test_swap_<metric>` of the content swap.
        """
        return [] if self.metrics is None else score_points(self.metrics, self.end_ms, main_only)

    def horizons(self) -> list[Point]:
        """Evaluation metrics over the horizon, on the main windows; the step is the predicted frame, from 1 on."""
        return [] if self.metrics is None else horizon_points(self.metrics, self.end_ms)

    def test_data(self) -> DatasetInput | None:
        """The test part that the run was evaluated on."""
        if self.metrics is None or "test_data" not in self.metrics:
            return None
        return dataset_input(
            {
                "name": self.metrics["dataset"],
                "part": "test",
                "digest": self.metrics["test_data"]["content_sha256"],
                "source": self.metrics["data_source"],
            }
        )

    def datasets(self) -> list[DatasetInput]:
        """Every dataset that was used, each once."""
        trained_on = [dataset_input(dataset) for dataset in self.head.content["datasets"]]
        test_data = self.test_data()
        return trained_on + ([test_data] if test_data else [])

    def files(self) -> list[tuple[Path, str | None]]:
        """Files to keep as artifacts, with the artifact folder of each. Weights and predictions stay where they are."""
        paths = RunPaths(self.folder)
        own = [paths.config, paths.training, paths.metrics] if self.training is not None else []
        figures = sorted((self.folder / "figures").glob("*.*")) if self.metrics is not None else []
        return [(path, None) for path in own if path.is_file()] + [(path, "figures") for path in figures]

    def is_being_trained(self) -> bool:
        """Whether a process is at this training now."""
        path = self.state_folder / TRAINING_LOCK
        if not path.exists():
            return False
        try:
            with FileLock(path):
                return False
        except LockHeldError:
            return True

    def death(self) -> str | None:
        """Why the run counts as killed: its journal has no end state, and nobody is at it. None otherwise."""
        status = None
        for entry in read_journal(self.journal):
            if entry.kind == "state":
                status = entry.content["status"]
        if status in END_STATES or self.is_being_trained():
            return None
        return GONE


def read_run_folder(folder: Path) -> RunFolder:
    """The run that a folder was published for. Raises ValueError, naming the file, where it cannot be tracked.

    Its journal is the one in the state folder where that is the same training and has gone on since.
    """
    paths = RunPaths(folder)
    head = read_head(paths.journal)
    if head is None:
        raise ValueError(f"{folder}: not the folder of a finished run, it has no {paths.journal.name}; train it first")
    journal = paths.state(str(head.content["digest"])) / paths.journal.name
    resumable = read_head(journal)
    continues = resumable is not None and resumable.fingerprint == head.fingerprint
    if not continues or journal.stat().st_size < paths.journal.stat().st_size:
        journal = paths.journal
    return RunFolder(
        folder=folder,
        journal=journal,
        head=head,
        end_ms=_last_time(paths.journal),
        config=read_mapping(paths.config) if paths.config.is_file() else None,
        training=read_training(paths.training) if paths.training.is_file() else None,
        metrics=read_metrics(paths.metrics) if paths.metrics.is_file() else None,
    )


def read_state_folder(state: Path) -> RunFolder | None:
    """The run in a state folder, finished or not, by its journal alone; None where nothing was journalled."""
    journal = state / RunPaths(state).journal.name
    head = read_head(journal)
    if head is None:
        return None
    return RunFolder(state.parent.parent, journal, head, _last_time(journal), None, None, None)


def score_points(metrics: dict[str, Any], time_ms: int, main_only: bool) -> list[Point]:
    """Means over the windows of each set. One step, 0: the web page then draws bars that compare runs."""
    chosen = [score for score in scores(metrics) if score.is_main or not main_only]
    chosen = [score for score in chosen if not math.isnan(score.mean)]  # a store has no word for what is not defined
    return [Point(key_of(score, metrics), 0, time_ms, score.mean) for score in chosen]


def key_of(score: Score, metrics: dict[str, Any]) -> str:
    """What a score is called in the store."""
    at = "" if score.n_frames == n_frames_of(metrics, score.protocol) else f"_at_{score.n_frames}"
    window_set = "" if score.is_main else f"_{score.window_set}"
    return f"test_{_prefix(score.protocol)}{score.metric}{at}{window_set}"


def _prefix(protocol: str) -> str:
    return "" if protocol == "forecast" else f"{protocol}_"


def horizon_points(metrics: dict[str, Any], time_ms: int) -> list[Point]:
    """A curve per protocol and metric, on the protocol's main windows."""
    mains = {name: next(iter(result["window_sets"].values())) for name, result in metrics["protocols"].items()}
    return [
        Point(f"test_{_prefix(protocol)}{metric}_by_horizon", frame, time_ms, float(value))
        for protocol, main in mains.items()
        for metric, of_metric in main["metrics"].items()
        for frame, value in enumerate(of_metric.get("horizon", ()), start=1)
        if value is not None
    ]


def describe(metrics: dict[str, Any]) -> str:
    """A description in Markdown: model, dataset, and the definition of each evaluation metric."""
    lines = [f"**{metrics['title']}** on {metrics['dataset']} (data: {metrics['data_source']})", ""]
    curves = {point.key for point in horizon_points(metrics, 0)}
    for score in scores(metrics):
        key, kind = key_of(score, metrics), "input" if of_input(score.protocol) else "predicted"
        of = f" of the {PROTOCOLS[score.protocol]}" if score.protocol in PROTOCOLS else ""
        windows = f"{score.n_windows:,} test windows ({score.window_set})"
        lines.append(f"- `{key}`{of}: mean over {score.n_frames} {kind} frames and {windows}")
        if score.is_main and f"{key}_by_horizon" in curves:
            lines.append(f"- `{key}_by_horizon`: the same for each {kind} frame, which is the step")
    return "\n".join(lines)


def _last_time(journal: Path) -> int:
    return max((entry.time_ms for entry in read_journal(journal)), default=0)
