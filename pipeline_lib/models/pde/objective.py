"""Training objective of the PDE model (PDE paper, section 3.3)."""

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from pipeline_lib.config.model import PdeSettings
from pipeline_lib.models.pde.networks import PdeNetworks


def pde_loss_terms(model: PdeNetworks, video_BTCHW: Tensor, tau: int) -> dict[str, Tensor]:
    """The four unweighted terms for windows of n = n_cond + n_pred frames, (B, n, C, H, W); scalars in float32.

    `tau` is the end of the window whose dynamic code is decoded in the autoencoding term. With a non-zero offset a
    code stands for the first frame of its window, and the forecast reconstructs the conditioning frames as well; with
    offset 0 it stands for the frame after the window.
    """
    n_cond, offset = model.task.n_cond, model.settings.offset
    n_frames = model.task.n_cond + model.task.n_pred
    first, last = video_BTCHW[:, :n_cond], video_BTCHW[:, n_frames - n_cond : n_frames]
    static_old, static_new = model.static_codes(first, last)
    dynamic_tau, dynamic_start = model.dynamic_codes(video_BTCHW[:, tau - n_cond : tau], first)
    codes_BTD = model.integrator.trajectory(dynamic_start, model.task.n_pred + offset)
    frames_BTCHW = model.decode(static_old, torch.cat([dynamic_tau.unsqueeze(1), codes_BTD], dim=1))
    terms = {
        "loss_forecast": mse_loss(frames_BTCHW[:, 1:], video_BTCHW[:, 0 if offset else n_cond :]),
        "loss_autoencode": mse_loss(frames_BTCHW[:, 0], video_BTCHW[:, tau - offset]),
    }
    if model.settings.use_static_code:
        terms["loss_invariance"] = mse_loss(_widened(static_old.flat()), _widened(static_new.flat()))
        terms["loss_regularisation"] = _half_squared_norm(_widened(dynamic_start))
    return terms


def _half_squared_norm(code: Tensor) -> Tensor:
    """½ · mean over the batch of the squared norm of vectors (B, D); of grids (B, D, H, W), ½ · mean of the squares."""
    squares = code.square()
    return (squares.sum(dim=1) if code.dim() == 2 else squares).mean() / 2


def _widened(code: Tensor) -> Tensor:
    """Losses are taken in float32 where autocast made a code in bf16 or fp16."""
    return code.float() if code.dtype in (torch.bfloat16, torch.float16) else code


def pde_loss_weights(settings: PdeSettings) -> dict[str, float]:
    """λ of each term. Without the static code the invariance is 0 and the dynamic code is not regularised."""
    weights = {
        "loss_forecast": settings.objective.lambda_forecast,
        "loss_autoencode": settings.objective.lambda_autoencode,
    }
    if settings.use_static_code:
        weights["loss_invariance"] = settings.objective.lambda_invariance
        weights["loss_regularisation"] = settings.objective.lambda_regularisation
    return weights
