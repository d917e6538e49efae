"""Classifier-free guidance, and a label that changes on the way."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from playground.core.diffusion.noise import NoiseLevel
from playground.core.diffusion.predictors import NoisePredictor


@dataclass(frozen=True)
class ClassifierFreeGuidance:
    """Classifier-free guidance: eps_uncond + scale * (eps_cond - eps_uncond).

    That is eq. 6 of Ho & Salimans 2022, whose w is scale - 1: a scale of 1 is the predictor with its label, 0 without.
    """

    predictor: NoisePredictor
    scale: float

    def __call__(self, x_t: Tensor, level: NoiseLevel, labels: Tensor | None = None) -> Tensor:
        if labels is None or self.scale == 0:
            return self.predictor(x_t, level)
        eps_cond = self.predictor(x_t, level, labels)
        if self.scale == 1:
            return eps_cond
        eps_uncond = self.predictor(x_t, level)
        return eps_uncond + self.scale * (eps_cond - eps_uncond)


@dataclass(frozen=True)
class LabelSwitch:
    """A predictor that is asked for `labels` (B,), int64, at levels with a log-SNR of at least `log_snr`.

    Noisier ones keep the labels that it is called with.
    """

    predictor: NoisePredictor
    labels: Tensor
    log_snr: float

    def __call__(self, x_t: Tensor, level: NoiseLevel, labels: Tensor | None = None) -> Tensor:
        return self.predictor(x_t, level, self.labels if bool((level.log_snr >= self.log_snr).all()) else labels)
