"""The training process itself: composes data, model, loop and journal for one run.

Started by `pipeline_lib train`, which holds the locks and reports a death that this process can't report itself.
"""

import math
import time
from pathlib import Path
from typing import Any, TextIO

import torch
from torch import nn

from pipeline_lib.cli.last_words import LOG_NAME, say, tell_end
from pipeline_lib.cli.training_processes import LOST, tell_failure
from pipeline_lib.cli.training_request import TrainingRequest, publish
from pipeline_lib.config.experiment import Experiment
from pipeline_lib.config.loading import write_run
from pipeline_lib.config.registry import DATASETS, MODELS, load
from pipeline_lib.data.protocols import TrainingWindows, TruthfulWindows
from pipeline_lib.models.protocols import Fittable, n_parameters
from pipeline_lib.records.files import write_training
from pipeline_lib.records.journal import Journal
from pipeline_lib.records.provenance import provenance
from pipeline_lib.runtime import device as devices
from pipeline_lib.runtime.atomic import copy_file
from pipeline_lib.runtime.memory import NotEnoughMemoryError, memory_explained
from pipeline_lib.runtime.precision import resolve_precision
from pipeline_lib.runtime.ranks import Ranks, RanksLostError, join
from pipeline_lib.runtime.seeding import seed_torch
from pipeline_lib.runtime.signals import StopRequest
from pipeline_lib.runtime.training_progress import TrainingProgress
from pipeline_lib.tracking import live
from pipeline_lib.tracking.options import StoreOptions
from pipeline_lib.training.batch_norm import synchronise
from pipeline_lib.training.checkpoint import CheckpointStore, save_tensors
from pipeline_lib.training.decomposition_validation import DecompositionValidation
from pipeline_lib.training.layout import lay_out
from pipeline_lib.training.loop import Trainer, TrainingStopped
from pipeline_lib.training.memory import batch_sizes
from pipeline_lib.training.pictures import TrainingPictures
from pipeline_lib.training.validation import ForecastValidation, Validation
from pipeline_lib.training.watch import TrainingDivergedError


def open_training_data(request: TrainingRequest, device: torch.device) -> TrainingWindows:
    """The run's training part, opened as the registry says for its dataset."""
    experiment, task = request.experiment, request.experiment.task
    opened: TrainingWindows = load(DATASETS[experiment.dataset.name].training)(
        request.train_file, experiment.dataset, task.n_cond + task.n_pred, device, request.seed or 0
    )
    return opened


def build_model(
    experiment: Experiment, frame_shape: tuple[int, int, int], device: torch.device, ranks: Ranks | None = None
) -> nn.Module:
    """The model that is trained, on the device, its weights drawn from PyTorch's generator.

    ranks: the processes that train it, which may share BatchNorm's statistics. Raises ValueError where it can't.
    """
    assert experiment.training is not None
    model: nn.Module = load(MODELS[experiment.model.name].build)(
        experiment.model, experiment.task, frame_shape, device.type, experiment.training.frames_per_decoder_call
    )
    if ranks is not None and experiment.training.batch_norm == "synchronised":
        synchronise(model, ranks, experiment.training)
    return lay_out(model.to(device), experiment.training, device)


def join_ranks(rank: int, count: int, meeting: Path, device: torch.device) -> Ranks:
    """Meet the other processes of the training in the folder that their parent has made for them."""
    return join(rank, count, meeting / "store", device)


def reason_of(error: BaseException, request: TrainingRequest) -> str:
    """Why a training failed, as the journal says it."""
    if isinstance(error, NotEnoughMemoryError):
        return f"{error}; configuration {request.paths.config}"
    if isinstance(error, TrainingDivergedError):
        last_good = CheckpointStore(request.state).newest_iteration()
        where = "none was saved" if last_good is None else f"iteration {last_good}"
        return f"{error}; configuration {request.paths.config}, last good checkpoint: {where}"
    return f"{type(error).__name__}: {error}"


def fit_baseline(request: TrainingRequest) -> None:
    """Fit a baseline on the training frames and write the run's outputs."""
    began = time.monotonic()
    journal = Journal(request.journal)
    journal.run(request.run_entry)
    journal.session({**provenance(), "device": "cpu", "precision": "float32", "resumed_at": 0})
    journal.state("running")
    try:
        _fit_baseline(request, journal, began)
    except BaseException as error:
        tell_end(request, journal, "failed", reason_of(error, request))
        raise
    finally:
        journal.close()


