"""DIVE: its networks together with the objective that trains them, and its schedule (DIVE paper)."""

import dataclasses
from typing import Any

import torch
from torch import Tensor

from pipeline_lib.config.dive import DiveSettings
from pipeline_lib.config.task import TaskSettings
from pipeline_lib.models.dive import decomposition
from pipeline_lib.models.dive.draws import Draws, noise
from pipeline_lib.models.dive.elbo import negative_elbo_terms
from pipeline_lib.models.dive.networks import DiveNetworks
from pipeline_lib.models.protocols import Decomposition

EVALUATION_SEED = 0
"""Seed of the noise of `negative_elbo`."""


class DiveModel(DiveNetworks):
    """What training and evaluation know as the model: `Trainable` and `Decomposer`.

    gamma_appearance and rows that are shown follow a schedule. They are tensors on the device and no part of the
    state: `at_iteration` tells them from the iteration alone.
    """

    sums_batch = True
    gamma_appearance: Tensor
    shown_rows_H1: Tensor | None
    visible_rows_H1: Tensor | None

    def __init__(self, settings: DiveSettings, task: TaskSettings, frame_shape: tuple[int, int, int]) -> None:
        super().__init__(settings, task, frame_shape)
        gamma = torch.tensor(settings.gamma_appearance)
        self.register_buffer("gamma_appearance", gamma, persistent=False)
        shown = visible = None
        if settings.visible_rows is not None:
            shown, visible = torch.ones(self.side, 1), torch.zeros(self.side, 1)
            visible[slice(*settings.visible_rows)] = 1
        self.register_buffer("shown_rows_H1", shown, persistent=False)
        self.register_buffer("visible_rows_H1", visible, persistent=False)
        self._switched = False

    def at_iteration(self, iteration: int) -> dict[str, float]:
        """From gamma_switch_step on, gamma_appearance is half and predicted frames are black where nothing is seen."""
        switched = iteration >= self.settings.gamma_switch_step
        gamma = self.settings.gamma_appearance / 2 if switched else self.settings.gamma_appearance
        if switched != self._switched:
            self._switched = switched
            self.gamma_appearance.fill_(gamma)
            if self.shown_rows_H1 is not None and self.visible_rows_H1 is not None:
                self.shown_rows_H1.copy_(self.visible_rows_H1) if switched else self.shown_rows_H1.fill_(1)
        return {"gamma_appearance": gamma}

    def draw_range(self) -> tuple[int, int]:
        """The batch shares no integer."""
        return 0, 0

    def draws(self, n_videos: int) -> Draws:
        """Everything random of a training step, from PyTorch's generator of the device.

        An object's state is imputed though it is visible with probability gamma_imputation, by video and input frame
        but never in the first; the whole batch goes without varying appearance with probability gamma_appearance.
        """
        settings, n_cond, like = self.settings, self.task.n_cond, self.mixing.linear.weight
        values = noise(settings, n_videos, n_cond, n_cond + self.task.n_pred, like)
        hidden: dict[str, Any] = {}
        if settings.use_imputation:
            uniform_BTK = torch.rand(n_videos, n_cond, settings.n_components, dtype=like.dtype, device=like.device)
            hidden["keep_BTK"] = (uniform_BTK >= settings.gamma_imputation).to(like.dtype)
        if settings.use_varying_appearance:
            uniform = torch.rand((), dtype=like.dtype, device=like.device)
            hidden["keep_varying"] = (uniform >= self.gamma_appearance).to(like.dtype)
        return dataclasses.replace(values, **hidden)

    def loss_terms(self, video_BTCHW: Tensor, drawn: int) -> dict[str, Tensor]:
        """Terms of the negative ELBO, each summed and divided by the number of values, B·T·C·H·W."""
        return self.terms_of(video_BTCHW, self.draws(len(video_BTCHW)))

    def terms_of(self, video_BTCHW: Tensor, draws: Draws) -> dict[str, Tensor]:
        """`loss_terms` with these draws."""
        terms = negative_elbo_terms(self, video_BTCHW, draws, self.shown_rows_H1)
        return {name: value_B.sum() / video_BTCHW.numel() for name, value_B in terms.items()}

    def loss_weights(self) -> dict[str, float]:
        names = ["kl_pose_input", "kl_pose_predicted", "kl_pose_initial", "kl_appearance", "nll_input", "nll_output"]
        if self.settings.infer_missingness:
            names.insert(0, "kl_missingness")
        return dict.fromkeys(names, 1.0)

    def negative_elbo(self, video_BTCHW: Tensor) -> Tensor:
        """(B, n_cond + n_pred, C, H, W) → (B,), per value: of one draw, which is the same at every call; in eval mode
        nothing is hidden from the model, as the finished training would have it.
        """
        generator = torch.Generator(video_BTCHW.device).manual_seed(EVALUATION_SEED)
        n_cond, n_frames = self.task.n_cond, video_BTCHW.shape[1]
        values = noise(self.settings, len(video_BTCHW), n_cond, n_frames, video_BTCHW, generator=generator)
        terms = negative_elbo_terms(self, video_BTCHW, values, self.visible_rows_H1)
        return torch.stack(list(terms.values())).sum(dim=0) / video_BTCHW[0].numel()

    def decompose(self, cond_BTCHW: Tensor, n_pred: int) -> Decomposition:
        return decomposition.decompose(self, cond_BTCHW, n_pred, self.visible_rows_H1)

    def forecast(self, cond_BTCHW: Tensor, n_pred: int) -> Tensor:
        return decomposition.forecast(self, cond_BTCHW, n_pred, self.visible_rows_H1)


def build(
    settings: DiveSettings,
    task: TaskSettings,
    frame_shape: tuple[int, int, int],
    device_type: str = "cpu",
    frames_per_decoder_call: int | str = "auto",
) -> DiveModel:
    """Build the model with freshly drawn weights (from PyTorch's global CPU generator).

    All frames are decoded in one call, whatever `frames_per_decoder_call`, for they share BatchNorm's statistics.
    Raises ValueError where the frames are not square or their side is no power of two.
    """
    return DiveModel(settings, task, frame_shape)
