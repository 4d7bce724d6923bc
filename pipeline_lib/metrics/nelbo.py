"""The negative evidence lower bound that a variational model gives a video."""

from typing import Protocol

from torch import Tensor


class Variational(Protocol):
    """Gives a lower bound of a video's log-likelihood."""

    def negative_elbo(self, video_BTCHW: Tensor) -> Tensor:
        """(B, T, C, H, W), observed frames and those that follow → (B,), per value."""
        ...


def nelbo(model: Variational, video_BTCHW: Tensor) -> Tensor:
    """Of the input frames as they are seen and the frames that follow, over T·C·H·W: (B, T, C, H, W) → (B,), in nats.

    DIVE paper, section 3: the sum of log q - log p over all draws and frames.
    """
    return model.negative_elbo(video_BTCHW)
