"""Records as answers of the endpoints: pictures as data: URLs, numbers for JSON."""

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
from playground.core.sampling.samplers import Step
from playground.render.palette import NOISE_RANGE

Answer = tuple[dict[str, str], dict[str, Any]]


def forward_record(record: ForwardProcess, t: int) -> Answer:
    """x_0, ε and x_t, and the numbers of this t."""
    level = NoiseLevel(record.level.alpha[t], record.level.sigma[t])
    x_t = add_noise(record.x0[None], record.eps[None], level)[0]
    pictures = {"x0": images.data_url(record.x0), "eps": _noise_url(record.eps), "x_t": images.data_url(x_t)}
    return pictures, {"t": t, **_level(level), "beta": record.schedule.betas[t].item()}


def prediction_record(record: NoisePrediction) -> Answer:
    """What was found at the record's first t."""
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
    """The pictures that the last step led to, and the numbers of every step and of the end, which has no t."""
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
    """JSON has no infinity: what is not finite becomes null."""
    return value if math.isfinite(value) else None
