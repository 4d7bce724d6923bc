"""The evidence lower bound of DIVE (DIVE paper, section 3)."""

import math

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence
from torch.nn.functional import mse_loss

from pipeline_lib.models.dive.draws import Draws
from pipeline_lib.models.dive.gaussian import normal
from pipeline_lib.models.dive.missingness import generative_mask
from pipeline_lib.models.dive.networks import DiveNetworks, Latents
from pipeline_lib.models.dive.pose import initial_prior


def negative_elbo_terms(
    networks: DiveNetworks, video_BTCHW: Tensor, draws: Draws, shown_rows_H1: Tensor | None
) -> dict[str, Tensor]:
    """The terms log q - log p of each video, (B,), summed over frames, objects and pixels, with one draw of each site.

    shown_rows: what predicted frames are multiplied with, (H, 1), 0 in rows that are hidden.
    The Gaussian of an object's missingness is a site. What is made of its draw, and the frames that training hides
    besides, are not.
    """
    n_cond = networks.task.n_cond
    cond_BTCHW, future_BTCHW = video_BTCHW[:, :n_cond], video_BTCHW[:, n_cond:]
    latents = networks.infer(cond_BTCHW, future_BTCHW.shape[1], draws)
    object_BTKCHW = networks.decode(latents.appearance_BTKD)
    frames_BTCHW = networks.compose(_weighted(object_BTKCHW, networks, latents), latents.pose_BTK3)
    with torch.autocast(video_BTCHW.device.type, enabled=False):
        if shown_rows_H1 is not None:
            seen_BTCHW, predicted_BTCHW = frames_BTCHW.split([n_cond, future_BTCHW.shape[1]], dim=1)
            frames_BTCHW = torch.cat([seen_BTCHW, predicted_BTCHW * shown_rows_H1], dim=1)
        terms = _divergences(networks, latents)
        surprise_BT = _surprise(frames_BTCHW, video_BTCHW, networks.settings.likelihood_sigma)
        terms["nll_input"] = surprise_BT[:, :n_cond].sum(dim=1)
        terms["nll_output"] = surprise_BT[:, n_cond:].sum(dim=1)
    return terms


def _weighted(object_BTKCHW: Tensor, networks: DiveNetworks, latents: Latents) -> Tensor:
    """Objects of the input frames weighed by their labels, those of predicted frames as they are."""
    m_BTK = latents.missingness_BTK
    if m_BTK is None:
        return object_BTKCHW
    weight_BTK = generative_mask(m_BTK, networks.settings.labels)
    n_pred = object_BTKCHW.shape[1] - weight_BTK.shape[1]
    ones_BTK = weight_BTK.new_ones(len(weight_BTK), n_pred, weight_BTK.shape[2])
    return object_BTKCHW * torch.cat([weight_BTK, ones_BTK], dim=1)[..., None, None, None]


def _divergences(networks: DiveNetworks, latents: Latents) -> dict[str, Tensor]:
    settings, n_cond = networks.settings, networks.task.n_cond
    zero = latents.appearance_BTKD.new_zeros(())
    unit = normal(zero, zero + 1)
    change_prior = normal(zero, zero + settings.pose_change_sigma)
    first_prior = initial_prior(settings, latents.initial_pose_BK3)
    sites = {
        "kl_pose_changes": (latents.q_pose_change_BTK3, change_prior, latents.pose_change_BTK3),
        "kl_pose_initial": (latents.q_initial_pose_BK3, first_prior, latents.initial_pose_BK3),
        "kl_appearance": (latents.q_appearance_BTKD, unit, latents.appearance_BTKD),
    }
    if latents.q_missingness_BTK is not None and latents.missingness_BTK is not None:
        sites["kl_missingness"] = (latents.q_missingness_BTK, unit, latents.missingness_BTK)
    kl = {name: divergence(*site, closed=settings.kl == "closed_form") for name, site in sites.items()}
    changes_BTK3 = kl.pop("kl_pose_changes")
    kl["kl_pose_input"], kl["kl_pose_predicted"] = changes_BTK3[:, :n_cond], changes_BTK3[:, n_cond:]
    return {name: values.flatten(1).sum(dim=1) for name, values in kl.items()}


def divergence(q: Normal, p: Normal, draw: Tensor, closed: bool) -> Tensor:
    """KL(q ‖ p), exact or by one draw of q, element by element."""
    return kl_divergence(q, p) if closed else q.log_prob(draw) - p.log_prob(draw)


def _surprise(frames_BTCHW: Tensor, truth_BTCHW: Tensor, sigma: float) -> Tensor:
    """-log Normal(truth; frames, sigma) of each frame, (B, T). Written out, it passes over all pixels fewer times."""
    squares_BT = mse_loss(frames_BTCHW, truth_BTCHW, reduction="none").flatten(2).sum(dim=2)
    n_values = truth_BTCHW[0, 0].numel()
    return squares_BT / (2 * sigma**2) + n_values * (math.log(sigma) + math.log(2 * math.pi) / 2)
