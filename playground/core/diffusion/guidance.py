"""Classifier-free guidance, and a label that changes during sampling."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from playground.core.diffusion.noise import NoiseLevel
from playground.core.diffusion.predictors import NoisePredictor


@dataclass(frozen=True)
class ClassifierFreeGuidance:
    """Classifier-free guidance: eps_uncond + scale * (eps_cond - eps_uncond).

    A `scale` of 1 is the conditional prediction (with the label), 0 the unconditional one (without); above 1 the label
    is emphasized. Without labels the prediction is unconditional at any scale.

    References:
        Ho & Salimans 2022, eq. 6, whose w is scale - 1 (arXiv:2207.12598).
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
    """Label switch: a predictor that uses `labels` from a log-SNR of `log_snr` on.

    `labels` is int64 (B,). They replace the labels of the call when every level of the batch has a log-SNR of at least
    `log_snr`; noisier levels keep the labels of the call.
    """

    predictor: NoisePredictor
    labels: Tensor
    log_snr: float

    def __call__(self, x_t: Tensor, level: NoiseLevel, labels: Tensor | None = None) -> Tensor:
        return self.predictor(x_t, level, self.labels if bool((level.log_snr >= self.log_snr).all()) else labels)
