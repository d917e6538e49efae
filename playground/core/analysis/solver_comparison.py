"""Solver comparison at equal NFE: the same x_T, and each solver's distance to a reference trajectory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import torch
from torch import Tensor

from playground.core.diffusion.predictors import DevicePredictor
from playground.core.diffusion.schedules import NoiseSchedule
from playground.core.sampling.generate import generate
from playground.core.sampling.options import SamplingOptions
from playground.core.sampling.samplers import DEFAULT_OPTIONS, sampler_named
from playground.core.sampling.steps import Step

REFERENCE_STEPS = 1000

MIN_CALLS = 2


@dataclass(frozen=True)
class SolverRun:
    """A sampler's run in a solver comparison, up to the present call.

    `taken` are its steps so far, one per predictor call, and `total` is their number at the end.
    """

    sampler: str
    taken: list[Step]
    total: int

    @property
    def finished(self) -> bool:
        """Whether all steps are taken."""
        return len(self.taken) == self.total

    @property
    def x0_hat(self) -> Tensor:
        """The x0_hat of the latest step, or the final picture once the run has finished."""
        return self.taken[-1].x_next if self.finished else self.taken[-1].x0_hat

    def distances(self, reference: Tensor) -> Tensor:
        """Root mean square distance per pixel of each step's x0_hat to the reference, (B, C, H, W).

        One value per call, and one more for the final picture once the run has finished.
        """
        pointed = [step.x0_hat for step in self.taken] + [self.taken[-1].x_next] * self.finished
        return torch.stack([(each - reference).float().square().mean().sqrt().cpu() for each in pointed])


def compare_solvers(
    predictor: DevicePredictor,
    shape: tuple[int, int, int],
    schedule: NoiseSchedule,
    samplers: Sequence[str],
    nfe: int,
    options: SamplingOptions = DEFAULT_OPTIONS,
) -> Iterator[list[SolverRun]]:
    """Run several samplers from the same x_T at equal NFE, one predictor call at a time.

    x0_hat is not clipped, so that all samplers follow the same equation. A sampler with fewer calls keeps its last
    step until the others finish.

    Args:
        predictor: noise predictor.
        shape: shape of one image, (C, H, W).
        schedule: the noise schedule.
        samplers: names in SAMPLERS.
        nfe: number of function evaluations of each sampler, at least MIN_CALLS; it takes as many steps as that allows.
        options: sampling options, apart from the sampler and its steps.

    Yields:
        After each call the runs so far, in the order of `samplers`.

    Raises:
        ValueError: if nfe is below MIN_CALLS or a sampler is not in SAMPLERS.
    """
    if nfe < MIN_CALLS:
        raise ValueError(f"nfe must be at least {MIN_CALLS}; it was {nfe}.")
    runs = [
        generate(
            predictor,
            shape,
            schedule,
            replace(options, sampler=name, steps=sampler_named(name).steps_for_nfe(nfe), clip_x0=False),
        )
        for name in samplers
    ]
    taken: list[list[Step]] = [[] for _ in samplers]
    for _ in range(nfe):
        for steps, run in zip(taken, runs, strict=True):
            steps.extend(islice(run, 1))
        yield [SolverRun(name, list(steps), steps[0].total) for name, steps in zip(samplers, taken, strict=True)]


def reference_trajectory(
    predictor: DevicePredictor,
    shape: tuple[int, int, int],
    schedule: NoiseSchedule,
    options: SamplingOptions = DEFAULT_OPTIONS,
) -> Iterator[Step]:
    """Reference trajectory: DDIM in as many steps as the schedule has, at most REFERENCE_STEPS.

    It starts from the same x_T as `compare_solvers` with the same options, and x0_hat is not clipped.

    Args:
        predictor: noise predictor.
        shape: shape of one image, (C, H, W).
        schedule: the noise schedule.
        options: sampling options, apart from the sampler, its steps and their spacing.

    Returns:
        An iterator over the steps.
    """
    steps = min(REFERENCE_STEPS, schedule.num_steps)
    exact = replace(options, sampler="ddim", steps=steps, eta=0.0, clip_x0=False, timestep_spacing="trailing")
    return generate(predictor, shape, schedule, exact)
