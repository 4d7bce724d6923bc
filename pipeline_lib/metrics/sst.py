"""Errors of sea surface temperature forecasts, which are normalised by day and frame, in °C (PDE paper, section 4).

Forecast and truth are brought to °C by the statistics of the *true* frame: with its spatial mean and standard
deviation, then with the climatology of its day. In `context`: `climatology_mean`, `climatology_std` [°C],
`spatial_mean`, `spatial_std` (B, T) of the predicted days; the least and greatest temperature of the zone,
`temperature_minimum` and `temperature_maximum` [°C], and likewise of its normalised frames, `normalised_minimum` and
`normalised_maximum` (B,).

The published numbers rest on another rule, because the published script broadcasts the statistics over a wrong axis: it
compares each predicted frame t by the statistics of every predicted day j, and takes the mean over j; and it scales
temperatures by extremes of the normalised frames. Metrics called `…_published` do as it does. All in float64.
"""

from collections.abc import Mapping

from torch import Tensor

from pipeline_lib.metrics.ssim import ssim_rescaled


def mse_celsius2(prediction_BTCHW: Tensor, truth_BTCHW: Tensor, context: Mapping[str, Tensor]) -> Tensor:
    """Squared error averaged over the pixels of a frame, (B, T, C, H, W) twice → (B, T), in °C²."""
    return _mse(prediction_BTCHW, truth_BTCHW) * _celsius_per_unit(context).square()


def mse_published(prediction_BTCHW: Tensor, truth_BTCHW: Tensor, context: Mapping[str, Tensor]) -> Tensor:
    """The squared error of a frame in °C² by the statistics of each predicted day, mean over these days: (B, T)."""
    return _mse(prediction_BTCHW, truth_BTCHW) * _celsius_per_unit(context).square().mean(dim=1, keepdim=True)


def ssim_celsius(prediction_BTCHW: Tensor, truth_BTCHW: Tensor, context: Mapping[str, Tensor]) -> Tensor:
    """SSIM of frames in °C, scaled so that the zone's least and greatest temperature are 0 and 1: (B, T)."""
    scale_BT, shift_BT = _to_unit_range(context, context["temperature_minimum"], context["temperature_maximum"])
    return ssim_rescaled(prediction_BTCHW, truth_BTCHW, scale_BT[:, :, None], shift_BT[:, :, None])


def ssim_published(prediction_BTCHW: Tensor, truth_BTCHW: Tensor, context: Mapping[str, Tensor]) -> Tensor:
    """SSIM of a frame in °C by the statistics of each predicted day, scaled so that the extremes of the zone's
    *normalised* frames are 0 and 1; mean over these days: (B, T)."""
    n_videos, n_frames = truth_BTCHW.shape[:2]
    of_days = _to_unit_range(context, context["normalised_minimum"], context["normalised_maximum"])
    of_frames = (of_day[:, None, :].expand(n_videos, n_frames, n_frames) for of_day in of_days)
    return ssim_rescaled(prediction_BTCHW, truth_BTCHW, *of_frames)


def _mse(prediction_BTCHW: Tensor, truth_BTCHW: Tensor) -> Tensor:
    """In the units of the networks."""
    return (prediction_BTCHW.double() - truth_BTCHW.double()).square().flatten(2).mean(dim=2)


def _celsius_per_unit(context: Mapping[str, Tensor]) -> Tensor:
    """How many °C a unit of the normalised frames of a day is, (B, T)."""
    return context["spatial_std"].double() * context["climatology_std"].double()


def _to_unit_range(context: Mapping[str, Tensor], low_B: Tensor, high_B: Tensor) -> tuple[Tensor, Tensor]:
    """Scale and shift (B, T) that bring the normalised frames of a day to °C, and from there low to 0 and high to 1."""
    mean, clim_mean, clim_std = (
        context[name].double() for name in ("spatial_mean", "climatology_mean", "climatology_std")
    )
    low, high = low_B.double()[:, None], high_B.double()[:, None]
    return _celsius_per_unit(context) / (high - low), (mean * clim_std + clim_mean - low) / (high - low)
