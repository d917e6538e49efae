"""One reverse step of DDPM or DDIM, decomposed: prediction, subtraction, fresh noise."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from playground.core.diffusion.noise import expand_coef, linear_combination, reverse_transition
from playground.core.diffusion.parameterizations import eps_from_x0
from playground.core.sampling.ddpm_ddim import POSTERIOR_VARIANCES, ddim_coefficients
from playground.core.sampling.steps import Step


@dataclass(frozen=True)
class StepDecomposition:
    """A step of DDPM or DDIM in three: x_next = x_t_part * x_t - eps_part * eps + deviation * z.

    That is eq. 11 of Ho et al. 2020 and, with another `eps_coef`, eq. 12 of Song et al. 2021. `eps` is the noise that
    goes with the step's x0_hat: its eps_hat, but where x0_hat was clipped. `mean` is what the first two terms make,
    (B, C, H, W) like `eps` and `z`, the fresh noise, which is 0 where none was added. The numbers are (), float64;
    where nothing of the picture is in x_t (alpha 0) the first two are infinite, and the mean follows from x0_hat.
    """

    step: Step
    eps: Tensor
    mean: Tensor
    z: Tensor
    x_t_part: Tensor
    eps_coef: Tensor
    deviation: Tensor


def decompose_step(step: Step, sampler: str, *, eta: float = 0.0, variance: str = "beta_tilde") -> StepDecomposition:
    """A step of a run by `sampler`, "ddpm" or "ddim", with these options, as it was taken.

    Raises ValueError for another sampler.
    """
    if sampler not in ("ddpm", "ddim"):
        raise ValueError(f"sampler must be ddpm or ddim to show a single step; it was {sampler!r}.")
    level, next_level = step.level, step.next_level
    q = reverse_transition(level, next_level)
    spread = q.variance if sampler == "ddpm" else eta**2 * q.variance
    drawn = POSTERIOR_VARIANCES[variance](q) if sampler == "ddpm" else spread
    deviation = torch.zeros_like(drawn) if step.index == step.total - 1 else drawn.sqrt()
    ratio = next_level.alpha / level.alpha
    eps_part = ratio * level.sigma - (next_level.sigma**2 - spread).clamp(min=0).sqrt()
    x_t_part, x0_part = ddim_coefficients(level, next_level, spread.sqrt())
    mean = linear_combination(x_t_part, step.x_t, x0_part, step.x0_hat)
    z = (step.x_next - mean) / expand_coef(deviation, mean) if deviation > 0 else torch.zeros_like(mean)
    return StepDecomposition(step, eps_from_x0(step.x_t, step.x0_hat, level), mean, z, ratio, eps_part, deviation)
