"""DDPM and DDIM as generators of reverse steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import torch
from torch import Tensor

from playground.core.diffusion.noise import NoiseLevel, ReverseTransition, reverse_transition
from playground.core.diffusion.parameterizations import x0_coefficients
from playground.core.diffusion.predictors import NoisePredictor
from playground.core.diffusion.schedules import NoiseSchedule
from playground.core.sampling.options import SamplingOptions
from playground.core.sampling.steps import Step, noise_like
from playground.core.sampling.timesteps import sampling_levels

POSTERIOR_VARIANCES: dict[str, Callable[[ReverseTransition], Tensor]] = {
    "fixed_small": lambda q: q.variance,
    "fixed_large": lambda q: q.beta,
}


def ddpm(
    predictor: NoisePredictor,
    x_T: Tensor,
    schedule: NoiseSchedule,
    options: SamplingOptions,
    labels: Tensor | None,
    generator: torch.Generator | None,
) -> Iterator[Step]:
    """DDPM ancestral sampling: each step samples the posterior q(x_s | x_t, x0) with x0_hat for x0.

    σ_t² is β_t or β̃_t, chosen by `options.variance_type` (section 3.2); between levels that are not neighbours both
    are those of the whole stride. The last step adds no noise.

    Args:
        predictor: noise predictor.
        x_T: initial noise, (B, C, H, W).
        schedule: noise schedule.
        options: sampling options; `eta` and `karras_sigmas` are not used.
        labels: class labels, int64 (B,), or None for no label.
        generator: CPU generator of the fresh noise.

    Returns:
        An iterator over the reverse steps, one predictor call each.

    References:
        Ho et al. 2020, algorithm 2; the posterior is eq. 7, the mean eq. 11 (arXiv:2006.11239).
    """

    def transition(level: NoiseLevel, next_level: NoiseLevel) -> tuple[Tensor, Tensor, Tensor]:
        q = reverse_transition(level, next_level)
        return q.x_t_part, q.x0_part, POSTERIOR_VARIANCES[options.variance_type](q).sqrt()

    return _steps(predictor, x_T, schedule, options, labels, generator, transition)


def ddim(
    predictor: NoisePredictor,
    x_T: Tensor,
    schedule: NoiseSchedule,
    options: SamplingOptions,
    labels: Tensor | None,
    generator: torch.Generator | None,
) -> Iterator[Step]:
    """DDIM sampling: deterministic for `options.eta` = 0, DDPM with β̃_t for 1. The last step adds no noise.

    Args:
        predictor: noise predictor.
        x_T: initial noise, (B, C, H, W).
        schedule: noise schedule.
        options: sampling options; `variance_type` and `karras_sigmas` are not used.
        labels: class labels, int64 (B,), or None for no label.
        generator: CPU generator of the fresh noise.

    Returns:
        An iterator over the reverse steps, one predictor call each.

    References:
        Song et al. 2021, eq. 12 and 16 (arXiv:2010.02502).
    """

    def transition(level: NoiseLevel, next_level: NoiseLevel) -> tuple[Tensor, Tensor, Tensor]:
        deviation = options.eta * reverse_transition(level, next_level).variance.sqrt()
        return *ddim_coefficients(level, next_level, deviation), deviation

    return _steps(predictor, x_T, schedule, options, labels, generator, transition)


def ddim_coefficients(
    level: NoiseLevel, next_level: NoiseLevel, deviation: Tensor | float = 0.0
) -> tuple[Tensor, Tensor]:
    """Weights of x_t and x0_hat in the mean of a DDIM step.

    The mean is alpha_s * x0_hat + √(sigma_s² - deviation²) * eps, where eps, the direction pointing to x_t, is computed
    from x_t and x0_hat: a clipped x0_hat and its eps still add up to x_t.

    Args:
        level: level t of x_t, () or (B,).
        next_level: level s of the next x, of the same shape.
        deviation: standard deviation of the step's fresh noise, a number, () or (B,).

    Returns:
        The weight of x_t and the weight of x0_hat, each () or (B,).

    References:
        Song et al. 2021, eq. 12.
    """
    direction = (next_level.sigma**2 - deviation**2).clamp(min=0).sqrt() / level.sigma
    return direction, next_level.alpha - direction * level.alpha


Transition = Callable[[NoiseLevel, NoiseLevel], tuple[Tensor, Tensor, Tensor]]
"""From the levels of S steps and their next levels, (S,): the weights of x_t and x0_hat in x_next, and the standard
deviation of the fresh noise, (S,) each."""


def _steps(
    predictor: NoisePredictor,
    x_T: Tensor,
    schedule: NoiseSchedule,
    options: SamplingOptions,
    labels: Tensor | None,
    generator: torch.Generator | None,
    transition: Transition,
) -> Iterator[Step]:
    visited = sampling_levels(schedule, options.steps, options.timestep_spacing)[options.conditioning.skipped_steps :]
    total = len(visited) - 1
    alpha, sigma = (torch.stack([getattr(level, name) for level in visited]) for name in ("alpha", "sigma"))
    begins, ends = NoiseLevel(alpha[:-1], sigma[:-1]), NoiseLevel(alpha[1:], sigma[1:])
    # Compute all coefficients first, so that only arithmetic on the pictures remains between two network calls.
    coefficients = zip(*(each.tolist() for each in (*x0_coefficients(begins), *transition(begins, ends))), strict=True)
    x_t = options.conditioning.initial_x(x_T, visited[0])
    for index, ((level, next_level), (a, b, c, d, deviation)) in enumerate(
        zip(pairwise(visited), coefficients, strict=True)
    ):
        eps_hat = predictor(x_t, level, labels)
        x0_hat = a * x_t + b * eps_hat
        if options.clip_x0:
            x0_hat = x0_hat.clamp(-1, 1)
        x_next = c * x_t + d * x0_hat
        if index < total - 1 and deviation > 0:  # the last step adds no noise (Ho et al. 2020, algorithm 2)
            x_next = x_next + deviation * noise_like(x_t, generator)
        x_next = options.conditioning.replace_known(x_next, x_T, next_level)
        yield Step(index, total, level, next_level, x_t, eps_hat, x0_hat, x_next)
        x_t = x_next
