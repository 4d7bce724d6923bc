"""DIVE's objective, written plainly: one object, one time step, one LSTM cell after the other, by grid_sample.

It takes weights and running statistics of a model, one tensor at a time, and follows the paper and its published code;
encoders and decoder are called as often, and on as much, as there: once each. Everything random is given.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def cell(x: Tensor, state, lstm: nn.LSTM, layer: int = 0):
    """One step of one layer of an LSTM: (h, c) → (h, c)."""
    h, c = state
    w_x, w_h = getattr(lstm, f"weight_ih_l{layer}"), getattr(lstm, f"weight_hh_l{layer}")
    b_x, b_h = getattr(lstm, f"bias_ih_l{layer}"), getattr(lstm, f"bias_hh_l{layer}")
    i, f, g, o = (x @ w_x.T + b_x + h @ w_h.T + b_h).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def zeros(x: Tensor, size: int):
    return x.new_zeros(len(x), size), x.new_zeros(len(x), size)


def batch_norm(x: Tensor, norm: nn.BatchNorm2d) -> Tensor:
    return F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias, norm.training, 0.1, 1e-5)


def encode(image: Tensor, encoder) -> Tensor:
    """(N, C, s, s) → (N, d): layer by layer."""
    convolutions = [m for m in encoder.modules() if isinstance(m, nn.Conv2d)]
    norms = [m for m in encoder.modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(convolutions) == int(math.log2(image.shape[-1])) - 1
    assert len(norms) == len(convolutions) - 2
    x = F.leaky_relu(F.conv2d(image, convolutions[0].weight, stride=2, padding=1), 0.2)
    for convolution, norm in zip(convolutions[1:-1], norms, strict=True):
        x = F.leaky_relu(batch_norm(F.conv2d(x, convolution.weight, stride=2, padding=1), norm), 0.2)
    return F.conv2d(x, convolutions[-1].weight)[:, :, 0, 0]


def decode(code: Tensor, decoder) -> Tensor:
    """(N, d) → (N, C, s, s): layer by layer."""
    convolutions = [m for m in decoder.modules() if isinstance(m, nn.ConvTranspose2d)]
    norms = [m for m in decoder.modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(norms) == len(convolutions) - 1
    x = F.relu(batch_norm(F.conv_transpose2d(code[:, :, None, None], convolutions[0].weight), norms[0]))
    for convolution, norm in zip(convolutions[1:-1], norms[1:], strict=True):
        x = F.relu(batch_norm(F.conv_transpose2d(x, convolution.weight, stride=2, padding=1), norm))
    return torch.sigmoid(F.conv_transpose2d(x, convolutions[-1].weight, stride=2, padding=1))


def sampled(image: Tensor, scale: Tensor, x: Tensor, y: Tensor, side: int) -> Tensor:
    """affine_grid and grid_sample with [[scale, 0, x], [0, scale, y]]: (N, C, h, w) → (N, C, side, side)."""
    zero = torch.zeros_like(scale)
    matrix = torch.stack([torch.stack([scale, zero, x], dim=1), torch.stack([zero, scale, y], dim=1)], dim=1)
    grid = F.affine_grid(matrix, [len(image), image.shape[1], side, side], align_corners=True)
    return F.grid_sample(image, grid, mode="bilinear", padding_mode="zeros", align_corners=True)


def plain_place(objects: Tensor, pose: Tensor, side: int) -> Tensor:
    """Objects (N, C, h, w) at poses (N, 3), each on a frame of its own (N, C, side, side)."""
    return sampled(objects, pose[:, 0], pose[:, 1], pose[:, 2], side)


def plain_crop(frames: Tensor, pose: Tensor, side: int) -> Tensor:
    """What objects at poses (N, 3) show of frames (N, C, H, W) → (N, C, side, side)."""
    s, x, y = pose.unbind(1)
    return sampled(frames, 1 / s, -x / s, -y / s, side)


def head(x: Tensor, gaussian) -> tuple[Tensor, Tensor]:
    return gaussian.mean(x), F.softplus(gaussian.sigma(x))


def divergence(mean: Tensor, sigma: Tensor, p_mean, p_sigma: float, draw: Tensor, kind: str) -> Tensor:
    """KL from the prior: exact, or log q - log p at the draw; the sum of it."""
    if kind == "closed_form":
        ratio = (sigma**2 + (mean - p_mean) ** 2) / (2 * p_sigma**2)
        return (math.log(p_sigma) - torch.log(sigma) + ratio - 0.5).sum()
    log_q = -torch.log(sigma) - (draw - mean) ** 2 / (2 * sigma**2)
    log_p = -math.log(p_sigma) - (draw - p_mean) ** 2 / (2 * p_sigma**2)
    return (log_q - log_p).sum()


def object_states(model, video: Tensor):
    """h[component][frame], and the last state of the forward LSTM."""
    n_frames, hidden, n_components = video.shape[1], model.settings.hidden_size, model.settings.n_components
    features = encode(video.flatten(0, 1), model.image_encoder).unflatten(0, video.shape[:2])
    lstms = model.states
    forward_before = backward_before = [zeros(video, hidden)[0]] * n_frames
    all_states = []
    for _ in range(n_components):
        state, forward = zeros(video, hidden), []
        for j in range(n_frames):
            state = cell(torch.cat([features[:, j], forward_before[j]], dim=1), state, lstms.forwards)
            forward.append(state[0])
            if j == 0:
                after_first = state
        last = state
        state, backward = after_first, []
        for j in range(n_frames):
            x = torch.cat([features[:, n_frames - 1 - j], backward_before[j]], dim=1)
            state = cell(x, state, lstms.backwards)
            backward.append(state[0])
        joined = [torch.cat([forward[j], backward[n_frames - 1 - j]], dim=1) for j in range(n_frames)]
        all_states.append([lstms.combine(each) for each in joined])
        forward_before, backward_before = forward, backward
    return all_states, last


def impute(model, h, mask, trust):
    """Outputs s[frame] of one object's imputation."""
    imputation, settings = model.imputation, model.settings
    state, outputs = zeros(h[0], settings.hidden_size), []
    for j in range(len(h)):
        x = h[j]
        if j > 0:
            x = trust[j] * h[j] + (1 - trust[j]) * imputation.foretell(outputs[-1])
        state = cell(torch.cat([x, mask[j]], dim=1), state, imputation.lstm)
        outputs.append(state[0])
    return outputs


