"""Parameterizations of the prediction: conversions between noise ε, picture x_0, velocity v and score."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from playground.core.diffusion.noise import NoiseLevel, expand_coef, linear_combination


def x0_coefficients(level: NoiseLevel) -> tuple[Tensor, Tensor]:
    """Weights of x_t and eps in x0 = (x_t - sigma * eps) / alpha, each () or (B,).

    At alpha = 0 x_t is pure noise and does not determine x0: both weights are 0, and so is x0, the middle of the
    pictures' range.
    """
    x_t_part = torch.where(level.alpha == 0, 0.0, 1 / level.alpha)
    return x_t_part, -level.sigma * x_t_part


def x0_from_eps(x_t: Tensor, eps: Tensor, level: NoiseLevel) -> Tensor:
    """Prediction of x0 from noise: (x_t - sigma * eps) / alpha, and 0 at alpha = 0 (see `x0_coefficients`).

    Args:
        x_t: noisy pictures, (B, ...).
        eps: noise, of x_t's shape.
        level: noise level of x_t, () or (B,).

    Returns:
        x0, (B, ...).
    """
    x_t_part, eps_part = x0_coefficients(level)
    return linear_combination(x_t_part, x_t, eps_part, eps)


def eps_from_x0(x_t: Tensor, x0: Tensor, level: NoiseLevel) -> Tensor:
    """Noise prediction from x0: (x_t - alpha * x0) / sigma.

    Args:
        x_t: noisy pictures, (B, ...).
        x0: clean pictures, of x_t's shape.
        level: noise level of x_t, () or (B,); `level.sigma` must be above 0.

    Returns:
        eps, (B, ...).
    """
    return (x_t - expand_coef(level.alpha, x_t) * x0) / expand_coef(level.sigma, x_t)


def v_from_eps(x_t: Tensor, eps: Tensor, level: NoiseLevel) -> Tensor:
    """Velocity from noise: v = alpha * eps - sigma * x0, with x0 from `x0_from_eps` (0 at alpha = 0).

    Args:
        x_t: noisy pictures, (B, ...).
        eps: noise, of x_t's shape.
        level: noise level of x_t, () or (B,).

    Returns:
        v, (B, ...).

    References:
        Salimans & Ho 2022, appendix D (arXiv:2202.00512).
    """
    return expand_coef(level.alpha, x_t) * eps - expand_coef(level.sigma, x_t) * x0_from_eps(x_t, eps, level)


def eps_from_v(x_t: Tensor, v: Tensor, level: NoiseLevel) -> Tensor:
    """Noise from velocity: sigma * x_t + alpha * v, where alpha² + sigma² = 1.

    Args:
        x_t: noisy pictures, (B, ...).
        v: velocity, of x_t's shape.
        level: noise level of x_t, () or (B,), variance-preserving.

    Returns:
        eps, (B, ...).

    References:
        Salimans & Ho 2022, appendix D.
    """
    return expand_coef(level.sigma, x_t) * x_t + expand_coef(level.alpha, x_t) * v


def score_from_eps(eps: Tensor, level: NoiseLevel) -> Tensor:
    """Score from noise: -eps / sigma.

    For the true noise it is the score of q(x_t | x0) (Vincent 2011); for E[eps | x_t] it is that of q(x_t), by
    Tweedie's formula (Efron 2011).

    Args:
        eps: noise, (B, ...).
        level: noise level, () or (B,); `level.sigma` must be above 0.

    Returns:
        The score, (B, ...).

    References:
        Vincent 2011, eq. 9.
        Efron 2011, eq. 1.4.
    """
    return -eps / expand_coef(level.sigma, eps)


def eps_from_score(score: Tensor, level: NoiseLevel) -> Tensor:
    """Noise from score: -sigma * score.

    Args:
        score: score, (B, ...).
        level: noise level, () or (B,).

    Returns:
        eps, (B, ...).
    """
    return -expand_coef(level.sigma, score) * score


EPS_FROM: dict[str, Callable[[Tensor, Tensor, NoiseLevel], Tensor]] = {
    "epsilon": lambda x_t, eps_hat, level: eps_hat,
    "sample": eps_from_x0,
    "v_prediction": eps_from_v,
}
"""Noise from a network's output, by parameterization: a function of (x_t, output, level) that returns eps.

The keys are diffusers' prediction types: the output is the noise, x_0 or the velocity (Salimans & Ho 2022, appendix
D).
"""

TARGETS: dict[str, Callable[[Tensor, Tensor, NoiseLevel], Tensor]] = {
    "epsilon": lambda x0, eps, level: eps,
    "sample": lambda x0, eps, level: x0,
    "v_prediction": lambda x0, eps, level: expand_coef(level.alpha, x0) * eps - expand_coef(level.sigma, x0) * x0,
}
"""Training target by parameterization: a function of (x0, eps, level). The keys are those of EPS_FROM."""
