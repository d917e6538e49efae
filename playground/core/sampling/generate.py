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
    """Seeded standard Gaussian noise, the same on every device.

    Args:
        shape: shape of the noise.
        seed: seed of the generator.

    Returns:
        The noise, of `shape`, float32, on the CPU.
    """
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def label_switch_log_snr(schedule: NoiseSchedule) -> float:
    """Log-SNR from which on the label `then` is used: that at T / 2, less LOG_SNR_TOLERANCE so that T / 2 counts."""
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
    """Generate pictures from seeded noise with classifier-free guidance.

    Args:
        predictor: noise predictor, without guidance; sampling runs on its device.
        shape: shape of one picture, (C, H, W).
        schedule: noise schedule.
        count: number of pictures, B.
        label: class label, or None for unconditional sampling.
        then: class label from T / 2 on, or None to keep `label`.
        guidance: guidance scale; 1 is the conditional prediction, 0 the unconditional one.
        seed: seed of x_T and then of the steps' fresh noise.
        walk_to: seed of a second noise; the x_T are then spaced evenly from the first noise to it (`slerp`).
        **options: further options of `sample`.

    Returns:
        An iterator over the reverse steps, with pictures of (B, C, H, W).

    Raises:
        ValueError: if an option of `sample` is out of range.
    """
    generator = torch.Generator().manual_seed(seed)
    x_T = torch.randn(count, *shape, generator=generator)
    if walk_to is not None:  # the generator has moved on, so that the fresh noise is not the noise of x_T again
        x_T = slerp(seeded_noise(shape, seed), seeded_noise(shape, walk_to), count)
    labels = None if label is None else torch.full((count,), label)
    guided: NoisePredictor = ClassifierFreeGuidance(predictor, guidance)
    if then is not None:
        guided = LabelSwitch(guided, torch.full((count,), then), label_switch_log_snr(schedule))
    return sample(guided, x_T.to(predictor.device), schedule, labels=labels, generator=generator, **options)