def _fit_baseline(request: TrainingRequest, journal: Journal, began: float) -> None:
    experiment = request.experiment
    data = open_training_data(request, torch.device("cpu"))
    model = load(MODELS[experiment.model.name].build)(experiment.model, experiment.task, data.frame_shape)
    if isinstance(model, Fittable):
        model.fit(data.videos(8))
    facts = data.facts
    kept = _made(request.kept)
    summary = {
        **_summary(request, facts, wall_seconds=time.monotonic() - began),
        "iterations": 0,
        "precision": "float32",
        "device": "cpu",
        "n_parameters": {"total": 0},
    }
    journal.state("finished")
    summary["weights_sha256"] = save_tensors(model.state_dict(), kept / "model.safetensors")
    copy_file(request.journal, kept / "journal.jsonl")
    write_training(kept / "training.json", summary)
    publish(request)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _summary(request: TrainingRequest, facts: dict[str, Any], wall_seconds: float) -> dict[str, Any]:
    experiment = request.experiment
    return {
        "experiment": experiment.name,
        **request.labels,
        "seed": request.seed,
        "digest": request.digest,
        "data": facts,
        "wall_seconds": round(wall_seconds, 3),
        "provenance": provenance(),
    }


# The store is waited for no longer than this at the end of a training; `track` brings the rest.
LAST_SHIPMENT_SECONDS = 3.0
# What has not finished may be looked for in the store before `track` is called, and mlflow takes seconds to import.
LAST_WORDS_SECONDS = 10.0


