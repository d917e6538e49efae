"""The training loss: the mean squared error of ε̂ (Ho et al. 2020, eq. 14, arXiv:2006.11239), tilted on request."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from playground.core.diffusion.noise import add_noise, expand_coef
from playground.core.diffusion.schedules import NoiseSchedule


def loss(unet: nn.Module, schedule: NoiseSchedule, x0: Tensor, labels: Tensor | None, tilt: float = 0) -> Tensor:
    """One draw of L_simple (Ho et al. 2020, eq. 14): the lines of Algorithm 1, whose numbers stand beside them.

    Where there is more noise than picture, the error weighs SNR^-tilt. There it is a thousandth of what it is at small
    t, yet decides about the whole picture: its ground, its colours. At 1 this is the loss in x_0 with "truncated SNR"
    (Salimans & Ho 2022, section 4), under which such levels are all that is learned; half way no level drowns another.
    """
    t = torch.randint(schedule.num_steps, (len(x0),))  # 3: t ~ Uniform({1, …, T}), counted from 0 here
    level = schedule.level(t)
    eps = torch.randn_like(x0)  # 4: ε ~ N(0, I)
    eps_hat: Tensor = unet(add_noise(x0, eps, level), t.to(x0), class_labels=labels).sample
    weight = expand_coef((-tilt * level.log_snr).clamp(min=0).exp(), x0)
    return (weight * (eps - eps_hat.float()) ** 2).mean()  # 5: descend on ∇ ‖ε - ε_θ(√ᾱ_t x_0 + √(1-ᾱ_t) ε, t)‖²
