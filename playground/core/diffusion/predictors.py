"""Noise predictors with one interface: the network, the zero baseline and the identity baseline."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Protocol

import torch
from torch import Tensor, nn

from playground.core.diffusion.noise import LOG_SNR_TOLERANCE, NoiseLevel, expand_coef
from playground.core.diffusion.parameterizations import EPS_FROM
from playground.core.diffusion.schedules import NoiseSchedule


class NoisePredictor(Protocol):
    """Noise predictor: any callable that estimates the noise in x_t."""

    def __call__(self, x_t: Tensor, level: NoiseLevel, labels: Tensor | None = None) -> Tensor:
        """Noise prediction.

        Args:
            x_t: noisy pictures, (B, C, H, W).
            level: their noise level, () or (B,).
            labels: class labels, int64 (B,), or None for no label.

        Returns:
            eps_hat, of x_t's shape, dtype and device.
        """
        ...


class DevicePredictor(NoisePredictor, Protocol):
    """Noise predictor with a `device`: the one that x_t should be on."""

    @property
    def device(self) -> torch.device: ...


MAX_ELEMENTS_PER_CALL = 2**18
"""The most elements of x_t in one network call: 334 digits, or one colour picture of 256 × 256, whose forward pass in
a large network takes a gigabyte."""


@dataclass(frozen=True)
class UNetPredictor:
    """Noise prediction with a diffusers UNet2DModel, at the t of its training schedule with the log-SNR of the level.

    A network learns noise levels, not integers, so it works under any schedule. A level outside its training range
    is clamped to that range (see `in_training_range`). A learned variance (Nichol & Dhariwal 2021, arXiv:2102.09672),
    the second half of the output channels, is ignored.

    Attributes:
        unet: the network, a UNet2DModel.
        trained_on: the noise schedule of its training.
        prediction_type: its parameterization, a key of EPS_FROM.
        null_label: the class label that stands for 'no label', or None where the network has none.
    """

    unet: nn.Module
    trained_on: NoiseSchedule
    prediction_type: str = "epsilon"
    null_label: int | None = None

    @torch.no_grad()
    def __call__(self, x_t: Tensor, level: NoiseLevel, labels: Tensor | None = None) -> Tensor:
        question = self._network_input(level)
        x = x_t / expand_coef(question.size, x_t)
        t = question.t.expand(len(x_t))
        if labels is None and self.null_label is not None:
            labels = torch.full((len(x_t),), self.null_label)
        inputs = [x, t] if labels is None else [x, t, labels]
        at_once = max(1, MAX_ELEMENTS_PER_CALL * len(x) // x.numel())
        if len(x) <= at_once:
            output = self._evaluate(*inputs)
        else:
            parts = zip(*(each.split(at_once) for each in inputs), strict=True)
            output = torch.cat([self._evaluate(*part) for part in parts])
        return EPS_FROM[self.prediction_type](x, output, question.level)

    def _network_input(self, level: NoiseLevel) -> _NetworkInput:
        if level.alpha.ndim:
            return _network_input(self.trained_on, level)
        return _cached_network_input(self.trained_on, level.alpha.item(), level.sigma.item())

    def _evaluate(self, x: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        weight = self._weight
        # A float tensor, since the network casts any other timestep to a whole number.
        output: Tensor = self.unet(
            x.to(weight),
            t.to(weight.device),
            class_labels=None if labels is None else labels.to(weight.device),
        ).sample
        return output[:, : x.shape[1]].to(x)

    @property
    def device(self) -> torch.device:
        """Where the network runs."""
        return self._weight.device

    @cached_property
    def _weight(self) -> Tensor:
        """One of the network's weights, for its device and dtype."""
        return next(self.unet.parameters())

    def in_training_range(self, level: NoiseLevel) -> bool:
        """Whether all levels, () or (B,), lie within the network's training range, up to LOG_SNR_TOLERANCE."""
        trained = self.trained_on.log_snr
        cleanest, noisiest = trained[0] + LOG_SNR_TOLERANCE, trained[-1] - LOG_SNR_TOLERANCE
        return bool(((level.log_snr <= cleanest) & (level.log_snr >= noisiest)).all())


@dataclass(frozen=True)
class _NetworkInput:
    """Network input for a noise level; each field is () or (B,).

    x_t / `size` is at the variance-preserving level `level`, the level of the network's timestep `t`. `size` is 1 where
    the level of x_t is variance-preserving already.
    """

    size: Tensor
    t: Tensor
    level: NoiseLevel


def _network_input(trained_on: NoiseSchedule, level: NoiseLevel) -> _NetworkInput:
    size = level.alpha.hypot(level.sigma)
    return _NetworkInput(
        size, trained_on.t_from_log_snr(level.log_snr).float(), NoiseLevel(level.alpha / size, level.sigma / size)
    )


@lru_cache(2**14)
def _cached_network_input(trained_on: NoiseSchedule, alpha: float, sigma: float) -> _NetworkInput:
    """Cached `_network_input` for one level: runs repeat their levels, and it takes longer than the rest of a step."""
    return _network_input(trained_on, NoiseLevel(*torch.tensor([alpha, sigma], dtype=torch.float64)))


class ZeroPredictor:
    """Zero baseline: predicts 0, the mean of the noise, whatever x_t is."""

    def __call__(self, x_t: Tensor, level: NoiseLevel, labels: Tensor | None = None) -> Tensor:
        return torch.zeros_like(x_t)


class IdentityPredictor:
    """Identity baseline: predicts x_t itself, as if all of it were noise."""

    def __call__(self, x_t: Tensor, level: NoiseLevel, labels: Tensor | None = None) -> Tensor:
        return x_t.clone()
