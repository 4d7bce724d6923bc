"""What can be named in a configuration: datasets, models, metrics, figures.

One line here and one settings class (or one file that draws) is all that a new one needs outside its own package.
Functions are named by "module:function", so that a configuration can be read and a DAG built without torch;
`load` imports them where they are called.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from pipeline_lib.config.chairs import ChairsSampleSettings, ChairsSettings
from pipeline_lib.config.dataset import DatasetSettings
from pipeline_lib.config.dive import DiveSettings
from pipeline_lib.config.evaluation import Protocol
from pipeline_lib.config.missing_mnist import (
    OutOfSceneSampleSettings,
    OutOfSceneSettings,
    PartialOcclusionSampleSettings,
    PartialOcclusionSettings,
    VaryingAppearanceSampleSettings,
    VaryingAppearanceSettings,
)
from pipeline_lib.config.model import (
    BlackSettings,
    ClimatologySettings,
    CopyLastSettings,
    CopyNeighbourSettings,
    MeanFrameSettings,
    ModelSettings,
    PdeSettings,
    WeekBeforeSettings,
)
from pipeline_lib.config.moving_mnist import MovingMnistSampleSettings, MovingMnistSettings
from pipeline_lib.config.pedestrians import PedestriansSampleSettings, PedestriansSettings
from pipeline_lib.config.sst import SstSampleSettings, SstSettings
from pipeline_lib.config.taxibj import TaxiBjSampleSettings, TaxiBjSettings
from pipeline_lib.config.wave_eq import WaveEq100Settings, WaveEqSettings


@dataclass(frozen=True)
class DatasetEntry:
    """`prepare(settings, train file, test file)` makes the dataset's two files, from `raw` files where it has a raw
    source; its progress counts `counted`.
    `training(train file, settings, length, device, seed)` opens the training part as `TrainingWindows`.
    `windows(file, settings, length, window set)` says which windows of a stored part belong to a set ("all",
    "published"); where the settings have `windows`, that is the set that is trained on.
    `context(test file, index of windows, n_cond)` gives what metrics and baselines may know of test windows beside
    their frames, by name, where the dataset has that.
    `show(test file, index of windows, frames, number of the first)` gives frames of these windows, true or predicted,
    as figures show them, where that is not as models see them.
    `call(test file, index of windows, n_cond)` gives what figures call these windows, a text for each, where video and
    number of the frame do not say it.
    `swap(test file, n_cond, n_pred)` makes the content-swap test (`SwapItems`), where the dataset has one.
    """

    settings: type[DatasetSettings]
    prepare: str
    counted: str = "videos"
    training: str = "pipeline_lib.data.resident:training_windows"
    windows: str = "pipeline_lib.data.window_rules:every_window"
    context: str | None = None
    show: str | None = None
    call: str | None = None
    swap: str | None = None


@dataclass(frozen=True)
class ModelEntry:
    """`build` makes the network, or the baseline, from its settings."""

    settings: type[ModelSettings]
    build: str


@dataclass(frozen=True)
class MetricEntry:
    """`function` scores predictions of frames with at least `min_side` pixels a side; the rest is what tables and
    figures print. context: the function also takes that of the windows, as `DatasetSettings.context` names it.
    of_mean: another function, of the mean over frames, where the score is not that mean itself.
    kind: what is scored. frames: predictions, whatever the protocol. video: the model's likelihood of a video, beside
    reconstructions. labels, components: which objects are missing, and what each looks like; protocol missingness.
    """

    function: str
    title: str
    unit: str
    direction: Literal["lower", "higher"]
    min_side: int = 1
    context: str | None = None
    of_mean: str | None = None
    kind: Literal["frames", "video", "labels", "components"] = "frames"

    @property
    def functions(self) -> tuple[str, ...]:
        """What is loaded to compute it."""
        return (self.function,) if self.of_mean is None else (self.function, self.of_mean)


@dataclass(frozen=True)
class FigureEntry:
    """`draw(run folders, files by suffix)` makes one figure of a run, or of the runs of a dataset.

    caption: a file under workflow/report. suffixes: the files that are written; the first one stands in the report.
    trained_only, frames, protocol: where there is such a figure: not of baselines; of images or of vectors (frames of
    height 1); where this protocol was evaluated (config/figures.py).
    reads_predictions: a figure over several runs that reads predictions.h5 beside metrics.json; it shows one run of
    each experiment, that of the first seed.
    """

    draw: str
    scope: Literal["run", "dataset"]
    caption: str
    trained_only: bool = False
    frames: Literal["image", "vector", "any"] = "any"
    protocol: Protocol | None = None
    reads_predictions: bool = False
    suffixes: tuple[str, ...] = ("png", "pdf")


DATASETS: dict[str, DatasetEntry] = {
    "wave_eq": DatasetEntry(
        WaveEqSettings,
        prepare="pipeline_lib.data.wave_eq:prepare",
        windows="pipeline_lib.data.wave_eq_windows:windows",
    ),
    "wave_eq_100": DatasetEntry(
        WaveEq100Settings,
        prepare="pipeline_lib.data.wave_eq:prepare",
        windows="pipeline_lib.data.wave_eq_windows:windows",
    ),
    "moving_mnist": DatasetEntry(
        MovingMnistSettings,
        prepare="pipeline_lib.data.moving_mnist:prepare",
        training="pipeline_lib.data.generated:training_windows",
        swap="pipeline_lib.data.moving_mnist_swap:swap_items",
    ),
    "moving_mnist_sample": DatasetEntry(
        MovingMnistSampleSettings,
        prepare="pipeline_lib.data.moving_mnist:prepare",
        training="pipeline_lib.data.generated:training_windows",
        swap="pipeline_lib.data.moving_mnist_swap:swap_items",
    ),
    "mnist_partial_occlusion": DatasetEntry(
        PartialOcclusionSettings,
        prepare="pipeline_lib.data.missing_mnist:prepare",
        training="pipeline_lib.data.missing_mnist_windows:training_windows",
        windows="pipeline_lib.data.missing_mnist_windows:windows",
        context="pipeline_lib.data.complete_video:context",
    ),
    "mnist_partial_occlusion_sample": DatasetEntry(
        PartialOcclusionSampleSettings,
        prepare="pipeline_lib.data.missing_mnist:prepare",
        training="pipeline_lib.data.missing_mnist_windows:training_windows",
        windows="pipeline_lib.data.missing_mnist_windows:windows",
        context="pipeline_lib.data.complete_video:context",
    ),
    "mnist_out_of_scene": DatasetEntry(
        OutOfSceneSettings,
        prepare="pipeline_lib.data.missing_mnist:prepare",
        training="pipeline_lib.data.missing_mnist_windows:training_windows",
        windows="pipeline_lib.data.missing_mnist_windows:windows",
        context="pipeline_lib.data.complete_video:context",
    ),
    "mnist_out_of_scene_sample": DatasetEntry(
        OutOfSceneSampleSettings,
        prepare="pipeline_lib.data.missing_mnist:prepare",
        training="pipeline_lib.data.missing_mnist_windows:training_windows",
        windows="pipeline_lib.data.missing_mnist_windows:windows",
        context="pipeline_lib.data.complete_video:context",
    ),
    "mnist_varying_appearance": DatasetEntry(
        VaryingAppearanceSettings,
        prepare="pipeline_lib.data.missing_mnist:prepare",
        training="pipeline_lib.data.missing_mnist_windows:training_windows",
        windows="pipeline_lib.data.missing_mnist_windows:windows",
        context="pipeline_lib.data.complete_video:context",
    ),
    "mnist_varying_appearance_sample": DatasetEntry(
        VaryingAppearanceSampleSettings,
        prepare="pipeline_lib.data.missing_mnist:prepare",
        training="pipeline_lib.data.missing_mnist_windows:training_windows",
        windows="pipeline_lib.data.missing_mnist_windows:windows",
        context="pipeline_lib.data.complete_video:context",
    ),
    "chairs": DatasetEntry(
        ChairsSettings,
        prepare="pipeline_lib.data.chairs:prepare",
        windows="pipeline_lib.data.chair_windows:windows",
        swap="pipeline_lib.data.chairs_swap:swap_items",
    ),
    "chairs_sample": DatasetEntry(
        ChairsSampleSettings,
        prepare="pipeline_lib.data.chairs:prepare",
        windows="pipeline_lib.data.chair_windows:windows",
        swap="pipeline_lib.data.chairs_swap:swap_items",
    ),
    "taxibj": DatasetEntry(
        TaxiBjSettings,
        prepare="pipeline_lib.data.taxibj:prepare",
        counted="frames",
        training="pipeline_lib.data.taxibj_windows:training_windows",
        windows="pipeline_lib.data.taxibj_windows:windows",
        context="pipeline_lib.data.taxibj_windows:context",
        show="pipeline_lib.data.taxibj_windows:in_taxis",
        call="pipeline_lib.data.taxibj_windows:by_date",
    ),
    "taxibj_sample": DatasetEntry(
        TaxiBjSampleSettings,
        prepare="pipeline_lib.data.taxibj:prepare",
        counted="frames",
        training="pipeline_lib.data.taxibj_windows:training_windows",
        windows="pipeline_lib.data.taxibj_windows:windows",
        context="pipeline_lib.data.taxibj_windows:context",
        show="pipeline_lib.data.taxibj_windows:in_taxis",
        call="pipeline_lib.data.taxibj_windows:by_date",
    ),
    "sst": DatasetEntry(
        SstSettings,
        prepare="pipeline_lib.data.sst:prepare",
        windows="pipeline_lib.data.sst_windows:windows",
        context="pipeline_lib.data.sst_windows:context",
        show="pipeline_lib.data.sst_windows:in_celsius",
    ),
    "sst_sample": DatasetEntry(
        SstSampleSettings,
        prepare="pipeline_lib.data.sst:prepare",
        windows="pipeline_lib.data.sst_windows:windows",
        context="pipeline_lib.data.sst_windows:context",
        show="pipeline_lib.data.sst_windows:in_celsius",
    ),
    "pedestrians": DatasetEntry(
        PedestriansSettings,
        prepare="pipeline_lib.data.pedestrians:prepare",
        training="pipeline_lib.data.pedestrian_windows:training_windows",
        windows="pipeline_lib.data.pedestrian_windows:windows",
        context="pipeline_lib.data.complete_video:context",
    ),
    "pedestrians_sample": DatasetEntry(
        PedestriansSampleSettings,
        prepare="pipeline_lib.data.pedestrians:prepare",
        training="pipeline_lib.data.pedestrian_windows:training_windows",
        windows="pipeline_lib.data.pedestrian_windows:windows",
        context="pipeline_lib.data.complete_video:context",
    ),
}

MODELS: dict[str, ModelEntry] = {
    "pde": ModelEntry(PdeSettings, build="pipeline_lib.models.pde.model:build"),
    "dive": ModelEntry(DiveSettings, build="pipeline_lib.models.dive.model:build"),
    "copy_last": ModelEntry(CopyLastSettings, build="pipeline_lib.models.baselines:build_copy_last"),
    "copy_neighbour": ModelEntry(CopyNeighbourSettings, build="pipeline_lib.models.copy_neighbour:build"),
    "black": ModelEntry(BlackSettings, build="pipeline_lib.models.baselines:build_black"),
    "mean_frame": ModelEntry(MeanFrameSettings, build="pipeline_lib.models.baselines:build_mean_frame"),
    "week_before": ModelEntry(WeekBeforeSettings, build="pipeline_lib.models.week_before:build"),
    "climatology": ModelEntry(ClimatologySettings, build="pipeline_lib.models.climatology:build"),
}

METRICS: dict[str, MetricEntry] = {
    "mse_per_pixel": MetricEntry("pipeline_lib.metrics.image:mse_per_pixel", "MSE per pixel", "1", "lower"),
    "mse_frame_sum_x100": MetricEntry(
        "pipeline_lib.metrics.frame_sum:mse_frame_sum_x100", "Squared error per frame, ×100", "1", "lower"
    ),
    "psnr_frame_mean": MetricEntry("pipeline_lib.metrics.psnr:psnr_frame_mean", "PSNR", "dB", "higher"),
    "ssim_gauss11": MetricEntry("pipeline_lib.metrics.ssim:ssim_gauss11", "SSIM", "1", "higher", min_side=11),
    "mse_celsius2": MetricEntry("pipeline_lib.metrics.sst:mse_celsius2", "MSE", "°C²", "lower", context="climatology"),
    "ssim_celsius": MetricEntry(
        "pipeline_lib.metrics.sst:ssim_celsius", "SSIM in °C", "1", "higher", min_side=11, context="climatology"
    ),
    "mse_published": MetricEntry(
        "pipeline_lib.metrics.sst:mse_published", "MSE, published rule", "°C²", "lower", context="climatology"
    ),
    "ssim_published": MetricEntry(
        "pipeline_lib.metrics.sst:ssim_published",
        "SSIM, published rule",
        "1",
        "higher",
        min_side=11,
        context="climatology",
    ),
    "bce_frame_sum": MetricEntry("pipeline_lib.metrics.bce:bce_frame_sum", "BCE", "nat", "lower"),
    "mse_frame_sum": MetricEntry("pipeline_lib.metrics.mse_frame_sum:mse_frame_sum", "Squared error", "1", "lower"),
    "psnr_video": MetricEntry(
        "pipeline_lib.metrics.psnr_video:psnr_video",
        "PSNR of videos",
        "dB",
        "higher",
        of_mean="pipeline_lib.metrics.psnr_video:decibels",
    ),
    "ssim_video": MetricEntry("pipeline_lib.metrics.ssim_video:ssim_video", "SSIM, padded", "1", "higher"),
    "nelbo": MetricEntry("pipeline_lib.metrics.nelbo:nelbo", "Negative ELBO", "nat", "lower", kind="video"),
    "balanced_accuracy": MetricEntry(
        "pipeline_lib.metrics.labels:balanced_accuracy", "Balanced accuracy", "1", "higher", kind="labels"
    ),
    "auroc": MetricEntry("pipeline_lib.metrics.labels:auroc", "AUROC", "1", "higher", kind="labels"),
    "precision_missing": MetricEntry(
        "pipeline_lib.metrics.labels:precision_missing", "Precision, missing", "1", "higher", kind="labels"
    ),
    "recall_missing": MetricEntry(
        "pipeline_lib.metrics.labels:recall_missing", "Recall, missing", "1", "higher", kind="labels"
    ),
    "component_gain": MetricEntry(
        "pipeline_lib.metrics.component_gain:component_gain", "Component gain", "1", "higher", kind="components"
    ),
}

FIGURES: dict[str, FigureEntry] = {
    "forecast": FigureEntry("pipeline_lib.reporting.figures.forecast:draw", "run", "forecast.rst", True),
    "loss_curves": FigureEntry("pipeline_lib.reporting.figures.loss_curves:draw", "run", "loss_curves.rst", True),
    "forecast_animation": FigureEntry(
        "pipeline_lib.reporting.figures.forecast_animation:draw",
        "run",
        "forecast_animation.rst",
        trained_only=True,
        frames="image",
        suffixes=("html", "gif"),
    ),
    "swap": FigureEntry("pipeline_lib.reporting.figures.swap:draw", "run", "swap.rst", frames="image", protocol="swap"),
    "swap_grid": FigureEntry(
        "pipeline_lib.reporting.figures.swap_grid:draw", "run", "swap_grid.rst", frames="image", protocol="swap"
    ),
    "swap_animation": FigureEntry(
        "pipeline_lib.reporting.figures.swap_animation:draw",
        "run",
        "swap_animation.rst",
        frames="image",
        protocol="swap",
        suffixes=("html", "gif"),
    ),
    "decomposition": FigureEntry(
        "pipeline_lib.reporting.figures.decomposition:draw",
        "run",
        "decomposition.rst",
        frames="image",
        protocol="reconstruction",
    ),
    "imputation": FigureEntry(
        "pipeline_lib.reporting.figures.imputation:draw",
        "run",
        "imputation.rst",
        trained_only=True,
        frames="image",
        protocol="imputation",
    ),
    "decomposition_animation": FigureEntry(
        "pipeline_lib.reporting.figures.decomposition_animation:draw",
        "run",
        "decomposition_animation.rst",
        frames="image",
        protocol="reconstruction",
        suffixes=("html", "gif"),
    ),
    "horizon": FigureEntry("pipeline_lib.reporting.figures.horizon:draw", "dataset", "horizon.rst"),
    "long_horizon": FigureEntry(
        "pipeline_lib.reporting.figures.long_horizon:draw",
        "dataset",
        "long_horizon.rst",
        frames="image",
        reads_predictions=True,
    ),
}

if TYPE_CHECKING:
    AnyDataset = DatasetSettings
    AnyModel = ModelSettings
else:
    AnyDataset = Annotated[reduce(or_, (entry.settings for entry in DATASETS.values())), Field(discriminator="name")]
    AnyModel = Annotated[reduce(or_, (entry.settings for entry in MODELS.values())), Field(discriminator="name")]


def load(dotted: str) -> Callable[..., Any]:
    """The function that "module:function" names. Raises ValueError when there is no such module or function."""
    module_name, separator, function_name = dotted.partition(":")
    if not separator or not function_name:
        raise ValueError(f"{dotted!r} does not name a function: expected 'package.module:function'")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not module_name.startswith(error.name):
            raise  # the module exists; something that it imports does not
        raise ValueError(f"{dotted!r} is registered, but there is no module {error.name}") from error
    function = getattr(module, function_name, None)
    if not callable(function):
        raise ValueError(f"{dotted!r} is registered, but {module_name} has no function {function_name}")
    return function
