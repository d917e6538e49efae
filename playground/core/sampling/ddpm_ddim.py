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
from playground.core.sampling.steps import SamplingOptions, Step, noise_like
from playground.core.sampling.timesteps import sampling_levels

POSTERIOR_VARIANCES: dict[str, Callable[[ReverseTransition], Tensor]] = {
    "beta_tilde": lambda q: q.variance,
    "beta": lambda q: q.beta,
}


def ddpm(predictor: NoisePredictor, x_T: Tensor, schedule: NoiseSchedule, run: SamplingOptions) -> Iterator[Step]:
    """Ancestral sampling (Ho et al. 2020, algorithm 2): the posterior of eq. 7 with x0_hat for x_0.

    Its mean is eq. 11's. σ_t² is β_t or β̃_t, as `run.variance` says (section 3.2); between levels that are not
    neighbours both are those of the whole stride.
    """

    def transition(level: NoiseLevel, next_level: NoiseLevel) -> tuple[Tensor, Tensor, Tensor]:
        q = reverse_transition(level, next_level)
        return q.x_t_part, q.x0_part, POSTERIOR_VARIANCES[run.variance](q).sqrt()

    return _steps(predictor, x_T, schedule, run, transition)


def ddim(predictor: NoisePredictor, x_T: Tensor, schedule: NoiseSchedule, run: SamplingOptions) -> Iterator[Step]:
    """Song et al. 2021, eq. 12 and 16: `run.eta` 0 is deterministic, 1 is DDPM with β̃_t."""

    def transition(level: NoiseLevel, next_level: NoiseLevel) -> tuple[Tensor, Tensor, Tensor]:
        deviation = run.eta * reverse_transition(level, next_level).variance.sqrt()
        return *ddim_coefficients(level, next_level, deviation), deviation

    return _steps(predictor, x_T, schedule, run, transition)


def ddim_coefficients(
    level: NoiseLevel, next_level: NoiseLevel, deviation: Tensor | float = 0.0
) -> tuple[Tensor, Tensor]:
    """What DDIM's mean at the next level takes of x_t and of x0_hat, where `deviation` is that of its fresh noise.

    It is alpha_s * x0_hat + √(sigma_s² - deviation²) * eps (Song et al. 2021, eq. 12), where eps, the direction that
    points to x_t, is taken from x0_hat: so a clipped x0_hat and its noise still make up x_t.
    """
    direction = (next_level.sigma**2 - deviation**2).clamp(min=0).sqrt() / level.sigma
    return direction, next_level.alpha - direction * level.alpha


Transition = Callable[[NoiseLevel, NoiseLevel], tuple[Tensor, Tensor, Tensor]]
"""What x_next takes of x_t and of x0_hat, and the deviation of its noise, from each level to the next: (S,) each."""


def _steps(
    predictor: NoisePredictor, x_T: Tensor, schedule: NoiseSchedule, run: SamplingOptions, transition: Transition
) -> Iterator[Step]:
    visited = sampling_levels(schedule, run.steps, run.spacing)[run.given.skipped_steps :]
    total = len(visited) - 1
    alpha, sigma = (torch.stack([getattr(level, name) for level in visited]) for name in ("alpha", "sigma"))
    begins, ends = NoiseLevel(alpha[:-1], sigma[:-1]), NoiseLevel(alpha[1:], sigma[1:])
    # All coefficients first: between two calls of the network nothing is left but the pictures' own arithmetic.
    coefficients = zip(*(each.tolist() for each in (*x0_coefficients(begins), *transition(begins, ends))), strict=True)
    x_t = run.given.initial_x(x_T, visited[0])
    for index, ((level, next_level), (a, b, c, d, deviation)) in enumerate(
        zip(pairwise(visited), coefficients, strict=True)
    ):
        eps_hat = predictor(x_t, level, run.labels)
        x0_hat = a * x_t + b * eps_hat
        if run.clip_x0:
            x0_hat = x0_hat.clamp(-1, 1)
        x_next = c * x_t + d * x0_hat
        if index < total - 1 and deviation > 0:  # the last step adds no noise (Ho et al. 2020, algorithm 2)
            x_next = x_next + deviation * noise_like(x_t, run.generator)
        x_next = run.given.replace_known(x_next, x_T, next_level)
        yield Step(index, total, level, next_level, x_t, eps_hat, x0_hat, x_next)
        x_t = x_next
