"""Classifier-free guidance, step by step: ε̂ with the label, ε̂ without it, and the guided combination."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from playground.core.diffusion.noise import NoiseLevel
from playground.core.diffusion.predictors import DevicePredictor
from playground.core.diffusion.schedules import NoiseSchedule
from playground.core.sampling.generate import generate
from playground.core.sampling.options import SamplingOptions
from playground.core.sampling.steps import Step


@dataclass(frozen=True)
class GuidanceStep:
    """A sampling step with the conditional and unconditional predictions behind its eps_hat, each (B, C, H, W).

    eps_hat = eps_uncond + scale * (eps_cond - eps_uncond) (Ho & Salimans 2022, eq. 6, arXiv:2207.12598; their w is
    scale - 1).
    """

    step: Step
    eps_uncond: Tensor
    eps_cond: Tensor


class _Overheard:
    """Classifier-free guidance that computes both predictions at every scale and keeps the latest pair."""

    def __init__(self, predictor: DevicePredictor, scale: float) -> None:
        self.predictor, self.scale = predictor, scale
        self.answers: tuple[Tensor, Tensor] | None = None

    @property
    def device(self) -> torch.device:
        return self.predictor.device

    def __call__(self, x_t: Tensor, level: NoiseLevel, labels: Tensor | None = None) -> Tensor:
        eps_uncond, eps_cond = self.predictor(x_t, level), self.predictor(x_t, level, labels)
        self.answers = eps_uncond, eps_cond
        return eps_uncond + self.scale * (eps_cond - eps_uncond)


def generate_with_guidance_trace(
    predictor: DevicePredictor, shape: tuple[int, int, int], schedule: NoiseSchedule, options: SamplingOptions
) -> Iterator[GuidanceStep]:
    """Sample with classifier-free guidance and keep both predictions of each step.

    Args:
        predictor: noise predictor, called twice per step: without and with the label.
        shape: shape of one image, (C, H, W).
        schedule: the noise schedule.
        options: sampling options; a label is required.

    Yields:
        Each step of the run, with its two predictions.

    Raises:
        ValueError: if there is no label.
    """
    if options.label is None:
        raise ValueError("label must be one of the network's labels, since guidance steers towards it; it was any.")
    overheard = _Overheard(predictor, options.guidance_scale)
    # `_Overheard` has applied the guidance already: a scale of 1 leaves its prediction as it is.
    for step in generate(overheard, shape, schedule, replace(options, guidance_scale=1.0)):
        assert overheard.answers is not None
        yield GuidanceStep(step, *overheard.answers)
