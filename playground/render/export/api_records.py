"""API records: results as the endpoints return them, with pictures as data: URLs and numbers for JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from torch import Tensor

from playground.core.analysis.forward_process import ForwardProcess
from playground.core.analysis.noise_prediction import NoisePrediction
from playground.core.data import images
from playground.core.diffusion.noise import NoiseLevel, add_noise
from playground.core.diffusion.schedules import NoiseSchedule
from playground.core.sampling.steps import Step
from playground.render.palette import NOISE_RANGE

Answer = tuple[dict[str, str], dict[str, Any]]


def forward_record(record: ForwardProcess, t: int) -> Answer:
    """Forward-process record at one time step: x_0, ε and x_t, and the noise level.

    Args:
        record: picture, noise, and the noise level at every t.
        t: time step, 0 to T − 1.

    Returns:
        Pictures by name, as data: URLs, and numbers by name.
    """
    level = NoiseLevel(record.level.alpha[t], record.level.sigma[t])
    x_t = add_noise(record.x0[None], record.eps[None], level)[0]
    pictures = {"x0": images.data_url(record.x0), "eps": _noise_url(record.eps), "x_t": images.data_url(x_t)}
    return pictures, {"t": t, **_level(level), "beta": record.schedule.betas[t].item()}


def prediction_record(record: NoisePrediction) -> Answer:
    """Noise-prediction record at the first t of `record`: its pictures as data: URLs, and its error measures."""
    eps, eps_hat = record.eps[0], record.eps_hat[0]
    pictures = {
        "x_t": images.data_url(record.x_t[0]),
        "eps": _noise_url(eps),
        "eps_hat": _noise_url(eps_hat),
        "difference": _noise_url(eps - eps_hat),
        "x0_hat": images.data_url(record.x0_hat[0]),
    }
    names = ("error", "cosine", "r2", "deviation", "x0_error")
    numbers = {name: _finite(getattr(record, name)[0].item()) for name in names}
    level = NoiseLevel(record.level.alpha[0], record.level.sigma[0])
    return pictures, {"t": int(record.t[0]), **_level(level), **numbers}


def reverse_record(steps: Iterator[Step], schedule: NoiseSchedule) -> Answer:
    """Sampling record: the final pictures, and the noise level and standard deviation of x_t at every step.

    Args:
        steps: the steps of one run; the iterator is consumed.
        schedule: the noise schedule, in which each step's t is found.

    Returns:
        Pictures as data: URLs, by index in the batch, and numbers of every step and of the end, whose t is None.
    """
    path = []
    for step in steps:
        path.append({"index": step.index, "t": step.t(schedule), **_level(step.level), "std_x_t": _deviation(step.x_t)})
    end = {"index": step.total, "t": None, **_level(step.next_level), "std_x_t": _deviation(step.x_next)}
    pictures = {str(i): images.data_url(picture) for i, picture in enumerate(step.x_next)}
    return pictures, {"steps": path, "end": end}


def _deviation(pictures: Tensor) -> float:
    return pictures.float().std(correction=0).item()


def _noise_url(noise: Tensor) -> str:
    return images.data_url(noise / NOISE_RANGE)


def _level(level: NoiseLevel) -> dict[str, float | None]:
    alpha, sigma = level.alpha.item(), level.sigma.item()
    return {"alpha_bar": alpha**2, "alpha": alpha, "sigma": sigma, "log_snr": _finite(level.log_snr.item())}


def _finite(value: float) -> float | None:
    """The value for JSON, which has no infinity: one that is not finite becomes null."""
    return value if math.isfinite(value) else None
