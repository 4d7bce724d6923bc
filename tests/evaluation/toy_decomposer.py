"""A model that takes videos apart in some way that depends on them, and test windows of which the truth is known."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from pipeline_lib.models.protocols import Decomposition

SHAPE = (1, 12, 12)
N_COND, N_PRED = 4, 3


class ToyDecomposer(nn.Module):
    """Everything that it finds is a function of a video alone, whatever the batch; scores of visibility come twice."""

    def __init__(self, n_components: int = 2) -> None:
        super().__init__()
        self.n_components = n_components

    def decompose(self, cond_BTCHW: Tensor, n_pred: int) -> Decomposition:
        assert not self.training and torch.is_inference_mode_enabled()
        n_cond, n_frames = cond_BTCHW.shape[1], cond_BTCHW.shape[1] + n_pred
        mean = cond_BTCHW.mean(dim=1, keepdim=True)
        of_video = cond_BTCHW[:, 0, 0, 3, 5, None, None]
        time, number = torch.arange(n_frames).view(-1, 1), torch.arange(self.n_components)
        waves = [torch.sin(40 * of_video + 2.1 * number + time * step) for step in (0.1, 0.2, 0.3)]
        visibility = torch.sigmoid((4 * torch.sin(90 * of_video + 1.3 * number + 1.7 * time[:n_cond])).round() / 2)
        shares = (waves[0] / 4 + 0.3)[..., None, None, None]
        return Decomposition(
            reconstruction_BTCHW=0.8 * cond_BTCHW + 0.1 * mean,
            imputation_BTCHW=0.5 * cond_BTCHW + 0.5 * mean,
            forecast_BTCHW=self.forecast(cond_BTCHW, n_pred),
            components_BTKCHW=(shares * mean[:, :, None]).clamp(0, 1),
            pose_BTK3=torch.stack([2.5 + waves[0] / 2, waves[1], waves[2]], dim=-1),
            visibility_BTK=visibility,
            visible_BTK=visibility > 0.45,
        )

    def forecast(self, cond_BTCHW: Tensor, n_pred: int) -> Tensor:
        return cond_BTCHW.mean(dim=1, keepdim=True) * 0.9 ** torch.arange(1, n_pred + 1).view(1, -1, 1, 1, 1)

    def negative_elbo(self, video_BTCHW: Tensor) -> Tensor:
        return video_BTCHW.square().mean(dim=(1, 2, 3, 4)) - 0.5


class KnownWindows:
    """Windows of random frames; a few objects are missing, in some windows none. Says how many were read at once."""

    frame_shape = SHAPE

    def __init__(
        self, n_windows: int = 9, n_objects: int = 2, knows_objects: bool = True, missing: float = 0.2
    ) -> None:
        random = np.random.default_rng(n_objects)
        n_frames = N_COND + N_PRED
        self.n_windows, self.sizes = n_windows, []
        self.video = random.uniform(size=(n_windows, n_frames, *SHAPE)).astype(np.float32)
        self.truth = {
            "complete": random.uniform(size=self.video.shape).astype(np.float32),
            "missing": random.uniform(size=(n_windows, n_frames, n_objects)) < missing,
        }
        self.truth["missing"][:2, :N_COND] = False
        if knows_objects:
            shape = (n_windows, n_frames, n_objects)
            self.truth["component"] = random.uniform(size=(*shape, *SHAPE)).astype(np.float32)
            self.truth["centre"] = random.uniform(0, 11, size=(*shape, 2)).astype(np.float32)

    def batches(self, batch_size: int) -> Iterator[np.ndarray]:
        for first in range(0, self.n_windows, batch_size):
            self.sizes.append(len(self.video[first : first + batch_size]))
            yield self.video[first : first + batch_size]

    def context(self, first: int, last: int) -> dict[str, np.ndarray]:
        return {name: values[first:last] for name, values in self.truth.items()}
