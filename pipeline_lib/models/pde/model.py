"""The PDE model: its networks together with the objective that trains them (PDE paper, section 3)."""

from torch import Tensor

from pipeline_lib.config.model import PdeSettings
from pipeline_lib.config.task import TaskSettings
from pipeline_lib.models.pde.networks import FrameShape, PdeNetworks
from pipeline_lib.models.pde.objective import pde_loss_terms, pde_loss_weights


class PdeModel(PdeNetworks):
    """What training and evaluation know as the model: `Trainable`, `Forecaster` and `ContentSwapper`."""

    sums_batch = False

    def at_iteration(self, iteration: int) -> dict[str, float]:
        """Nothing follows a schedule."""
        return {}

    def draw_range(self) -> tuple[int, int]:
        """τ is uniform in [n_cond, n] where a code stands for its window's first frame, else in [n_cond, n - 1]."""
        n_frames = self.task.n_cond + self.task.n_pred
        return self.task.n_cond, n_frames if self.settings.offset else n_frames - 1

    def loss_terms(self, video_BTCHW: Tensor, drawn: int) -> dict[str, Tensor]:
        return pde_loss_terms(self, video_BTCHW, drawn)

    def loss_weights(self) -> dict[str, float]:
        return pde_loss_weights(self.settings)


def build(
    settings: PdeSettings,
    task: TaskSettings,
    frame_shape: FrameShape,
    device_type: str = "cpu",
    frames_per_decoder_call: int | str = "auto",
) -> PdeModel:
    """Build the model with freshly drawn weights (from PyTorch's global CPU generator).

    Raises ValueError where an architecture does not take frames of this size.
    """
    return PdeModel(settings, task, frame_shape, frames_per_decoder_call)
