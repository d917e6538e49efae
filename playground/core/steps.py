"""What every way of sampling is made of: a step, the levels that a run visits, and fresh noise. Knows no sampler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from playground.core.given import Given
from playground.core.noise import CLEAN, NoiseLevel
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

    def next_t(self, schedule: NoiseSchedule) -> int | None:
        """The whole step of the schedule that this led to; None for the last, which leads to x_0."""
        is_last = self.index == self.total - 1
        return None if is_last else round(schedule.t_at(self.next_level.log_snr).item())


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


def levels(schedule: NoiseSchedule, steps: int, spacing: str = "trailing") -> list[NoiseLevel]:
    """The levels that a run of so many steps visits, steps + 1 of them: from noise down to NoiseLevel(1, 0)."""
    all_of_them = schedule.level(SPACINGS[spacing](schedule.num_steps, steps))
    return [*map(NoiseLevel, all_of_them.alpha, all_of_them.sigma), CLEAN]


def strides_above(schedule: NoiseSchedule, steps: int, t: int, spacing: str = "trailing") -> int:
    """How many strides of such a run begin above the step t, at most all but the last: without them it begins there."""
    return min(int((SPACINGS[spacing](schedule.num_steps, steps) > t).sum()), steps - 1)


def noise_like(x: Tensor, generator: torch.Generator | None) -> Tensor:
    """Standard Gaussian noise of x's shape, dtype and device.

    It is drawn on the CPU, so that a seed gives the same noise on every device.
    """
    return torch.randn(x.shape, generator=generator).to(x)


@dataclass(frozen=True)
class Run:
    """How to sample: the options of `samplers.sample`, of which each way takes those that are its own."""

    steps: int
    labels: Tensor | None
    generator: torch.Generator | None
    eta: float
    variance: str
    clip_x0: bool
    spacing: str
    karras: bool
    given: Given
