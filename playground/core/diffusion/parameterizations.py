"""Parameterizations of the prediction: noise ε, picture x_0, velocity v and score, each from the others."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from playground.core.diffusion.noise import NoiseLevel, expand_coef, linear_combination


def x0_coefficients(level: NoiseLevel) -> tuple[Tensor, Tensor]:
    """What x0 takes of x_t and of the noise that is taken out of it, (x_t - sigma * eps) / alpha; each () or (B,).

    At alpha = 0 nothing of the picture is in x_t and no noise can tell it: the parts are 0, and so is the picture, the
    middle of the range.
    """
    x_t_part = torch.where(level.alpha == 0, 0.0, 1 / level.alpha)
    return x_t_part, -level.sigma * x_t_part


def x0_from_eps(x_t: Tensor, eps: Tensor, level: NoiseLevel) -> Tensor:
    """The picture that is left when `eps` is taken out of x_t, see `x0_coefficients`."""
    x_t_part, eps_part = x0_coefficients(level)
    return linear_combination(x_t_part, x_t, eps_part, eps)


def eps_from_x0(x_t: Tensor, x0: Tensor, level: NoiseLevel) -> Tensor:
    """The noise that makes x_t of x0: (x_t - alpha * x0) / sigma. `level.sigma` must be above 0."""
    return (x_t - expand_coef(level.alpha, x_t) * x0) / expand_coef(level.sigma, x_t)


def v_from_eps(x_t: Tensor, eps: Tensor, level: NoiseLevel) -> Tensor:
    """The velocity v = alpha * eps - sigma * x0 (Salimans & Ho 2022, appendix D); at alpha = 0 see `x0_from_eps`."""
    return expand_coef(level.alpha, x_t) * eps - expand_coef(level.sigma, x_t) * x0_from_eps(x_t, eps, level)


def eps_from_v(x_t: Tensor, v: Tensor, level: NoiseLevel) -> Tensor:
    """The noise that a velocity stands for: sigma * x_t + alpha * v, where alpha² + sigma² = 1 (ibid.)."""
    return expand_coef(level.sigma, x_t) * x_t + expand_coef(level.alpha, x_t) * v


def score_from_eps(eps: Tensor, level: NoiseLevel) -> Tensor:
    """The score -eps / sigma: of q(x_t | x0) for the true noise, and of q(x_t) for E[eps | x_t] (Vincent 2011, eq. 9).

    That the second is so is Tweedie's formula (Efron 2011, eq. 1.4). `level.sigma` must be above 0.
    """
    return -eps / expand_coef(level.sigma, eps)


def eps_from_score(score: Tensor, level: NoiseLevel) -> Tensor:
    """The noise that a score stands for: -sigma * score."""
    return -expand_coef(level.sigma, score) * score


EPS_FROM: dict[str, Callable[[Tensor, Tensor, NoiseLevel], Tensor]] = {
    "epsilon": lambda x_t, eps_hat, level: eps_hat,
    "sample": eps_from_x0,
    "v_prediction": eps_from_v,
}
"""What a network may be trained to say, as diffusers calls it: the noise, x_0, or the velocity (Salimans & Ho 2022,
appendix D); and how, with x_t and its level, the noise follows from it."""

TARGETS: dict[str, Callable[[Tensor, Tensor, NoiseLevel], Tensor]] = {
    "epsilon": lambda x0, eps, level: eps,
    "sample": lambda x0, eps, level: x0,
    "v_prediction": lambda x0, eps, level: expand_coef(level.alpha, x0) * eps - expand_coef(level.sigma, x0) * x0,
}
"""What the network is trained to say, of x0, eps and their level: see EPS_FROM."""
