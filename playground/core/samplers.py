"""From noise to a picture: DDPM and DDIM as generators of steps. Knows no network, only a predictor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor

from playground.core.noise import CLEAN, NoiseLevel, Posterior, eps_from_x0, like, posterior, x0_from_eps
from playground.core.predictors import NoisePredictor
from playground.core.schedules import NoiseSchedule


@dataclass(frozen=True)
class Step:
    """One call of the network, and what it led to: from x_t at `level` to x_next at `next_level`.

    `index` counts from 0 to `total` - 1. Pictures are (B, C, H, W). `eps_hat` is what the predictor said; `x0_hat`
    is the picture that follows from it, clipped where the sampler was asked to.
    """

    index: int
    total: int
    level: NoiseLevel
    next_level: NoiseLevel
    x_t: Tensor
    eps_hat: Tensor
    x0_hat: Tensor
    x_next: Tensor

    def t(self, schedule: NoiseSchedule) -> int:
        """The whole step of the schedule that this started from."""
        return round(schedule.t_at(self.level.log_snr).item())


def trailing(num_steps: int, steps: int) -> Tensor:
    """Evenly down from T - 1, the noisiest level; the last step is a whole stride (Lin et al. 2024, table 2)."""
    return torch.arange(num_steps, 0, -num_steps / steps, dtype=torch.float64)[:steps].round() - 1


def leading(num_steps: int, steps: int) -> Tensor:
    """Multiples of the stride down to t = 0, so that the noisiest are left out (Song et al. 2021, their code)."""
    return torch.arange(steps - 1, -1, -1, dtype=torch.float64) * (num_steps // steps)


def linspace(num_steps: int, steps: int) -> Tensor:
    """Evenly from T - 1 down to t = 0, both included, rounded to whole steps (Nichol & Dhariwal 2021, section 4)."""
    return torch.linspace(num_steps - 1, 0, steps, dtype=torch.float64).round()


SPACINGS: dict[str, Callable[[int, int], Tensor]] = {"trailing": trailing, "leading": leading, "linspace": linspace}
"""How the t's of a run are chosen: from T and the number of steps to (steps,) falling t's."""


def noise_like(x: Tensor, generator: torch.Generator | None) -> Tensor:
    """Standard Gaussian noise of x's shape, dtype and device.

    It is drawn on the CPU, so that a seed gives the same noise on every device.
    """
    return torch.randn(x.shape, generator=generator).to(x)


def sample(
    predictor: NoisePredictor,
    x_T: Tensor,
    schedule: NoiseSchedule,
    *,
    sampler: str = "ddim",
    steps: int = 50,
    labels: Tensor | None = None,
    generator: torch.Generator | None = None,
    eta: float = 0.0,
    variance: str = "beta_tilde",
    clip_x0: bool = True,
    spacing: str = "trailing",
) -> Iterator[Step]:
    """Run the reverse process from x_T (B, C, H, W), noise at the schedule's last level, to a picture, step by step.

    `sampler` is a name in SAMPLERS. `steps` (1 to T) calls of the predictor are spread by `spacing`, one of SPACINGS;
    the last one ends at NoiseLevel(1, 0). `labels` is int64 (B,) or None; `generator`, a CPU generator, draws the fresh
    noise. `eta`, 0 to 1, belongs to ddim; `variance`, "beta" or "beta_tilde", to ddpm. With `clip_x0` each x0_hat is
    clipped to [-1, 1] before the step. Raises ValueError, before the first step, for what is out of range.
    """
    choices = (("sampler", sampler, SAMPLERS), ("spacing", spacing, SPACINGS), ("variance", variance, VARIANCES))
    for name, value, known in choices:
        if value not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}; it was {value!r}.")
    if not 1 <= steps <= schedule.num_steps:
        raise ValueError(f"steps must be from 1 to T = {schedule.num_steps}; it was {steps}.")
    if not 0 <= eta <= 1:
        raise ValueError(f"eta must be from 0 to 1; it was {eta}.")

    transition = partial(SAMPLERS[sampler], eta=eta, variance=variance)
    return _steps(predictor, x_T, levels(schedule, steps, spacing), transition, labels, generator, clip_x0)


def levels(schedule: NoiseSchedule, steps: int, spacing: str = "trailing") -> list[NoiseLevel]:
    """The levels that a run of so many steps visits, steps + 1 of them: from noise down to NoiseLevel(1, 0)."""
    all_of_them = schedule.level(SPACINGS[spacing](schedule.num_steps, steps))
    return [*map(NoiseLevel, all_of_them.alpha, all_of_them.sigma), CLEAN]


def _steps(
    predictor: NoisePredictor,
    x_t: Tensor,
    visited: list[NoiseLevel],
    transition: Transition,
    labels: Tensor | None,
    generator: torch.Generator | None,
    clip_x0: bool,
) -> Iterator[Step]:
    total = len(visited) - 1
    for index, (level, next_level) in enumerate(pairwise(visited)):
        eps_hat = predictor(x_t, level, labels)
        x0_hat = x0_from_eps(x_t, eps_hat, level)
        if clip_x0:
            x0_hat = x0_hat.clamp(-1, 1)
        mean, deviation = transition(x_t, x0_hat, level, next_level)
        x_next = mean
        if index < total - 1 and bool(deviation > 0):  # the last step adds no noise (Ho et al. 2020, algorithm 2)
            x_next = mean + like(deviation, x_t) * noise_like(x_t, generator)
        yield Step(index, total, level, next_level, x_t, eps_hat, x0_hat, x_next)
        x_t = x_next


Transition = Callable[..., tuple[Tensor, Tensor]]
"""From x_t, x0_hat and two levels, with eta and variance, to the mean of x_next and its standard deviation, ()."""


def ddpm(
    x_t: Tensor, x0_hat: Tensor, level: NoiseLevel, next_level: NoiseLevel, *, variance: str, eta: float
) -> tuple[Tensor, Tensor]:
    """Ancestral sampling (Ho et al. 2020, algorithm 2): the posterior of eq. 7 with x0_hat for x_0; eta plays no part.

    Its mean is eq. 11's. σ_t² is β_t or β̃_t (section 3.2); between levels that are not neighbours both are those of the
    whole stride.
    """
    q = posterior(x_t, x0_hat, level, next_level)
    return q.mean, VARIANCES[variance](q).sqrt()


def ddim(
    x_t: Tensor, x0_hat: Tensor, level: NoiseLevel, next_level: NoiseLevel, *, variance: str, eta: float
) -> tuple[Tensor, Tensor]:
    """Song et al. 2021, eq. 12 and 16: `eta` 0 is deterministic, 1 is DDPM with β̃_t; variance plays no part.

    The direction that points to x_t is taken from x0_hat, so that a clipped x0_hat and its noise still make up x_t.
    """
    deviation = eta * posterior(x_t, x0_hat, level, next_level).variance.sqrt()
    direction = (next_level.sigma**2 - deviation**2).clamp(min=0).sqrt()
    mean = like(next_level.alpha, x_t) * x0_hat + like(direction, x_t) * eps_from_x0(x_t, x0_hat, level)
    return mean, deviation


SAMPLERS: dict[str, Transition] = {"ddpm": ddpm, "ddim": ddim}
VARIANCES: dict[str, Callable[[Posterior], Tensor]] = {
    "beta_tilde": lambda q: q.variance,
    "beta": lambda q: q.beta,
}
