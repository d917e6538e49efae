"""Reverse steps: the record of one step, the options of a run, and fresh noise."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from playground.core.diffusion.noise import NoiseLevel
from playground.core.diffusion.schedules import NoiseSchedule
from playground.core.sampling.inpainting import Conditioning


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
        return round(schedule.t_from_log_snr(self.level.log_snr).item())

    def next_t(self, schedule: NoiseSchedule) -> int | None:
        """The whole step of the schedule that this led to; None for the last, which leads to x_0."""
        is_last = self.index == self.total - 1
        return None if is_last else round(schedule.t_from_log_snr(self.next_level.log_snr).item())


def noise_like(x: Tensor, generator: torch.Generator | None) -> Tensor:
    """Standard Gaussian noise of x's shape, dtype and device.

    It is drawn on the CPU, so that a seed gives the same noise on every device.
    """
    return torch.randn(x.shape, generator=generator).to(x)


@dataclass(frozen=True)
class SamplingOptions:
    """How to sample: the options of `samplers.sample`, of which each way takes those that are its own."""

    steps: int
    labels: Tensor | None
    generator: torch.Generator | None
    eta: float
    variance: str
    clip_x0: bool
    spacing: str
    karras: bool
    given: Conditioning
