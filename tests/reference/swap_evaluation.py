"""The content-swap protocol the plain way: one item, one assignment, one metric after another."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import torch


def best_assignments(
    model: Any,
    items: Any,
    n_items: int,
    metrics: Mapping[str, Callable],
    higher_is_better: Collection[str],
    lengths: Sequence[int],
) -> dict[str, dict[Any, np.ndarray]]:
    """By metric: the best mean over the first frames, for each length a number per item; and the mean curve of the
    assignment that is best over the last of the lengths ("horizon").
    """
    found: dict[str, dict[Any, Any]] = {name: {length: [] for length in lengths} | {"horizon": []} for name in metrics}
    for i in range(n_items):
        content, motion = (torch.from_numpy(part[i : i + 1]) for part in (items.content, items.motion))
        with torch.inference_mode():
            prediction = model.swap(content, motion, items.truths.shape[2])
        for name, metric in metrics.items():
            best = max if name in higher_is_better else min
            curves = [metric(prediction, torch.from_numpy(t[None]))[0].double().numpy() for t in items.truths[i]]
            for length in lengths:
                found[name][length].append(best(curve[:length].mean() for curve in curves))
            found[name]["horizon"].append(best(curves, key=lambda curve: curve[: lengths[-1]].mean()))
    means = {name: np.mean(of_metric.pop("horizon"), axis=0) for name, of_metric in found.items()}
    return {
        name: {"horizon": means[name], **{length: np.array(values) for length, values in of_metric.items()}}
        for name, of_metric in found.items()
    }
