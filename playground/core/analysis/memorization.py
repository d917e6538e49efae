"""Memorization and generalization: the network and the ideal predictor sample side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from playground.core.analysis.sample_quality import Nearest, nearest
from playground.core.sampling.steps import Step


@dataclass(frozen=True)
class StepWithNeighbors:
    """A sampling step and the training pictures nearest to its x0_hat."""

    step: Step
    nearest: Nearest


def run_side_by_side(runs: Mapping[str, Iterator[Step]], pictures: Tensor) -> Iterator[dict[str, StepWithNeighbors]]:
    """Advance several sampling runs together and find the nearest training pictures of each step's x0_hat.

    The caller starts the runs from the same x_T and with the same fresh noise: only their predictors differ.

    Args:
        runs: sampling runs by name, all with the same number of steps.
        pictures: training pictures, (N, C, H, W).

    Yields:
        For each step the runs' steps by name, with their neighbours.

    Raises:
        ValueError: if the runs differ in their number of steps.
    """
    for steps in zip(*runs.values(), strict=True):
        yield {
            name: StepWithNeighbors(step, nearest(step.x0_hat.float().cpu(), pictures))
            for name, step in zip(runs, steps, strict=True)
        }
