"""Reverse steps: the record of one step, and fresh noise."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from playground.core.diffusion.noise import NoiseLevel
from playground.core.diffusion.schedules import NoiseSchedule


@dataclass(frozen=True)
class Step:
    """Reverse step: one network call and its result, from x_t at `level` to x_next at `next_level`.

    Attributes:
        index: index of the step, 0 to `total` - 1.
        total: number of steps in the run.
        level: noise level of x_t.
        next_level: noise level of x_next.
        x_t: noisy pictures before the step, (B, C, H, W).
        eps_hat: the noise prediction, (B, C, H, W).
        x0_hat: the x0 prediction that follows from eps_hat, (B, C, H, W), clipped if the sampler clips.
        x_next: pictures after the step, (B, C, H, W).
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
        """Integer timestep of the schedule nearest to the level that the step starts from."""
        return round(schedule.t_from_log_snr(self.level.log_snr).item())

    def next_t(self, schedule: NoiseSchedule) -> int | None:
        """Integer timestep of the schedule nearest to the level that the step leads to; None for the last (x_0)."""
        is_last = self.index == self.total - 1
        return None if is_last else round(schedule.t_from_log_snr(self.next_level.log_snr).item())


def noise_like(x: Tensor, generator: torch.Generator | None) -> Tensor:
    """Standard Gaussian noise of x's shape, dtype and device.

    The noise is drawn on the CPU, so that a seed gives the same noise on every device.

    Args:
        x: tensor of any shape.
        generator: CPU generator, or None for PyTorch's default generator.

    Returns:
        The noise, like x.
    """
    return torch.randn(x.shape, generator=generator).to(x)
