"""The training step: Algorithm 1 of Ho et al. 2020 (arXiv:2006.11239) as four lines, executed as they are shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from playground.core.diffusion.predictors import UNetPredictor
from playground.core.diffusion.schedules import NoiseSchedule
from playground.core.sampling.generate import seeded_noise

LINES = (
    "t, eps = draw_t(), draw_eps()",
    "x_t = alpha_bar[t].sqrt() * x0 + (1 - alpha_bar[t]).sqrt() * eps",
    "eps_hat = network(x_t, t)",
    "loss = (eps - eps_hat).square().mean()",
)
"""The lines of a training step up to the loss; loss.backward() and the optimizer step follow."""


@dataclass(frozen=True)
class ExecutedLine:
    """A line of the training step after execution.

    `made` are its new variables by name: pictures (C, H, W) or single numbers ().
    """

    line: str
    made: dict[str, Tensor]


def execute(predictor: UNetPredictor, x0: Tensor, schedule: NoiseSchedule, t: int, seed: int) -> list[ExecutedLine]:
    """Execute LINES, one training step, with t and the noise fixed.

    Args:
        predictor: the network.
        x0: clean picture, (C, H, W).
        schedule: the noise schedule.
        t: the step that draw_t() returns.
        seed: seed of the noise that draw_eps() returns.

    Returns:
        The executed lines with their new variables, in order.
    """
    variables: dict[str, Any] = {
        "x0": x0,
        "alpha_bar": schedule.alpha_bar.float(),
        "draw_t": lambda: torch.tensor(t),
        "draw_eps": lambda: seeded_noise(tuple(x0.shape), seed),
        "network": lambda x_t, t: predictor(x_t[None], schedule.level(t))[0],
    }
    done = []
    for line in LINES:
        before = set(variables)
        exec(line, {"__builtins__": {}}, variables)
        done.append(ExecutedLine(line, {name: value for name, value in variables.items() if name not in before}))
    return done
