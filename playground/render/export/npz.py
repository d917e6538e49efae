"""NumPy export (.npz): all pictures and noise levels of a run."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from playground.core.diffusion.schedules import NoiseSchedule
from playground.core.sampling.steps import Step

MAX_VALUES = 2**25
"""Most numbers that a file may have: 128 MB."""


def npz(runs: Mapping[str, Iterable[Step]], schedule: NoiseSchedule) -> bytes:
    """NumPy archive (.npz) of one or more runs.

    For a run of N steps it holds `x_t` (N + 1, B, C, H, W), the last of which is the final picture; `eps_hat` and
    `x0_hat` (N, B, C, H, W), all float32; `alpha` and `sigma` (N + 1,), float64; and `t` (N,), the steps of the
    schedule.

    Args:
        runs: steps of each run by the run's name; array names begin with it and a slash, unless it is empty.
        schedule: the noise schedule, in which each step's t is found.

    Returns:
        The content of the file.

    Raises:
        ValueError: if there are more than MAX_VALUES numbers; it is raised as soon as this is known.
    """
    arrays: dict[str, NDArray[Any]] = {}
    for name, run in runs.items():
        arrays |= {f"{name}/{key}" if name else key: value for key, value in _arrays(run, schedule, len(runs)).items()}
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()


def _arrays(run: Iterable[Step], schedule: NoiseSchedule, runs: int) -> dict[str, NDArray[Any]]:
    steps = []
    for step in run:
        if runs * step.total * 3 * step.x_t.numel() > MAX_VALUES:
            raise ValueError("The steps of so many pictures would make too large a file: ask for fewer of them.")
        steps.append(step)
    last = steps[-1]
    pictures = {
        "x_t": [*(step.x_t for step in steps), last.x_next],
        "eps_hat": [step.eps_hat for step in steps],
        "x0_hat": [step.x0_hat for step in steps],
    }
    levels = [*(step.level for step in steps), last.next_level]
    return {
        **{name: torch.stack(states).float().cpu().numpy() for name, states in pictures.items()},
        "alpha": torch.stack([level.alpha for level in levels]).numpy(),
        "sigma": torch.stack([level.sigma for level in levels]).numpy(),
        "t": np.array([step.t(schedule) for step in steps]),
    }
