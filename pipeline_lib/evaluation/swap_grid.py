"""A grid of content swaps for a figure: several contents, each moving as several videos do (PDE paper, section 4.3)."""

import math

import numpy as np
import torch
from torch import nn

from pipeline_lib.data.protocols import SwapItems
from pipeline_lib.evaluation.scoring import EXAMPLE_VALUES, check_prediction, exact_inference
from pipeline_lib.models.protocols import ContentSwapper
from pipeline_lib.records.predictions import SwapGrid

N_CONTENTS, N_MOTIONS = 5, 2


def swap_grid(model: nn.Module, items: SwapItems, n_cond: int, n_pred: int, device: torch.device) -> SwapGrid:
    """Every one of a few contents with every one of a few motions; fewer where predictions would exceed 64 MiB.

    model: a ContentSwapper on `device`; it is put into eval mode. The videos are such as the swap test of the dataset
    takes its motions from, chosen by it, not by any score.
    Raises ValueError where a prediction is not finite.
    """
    assert isinstance(model, ContentSwapper)
    affordable = EXAMPLE_VALUES // (N_MOTIONS * n_pred * math.prod(items.frame_shape))
    videos = items.different_videos(max(1, min(N_CONTENTS, affordable)) + N_MOTIONS)
    # Where there are too few videos for both, contents are taken from the motions' videos too.
    n_motions = min(N_MOTIONS, max(1, len(videos) - 1))
    motion = videos[len(videos) - n_motions :]
    content = videos[: max(1, len(videos) - n_motions), :n_cond]
    predictions = []
    with exact_inference(model):
        of_motion = torch.from_numpy(motion[:, :n_cond]).to(device)
        for each in content:
            repeated = torch.from_numpy(each).to(device).expand(n_motions, -1, -1, -1, -1)
            prediction = model.swap(repeated, of_motion, n_pred)
            check_prediction(prediction, (n_motions, n_pred, *items.frame_shape), "content swap", 0)
            predictions.append(prediction.cpu().numpy())
    return SwapGrid(content=content, motion=motion, prediction=np.stack(predictions))
