"""Our own two ways from noise to a picture, DDPM and DDIM, as generators of steps. Knows no network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

from torch import Tensor

from playground.core.noise import NoiseLevel, Posterior, eps_from_x0, like, posterior, x0_from_eps
from playground.core.predictors import NoisePredictor
from playground.core.schedules import NoiseSchedule
from playground.core.steps import Run, Step, levels, noise_like

VARIANCES: dict[str, Callable[[Posterior], Tensor]] = {
    "beta_tilde": lambda q: q.variance,
    "beta": lambda q: q.beta,
}


def ddpm(predictor: NoisePredictor, x_T: Tensor, schedule: NoiseSchedule, run: Run) -> Iterator[Step]:
    """Ancestral sampling (Ho et al. 2020, algorithm 2): the posterior of eq. 7 with x0_hat for x_0.

    Its mean is eq. 11's. σ_t² is β_t or β̃_t, as `run.variance` says (section 3.2); between levels that are not
    neighbours both are those of the whole stride.
    """

    def transition(x_t: Tensor, x0_hat: Tensor, level: NoiseLevel, next_level: NoiseLevel) -> tuple[Tensor, Tensor]:
        q = posterior(x_t, x0_hat, level, next_level)
        return q.mean, VARIANCES[run.variance](q).sqrt()

    return _steps(predictor, x_T, schedule, run, transition)


def ddim(predictor: NoisePredictor, x_T: Tensor, schedule: NoiseSchedule, run: Run) -> Iterator[Step]:
    """Song et al. 2021, eq. 12 and 16: `run.eta` 0 is deterministic, 1 is DDPM with β̃_t."""

    def transition(x_t: Tensor, x0_hat: Tensor, level: NoiseLevel, next_level: NoiseLevel) -> tuple[Tensor, Tensor]:
        deviation = run.eta * posterior(x_t, x0_hat, level, next_level).variance.sqrt()
        return towards(x_t, x0_hat, level, next_level, deviation), deviation

    return _steps(predictor, x_T, schedule, run, transition)


def towards(
    x_t: Tensor, x0_hat: Tensor, level: NoiseLevel, next_level: NoiseLevel, deviation: Tensor | float = 0.0
) -> Tensor:
    """DDIM's mean of x at the next level (Song et al. 2021, eq. 12), where `deviation` is that of its fresh noise.

    The direction that points to x_t is taken from x0_hat, so that a clipped x0_hat and its noise still make up x_t.
    """
    direction = (next_level.sigma**2 - deviation**2).clamp(min=0).sqrt()
    return like(next_level.alpha, x_t) * x0_hat + like(direction, x_t) * eps_from_x0(x_t, x0_hat, level)


Transition = Callable[[Tensor, Tensor, NoiseLevel, NoiseLevel], tuple[Tensor, Tensor]]
"""From x_t, x0_hat and two levels to the mean of x_next and its standard deviation, ()."""


def _steps(
    predictor: NoisePredictor, x_t: Tensor, schedule: NoiseSchedule, run: Run, transition: Transition
) -> Iterator[Step]:
    for index, (level, next_level) in enumerate(pairwise(levels(schedule, run.steps, run.spacing))):
        eps_hat = predictor(x_t, level, run.labels)
        x0_hat = x0_from_eps(x_t, eps_hat, level)
        if run.clip_x0:
            x0_hat = x0_hat.clamp(-1, 1)
        mean, deviation = transition(x_t, x0_hat, level, next_level)
        x_next = mean
        if index < run.steps - 1 and bool(deviation > 0):  # the last step adds no noise (Ho et al. 2020, algorithm 2)
            x_next = mean + like(deviation, x_t) * noise_like(x_t, run.generator)
        yield Step(index, run.steps, level, next_level, x_t, eps_hat, x0_hat, x_next)
        x_t = x_next
