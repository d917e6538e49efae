"""diffusers' solvers (DPM-Solver++, UniPC, Heun, …) as generators of reverse steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from diffusers import (
    PNDMScheduler,
)
from torch import Tensor

from playground.core.diffusion.noise import CLEAN, NoiseLevel, expand_coef
from playground.core.diffusion.parameterizations import x0_from_eps
from playground.core.diffusion.predictors import NoisePredictor
from playground.core.diffusion.schedules import NoiseSchedule
from playground.core.sampling.inpainting import UNCONDITIONED
from playground.core.sampling.steps import SamplingOptions, Step

MIN_ALPHA_BAR = 2.0**-24
"""Where the schedule ends in pure noise, solvers get this in place of 0, since they divide by it; as diffusers does."""


@dataclass(frozen=True)
class DiffusersSolver:
    """One of diffusers' schedulers as a generator of steps, all in x_t coordinates: x_t = alpha * x0 + sigma * eps.

    Schedulers in `sigma_space` work on x_t / alpha instead. `karras` tells whether Karras sigmas (Karras et al. 2022,
    eq. 5) apply, `stochastic` whether a step draws noise. Samples are not clipped.
    """

    scheduler: Callable[..., Any]
    sigma_space: bool = False
    karras: bool = True
    stochastic: bool = False
    options: dict[str, Any] = field(default_factory=dict)

    def __call__(
        self, predictor: NoisePredictor, x_T: Tensor, schedule: NoiseSchedule, run: SamplingOptions
    ) -> Iterator[Step]:
        """From x_T (B, C, H, W), a step a call of the predictor: Heun's calls it twice a step, PNDM once more."""
        scheduler = self.make_scheduler(schedule, run)
        draws = {"generator": run.generator} if self.stochastic else {}
        skipped = self.skip_steps(scheduler, run.given.skipped_steps)
        timesteps, visited = scheduler.timesteps[skipped:], _visited(scheduler, schedule)[skipped:]
        sample, total = x_T * scheduler.init_noise_sigma, len(timesteps)
        if run.given is not UNCONDITIONED:
            sample = self.to_scheduler_space(run.given.initial_x(x_T, visited[0]), visited[0])
        for index, t in enumerate(timesteps):
            level, next_level = visited[index], visited[index + 1]
            x_t = scheduler.scale_model_input(sample, t)
            eps_hat = predictor(x_t, level, run.labels)
            sample = scheduler.step(eps_hat, t, sample, **draws).prev_sample
            x0_hat = x0_from_eps(x_t, eps_hat, level)
            x_next = expand_coef(next_level.alpha, sample) * sample if self.sigma_space else sample
            if run.given.known_mask is not None:
                x_next = run.given.replace_known(x_next, x_T, next_level)
                sample = self.to_scheduler_space(x_next, next_level)
            yield Step(index, total, level, next_level, x_t, eps_hat, x0_hat, x_next)

    def to_scheduler_space(self, x_t: Tensor, level: NoiseLevel) -> Tensor:
        """x_t as the scheduler keeps it."""
        return x_t / expand_coef(level.alpha, x_t) if self.sigma_space else x_t

    def skip_steps(self, scheduler: Any, skip: int) -> int:
        """Make the scheduler begin after `skip` of its strides, and return how many of its calls are left out."""
        if self.scheduler is PNDMScheduler:
            # It calls twice at its second t, wherever it begins.
            once = scheduler.timesteps.unique().flip(0)[skip:]
            scheduler.timesteps = torch.cat([scheduler.timesteps[:skip], once[:2], once[1:]])
            return skip
        skipped: int = skip * scheduler.order
        scheduler.set_begin_index(skipped)  # or it looks for its first t, and may find the second of two that are equal
        return skipped

    def make_scheduler(self, schedule: NoiseSchedule, run: SamplingOptions) -> Any:
        """The scheduler, set to our schedule and to the run's steps."""
        alpha_bar = schedule.alpha_bar.clone()
        alpha_bar[alpha_bar == 0] = MIN_ALPHA_BAR
        betas = 1 - alpha_bar / torch.cat([torch.ones(1, dtype=torch.float64), alpha_bar[:-1]])
        spaced = {"use_karras_sigmas": run.karras} if self.karras else {}
        scheduler = self.scheduler(
            num_train_timesteps=schedule.num_steps,
            trained_betas=betas.tolist(),
            timestep_spacing=run.spacing,
            **spaced,
            **self.options,
        )
        # The product of β in float32 strays where ᾱ is small: these are the levels that were asked for.
        scheduler.alphas_cumprod = alpha_bar.float()
        scheduler.set_timesteps(run.steps)
        return scheduler


def _visited(scheduler: Any, schedule: NoiseSchedule) -> list[NoiseLevel]:
    """The level of each call, and the one that the last call leads to.

    A scheduler keeps its sigmas in float32. Where a call's t has the same level, it is taken from there, exactly.
    """
    of_t = [schedule.level(t.double().clamp(0, schedule.num_steps - 1)) for t in scheduler.timesteps]
    if not hasattr(scheduler, "sigmas"):
        return [*of_t, schedule.level(0)]
    of_sigma = [_level(sigma) for sigma in scheduler.sigmas[: len(of_t)]]
    same = [abs(float(t.log_snr - sigma.log_snr)) < 1e-3 for t, sigma in zip(of_t, of_sigma, strict=True)]
    visited = [t if equal else sigma for t, sigma, equal in zip(of_t, of_sigma, same, strict=True)]
    return [*visited, _level(scheduler.sigmas[-1])]


def _level(sigma: Tensor) -> NoiseLevel:
    """The variance-preserving level of sigma / alpha, as Karras et al. 2022 and diffusers count noise."""
    ratio = sigma.double().cpu()
    return CLEAN if ratio == 0 else NoiseLevel(1 / (1 + ratio**2).sqrt(), ratio / (1 + ratio**2).sqrt())
