"""The `protocols` of a metrics.json whose every score is given."""

from typing import Any

Sets = dict[str, tuple[int, int, dict[str, dict[int, float]]]]
"""By window set: windows scored, windows available, and by metric and number of frames the mean."""


def protocols(given: dict[str, Sets]) -> dict[str, Any]:
    """The means over the largest number of frames are those over all of them; a window set without metrics is none."""
    return {
        protocol: {"window_sets": {name: _window_set(*found) for name, found in sets.items()}}
        for protocol, sets in given.items()
    }


def _window_set(n_windows: int, n_available: int, metrics: dict[str, dict[int, float]]) -> dict[str, Any]:
    scores = {metric: _scores(means) for metric, means in metrics.items()}
    return {"n_windows": n_windows, "n_available": n_available, "metrics": scores}


def _scores(means: dict[int, float]) -> dict[str, Any]:
    n_pred = max(means)
    at = {str(n_frames): {"mean": mean, "std_over_windows": mean / 3} for n_frames, mean in means.items()}
    return {**at[str(n_pred)], "horizon": [means[n_pred]] * n_pred, "at": at}
