"""What DIVE makes of a video in the test: every site at its mean (DIVE paper, section 5)."""

import torch
from torch import Tensor

from pipeline_lib.models.dive.draws import MEANS
from pipeline_lib.models.dive.missingness import THRESHOLDS, inference_mask, visibility
from pipeline_lib.models.dive.networks import DiveNetworks, Latents
from pipeline_lib.models.dive.transformer import place
from pipeline_lib.models.protocols import Decomposition


def decompose(networks: DiveNetworks, cond_BTCHW: Tensor, n_pred: int, shown_rows_H1: Tensor | None) -> Decomposition:
    """Objects of the input frames (B, n_cond, C, H, W) and of n_pred more, and the frames that are made of them.

    The input frames are drawn with the mask that inference uses: 1[m ≥ 0.5] of hard labels, sigmoid(m) of soft ones, 1
    where there is no imputation, so that every object counts as visible. Where one is not, it has the appearance of its
    nearest visible frame. shown_rows: what predicted frames are multiplied with, (H, 1).
    """
    n_cond = cond_BTCHW.shape[1]
    latents = networks.infer(cond_BTCHW, n_pred, MEANS)
    mask_BTK, visibility_BTK, visible_BTK = _labels(networks, latents, n_cond)
    object_BTKCHW = networks.decode(with_nearest_visible(latents.appearance_BTKD, visible_BTK))
    frames_BTCHW = _cut(networks.compose(object_BTKCHW, latents.pose_BTK3))
    seen_BTKCHW = networks.decode(latents.appearance_BTKD[:, :n_cond]) * mask_BTK[..., None, None, None]
    forecast_BTCHW = frames_BTCHW[:, n_cond:]
    return Decomposition(
        reconstruction_BTCHW=_cut(networks.compose(seen_BTKCHW, latents.pose_BTK3[:, :n_cond])),
        imputation_BTCHW=frames_BTCHW[:, :n_cond],
        forecast_BTCHW=forecast_BTCHW if shown_rows_H1 is None else forecast_BTCHW * shown_rows_H1,
        components_BTKCHW=_alone(networks, object_BTKCHW, latents.pose_BTK3),
        pose_BTK3=latents.pose_BTK3,
        visibility_BTK=visibility_BTK,
        visible_BTK=visible_BTK,
    )


def forecast(networks: DiveNetworks, cond_BTCHW: Tensor, n_pred: int, shown_rows_H1: Tensor | None) -> Tensor:
    """The forecast (B, n_pred, C, H, W) of `decompose`, without the rest: only the frames to come are decoded."""
    n_cond = cond_BTCHW.shape[1]
    latents = networks.infer(cond_BTCHW, n_pred, MEANS)
    frames = networks.compose(networks.decode(latents.appearance_BTKD[:, n_cond:]), latents.pose_BTK3[:, n_cond:])
    return _cut(frames) if shown_rows_H1 is None else _cut(frames) * shown_rows_H1


def with_nearest_visible(appearance_BTKD: Tensor, visible_BTK: Tensor) -> Tensor:
    """Appearances of T frames, those of the first n_cond replaced where the object is missing, (B, n_cond, K) bool.

    There it takes that of its nearest visible input frame, the earlier of two that are as near; one that is never
    visible keeps its own.
    """
    n_cond = visible_BTK.shape[1]
    frame = torch.arange(n_cond, device=visible_BTK.device)
    distance_TU = (frame[:, None] - frame[None, :]).abs()
    # Of two frames U as near to T, the earlier is a little nearer, and a missing one is farther than any visible one.
    cost_TU = 2 * distance_TU + (frame[None, :] > frame[:, None])
    cost_BTUK = cost_TU[None, :, :, None] + 4 * n_cond * (~visible_BTK).unsqueeze(1)
    nearest_BTK = cost_BTUK.argmin(dim=2)
    index_BTKD = nearest_BTK.unsqueeze(-1).expand(-1, -1, -1, appearance_BTKD.shape[-1])
    return torch.cat([appearance_BTKD[:, :n_cond].gather(1, index_BTKD), appearance_BTKD[:, n_cond:]], dim=1)


def _labels(networks: DiveNetworks, latents: Latents, n_cond: int) -> tuple[Tensor, Tensor, Tensor]:
    """Mask, visibility and decision for the input frames, (B, n_cond, K) each."""
    labels, m_BTK = networks.settings.labels, latents.missingness_BTK
    ones_BTK = torch.ones_like(latents.pose_BTK3[:, :n_cond, :, 0])
    visibility_BTK = ones_BTK if m_BTK is None else visibility(m_BTK, labels)
    if m_BTK is None or not networks.settings.use_imputation:
        return ones_BTK, visibility_BTK, ones_BTK.bool()
    return inference_mask(m_BTK, labels), visibility_BTK, m_BTK >= THRESHOLDS[labels]


def _alone(networks: DiveNetworks, object_BTKCHW: Tensor, pose_BTK3: Tensor) -> Tensor:
    """Each object on a frame of its own, (B, T, K, C, H, W) in [0, 1]."""
    shape = object_BTKCHW.shape[:3]
    frames_N1CHW = place(
        object_BTKCHW.reshape(-1, 1, 1, *object_BTKCHW.shape[3:]), pose_BTK3.reshape(-1, 1, 1, 3), networks.side
    )
    return _cut(frames_N1CHW.squeeze(1).unflatten(0, shape))


def _cut(frames: Tensor) -> Tensor:
    return frames.clamp(0, 1)
