"""The playground's questions, each a function that returns a record of everything it found."""

from __future__ import annotations

import torch
from torch import Tensor

from playground.core.noise import add_noise
from playground.core.predictors import NoisePredictor
from playground.core.schedules import NoiseSchedule


def mean_error(
    predictor: NoisePredictor,
    x0: Tensor,
    labels: Tensor | None,
    schedule: NoiseSchedule,
    *,
    draws: int = 4,
    seed: int = 0,
) -> float:
    """E[(eps - eps_hat)²] a pixel, over pictures x0 (B, C, H, W), noise and t, which is even over the schedule.

    The B pictures share the steps between them, evenly, anew in each draw: t itself adds little to the spread.
    """
    generator = torch.Generator().manual_seed(seed)
    total = 0.0
    for _ in range(draws):
        t = torch.linspace(0, schedule.num_steps - 1, len(x0))[torch.randperm(len(x0), generator=generator)]
        eps = torch.randn(x0.shape, generator=generator)
        for part in torch.arange(len(x0)).split(250):
            level = schedule.level(t[part])
            part_labels = None if labels is None else labels[part]
            eps_hat = predictor(add_noise(x0[part], eps[part], level), level, part_labels)
            total += (eps[part] - eps_hat).square().sum().item()
    return total / (draws * x0.numel())