def constrain(pose: Tensor, settings) -> Tensor:
    prior, reach = settings.scale_prior, 1 - settings.margin
    scale = pose[:, 0].clamp(prior - settings.scale_below, prior + settings.scale_above)
    x, y = (torch.tanh(pose[:, k]).clamp(-reach, reach) * (scale - 0.5) for k in (1, 2))
    return torch.stack([scale, x, y], dim=1)


def appearances(model, features, keep_varying, n_pred: int):
    """(mean, sigma)[component][frame] of all frames from features[component][frame] of the input frames."""
    settings, net = model.settings, model.appearance
    before = [zeros(features[0][0], settings.hidden_size)[0]] * len(features[0])
    gaussians = []
    for i in range(settings.n_components):
        states, outputs = [zeros(before[0], settings.hidden_size)] * 2, []
        for j, feature in enumerate(features[i]):
            low = cell(torch.cat([feature, before[j]], dim=1), states[0], net.lstm, 0)
            top = cell(low[0], states[1], net.lstm, 1)
            states = [low, top]
            outputs.append(top[0])
        before = outputs
        static = net.static(outputs[-1])
        all_outputs, states = list(outputs), [zeros(before[0], settings.hidden_size)] * 2
        for _ in range(n_pred):
            low = cell(all_outputs[-1], states[0], net.future_lstm, 0)
            top = cell(low[0], states[1], net.future_lstm, 1)
            if settings.carry_appearance_state:
                states = [low, top]
            all_outputs.append(top[0])
        varying = net.initial(torch.cat([features[i][0], static], dim=1))
        of_frames = []
        for output in all_outputs:
            varying = varying + net.increment(torch.cat([output, static], dim=1))
            used = varying * (keep_varying if settings.use_varying_appearance else 0.0)
            mean, sigma = model.mixing.linear(torch.cat([used, static], dim=1)).chunk(2, dim=1)
            of_frames.append((mean, F.softplus(sigma)))
        gaussians.append(of_frames)
    return gaussians


@dataclass
class PlainLatents:
    """What is drawn, each [component][frame] of (B, …), and the divergences from the priors, summed."""

    terms: dict
    m: list
    mask: list
    weight: list
    pose: list
    codes: list


def labels(model, m):
    """(mask of inference, weight of the objects in training's input frames), each [component][frame], (B, 1)."""
    settings = model.settings
    soft = [[torch.sigmoid(each) for each in of_component] for of_component in m]
    hard = [[(each >= 0.5).to(each.dtype) for each in of_component] for of_component in m]
    ones = [[torch.ones_like(each) for each in of_component] for of_component in m]
    mask, weight = (soft, soft) if settings.labels == "soft" else (hard, m)
    return mask if settings.use_imputation else ones, weight if settings.infer_missingness else ones


def missingness(model, h, draws, terms):
    """m[component][frame], (B, 1), by an LSTM over the objects of each frame."""
    n_components, n_cond = len(h), len(h[0])
    m = [[None] * n_cond for _ in range(n_components)]
    for j in range(n_cond):
        state = zeros(h[0][0], model.settings.hidden_size)
        for i in range(n_components):
            state = cell(h[i][j], state, model.missingness.lstm)
            mean, sigma = head(state[0], model.missingness.head)
            m[i][j] = mean + sigma * draws.missingness_BTK[:, j, i, None]
            terms["kl_missingness"] += divergence(mean, sigma, 0.0, 1.0, m[i][j], model.settings.kl)
    return m


