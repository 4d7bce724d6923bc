"""The networks of DIVE: what they infer from input frames, and how they draw frames (DIVE paper, sections 3 and 4)."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.distributions import Normal

from pipeline_lib.config.dive import DiveSettings
from pipeline_lib.config.task import TaskSettings
from pipeline_lib.models.dive.appearance import AppearanceEncoder, AppearanceMixing
from pipeline_lib.models.dive.convolutions import Decoder, Encoder
from pipeline_lib.models.dive.draws import Draws
from pipeline_lib.models.dive.gaussian import drawn
from pipeline_lib.models.dive.imputation import Imputation
from pipeline_lib.models.dive.initialisation import initialise
from pipeline_lib.models.dive.missingness import MissingnessEncoder, inference_mask
from pipeline_lib.models.dive.pose import PoseEncoder, constrained
from pipeline_lib.models.dive.states import StateEncoder
from pipeline_lib.models.dive.transformer import crop, place


class Latents(NamedTuple):
    """Gaussians of the sites, and the draws of them; of n_cond input frames or of all T = n_cond + n_pred."""

    q_missingness_BTK: Normal | None
    """Of input frames; None where no labels are inferred."""
    missingness_BTK: Tensor | None
    """m, the draw."""
    q_pose_change_BTK3: Normal
    pose_change_BTK3: Tensor
    q_initial_pose_BK3: Normal
    initial_pose_BK3: Tensor
    pose_BTK3: Tensor
    """Constrained (scale, x, y) of all frames."""
    q_appearance_BTKD: Normal
    appearance_BTKD: Tensor


class DiveNetworks(nn.Module):
    """Inference of missingness, pose and appearance of K objects, and the decoder that draws them.

    Under autocast, convolutions alone compute in bf16 or fp16: recurrences are small, and coordinates and densities
    need their digits.
    """

    def __init__(self, settings: DiveSettings, task: TaskSettings, frame_shape: tuple[int, int, int]) -> None:
        super().__init__()
        settings.check_frames(frame_shape)
        settings.check_task(task)
        self.settings = settings
        self.task = task
        self.frame_shape = frame_shape
        n_channels, self.side, _ = frame_shape
        self.object_side = self.side // 2
        hidden, code_size = settings.hidden_size, settings.code_size_appearance
        self.image_encoder = Encoder(n_channels, self.side, settings.ngf, settings.image_latent)
        self.states = StateEncoder(settings.image_latent, hidden, settings.n_components)
        self.missingness = MissingnessEncoder(hidden)
        self.imputation = Imputation(hidden)
        self.pose = PoseEncoder(hidden)
        self.object_encoder = Encoder(n_channels, self.object_side, settings.ngf, code_size)
        self.appearance = AppearanceEncoder(settings)
        self.mixing = AppearanceMixing(settings)
        self.object_decoder = Decoder(code_size, n_channels, self.object_side, settings.ngf)
        initialise(self)

    def infer(self, cond_BTCHW: Tensor, n_pred: int, draws: Draws) -> Latents:
        """The sites of input frames (B, n_cond, C, H, W) and n_pred frames after them, drawn with the given noise."""
        n_frames = cond_BTCHW.shape[1] + n_pred
        features_BTD = self.image_encoder(cond_BTCHW.flatten(0, 1)).unflatten(0, cond_BTCHW.shape[:2])
        with _full_precision(cond_BTCHW):
            state_BTKH, last_forward = self.states(features_BTD)
            q_missingness = self.missingness(state_BTKH) if self.settings.infer_missingness else None
            m = drawn(q_missingness, draws.missingness_BTK) if q_missingness is not None else None
            mask_BTK = self._mask(m, state_BTKH)
            imputed_BTKH = self.imputation(state_BTKH, mask_BTK, self._trust(mask_BTK, draws))
            q_change, q_initial = self.pose(imputed_BTKH, last_forward, n_pred)
            change = drawn(q_change, draws.pose_change_BTK3)
            initial = drawn(q_initial, draws.initial_pose_BK3)
            pose_BTK3 = constrained(initial.unsqueeze(1) + change.cumsum(dim=1), self.settings)
            seen_BTKCHW = crop(cond_BTCHW, pose_BTK3[:, : cond_BTCHW.shape[1]], self.object_side)
        feature_BTKD = self.object_encoder(seen_BTKCHW.flatten(0, 2)).unflatten(0, seen_BTKCHW.shape[:3])
        with _full_precision(cond_BTCHW):
            static_BKS, varying_BTKV = self.appearance(feature_BTKD * mask_BTK.unsqueeze(-1), n_pred)
            if varying_BTKV is not None and draws.keep_varying is not None:
                varying_BTKV = varying_BTKV * draws.keep_varying
            q_appearance = self.mixing(static_BKS, varying_BTKV, n_frames)
            appearance = drawn(q_appearance, draws.appearance_BTKD)
        return Latents(q_missingness, m, q_change, change, q_initial, initial, pose_BTK3, q_appearance, appearance)

    def _mask(self, m_BTK: Tensor | None, state_BTKH: Tensor) -> Tensor:
        """1 where an object is visible; everywhere without imputation."""
        if self.settings.use_imputation:
            assert m_BTK is not None
            return inference_mask(m_BTK, self.settings.labels)
        return state_BTKH.new_ones(state_BTKH.shape[:3])

    def _trust(self, mask_BTK: Tensor, draws: Draws) -> Tensor | None:
        if not self.settings.use_imputation:
            return None
        return mask_BTK if draws.keep_BTK is None else mask_BTK * draws.keep_BTK

    def decode(self, appearance_BTKD: Tensor) -> Tensor:
        """Appearances → objects (B, T, K, C, h, w) in [0, 1], all in one call of the decoder."""
        return self.object_decoder(appearance_BTKD.flatten(0, 2)).unflatten(0, appearance_BTKD.shape[:3])

    def compose(self, object_BTKCHW: Tensor, pose_BTK3: Tensor) -> Tensor:
        """Objects at their poses, summed and cut at 1 (not at 0) → frames (B, T, C, H, W)."""
        with _full_precision(pose_BTK3):
            return place(object_BTKCHW, pose_BTK3, self.side).clamp(max=1)


def _full_precision(like: Tensor) -> torch.autocast:
    return torch.autocast(like.device.type, enabled=False)
