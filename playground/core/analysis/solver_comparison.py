"""Solver comparison at equal NFE: the same x_T, and each solver's distance to a reference trajectory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from playground.core.diffusion.predictors import DevicePredictor
from playground.core.diffusion.schedules import NoiseSchedule
from playground.core.sampling.generate import generate
from playground.core.sampling.samplers import SAMPLERS, Step

REFERENCE_STEPS = 1000

MIN_CALLS = 2


@dataclass(frozen=True)
class SolverRun:
    """A sampler in the race: the steps that it has taken, a call each, as far as the race has come."""

    sampler: str
    taken: list[Step]
    total: int

    @property
    def finished(self) -> bool:
        """Whether it has no call left."""
        return len(self.taken) == self.total

    @property
    def x0_hat(self) -> Tensor:
        """The picture that it points to, and once it has finished the picture itself."""
        return self.taken[-1].x_next if self.finished else self.taken[-1].x0_hat

    def distances(self, reference: Tensor) -> Tensor:
        """The root mean square a pixel between the reference, (B, C, H, W), and the picture it points to: one a call,
        and one more for the picture that it ended in.
        """
        pointed = [step.x0_hat for step in self.taken] + [self.taken[-1].x_next] * self.finished
        return torch.stack([(each - reference).float().square().mean().sqrt().cpu() for each in pointed])


def compare_solvers(
    predictor: DevicePredictor,
    shape: tuple[int, int, int],
    schedule: NoiseSchedule,
    samplers: Sequence[str],
    calls: int,
    **options: Any,
) -> Iterator[list[SolverRun]]:
    """All of them from the same x_T, call by call; who has fewer calls to take waits at the end.

    x0_hat is not clipped, so that all of them follow the same equation. `options` are those of `generate.generate`;
    its seed draws x_T and the fresh noise of those that add some. Raises ValueError for fewer than MIN_CALLS calls.
    """
    if calls < MIN_CALLS:
        raise ValueError(f"calls must be at least {MIN_CALLS}; it was {calls}.")
    runs = [
        generate(
            predictor,
            shape,
            schedule,
            sampler=name,
            steps=SAMPLERS[name].steps_for_nfe(calls),
            clip_x0=False,
            **options,
        )
        for name in samplers
    ]
    taken: list[list[Step]] = [[] for _ in samplers]
    for _ in range(calls):
        for steps, run in zip(taken, runs, strict=True):
            steps.extend(islice(run, 1))
        yield [SolverRun(name, list(steps), steps[0].total) for name, steps in zip(samplers, taken, strict=True)]


def reference_trajectory(
    predictor: DevicePredictor, shape: tuple[int, int, int], schedule: NoiseSchedule, **options: Any
) -> Iterator[Step]:
    """DDIM from the same x_T in as many steps as the schedule has, at most REFERENCE_STEPS, nothing clipped."""
    steps = min(REFERENCE_STEPS, schedule.num_steps)
    return generate(predictor, shape, schedule, sampler="ddim", steps=steps, clip_x0=False, **options)
