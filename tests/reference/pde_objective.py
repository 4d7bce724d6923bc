"""The PDE model's objective, written as a plain loop: one call per encoder window and per decoded time step."""

import torch
from torch import Tensor


def decode_one(model, static_code: Tensor, dynamic_code: Tensor) -> Tensor:
    """D(S, T) for one time step: (B, D) codes → (B, C, H, W)."""
    mixing = model.settings.mixing if model.settings.use_static_code else "mul"
    mixed = static_code * dynamic_code if mixing == "mul" else torch.cat([static_code, dynamic_code], dim=1)
    return model.decoder(mixed)


def plain_loss(model, video: Tensor, tau: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Total loss and its terms (PDE paper, section 3.3) for (B, n, C, H, W), step by step in the published order."""
    settings, n_cond, n_pred = model.settings, model.task.n_cond, model.task.n_pred
    offset, weights = settings.offset, settings.objective
    ones = torch.ones(video.shape[0], settings.code_size_dynamic, dtype=video.dtype)
    s_old = model.static_encoder(video[:, :n_cond]) if settings.use_static_code else ones
    s_new = model.static_encoder(video[:, -n_cond:]) if settings.use_static_code else ones
    t_tau = model.dynamic_encoder(video[:, tau - n_cond : tau])
    autoencode = ((decode_one(model, s_old, t_tau) - video[:, tau - offset]) ** 2).mean()
    invariance = ((s_old - s_new) ** 2).mean()
    code = t_start = model.dynamic_encoder(video[:, :n_cond])
    squared_error, n_values = torch.zeros((), dtype=video.dtype), 0
    for step in range(n_pred + offset):
        if step > 0:
            for block in model.integrator.blocks:
                code = code + block.layers(code)
        frame = decode_one(model, s_old, code)
        truth = video[:, step + (0 if offset else n_cond)]
        squared_error = squared_error + ((frame - truth) ** 2).sum()
        n_values += frame.numel()
    forecast = squared_error / n_values
    regularisation = 0.5 * (t_start**2).sum(dim=1).mean() if settings.use_static_code else torch.zeros(())
    terms = {
        "loss_forecast": forecast,
        "loss_autoencode": autoencode,
        "loss_invariance": invariance,
        "loss_regularisation": regularisation,
    }
    total = (
        weights.lambda_autoencode * autoencode
        + weights.lambda_invariance * invariance
        + weights.lambda_forecast * forecast
        + weights.lambda_regularisation * regularisation
    )
    return total, terms
