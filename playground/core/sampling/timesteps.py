"""Timestep spacing: the noise levels at which a sampler evaluates the network."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from playground.core.diffusion.noise import CLEAN, NoiseLevel
from playground.core.diffusion.schedules import NoiseSchedule


def trailing(num_steps: int, steps: int) -> Tensor:
    """Trailing spacing: evenly down from T - 1, the noisiest level; the last step is a whole stride.

    Args:
        num_steps: T, number of steps of the schedule.
        steps: number of sampling steps, 1 to T.

    Returns:
        The timesteps, (steps,), float64, falling.

    References:
        Lin et al. 2024, table 2 (arXiv:2305.08891).
    """
    return torch.arange(num_steps, 0, -num_steps / steps, dtype=torch.float64)[:steps].round() - 1


def leading(num_steps: int, steps: int) -> Tensor:
    """Leading spacing: multiples of the stride down to t = 0, so that the noisiest levels are left out.

    Args:
        num_steps: T, number of steps of the schedule.
        steps: number of sampling steps, 1 to T.

    Returns:
        The timesteps, (steps,), float64, falling.

    References:
        Song et al. 2021 (DDIM), their code (arXiv:2010.02502).
    """
    return torch.arange(steps - 1, -1, -1, dtype=torch.float64) * (num_steps // steps)


def linspace(num_steps: int, steps: int) -> Tensor:
    """Linspace spacing: evenly from T - 1 down to t = 0, both included, rounded to integers.

    Args:
        num_steps: T, number of steps of the schedule.
        steps: number of sampling steps, 1 to T.

    Returns:
        The timesteps, (steps,), float64, falling.

    References:
        Nichol & Dhariwal 2021, section 4 (arXiv:2102.09672).
    """
    return torch.linspace(num_steps - 1, 0, steps, dtype=torch.float64).round()


TIMESTEP_SPACINGS: dict[str, Callable[[int, int], Tensor]] = {
    "trailing": trailing,
    "leading": leading,
    "linspace": linspace,
}
"""Timestep spacings by name: functions of T and the number of sampling steps that return (steps,) falling t's."""


def sampling_levels(schedule: NoiseSchedule, steps: int, timestep_spacing: str = "trailing") -> list[NoiseLevel]:
    """Noise levels that a run visits, from noise down to NoiseLevel(1, 0).

    Args:
        schedule: noise schedule.
        steps: number of sampling steps, 1 to T.
        timestep_spacing: timestep spacing, a key of TIMESTEP_SPACINGS.

    Returns:
        steps + 1 levels, each ().
    """
    all_of_them = schedule.level(TIMESTEP_SPACINGS[timestep_spacing](schedule.num_steps, steps))
    return [*map(NoiseLevel, all_of_them.alpha, all_of_them.sigma), CLEAN]


def num_steps_above(schedule: NoiseSchedule, steps: int, t: int, timestep_spacing: str = "trailing") -> int:
    """Number of sampling steps that begin above timestep t, at most all but the last.

    A run that skips them begins at its first visited level at or below t.

    Args:
        schedule: noise schedule.
        steps: number of sampling steps of the whole run, 1 to T.
        t: timestep, 0 to T - 1.
        timestep_spacing: timestep spacing, a key of TIMESTEP_SPACINGS.

    Returns:
        The number of steps to skip, 0 to steps - 1.
    """
    return min(int((TIMESTEP_SPACINGS[timestep_spacing](schedule.num_steps, steps) > t).sum()), steps - 1)