class TrainingProcess:
    """One training, from the checkpoint if there is one to the outputs in the run folder."""

    def __init__(self, request: TrainingRequest, log: TextIO, stop: StopRequest, meeting: Path | None = None) -> None:
        settings = request.experiment.training
        assert settings is not None and request.seed is not None
        self.request, self.settings, self.log, self.stop = request, settings, log, stop
        self.meeting = meeting
        self.journal = Journal(request.journal)
        self.journal.run(request.run_entry)
        self.progress = TrainingProgress(0, 0)

    def _prepare(self) -> None:
        """Device, the other processes if there are any, data and model."""
        settings, meeting = self.settings, self.meeting
        self.device = devices.choose_device(settings.device, 0, settings.n_processes)
        devices.configure(self.device, settings.n_threads, settings.deterministic, settings.precision == "tf32")
        self.precision = resolve_precision(settings.precision, self.device)
        self.ranks = join_ranks(0, settings.n_processes, meeting, self.device) if meeting else Ranks()
        advice = "a device with more memory is needed"
        with memory_explained(self.device, "loading data and model", batch_sizes(settings), advice):
            self.trainer, self.facts = self._compose()

    def _compose(self) -> tuple[Trainer, dict[str, Any]]:
        experiment = self.request.experiment
        data = open_training_data(self.request, self.device)
        assert self.request.seed is not None
        seed_torch(self.request.seed, "weights")
        validation = self._validation(data)
        trainer = Trainer(
            model=build_model(experiment, data.frame_shape, self.device, self.ranks),
            data=data,
            settings=self.settings,
            seed=self.request.seed,
            precision=self.precision,
            device=self.device,
            ranks=self.ranks,
            store=CheckpointStore(self.request.state),
            journal=self.journal,
            stop=self.stop.poll,
            progress=self.progress,
            validation=validation,
            pictures=self._pictures(validation),
            identity={"digest": self.request.digest, "experiment": experiment.name, "seed": self.request.seed},
        )
        return trainer, data.facts

    def _pictures(self, validation: Validation | None) -> TrainingPictures | None:
        if validation is None:
            return None
        return TrainingPictures(validation.key, self.request.state / "pictures", self.request.out, self.journal)

    def _validation(self, data: TrainingWindows) -> Validation | None:
        if self.settings.validation.interval == 0 and self.settings.validation.pictures_interval == 0:
            return None
        task = self.request.experiment.task
        sample = self.settings.validation.n_windows, task.n_cond + task.n_pred_test
        windows = data.sample(*sample)
        if not self.request.experiment.model.can_decompose:
            return ForecastValidation("train_sample", windows, task.n_cond)
        truth = data.sample_truth(*sample) if isinstance(data, TruthfulWindows) else {}
        return DecompositionValidation("train_sample", windows, task.n_cond, truth)

    @property
    def place(self) -> str:
        """What the training runs on, in words."""
        one = devices.describe(self.device)
        return f"{self.ranks.count} processes, the first on {one}" if self.ranks.is_several else one

    def run(self) -> None:
        """Train, then write the outputs. The end state and its reason are journalled whatever happens."""
        try:
            self._prepare()
            self._begin()
            self.trainer.run()
            self._finish()
        except TrainingStopped as reason:
            self._end("stopped", f"{reason}; saved at iteration {self.trainer.iteration}, the same command continues")
            raise
        except RanksLostError:
            self.progress.close()
            raise  # why another process is gone is not known here: the parent journals it
        except BaseException as error:
            message = reason_of(error, self.request)
            self._end("failed", message)
            if isinstance(error, TrainingDivergedError | NotEnoughMemoryError):
                raise ValueError(message) from error
            raise

    def _begin(self) -> None:
        request, trainer = self.request, self.trainer
        resumed = trainer.restore()
        for rejected in trainer.store.rejected:
            say(request, f"a damaged checkpoint was passed over: {rejected}")
        budget = trainer.budget
        if trainer.iteration > budget.iterations:
            raise ValueError(
                f"{request.state} is at iteration {trainer.iteration}, beyond the {budget.iterations} asked for, and "
                "its weights at that length were not kept; ask for more iterations, or train another seed"
            )
        write_run(request.experiment, request.seed, _made(request.out) / "config.yaml")
        self.journal.session(
            {
                **provenance(),
                "device": self.place,
                "precision": self.precision,
                "resumed_at": trainer.iteration,
            }
        )
        self.journal.state("running")
        trainer.progress = self.progress = TrainingProgress(budget.iterations, trainer.iteration, self.log)
        say(
            request,
            f"{request.experiment.name} seed {request.seed}: "
            + (f"continues at iteration {trainer.iteration}" if resumed else "begins")
            + f", to {budget.iterations} iterations ({budget.iterations_per_epoch} an epoch) "
            f"in {self.precision} on {self.place}, "
            f"{n_parameters(trainer.model):,} parameters, {trainer.data.n_windows:,} training windows",
        )

    def _end(self, status: str, reason: str) -> None:
        self.progress.close()
        tell_end(self.request, self.journal, status, reason)

    def _finish(self) -> None:
        """Keep the outputs in the state folder, then publish them in the run folder."""
        trainer, budget = self.trainer, self.trainer.budget
        self._end("finished", "")
        kept = _made(self.request.kept)
        copy_file(self.journal.path, kept / "journal.jsonl")
        model: Any = trainer.model
        sizes = {name: n_parameters(child) for name, child in model.named_children() if n_parameters(child)}
        digest = save_tensors(model.state_dict(), kept / "model.safetensors")
        seconds = trainer.seconds()
        write_training(
            kept / "training.json",
            {
                **_summary(self.request, self.facts, seconds),
                "iterations": budget.iterations,
                "iterations_per_epoch": budget.iterations_per_epoch,
                "epochs": round(budget.iterations / budget.iterations_per_epoch, 3),
                "n_training_windows": trainer.data.n_windows,
                "precision": self.precision,
                "device": self.place,
                "n_processes": self.ranks.count,
                "n_threads": self.settings.n_threads,
                "gpu_hours": self.ranks.count * seconds / 3600 if self.device.type == "cuda" else 0.0,
                "n_parameters": {**sizes, "total": n_parameters(model)},
                "weights_sha256": digest,
            },
        )
        publish(self.request)
        say(self.request, f"weights: {self.request.paths.model} (after {math.ceil(seconds)} s of training)")


def run_process(
    request: TrainingRequest, store: StoreOptions | None, meeting: Path | None = None, parent: int | None = None
) -> int:
    """Train or fit in this process; `store` is where the journal is shipped to meanwhile, if anywhere.

    meeting: folder in which several processes of a training meet, of which this is the first. parent: tells of the
    parent's end, as `StopRequest` wants it.
    Returns 0, 128 + n where signal n asked it to stop and it saved its state, or `LOST` where another process is gone.
    """
    if request.experiment.is_baseline:
        fit_baseline(request)
        return 0
    shipper = live.start(request.journal, request.out, store) if store else None
    patience = LAST_WORDS_SECONDS
    with StopRequest(parent) as stop, open(request.state / LOG_NAME, "a") as log:
        try:
            TrainingProcess(request, log, stop, meeting).run()
            patience = LAST_SHIPMENT_SECONDS
        except TrainingStopped:
            assert stop.signal_number is not None
            return 128 + stop.signal_number
        except RanksLostError as error:
            assert meeting is not None
            tell_failure(meeting, 0, str(error))
            return LOST
        finally:
            if shipper is not None:
                shipper.stop(patience)
    return 0
