"""Generation: a whole reverse process from seeded noise, with label, guidance and conditioning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from playground.core.diffusion.guidance import ClassifierFreeGuidance, LabelSwitch
from playground.core.diffusion.noise import LOG_SNR_TOLERANCE
from playground.core.diffusion.predictors import DevicePredictor, NoisePredictor
from playground.core.diffusion.schedules import NoiseSchedule
from playground.core.sampling.interpolation import slerp
from playground.core.sampling.samplers import Step, sample


def seeded_noise(shape: tuple[int, ...], seed: int) -> Tensor:
    """The noise that a seed stands for: standard Gaussian, float32, the same on every device."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def label_switch_log_snr(schedule: NoiseSchedule) -> float:
    """The log-SNR from which on `then` is asked for: that at T / 2, and a trifle less, so that T / 2 itself counts."""
    return schedule.level(schedule.num_steps / 2).log_snr.item() - LOG_SNR_TOLERANCE


def generate(
    predictor: DevicePredictor,
    shape: tuple[int, int, int],
    schedule: NoiseSchedule,
    *,
    count: int = 1,
    label: int | None = None,
    then: int | None = None,
    guidance: float = 1.0,
    seed: int = 0,
    walk_to: int | None = None,
    **options: Any,
) -> Iterator[Step]:
    """Sample `count` pictures of `shape` (C, H, W) from noise; `seed` draws x_T and then the steps' fresh noise.

    `label` None asks for any picture; `then` is the label from T / 2 on, where it is another. With `walk_to`, the seed
    of another noise, the x_T lie evenly on the way from one noise to the other. `options` are those of `sample`.
    """
    generator = torch.Generator().manual_seed(seed)
    if walk_to is None:
        x_T = torch.randn(count, *shape, generator=generator)
    else:
        x_T = slerp(seeded_noise(shape, seed), seeded_noise(shape, walk_to), count)
    labels = None if label is None else torch.full((count,), label)
    guided: NoisePredictor = ClassifierFreeGuidance(predictor, guidance)
    if then is not None:
        guided = LabelSwitch(guided, torch.full((count,), then), label_switch_log_snr(schedule))
    return sample(guided, x_T.to(predictor.device), schedule, labels=labels, generator=generator, **options)
