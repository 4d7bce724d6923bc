"""Where a model places its objects, and which of them is which of the truth's.

Objects are matched by position alone, over the input frames in which a true object is visible, never by what a score
is of: not by labels of what is missing, nor by what components look like.
"""

from collections.abc import Sequence
from itertools import permutations

import torch
from torch import Tensor


def boxes(pose_BTK3: Tensor, frame_shape: Sequence[int]) -> Tensor:
    """Scale, x and y → (B, T, K, 4): row and column of an object's centre, height and width of its box [pixels].

    Coordinates of poses run from -1 to 1 between the centres of the outermost pixels (DIVE paper, section 3).
    """
    scale, x, y = pose_BTK3.unbind(dim=-1)
    height, width = (side - 1 for side in frame_shape[1:])
    return torch.stack(
        [(1 - y / scale) * height / 2, (1 - x / scale) * width / 2, height / scale, width / scale], dim=-1
    )


def matched(centre_BTK2: Tensor, truth_BTJ2: Tensor, missing_BTJ: Tensor) -> Tensor:
    """Which component is which of J true objects: (B, K) numbers of components, the truth's objects first, in order.

    The assignment with the least sum of distances between centres, over the frames in which each true object is
    visible. Components that no object is left for follow in their order.
    Raises ValueError where there are fewer components than objects.
    """
    n_components, n_objects = centre_BTK2.shape[2], truth_BTJ2.shape[2]
    if n_components < n_objects:
        raise ValueError(
            f"the model takes videos apart into {n_components} objects, the test videos have {n_objects}: it needs at "
            "least as many, set model.n_components"
        )
    distance_BTKJ = (centre_BTK2[:, :, :, None] - truth_BTJ2[:, :, None].to(centre_BTK2)).square().sum(dim=-1).sqrt()
    cost_BKJ = (distance_BTKJ * ~missing_BTJ[:, :, None]).sum(dim=1)
    objects = torch.arange(n_objects, device=cost_BKJ.device)
    choices = torch.tensor(list(permutations(range(n_components), n_objects)), device=cost_BKJ.device)
    of_choice = torch.stack([cost_BKJ[:, choice, objects].sum(dim=1) for choice in choices])
    chosen_BJ = choices[of_choice.argmin(dim=0)]
    is_left_BK = torch.ones(cost_BKJ.shape[:2], dtype=torch.bool, device=cost_BKJ.device).scatter(1, chosen_BJ, False)
    left = is_left_BK.nonzero()[:, 1].view(len(chosen_BJ), n_components - n_objects)
    return torch.cat([chosen_BJ, left], dim=1)
