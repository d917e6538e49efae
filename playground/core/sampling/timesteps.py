"""Timestep spacing: the noise levels at which a sampler evaluates the network."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from playground.core.diffusion.noise import CLEAN, NoiseLevel
from playground.core.diffusion.schedules import NoiseSchedule


def trailing(num_steps: int, steps: int) -> Tensor:
    """Evenly down from T - 1, the noisiest level; the last step is a whole stride (Lin et al. 2024, table 2)."""
    return torch.arange(num_steps, 0, -num_steps / steps, dtype=torch.float64)[:steps].round() - 1


def leading(num_steps: int, steps: int) -> Tensor:
    """Multiples of the stride down to t = 0, so that the noisiest are left out (Song et al. 2021, their code)."""
    return torch.arange(steps - 1, -1, -1, dtype=torch.float64) * (num_steps // steps)


def linspace(num_steps: int, steps: int) -> Tensor:
    """Evenly from T - 1 down to t = 0, both included, rounded to whole steps (Nichol & Dhariwal 2021, section 4)."""
    return torch.linspace(num_steps - 1, 0, steps, dtype=torch.float64).round()


TIMESTEP_SPACINGS: dict[str, Callable[[int, int], Tensor]] = {
    "trailing": trailing,
    "leading": leading,
    "linspace": linspace,
}
"""How the t's of a run are chosen: from T and the number of steps to (steps,) falling t's."""


def sampling_levels(schedule: NoiseSchedule, steps: int, spacing: str = "trailing") -> list[NoiseLevel]:
    """The levels that a run of so many steps visits, steps + 1 of them: from noise down to NoiseLevel(1, 0)."""
    all_of_them = schedule.level(TIMESTEP_SPACINGS[spacing](schedule.num_steps, steps))
    return [*map(NoiseLevel, all_of_them.alpha, all_of_them.sigma), CLEAN]


def num_steps_above(schedule: NoiseSchedule, steps: int, t: int, spacing: str = "trailing") -> int:
    """How many strides of such a run begin above the step t, at most all but the last: without them it begins there."""
    return min(int((TIMESTEP_SPACINGS[spacing](schedule.num_steps, steps) > t).sum()), steps - 1)
