"""Noise schedules: from a timestep t to its noise level, and from a log-SNR back to t."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from playground.core.diffusion.noise import NoiseLevel

MIN_STEPS, MAX_STEPS = 10, 4000


@dataclass(frozen=True)
class NoiseSchedule:
    """Noise schedule: T noise levels, from nearly clean (t = 0) to noise (t = T - 1).

    `alpha_bar` is (T,), float64, strictly decreasing, each in (0, 1); with zero terminal SNR the last is 0.
    Ho et al. 2020 (arXiv:2006.11239) count steps from 1: their ᾱ_1 is alpha_bar[0].

    Raises:
        ValueError: if alpha_bar is not such a vector.
    """

    name: str
    alpha_bar: Tensor

    def __post_init__(self) -> None:
        ok = self.alpha_bar.ndim == 1 and self.alpha_bar.dtype == torch.float64 and len(self.alpha_bar) > 1
        if not ok or not (self.alpha_bar.diff() < 0).all() or self.alpha_bar[0] >= 1 or self.alpha_bar[-1] < 0:
            raise ValueError("alpha_bar must be a float64 vector that falls strictly from below 1 to 0 or above.")

    @property
    def num_steps(self) -> int:
        """T, the number of steps."""
        return len(self.alpha_bar)

    @cached_property
    def alphas(self) -> Tensor:
        """(T,): α_t = ᾱ_t / ᾱ_{t-1}, the part of the picture's variance that step t keeps."""
        return self.alpha_bar / torch.cat([torch.ones(1, dtype=torch.float64), self.alpha_bar[:-1]])

    @property
    def betas(self) -> Tensor:
        """(T,): β_t = 1 - α_t, the variance of the noise that step t adds."""
        return 1 - self.alphas

    @cached_property
    def log_snr(self) -> Tensor:
        """(T,): ln(ᾱ_t / (1 - ᾱ_t)), strictly decreasing; -inf at the end under zero terminal SNR."""
        return self.alpha_bar.log() - (1 - self.alpha_bar).log()

    def level(self, t: Tensor | float) -> NoiseLevel:
        """Noise level at timestep t, from 0 to T - 1, fractions included.

        Between steps it is linear in log-SNR. Where the last level is pure noise (log-SNR -inf), the last interval is
        linear in alpha instead.

        Args:
            t: timestep, () or (B,), in [0, T - 1].

        Returns:
            The level, () or (B,), like t.

        Raises:
            ValueError: if a t is outside [0, T - 1].
        """
        t = torch.as_tensor(t, dtype=torch.float64, device="cpu")
        if not ((t >= 0) & (t <= self.num_steps - 1)).all():
            raise ValueError(f"t must be from 0 to {self.num_steps - 1}.")
        below = t.floor().long().clamp(max=self.num_steps - 2)
        part = t - below
        left, right = self.log_snr[below], self.log_snr[below + 1]
        to_zero = right.isinf()
        log_snr = torch.where(to_zero, left, left + part * (right - left).nan_to_num(neginf=0.0))
        alpha = log_snr.sigmoid().sqrt()
        alpha = torch.where(to_zero, alpha * (1 - part), alpha)
        sigma = torch.where(to_zero, (1 - alpha**2).sqrt(), (-log_snr).sigmoid().sqrt())
        return NoiseLevel(alpha, sigma)

    def t_from_log_snr(self, log_snr: Tensor | float) -> Tensor:
        """Timestep t, fractions included, whose level has this log-SNR; the inverse of `level`.

        Clamped to 0 for levels cleaner than the schedule's first, to T - 1 for levels noisier than its last.
        """
        log_snr = torch.as_tensor(log_snr, dtype=torch.float64, device="cpu")
        rising, falling_t = self._inverse
        t = torch.as_tensor(np.interp(log_snr, rising, falling_t))
        if len(rising) == self.num_steps:
            return t
        last = self.num_steps - 2  # beyond it the level is linear in alpha
        part = 1 - (log_snr.sigmoid() / self.log_snr[last].sigmoid()).sqrt().clamp(max=1)
        return torch.where(log_snr < self.log_snr[last], last + part, t)

    @cached_property
    def _inverse(self) -> tuple[np.ndarray, np.ndarray]:
        """The finite log-SNRs, in rising order, and their t."""
        finite = self.log_snr[self.log_snr.isfinite()].numpy()
        return finite[::-1].copy(), np.arange(len(finite), dtype=np.float64)[::-1].copy()


LINEAR_ENDS, SCALED_LINEAR_ENDS = (1e-4, 0.02), (0.00085, 0.012)
"""The first and last β for T = 1000."""


def from_betas(name: str, betas: Tensor) -> NoiseSchedule:
    """Noise schedule from variances β_t: ᾱ_t = ∏_{s≤t} (1 - β_s).

    Args:
        name: name of the schedule.
        betas: β_t, (T,), in (0, 1].

    Returns:
        The schedule.

    Raises:
        ValueError: if ᾱ does not fall strictly from below 1 to 0 or above.

    References:
        Ho et al. 2020, eq. 4.
    """
    return NoiseSchedule(name, (1 - betas.double()).cumprod(0))


