"""Noise levels (α, σ), the forward process in closed form, and the posterior q(x_s | x_t, x_0)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class NoiseLevel:
    """Noise level (alpha, sigma), how much picture and how much noise: x_t = alpha * x0 + sigma * eps.

    `alpha` and `sigma` are float64 and at least 0, of shape () for a whole batch or (B,) for one level per
    picture; plain numbers are accepted. Variance-preserving levels have alpha² + sigma² = 1, as
    DDPM's do: alpha = √ᾱ_t, sigma = √(1−ᾱ_t) (Ho et al. 2020, eq. 4, arXiv:2006.11239); nothing here requires that.
    Both stay on the CPU, since some devices have no float64, and are cast where they meet a picture.
    """

    alpha: Tensor
    sigma: Tensor

    def __post_init__(self) -> None:
        for name in ("alpha", "sigma"):
            value = torch.as_tensor(getattr(self, name), dtype=torch.float64, device="cpu")
            object.__setattr__(self, name, value)

    @property
    def log_snr(self) -> Tensor:
        """ln(alpha² / sigma²): +inf for a clean picture, -inf for pure noise."""
        return 2 * (self.alpha.log() - self.sigma.log())


LOG_SNR_TOLERANCE = 1e-4
"""Log-SNRs that differ by less count as the same level: float32 computations of one schedule differ by no more."""

CLEAN = NoiseLevel(torch.tensor(1.0), torch.tensor(0.0))
"""The noise level of a clean picture, where every reverse process ends."""


def expand_coef(coefficient: Tensor, picture: Tensor) -> Tensor:
    """Broadcast a per-picture coefficient over pictures.

    Args:
        coefficient: () or (B,).
        picture: (B, ...); sets dtype, device and the number of dimensions.

    Returns:
        The coefficient in `picture`'s dtype and on its device, () or (B, 1, ...), ready to multiply (B, ...).
    """
    cast = coefficient.to(picture)
    return cast.reshape(-1, *[1] * (picture.ndim - 1)) if cast.ndim else cast


def add_noise(x0: Tensor, eps: Tensor, level: NoiseLevel) -> Tensor:
    """Forward process in closed form: x_t = alpha * x0 + sigma * eps.

    Args:
        x0: clean pictures, (B, ...).
        eps: standard Gaussian noise, (B, ...).
        level: noise level, () or (B,).

    Returns:
        x_t, (B, ...), like x0.

    References:
        Ho et al. 2020, eq. 4.
    """
    return expand_coef(level.alpha, x0) * x0 + expand_coef(level.sigma, x0) * eps


def linear_combination(a: Tensor, x: Tensor, b: Tensor, y: Tensor) -> Tensor:
    """Linear combination of two batches: a * x + b * y.

    Args:
        a: coefficient of x, () or (B,).
        x: pictures, (B, ...).
        b: coefficient of y, () or (B,).
        y: pictures, (B, ...), of x's shape.

    Returns:
        a * x + b * y, (B, ...).
    """
    return expand_coef(a, x) * x + expand_coef(b, x) * y


@dataclass(frozen=True)
class ReverseTransition:
    """Coefficients of the posterior q(x_s | x_t, x0) for a level s cleaner than t: what follows from the levels alone.

    It is a Gaussian with the mean x_t_part * x_t + x0_part * x0. The two variances are the two choices for the reverse
    step's σ_t² (Ho et al. 2020, section 3.2).

    Attributes:
        x_t_part: weight of x_t in the mean, float64, () or (B,).
        x0_part: weight of x0 in the mean, float64, () or (B,).
        variance: the posterior variance β̃, float64, () or (B,).
        beta: β, the variance of q(x_t | x_s), float64, () or (B,).

    References:
        Ho et al. 2020, eq. 7.
    """

    x_t_part: Tensor
    x0_part: Tensor
    variance: Tensor
    beta: Tensor


@dataclass(frozen=True)
class Posterior(ReverseTransition):
    """Posterior q(x_s | x_t, x0): a ReverseTransition with its `mean`, of x_t's shape."""

    mean: Tensor


def reverse_transition(level: NoiseLevel, next_level: NoiseLevel) -> ReverseTransition:
    """Coefficients of the posterior q(x_s | x_t, x0) from level t to level s.

    Valid for any two levels, not only neighbours: q(x_t | x_s) has the factor alpha_t / alpha_s and the variance
    sigma_t² - (alpha_t / alpha_s)² sigma_s².

    Args:
        level: level t, () or (B,); its sigma must be above 0.
        next_level: level s, at most as noisy as t; of the same shape.

    Returns:
        The weights of x_t and x0 in the posterior mean, β̃ and β, each () or (B,).

    References:
        Ho et al. 2020, eq. 6–7.
        Kingma et al. 2021, appendix A (arXiv:2107.00630).
    """
    factor = level.alpha / next_level.alpha
    beta = level.sigma**2 - factor**2 * next_level.sigma**2
    share = next_level.sigma**2 / level.sigma**2
    return ReverseTransition(factor * share, next_level.alpha * beta / level.sigma**2, beta * share, beta)


def posterior(x_t: Tensor, x0: Tensor, level: NoiseLevel, next_level: NoiseLevel) -> Posterior:
    """Posterior q(x_s | x_t, x0), see `reverse_transition`.

    Args:
        x_t: noisy pictures, (B, ...).
        x0: clean pictures, (B, ...).
        level: level t of x_t, () or (B,).
        next_level: level s, at most as noisy as t; of the same shape.

    Returns:
        The posterior; its `mean` is (B, ...).
    """
    q = reverse_transition(level, next_level)
    return Posterior(q.x_t_part, q.x0_part, q.variance, q.beta, linear_combination(q.x_t_part, x_t, q.x0_part, x0))
