"""Samplers: all samplers by name, and `sample`, the reverse process from x_T to a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import (
    DEISMultistepScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
    LMSDiscreteScheduler,
    PNDMScheduler,
    UniPCMultistepScheduler,
)
from torch import Tensor

from playground.core.diffusion.predictors import NoisePredictor
from playground.core.diffusion.schedules import NoiseSchedule
from playground.core.sampling.ddpm_ddim import POSTERIOR_VARIANCES, ddim, ddpm
from playground.core.sampling.diffusers_solvers import DiffusersSolver
from playground.core.sampling.options import SamplingOptions
from playground.core.sampling.steps import Step
from playground.core.sampling.timesteps import TIMESTEP_SPACINGS

DEFAULT_OPTIONS = SamplingOptions()

SamplerFunction = Callable[
    [NoisePredictor, Tensor, NoiseSchedule, SamplingOptions, Tensor | None, torch.Generator | None], Iterator[Step]
]
"""From predictor, x_T, schedule, options, labels and generator to the reverse steps."""


@dataclass(frozen=True)
class Sampler:
    """Sampler: the function that yields its steps, with a description and its NFE.

    Attributes:
        steps: the function that yields its reverse steps.
        scheduler: name of diffusers' class for it.
        about: one sentence on the method, with its source.
        stochastic: whether it always adds fresh noise, so that its sample differs from others' from the same x_T.
        nfe_per_step: network calls per step.
        extra_nfe: network calls per run of two steps or more in addition (negative: fewer, also in one step).
    """

    steps: SamplerFunction
    scheduler: str
    about: str
    stochastic: bool = False
    nfe_per_step: int = 1
    extra_nfe: int = 0

    def nfe(self, steps: int) -> int:
        """Number of function evaluations (NFE, network calls) of a run of `steps` steps."""
        return self.nfe_per_step * steps + (self.extra_nfe if steps > 1 else min(self.extra_nfe, 0))

    def steps_for_nfe(self, nfe: int) -> int:
        """Largest number of steps of a run with at most `nfe` network calls, 1 or more."""
        return max((nfe - self.extra_nfe) // self.nfe_per_step, 1)


def _solver(scheduler: type[Any], about: str, *, nfe_per_step: int = 1, extra_nfe: int = 0, **options: Any) -> Sampler:
    """Sampler of a diffusers scheduler; `options` are those of DiffusersSolver."""
    solver = DiffusersSolver(scheduler, **options)
    return Sampler(solver, scheduler.__name__, about, solver.stochastic, nfe_per_step, extra_nfe)


SAMPLERS: dict[str, Sampler] = {
    "ddpm": Sampler(ddpm, "DDPMScheduler", "Ancestral sampling (Ho et al. 2020, algorithm 2).", stochastic=True),
    "ddim": Sampler(ddim, "DDIMScheduler", "Deterministic for η = 0, DDPM for η = 1 (Song et al. 2021, eq. 12)."),
    "dpmsolver++": _solver(
        DPMSolverMultistepScheduler, "Second-order multistep ODE solver that extrapolates x̂_0 (Lu et al. 2022)."
    ),
    "sde-dpmsolver++": _solver(
        DPMSolverMultistepScheduler,
        "SDE version of DPM-Solver++: second-order multistep with fresh noise (Lu et al. 2022).",
        stochastic=True,
        options={"algorithm_type": "sde-dpmsolver++"},
    ),
    "unipc": _solver(
        UniPCMultistepScheduler, "Second-order multistep predictor–corrector for the ODE (Zhao et al. 2023)."
    ),
    "euler": _solver(
        EulerDiscreteScheduler,
        "Euler's method for the ODE of x_t/√ᾱ_t: DDIM with η = 0 (Karras et al. 2022).",
        sigma_space=True,
    ),
    "euler_a": _solver(
        EulerAncestralDiscreteScheduler,
        "Ancestral sampling with Euler steps and fresh noise (k-diffusion, Crowson 2022).",
        sigma_space=True,
        karras=False,
        stochastic=True,
    ),
    "heun": _solver(
        HeunDiscreteScheduler,
        "Second-order Heun method: two evaluations per step, one in the last (Karras et al. 2022).",
        nfe_per_step=2,
        extra_nfe=-1,
        sigma_space=True,
    ),
    "pndm": _solver(
        PNDMScheduler,
        "Pseudo linear multistep method over the last four ε̂ (Liu et al. 2022).",
        extra_nfe=1,
        karras=False,
        options={"skip_prk_steps": True},
    ),
    "lms": _solver(
        LMSDiscreteScheduler,
        "Linear multistep method over the last four ε̂ (k-diffusion, Crowson 2022).",
        sigma_space=True,
    ),
    "deis": _solver(DEISMultistepScheduler, "Exponential integrator, second-order multistep in ε̂ (Zhang & Chen 2022)."),
}


def sampler_named(name: str) -> Sampler:
    """The sampler with this name. Raises ValueError where there is none."""
    if name not in SAMPLERS:
        raise ValueError(f"sampler must be one of {', '.join(SAMPLERS)}; it was {name!r}.")
    return SAMPLERS[name]


def sample(
    predictor: NoisePredictor,
    x_T: Tensor,
    schedule: NoiseSchedule,
    options: SamplingOptions = DEFAULT_OPTIONS,
    *,
    labels: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Iterator[Step]:
    """Reverse process from x_T to images, step by step.

    Args:
        predictor: noise predictor.
        x_T: noise at the schedule's last level, (B, C, H, W).
        schedule: noise schedule.
        options: sampling options.
        labels: class labels, int64 (B,), or None for no label.
        generator: CPU generator of the fresh noise.

    Returns:
        An iterator over the steps, one Step per predictor call: heun makes two calls per step (one in the last),
        pndm one more in all.

    Raises:
        ValueError: before the first step, if an option is out of range; at a step whose result is not finite.
    """
    chosen, steps, skipped = sampler_named(options.sampler), options.steps, options.conditioning.skipped_steps
    choices = (
        ("timestep_spacing", options.timestep_spacing, TIMESTEP_SPACINGS),
        ("variance_type", options.variance_type, POSTERIOR_VARIANCES),
    )
    for name, value, known in choices:
        if value not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}; it was {value!r}.")
    if not 1 <= steps <= schedule.num_steps:
        raise ValueError(f"steps must be from 1 to T = {schedule.num_steps}; it was {steps}.")
    if not 0 <= options.eta <= 1:
        raise ValueError(f"eta must be from 0 to 1; it was {options.eta}.")
    if not 0 <= skipped < steps:
        raise ValueError(f"The number of skipped steps must be from 0 to {steps - 1}; it was {skipped}.")
    return _finite(chosen.steps(predictor, x_T, schedule, options, labels, generator), options.sampler)


def _finite(steps: Iterator[Step], sampler: str) -> Iterator[Step]:
    """The steps, as long as they are finite: nothing else is ever drawn, ranked or saved."""
    for step in steps:
        # On the meta device, where only shapes are tried, there are no values.
        if not step.x_next.is_meta and not step.x_next.sum().isfinite():
            raise ValueError(
                f"{sampler} gives no finite values from step {step.index + 1} of {step.total} on with these settings: "
                "choose another number of steps, another spacing or another sampler."
            )
        yield step
