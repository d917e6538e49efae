"""One reverse step of DDPM or DDIM, decomposed: prediction, subtraction, fresh noise."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from playground.core.diffusion.noise import expand_coef, linear_combination, reverse_transition
from playground.core.diffusion.parameterizations import eps_from_x0
from playground.core.sampling.ddpm_ddim import POSTERIOR_VARIANCES, ddim_coefficients
from playground.core.sampling.options import SamplingOptions
from playground.core.sampling.steps import Step


@dataclass(frozen=True)
class StepDecomposition:
    """A reverse step of DDPM or DDIM as a sum: x_next = x_t_part * x_t - eps_coef * eps + deviation * z.

    For DDPM that is eq. 11 of Ho et al. 2020 (arXiv:2006.11239) and, with another `eps_coef`, for DDIM eq. 12 of Song
    et al. 2021 (arXiv:2010.02502). The coefficients are (), float64. Where x_t is pure noise (alpha 0), `x_t_part` and
    `eps_coef` are infinite, and `mean` is computed from x0_hat.

    Attributes:
        step: the step.
        eps: the noise that goes with the step's x0_hat: eps_hat, except where x0_hat was clipped, (B, C, H, W).
        mean: the sum of the first two terms, (B, C, H, W).
        z: fresh noise, 0 where none was added, (B, C, H, W).
        x_t_part: coefficient of x_t.
        eps_coef: coefficient of eps, subtracted.
        deviation: standard deviation of the fresh noise.
    """

    step: Step
    eps: Tensor
    mean: Tensor
    z: Tensor
    x_t_part: Tensor
    eps_coef: Tensor
    deviation: Tensor


def decompose_step(step: Step, options: SamplingOptions) -> StepDecomposition:
    """Decompose a reverse step of a DDPM or DDIM run.

    Args:
        step: the step.
        options: sampling options of the run.

    Returns:
        The terms of the step.

    Raises:
        ValueError: if the sampler is neither "ddpm" nor "ddim".
    """
    sampler = options.sampler
    if sampler not in ("ddpm", "ddim"):
        raise ValueError(f"sampler must be ddpm or ddim to show a single step; it was {sampler!r}.")
    level, next_level = step.level, step.next_level
    q = reverse_transition(level, next_level)
    spread = q.variance if sampler == "ddpm" else options.eta**2 * q.variance
    drawn = POSTERIOR_VARIANCES[options.variance_type](q) if sampler == "ddpm" else spread
    deviation = torch.zeros_like(drawn) if step.index == step.total - 1 else drawn.sqrt()
    ratio = next_level.alpha / level.alpha
    eps_part = ratio * level.sigma - (next_level.sigma**2 - spread).clamp(min=0).sqrt()
    x_t_part, x0_part = ddim_coefficients(level, next_level, spread.sqrt())
    mean = linear_combination(x_t_part, step.x_t, x0_part, step.x0_hat)
    z = (step.x_next - mean) / expand_coef(deviation, mean) if deviation > 0 else torch.zeros_like(mean)
    return StepDecomposition(step, eps_from_x0(step.x_t, step.x0_hat, level), mean, z, ratio, eps_part, deviation)
