"""Memorization and generalization: the network and the ideal predictor sample side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from playground.core.analysis.sample_quality import Nearest, nearest
from playground.core.sampling.samplers import Step


@dataclass(frozen=True)
class StepWithNeighbors:
    """A step of sampling, and the training pictures that are nearest to its x0_hat."""

    step: Step
    nearest: Nearest


def run_side_by_side(runs: Mapping[str, Iterator[Step]], pictures: Tensor) -> Iterator[dict[str, StepWithNeighbors]]:
    """Runs of as many steps by those who drive them, from the same x_T and with the same fresh noise, step by step.

    `pictures` are the training pictures, (N, C, H, W).
    """
    for steps in zip(*runs.values(), strict=True):
        yield {
            name: StepWithNeighbors(step, nearest(step.x0_hat.float().cpu(), pictures))
            for name, step in zip(runs, steps, strict=True)
        }
