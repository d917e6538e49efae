"""Noise levels (α, σ), the forward process in closed form, and the posterior q(x_s | x_t, x_0)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class NoiseLevel:
    """How much picture and how much noise: x_t = alpha * x0 + sigma * eps.

    `alpha` and `sigma` are float64 and at least 0, of shape () for a whole batch or (B,) for one level a
    picture; plain numbers are accepted. Variance-preserving levels have alpha² + sigma² = 1, as
    DDPM's do: alpha = √ᾱ_t, sigma = √(1−ᾱ_t) (Ho et al. 2020, eq. 4); nothing here needs that.
    They stay on the CPU, since some devices have no float64, and are cast where they meet a picture.
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
"""Log-SNRs that differ by less are of the same level: two float32 roads to one schedule lead no farther apart."""

CLEAN = NoiseLevel(torch.tensor(1.0), torch.tensor(0.0))
"""The level at which every reverse process ends: the picture itself."""


def expand_coef(coefficient: Tensor, picture: Tensor) -> Tensor:
    """A coefficient of shape () or (B,), cast to `picture`'s dtype and device, ready to multiply (B, ...)."""
    cast = coefficient.to(picture)
    return cast.reshape(-1, *[1] * (picture.ndim - 1)) if cast.ndim else cast


def add_noise(x0: Tensor, eps: Tensor, level: NoiseLevel) -> Tensor:
    """x_t = alpha * x0 + sigma * eps (Ho et al. 2020, eq. 4). Shapes (B, ...), like x0."""
    return expand_coef(level.alpha, x0) * x0 + expand_coef(level.sigma, x0) * eps


def linear_combination(a: Tensor, x: Tensor, b: Tensor, y: Tensor) -> Tensor:
    """a * x + b * y, for pictures of one shape (B, ...) and coefficients () or (B,)."""
    return expand_coef(a, x) * x + expand_coef(b, x) * y


@dataclass(frozen=True)
class ReverseTransition:
    """The Gaussian q(x_s | x_t, x0) of a level s cleaner than t, as far as the levels say it.

    Its mean is x_t_part * x_t + x0_part * x0. `variance` is β̃ (Ho et al. 2020, eq. 7) and `beta` is β, the variance
    of q(x_t | x_s): the two choices for the reverse step's σ_t² (section 3.2). All are float64, () or (B,).
    """

    x_t_part: Tensor
    x0_part: Tensor
    variance: Tensor
    beta: Tensor


@dataclass(frozen=True)
class Posterior(ReverseTransition):
    """q(x_s | x_t, x0) itself; `mean` has x_t's shape."""

    mean: Tensor


def reverse_transition(level: NoiseLevel, next_level: NoiseLevel) -> ReverseTransition:
    """From t = `level` to s = `next_level`, at most as noisy (Ho et al. 2020, eq. 6–7); both (), or both (B,).

    Written for any two levels, not only neighbours, as in Kingma et al. 2021, appendix A: q(x_t | x_s) has
    the factor alpha_t / alpha_s and the variance sigma_t² - (alpha_t / alpha_s)² sigma_s².
    """
    factor = level.alpha / next_level.alpha
    beta = level.sigma**2 - factor**2 * next_level.sigma**2
    share = next_level.sigma**2 / level.sigma**2
    return ReverseTransition(factor * share, next_level.alpha * beta / level.sigma**2, beta * share, beta)


def posterior(x_t: Tensor, x0: Tensor, level: NoiseLevel, next_level: NoiseLevel) -> Posterior:
    """q(x_s | x_t, x0), see `reverse_transition`; x_t and x0 are (B, ...)."""
    q = reverse_transition(level, next_level)
    return Posterior(q.x_t_part, q.x0_part, q.variance, q.beta, linear_combination(q.x_t_part, x_t, q.x0_part, x0))
