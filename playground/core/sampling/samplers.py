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
from playground.core.sampling.inpainting import UNCONDITIONED, Conditioning
from playground.core.sampling.steps import SamplingOptions, Step
from playground.core.sampling.timesteps import TIMESTEP_SPACINGS

__all__ = ["SAMPLERS", "Step", "sample"]


@dataclass(frozen=True)
class Sampler:
    """Sampler: the function that yields its steps, with a description and its NFE.

    Attributes:
        steps: the function that yields its reverse steps.
        scheduler: name of diffusers' class for it.
        about: one sentence on the method, with its source.
        stochastic: whether it always adds fresh noise, so that its sample differs from others' from the same x_T.
        nfe_per_step: network calls per step.
        extra_nfe: network calls per run in addition (negative: fewer).
    """

    steps: Callable[[NoisePredictor, Tensor, NoiseSchedule, SamplingOptions], Iterator[Step]]
    scheduler: str
    about: str
    stochastic: bool = False
    nfe_per_step: int = 1
    extra_nfe: int = 0

    def nfe(self, steps: int) -> int:
        """Number of function evaluations (NFE, network calls) of a run of `steps` steps."""
        return self.nfe_per_step * steps + self.extra_nfe

    def steps_for_nfe(self, nfe: int) -> int:
        """Largest number of steps of a run with at most `nfe` network calls."""
        return (nfe - self.extra_nfe) // self.nfe_per_step


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
    *,
    sampler: str = "ddim",
    steps: int = 50,
    labels: Tensor | None = None,
    generator: torch.Generator | None = None,
    eta: float = 0.0,
    variance: str = "beta_tilde",
    clip_x0: bool = True,
    spacing: str = "trailing",
    karras: bool = False,
    given: Conditioning = UNCONDITIONED,
) -> Iterator[Step]:
    """Reverse process from x_T to a picture, step by step.

    Args:
        predictor: noise predictor.
        x_T: noise at the schedule's last level, (B, C, H, W).
        schedule: noise schedule.
        sampler: name of the sampler, a key of SAMPLERS.
        steps: number of sampling steps, 1 to T.
        labels: class labels, int64 (B,), or None for no label.
        generator: CPU generator of the fresh noise.
        eta: share of fresh noise, 0 to 1; ddim only.
        variance: variance of the reverse step, "beta" or "beta_tilde"; ddpm only.
        clip_x0: whether to clip each x0_hat to [-1, 1] before the step; ddpm and ddim only.
        spacing: timestep spacing, a key of TIMESTEP_SPACINGS.
        karras: whether to use Karras sigmas instead of `spacing`, where the sampler supports them.
        given: picture to start from or to keep a part of; skipped steps shorten the run by their calls.

    Returns:
        An iterator over the steps, one Step per predictor call: heun makes two calls per step (one in the last),
        pndm one more in all.

    Raises:
        ValueError: before the first step, if sampler, spacing, variance, steps, eta or given is out of range.

    References:
        Karras et al. 2022, eq. 5 (arXiv:2206.00364).
    """
    chosen = sampler_named(sampler)
    choices = (
        ("spacing", spacing, TIMESTEP_SPACINGS),
        ("variance", variance, POSTERIOR_VARIANCES),
    )
    for name, value, known in choices:
        if value not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}; it was {value!r}.")
    if not 1 <= steps <= schedule.num_steps:
        raise ValueError(f"steps must be from 1 to T = {schedule.num_steps}; it was {steps}.")
    if not 0 <= eta <= 1:
        raise ValueError(f"eta must be from 0 to 1; it was {eta}.")
    if not 0 <= given.skipped_steps < steps:
        raise ValueError(f"The strides left out must be fewer than the {steps} steps; they were {given.skipped_steps}.")
    run = SamplingOptions(steps, labels, generator, eta, variance, clip_x0, spacing, karras, given)
    return chosen.steps(predictor, x_T, schedule, run)
