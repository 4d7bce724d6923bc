"""The PDE model's objective, written as a plain loop: one call per encoder window and per decoded time step.

Every BatchNorm is PyTorch's own here (the model's is switched to its `forward` by `plain_batch_norms`), so that the
statistics of each call, and the order of the running averages, are those of the published code.
"""

import torch
from torch import Tensor, nn


def decode_one(model, static_code, dynamic_code: Tensor) -> Tensor:
    """D(S, T) for one time step: codes (B, D), or (B, D, H', W') → (B, C, H, W)."""
    settings, (static, skips) = model.settings, static_code
    if settings.encoder == "sst" and not settings.use_static_code:
        return model.decoder(dynamic_code, ())
    mixing = settings.mixing if settings.use_static_code else "mul"
    mixed = static * dynamic_code if mixing == "mul" else torch.cat([static, dynamic_code], dim=1)
    return model.decoder(mixed, skips)


def flat(static_code) -> Tensor:
    """Code and skips in one row per video."""
    code, skips = static_code
    return torch.cat([part.reshape(len(code), -1) for part in (code, *skips)], dim=1)


def plain_batch_norms(model: nn.Module) -> nn.Module:
    """Let every BatchNorm2d of the model compute as `nn.BatchNorm2d` does."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.forward = lambda x, n_calls=1, module=module: nn.BatchNorm2d.forward(module, x)
    return model


def plain_loss(model, video: Tensor, tau: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Total loss and its terms (PDE paper, section 3.3) for (B, n, C, H, W), step by step in the published order."""
    settings, n_cond, n_pred = model.settings, model.task.n_cond, model.task.n_pred
    offset, weights = settings.offset, settings.objective

    def static(window):
        if not settings.use_static_code:
            return torch.ones(video.shape[0], settings.code_size_dynamic, dtype=video.dtype), ()
        code, skips = model.static_encoder(window)
        return code, skips if settings.use_skips else ()

    s_old = static(video[:, :n_cond])
    s_new = static(video[:, -n_cond:])
    t_tau, _ = model.dynamic_encoder(video[:, tau - n_cond : tau])
    autoencode = ((decode_one(model, s_old, t_tau) - video[:, tau - offset]) ** 2).mean()
    invariance = ((flat(s_old) - flat(s_new)) ** 2).mean()
    code = t_start = model.dynamic_encoder(video[:, :n_cond])[0]
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
    if not settings.use_static_code:
        regularisation = torch.zeros(())
    elif settings.encoder == "sst":
        regularisation = 0.5 * (t_start**2).mean()
    else:
        regularisation = 0.5 * (t_start**2).sum(dim=1).mean()
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