def poses(model, outputs, last, n_pred: int, draws, terms):
    """Constrained poses [component][frame] of all frames, from outputs[component][frame] of the imputation."""
    settings, n_cond = model.settings, len(outputs[0])
    sigmas = [settings.scale_prior_sigma, settings.position_prior_sigma, settings.position_prior_sigma]
    state, pose = zeros(last[0], settings.hidden_size), []
    for i in range(settings.n_components):
        state = cell(outputs[i][0], state, model.pose.initial_lstm)
        mean, sigma = head(state[0], model.pose.initial_head)
        current = mean + sigma * draws.initial_pose_BK3[:, i]
        for k, p_sigma in enumerate(sigmas):
            p_mean = settings.scale_prior if k == 0 else 0.0
            kl = divergence(mean[:, k], sigma[:, k], p_mean, p_sigma, current[:, k], settings.kl)
            terms["kl_pose_initial"] += kl
        rolled, x, of_component = last, outputs[i][-1], []
        for t in range(n_cond + n_pred):
            if t < n_cond:
                output = outputs[i][t]
            else:
                rolled = cell(x, rolled, model.pose.predict)
                output = x = rolled[0]
            mean, sigma = head(output, model.pose.change_head)
            change = mean + sigma * draws.pose_change_BTK3[:, t, i]
            name = "kl_pose_input" if t < n_cond else "kl_pose_predicted"
            terms[name] += divergence(mean, sigma, 0.0, settings.pose_change_sigma, change, settings.kl)
            current = current + change
            of_component.append(constrain(current, settings))
        pose.append(of_component)
    return pose


def plain_latents(model, cond: Tensor, n_pred: int, draws) -> PlainLatents:
    """Inference from input frames (B, n_cond, C, H, W)."""
    settings, n_cond, side = model.settings, cond.shape[1], cond.shape[-1]
    names = ["kl_missingness", "kl_pose_input", "kl_pose_predicted", "kl_pose_initial", "kl_appearance"]
    terms, components, frames = dict.fromkeys(names, 0.0), range(settings.n_components), range(n_cond)
    h, last = object_states(model, cond)
    m = missingness(model, h, draws, terms)
    mask, weight = labels(model, m)
    outputs = []
    for i in components:
        trust = mask[i]
        if settings.use_imputation:
            trust = [mask[i][j] * draws.keep_BTK[:, j, i, None] for j in frames]
        outputs.append(impute(model, h[i], mask[i], trust))
    pose = poses(model, outputs, last, n_pred, draws, terms)

    # The object encoder sees all crops at once.
    crops = [plain_crop(cond[:, j], pose[i][j], side // 2) for i in components for j in frames]
    encoded = encode(torch.stack(crops, dim=1).flatten(0, 1), model.object_encoder).unflatten(0, (len(cond), -1))
    features = [[encoded[:, i * n_cond + j] * mask[i][j] for j in frames] for i in components]
    gaussians = appearances(model, features, 1.0 if draws.keep_varying is None else draws.keep_varying, n_pred)
    codes = [[] for _ in components]
    for i in components:
        for t, (mean, sigma) in enumerate(gaussians[i]):
            codes[i].append(mean + sigma * draws.appearance_BTKD[:, t, i])
            terms["kl_appearance"] += divergence(mean, sigma, 0.0, 1.0, codes[i][-1], settings.kl)
    if not settings.infer_missingness:
        del terms["kl_missingness"]
    return PlainLatents(terms, m, mask, weight, pose, codes)


def plain_objects(model, codes) -> list:
    """Codes [component][frame] → images of the objects (B, C, h, w); all in one call of the decoder."""
    flat = torch.stack([code for of_component in codes for code in of_component], dim=1)
    drawn = decode(flat.flatten(0, 1), model.object_decoder).unflatten(0, flat.shape[:2])
    n_frames = len(codes[0])
    return [[drawn[:, i * n_frames + t] for t in range(n_frames)] for i in range(len(codes))]


def plain_terms(model, video: Tensor, draws, first_shown_row: int = 0) -> dict[str, Tensor]:
    """Terms of the negative ELBO of (B, T, C, H, W), each the sum over everything divided by B·T·C·H·W."""
    settings, n_cond, n_frames, side = model.settings, model.task.n_cond, video.shape[1], video.shape[-1]
    latents = plain_latents(model, video[:, :n_cond], n_frames - n_cond, draws)
    objects = plain_objects(model, latents.codes)

    sigma, squares = settings.likelihood_sigma, {"nll_input": 0.0, "nll_output": 0.0}
    for t in range(n_frames):
        total = torch.zeros_like(video[:, t])
        for i in range(settings.n_components):
            drawn = plain_place(objects[i][t], latents.pose[i][t], side)
            total = total + (drawn * latents.weight[i][t][:, :, None, None] if t < n_cond else drawn)
        frame = total.clamp(max=1)
        if t >= n_cond and first_shown_row:
            shown = torch.zeros_like(frame)
            shown[:, :, first_shown_row:] = frame[:, :, first_shown_row:]
            frame = shown
        log_normal = -((video[:, t] - frame) ** 2) / (2 * sigma**2) - math.log(sigma) - 0.5 * math.log(2 * math.pi)
        squares["nll_input" if t < n_cond else "nll_output"] -= log_normal.sum()
    return {name: value / video.numel() for name, value in (latents.terms | squares).items()}
