"""Generation: a whole reverse process from seeded noise, with label, guidance and conditioning."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from playground.core.diffusion.guidance import ClassifierFreeGuidance, LabelSwitch
from playground.core.diffusion.noise import LOG_SNR_TOLERANCE
from playground.core.diffusion.predictors import DevicePredictor, NoisePredictor
from playground.core.diffusion.schedules import NoiseSchedule
from playground.core.sampling.interpolation import slerp
from playground.core.sampling.options import SamplingOptions
from playground.core.sampling.samplers import sample
from playground.core.sampling.steps import Step


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
    """Log-SNR from which on `second_label` is used: that at T / 2, less LOG_SNR_TOLERANCE so that T / 2 counts."""
    return schedule.level(schedule.num_steps / 2).log_snr.item() - LOG_SNR_TOLERANCE


def generate(
    predictor: DevicePredictor, shape: tuple[int, int, int], schedule: NoiseSchedule, options: SamplingOptions
) -> Iterator[Step]:
    """Generate images from seeded noise with classifier-free guidance.

    Args:
        predictor: noise predictor, without guidance; sampling runs on its device.
        shape: shape of one image, (C, H, W).
        schedule: noise schedule.
        options: sampling options.

    Returns:
        An iterator over the reverse steps, with images of (B, C, H, W).

    Raises:
        ValueError: if an option is out of range.
    """
    count = options.num_images
    generator = torch.Generator().manual_seed(options.seed)
    x_T = torch.randn(count, *shape, generator=generator)
    if options.interpolate_to is not None:
        # The generator has moved on, so the fresh noise is not the noise of x_T again.
        x_T = slerp(seeded_noise(shape, options.seed), seeded_noise(shape, options.interpolate_to), count)
    labels = None if options.label is None else torch.full((count,), options.label)
    guided: NoisePredictor = ClassifierFreeGuidance(predictor, options.guidance_scale)
    if options.second_label is not None:
        guided = LabelSwitch(guided, torch.full((count,), options.second_label), label_switch_log_snr(schedule))
    return sample(guided, x_T.to(predictor.device), schedule, options, labels=labels, generator=generator)