def linear(num_steps: int = 1000) -> NoiseSchedule:
    """Linear schedule: β_t evenly spaced from 1e-4 to 0.02 (Ho et al. 2020, section 4).

    Those ends are meant for T = 1000: for another T they are scaled by 1000 / T, so that x_T stays equally noisy;
    an end above 0.999 is set to 0.999.
    """
    first, last = _ends(num_steps, *LINEAR_ENDS)
    return from_betas("linear", torch.linspace(first, last, num_steps, dtype=torch.float64))


def scaled_linear(num_steps: int = 1000) -> NoiseSchedule:
    """Scaled linear schedule: √β_t evenly spaced, from β = 0.00085 to 0.012; other T scaled as in `linear`.

    References:
        Rombach et al. 2022 (arXiv:2112.10752).
    """
    first, last = _ends(num_steps, *SCALED_LINEAR_ENDS)
    return from_betas("scaled_linear", torch.linspace(first**0.5, last**0.5, num_steps, dtype=torch.float64) ** 2)


def cosine(num_steps: int = 1000) -> NoiseSchedule:
    """Cosine schedule: ᾱ follows cos², with β at most 0.999.

    References:
        Nichol & Dhariwal 2021, eq. 17 (arXiv:2102.09672).
    """

    def curve(u: Tensor) -> Tensor:
        return torch.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2

    u = torch.linspace(0, 1, _checked(num_steps) + 1, dtype=torch.float64)
    return from_betas("cosine", (1 - curve(u[1:]) / curve(u[:-1])).clamp(max=0.999))


def sigmoid(num_steps: int = 1000) -> NoiseSchedule:
    """Sigmoid schedule: β_t follows a sigmoid over [-6, 6], from 1e-4 to 0.02; other T scaled as in `linear`.

    References:
        Xu et al. 2022 (GeoDiff).
    """
    first, last = _ends(num_steps, *LINEAR_ENDS)
    ramp = torch.linspace(-6, 6, num_steps, dtype=torch.float64).sigmoid()
    return from_betas("sigmoid", ramp * (last - first) + first)


def zero_terminal_snr(schedule: NoiseSchedule) -> NoiseSchedule:
    """Zero terminal SNR: √ᾱ shifted and scaled so that the last level is pure noise.

    References:
        Lin et al. 2024, algorithm 1 (arXiv:2305.08891).
    """
    root = schedule.alpha_bar.sqrt()
    root = (root - root[-1]) * root[0] / (root[0] - root[-1])
    return NoiseSchedule(schedule.name, root**2)


@dataclass(frozen=True)
class ScheduleFamily:
    """Schedule family: a noise schedule for any number of steps, called with T.

    `make` builds the schedule from T. `script` holds the lines of Python that set its `betas`, (T,), from `T`, for an
    exported script; `{first}` and `{last}` in them stand for `ends`, its first and last β at T = 1000, scaled to T.
    """

    make: Callable[[int], NoiseSchedule]
    script: str
    ends: tuple[float, float] = (0.0, 0.0)

    def __call__(self, num_steps: int = 1000) -> NoiseSchedule:
        """Noise schedule with T = `num_steps`.

        Raises:
            ValueError: if num_steps is not from MIN_STEPS to MAX_STEPS.
        """
        return self.make(num_steps)

    def script_for(self, num_steps: int) -> str:
        """Lines of Python that set `betas` for T = `num_steps`.

        Raises:
            ValueError: if num_steps is not from MIN_STEPS to MAX_STEPS.
        """
        first, last = _ends(num_steps, *self.ends)
        return self.script.format(first=first, last=last)


SCHEDULES: dict[str, ScheduleFamily] = {
    "linear": ScheduleFamily(linear, "betas = torch.linspace({first}, {last}, T, dtype=torch.float64)", LINEAR_ENDS),
    "scaled_linear": ScheduleFamily(
        scaled_linear,
        "betas = torch.linspace({first} ** 0.5, {last} ** 0.5, T, dtype=torch.float64) ** 2",
        SCALED_LINEAR_ENDS,
    ),
    "cosine": ScheduleFamily(
        cosine,
        """u = torch.linspace(0, 1, T + 1, dtype=torch.float64)
curve = torch.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2
betas = (1 - curve[1:] / curve[:-1]).clamp(max=0.999)""",
    ),
    "sigmoid": ScheduleFamily(
        sigmoid,
        "betas = torch.linspace(-6, 6, T, dtype=torch.float64).sigmoid() * ({last} - {first}) + {first}",
        LINEAR_ENDS,
    ),
}


def _ends(num_steps: int, first: float, last: float) -> tuple[float, float]:
    """The first and last β of a schedule meant for T = 1000, at another T."""
    scale = 1000 / _checked(num_steps)
    return min(first * scale, 0.999), min(last * scale, 0.999)


def _checked(num_steps: int) -> int:
    if not MIN_STEPS <= num_steps <= MAX_STEPS:
        raise ValueError(f"T must be a whole number from {MIN_STEPS} to {MAX_STEPS}; it was {num_steps}.")
    return num_steps
