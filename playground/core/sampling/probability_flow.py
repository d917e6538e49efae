"""The probability-flow ODE, solved in second-order steps; DDIM is its first-order discretization."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from torch import Tensor

from playground.core.diffusion.noise import NoiseLevel, linear_combination
from playground.core.diffusion.parameterizations import x0_from_eps
from playground.core.diffusion.predictors import NoisePredictor
from playground.core.diffusion.schedules import NoiseSchedule
from playground.core.sampling.ddpm_ddim import ddim_coefficients
from playground.core.sampling.steps import Step
from playground.core.sampling.timesteps import sampling_levels


def probability_flow(
    predictor: NoisePredictor,
    x_T: Tensor,
    schedule: NoiseSchedule,
    *,
    steps: int = 50,
    labels: Tensor | None = None,
    clip_x0: bool = True,
    timestep_spacing: str = "trailing",
) -> Iterator[Step]:
    """Probability-flow ODE, d(x/alpha) / d(sigma/alpha) = eps_hat(x), solved with Heun's method.

    Heun's method is of second order: it calls the predictor at both ends of a step, and the mean of the two predictions
    is the step's `eps_hat`. The last step ends at NoiseLevel(1, 0) and needs no prediction there. The NFE is
    2 * steps - 1.

    Args:
        predictor: noise predictor.
        x_T: noise at the schedule's last level, (B, ...).
        schedule: noise schedule.
        steps: number of steps, 1 to T.
        labels: class labels, int64 (B,), or None for no label.
        clip_x0: whether to clip each x0_hat to [-1, 1] before the step.
        timestep_spacing: timestep spacing, a key of TIMESTEP_SPACINGS.

    Yields:
        One Step per step of the solver, with pictures of (B, ...).

    References:
        Song et al. 2021 (DDIM), eq. 14 (arXiv:2010.02502).
        Karras et al. 2022, algorithm 1 (arXiv:2206.00364).
    """
    visited = sampling_levels(schedule, steps, timestep_spacing)

    def moved(x_t: Tensor, eps_hat: Tensor, level: NoiseLevel, next_level: NoiseLevel) -> tuple[Tensor, Tensor]:
        x0_hat = x0_from_eps(x_t, eps_hat, level)
        if clip_x0:
            x0_hat = x0_hat.clamp(-1, 1)
        x_t_part, x0_part = ddim_coefficients(level, next_level)
        return x0_hat, linear_combination(x_t_part, x_t, x0_part, x0_hat)

    x_t = x_T
    for index, (level, next_level) in enumerate(pairwise(visited)):
        eps_hat = predictor(x_t, level, labels)
        if index < steps - 1:
            _, guess = moved(x_t, eps_hat, level, next_level)
            eps_hat = (eps_hat + predictor(guess, next_level, labels)) / 2
        x0_hat, x_next = moved(x_t, eps_hat, level, next_level)
        yield Step(index, steps, level, next_level, x_t, eps_hat, x0_hat, x_next)
        x_t = x_next
