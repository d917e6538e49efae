"""Training loss: the mean squared error of ε̂ (Ho et al. 2020, eq. 14, arXiv:2006.11239), with an optional weight."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from playground.core.diffusion.noise import add_noise, expand_coef
from playground.core.diffusion.schedules import NoiseSchedule


def loss(unet: nn.Module, schedule: NoiseSchedule, x0: Tensor, labels: Tensor | None, tilt: float = 0) -> Tensor:
    """The simple training loss L_simple, at one random t and noise per picture; comments give the lines of Algorithm 1.

    Where there is more noise than picture, the error is weighted by SNR^-tilt. There it is a thousandth of the error at
    small t, yet it decides about the whole picture: background and colours. With tilt 1 this is the loss in x_0 with
    "truncated SNR" weighting, under which the network learns such levels only; with tilt 0.5 no level dominates.

    Args:
        unet: the network, called as a UNet2DModel is; it predicts eps.
        schedule: the noise schedule to train on.
        x0: pictures, (B, C, H, W), in [-1, 1].
        labels: labels, (B,), or None for a network without labels.
        tilt: exponent of the weight: 0 for L_simple, 1 for the truncated-SNR loss in x_0.

    Returns:
        The mean over pictures and pixels, ().

    References:
        Ho et al. 2020, eq. 14 and algorithm 1; Salimans & Ho 2022, section 4 (arXiv:2202.00512).
    """
    t = torch.randint(schedule.num_steps, (len(x0),))  # 3: t ~ Uniform({1, …, T}), counted from 0 here
    level = schedule.level(t)
    eps = torch.randn_like(x0)  # 4: ε ~ N(0, I)
    eps_hat: Tensor = unet(add_noise(x0, eps, level), t.to(x0), class_labels=labels).sample
    weight = expand_coef((-tilt * level.log_snr).clamp(min=0).exp(), x0)
    return (weight * (eps - eps_hat.float()) ** 2).mean()  # 5: descend on ∇ ‖ε - ε_θ(√ᾱ_t x_0 + √(1-ᾱ_t) ε, t)‖²
