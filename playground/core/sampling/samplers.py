"""Samplers: every sampler by name, and `sample`, the reverse process from x_T to a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator

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

Sampler = Callable[[NoisePredictor, Tensor, NoiseSchedule, SamplingOptions], Iterator[Step]]

STOCHASTIC = ("ddpm", "sde-dpmsolver++", "euler_a")
"""The samplers that add fresh noise by themselves: each ends in a sample of its own, whatever x_T they share."""

SAMPLERS: dict[str, Sampler] = {
    "ddpm": ddpm,
    "ddim": ddim,
    "dpmsolver++": DiffusersSolver(DPMSolverMultistepScheduler),
    "sde-dpmsolver++": DiffusersSolver(
        DPMSolverMultistepScheduler, stochastic=True, options={"algorithm_type": "sde-dpmsolver++"}
    ),
    "unipc": DiffusersSolver(UniPCMultistepScheduler),
    "euler": DiffusersSolver(EulerDiscreteScheduler, sigma_space=True),
    "euler_a": DiffusersSolver(EulerAncestralDiscreteScheduler, sigma_space=True, karras=False, stochastic=True),
    "heun": DiffusersSolver(HeunDiscreteScheduler, sigma_space=True),
    "pndm": DiffusersSolver(PNDMScheduler, karras=False, options={"skip_prk_steps": True}),
    "lms": DiffusersSolver(LMSDiscreteScheduler, sigma_space=True),
    "deis": DiffusersSolver(DEISMultistepScheduler),
}


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
    """Run the reverse process from x_T (B, C, H, W), noise at the schedule's last level, to a picture, step by step.

    `sampler` is a name in SAMPLERS. `steps` (1 to T) are spread by `spacing`, one of TIMESTEP_SPACINGS, or, with
    `karras`, as Karras et al. 2022 do (eq. 5), where the sampler can. Each Step is one call of the predictor: `heun`
    calls it twice a step, `pndm` once more in all. `labels` is int64 (B,) or None; `generator`, a CPU generator, draws
    the fresh noise. `given` is a picture to start from or to keep a part of; a run that leaves strides out is shorter
    by their calls. To our own two belong: `eta`, 0 to 1, to ddim; `variance`, "beta" or "beta_tilde", to ddpm; and
    `clip_x0`, with which each x0_hat is clipped to [-1, 1] before the step, to both. Raises ValueError, before the
    first step, for what is out of range.
    """
    choices = (
        ("sampler", sampler, SAMPLERS),
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
    return SAMPLERS[sampler](predictor, x_T, schedule, run)
