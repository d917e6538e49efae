"""Noise predictors: the network, the zero baseline and the identity baseline behind one call."""

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
    """Anything that looks at x_t and says which noise is in it."""

    def __call__(self, x_t: Tensor, level: NoiseLevel, labels: Tensor | None = None) -> Tensor:
        """eps_hat, of x_t's shape (B, C, H, W), dtype and device. `labels` is int64 (B,), or None for no label."""
        ...


class DevicePredictor(NoisePredictor, Protocol):
    """One that says where its pictures belong."""

    @property
    def device(self) -> torch.device: ...


MAX_ELEMENTS_PER_CALL = 2**18
"""How much of x_t a network is given in one call: 334 digits, or one picture of 256 × 256 in colour, whose way through
a large network takes a gigabyte."""


@dataclass(frozen=True)
class UNetPredictor:
    """A diffusers UNet2DModel, evaluated at the t of its training schedule that has the log-SNR of the level.

    A network learns noise levels, not integers, so it works under any schedule. A level outside its training range
    is clamped to that range (see `in_training_range`). `prediction_type` is its parameterization, one of EPS_FROM; a
    learned variance (Nichol & Dhariwal 2021), the second half of the output channels, is ignored. `null_label` is the
    embedding for 'no label'.
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
            said = self._evaluate(*inputs)
        else:
            parts = zip(*(each.split(at_once) for each in inputs), strict=True)
            said = torch.cat([self._evaluate(*part) for part in parts])
        return EPS_FROM[self.prediction_type](x, said, question.level)

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
        """One of its weights: they lie on its device and are of its kind of number."""
        return next(self.unet.parameters())

    def in_training_range(self, level: NoiseLevel) -> bool:
        """Whether the network was trained at levels as clean and as noisy as these."""
        trained = self.trained_on.log_snr
        cleanest, noisiest = trained[0] + LOG_SNR_TOLERANCE, trained[-1] - LOG_SNR_TOLERANCE
        return bool(((level.log_snr <= cleanest) & (level.log_snr >= noisiest)).all())


@dataclass(frozen=True)
class _NetworkInput:
    """How a network is asked about x_t. Each is () or (B,).

    Divided by `size`, 1 where its level preserves variance, x_t is at `level`, which is that of the network's step `t`.
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
    """The same for one level, which run after run comes by: to find it takes longer than the rest of a step."""
    return _network_input(trained_on, NoiseLevel(*torch.tensor([alpha, sigma], dtype=torch.float64)))


class ZeroPredictor:
    """Never looks at x_t: the best it can say is the mean of the noise, 0."""

    def __call__(self, x_t: Tensor, level: NoiseLevel, labels: Tensor | None = None) -> Tensor:
        return torch.zeros_like(x_t)


class IdentityPredictor:
    """Takes all of x_t for noise."""

    def __call__(self, x_t: Tensor, level: NoiseLevel, labels: Tensor | None = None) -> Tensor:
        return x_t.clone()
