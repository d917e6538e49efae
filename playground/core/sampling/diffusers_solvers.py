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
from playground.core.sampling.options import SamplingOptions
from playground.core.sampling.steps import Step
from playground.core.sampling.timesteps import TIMESTEP_SPACINGS

MIN_ALPHA_BAR = 2.0**-24
"""Replaces an ᾱ of 0 (pure noise) in a solver's schedule, since solvers divide by ᾱ; the value is diffusers' own."""


@dataclass(frozen=True)
class DiffusersSolver:
    """Adapter for a diffusers scheduler: a generator of steps, all in x_t coordinates, x_t = alpha * x0 + sigma * eps.

    Samples are not clipped.

    Attributes:
        scheduler: diffusers' scheduler class.
        sigma_space: whether the scheduler works on x_t / alpha instead of x_t.
        karras: whether the scheduler supports Karras sigmas (Karras et al. 2022, eq. 5, arXiv:2206.00364).
        stochastic: whether a step draws fresh noise.
        options: further keyword arguments of the scheduler class.
    """

    scheduler: Callable[..., Any]
    sigma_space: bool = False
    karras: bool = True
    stochastic: bool = False
    options: dict[str, Any] = field(default_factory=dict)

    def __call__(
        self,
        predictor: NoisePredictor,
        x_T: Tensor,
        schedule: NoiseSchedule,
        options: SamplingOptions,
        labels: Tensor | None,
        generator: torch.Generator | None,
    ) -> Iterator[Step]:
        """Run the reverse process from x_T.

        Args:
            predictor: noise predictor.
            x_T: initial noise, (B, C, H, W).
            schedule: noise schedule.
            options: sampling options; `eta`, `variance_type` and `clip_x0` are not used.
            labels: class labels, int64 (B,), or None for no label.
            generator: CPU generator of the fresh noise.

        Yields:
            One Step per predictor call: Heun makes two calls per step (one in the last), PNDM one more in all.
        """
        scheduler = self.make_scheduler(schedule, options)
        draws = {"generator": generator} if self.stochastic else {}
        skipped = self.skip_steps(scheduler, options.conditioning.skipped_steps)
        timesteps, visited = scheduler.timesteps[skipped:], _visited(scheduler, schedule)[skipped:]
        sample, total = x_T * scheduler.init_noise_sigma, len(timesteps)
        if options.conditioning.uses_image:
            sample = self.to_scheduler_space(options.conditioning.initial_x(x_T, visited[0]), visited[0])
        for index, t in enumerate(timesteps):
            level, next_level = visited[index], visited[index + 1]
            x_t = scheduler.scale_model_input(sample, t)
            eps_hat = predictor(x_t, level, labels)
            sample = scheduler.step(eps_hat, t, sample, **draws).prev_sample
            x0_hat = x0_from_eps(x_t, eps_hat, level)
            x_next = expand_coef(next_level.alpha, sample) * sample if self.sigma_space else sample
            if options.conditioning.known_mask is not None:
                x_next = options.conditioning.replace_known(x_next, x_T, next_level)
                sample = self.to_scheduler_space(x_next, next_level)
            yield Step(index, total, level, next_level, x_t, eps_hat, x0_hat, x_next)

    def to_scheduler_space(self, x_t: Tensor, level: NoiseLevel) -> Tensor:
        """Convert x_t to the scheduler's coordinates: x_t / alpha in sigma space, else x_t.

        Args:
            x_t: noisy pictures, (B, C, H, W).
            level: their noise level, () or (B,).

        Returns:
            The scheduler's sample, (B, C, H, W).
        """
        return x_t / expand_coef(level.alpha, x_t) if self.sigma_space else x_t

    def skip_steps(self, scheduler: Any, skip: int) -> int:
        """Make the scheduler begin after the first `skip` strides.

        Args:
            scheduler: diffusers scheduler with its timesteps set; changed in place.
            skip: number of strides to skip.

        Returns:
            How many of the scheduler's calls are skipped with them.
        """
        if self.scheduler is PNDMScheduler:
            # PNDM calls the predictor twice at its second t, wherever the run begins.
            once = scheduler.timesteps.unique().flip(0)[skip:]
            scheduler.timesteps = torch.cat([scheduler.timesteps[:skip], once[:2], once[1:]])
            return skip
        skipped: int = skip * scheduler.order
        # Without this the scheduler searches for its first t and may find the second of two equal ones.
        scheduler.set_begin_index(skipped)
        return skipped

    def make_scheduler(self, schedule: NoiseSchedule, options: SamplingOptions) -> Any:
        """Create the diffusers scheduler with our noise schedule and the run's timesteps.

        Args:
            schedule: noise schedule; an ᾱ of 0 is replaced by MIN_ALPHA_BAR, or by half of the ᾱ before it.
            options: sampling options, of which `steps`, `timestep_spacing` and `karras_sigmas` are used.

        Returns:
            The diffusers scheduler with its timesteps set.
        """
        alpha_bar = schedule.alpha_bar.clone()
        if alpha_bar[-1] == 0:  # it stays the least, also where the one before is less than diffusers' value
            alpha_bar[-1] = min(MIN_ALPHA_BAR, alpha_bar[-2].item() / 2)
        betas = 1 - alpha_bar / torch.cat([torch.ones(1, dtype=torch.float64), alpha_bar[:-1]])
        spaced = {"use_karras_sigmas": options.karras_sigmas} if self.karras else {}
        scheduler = self.scheduler(
            num_train_timesteps=schedule.num_steps,
            trained_betas=betas.tolist(),
            timestep_spacing=options.timestep_spacing,
            **spaced,
            **self.options,
        )
        # diffusers multiplies the 1 - β in float32, which drifts where ᾱ is small: set the exact levels.
        scheduler.alphas_cumprod = alpha_bar.float()
        scheduler.set_timesteps(options.steps)
        if not _is_falling(scheduler, options.steps):
            _set_timesteps(scheduler, schedule, options)
        return scheduler


def _is_falling(scheduler: Any, steps: int) -> bool:
    """Whether the scheduler visits `steps` levels, each less noisy than the one before.

    diffusers' spacings may have a timestep of -1, by rounding, or the same one several times, where `steps` is near T.
    """
    levels = scheduler.sigmas[:-1] if hasattr(scheduler, "sigmas") else scheduler.timesteps
    return len(levels.unique()) == steps and bool(scheduler.timesteps.min() >= 0)


def _set_timesteps(scheduler: Any, schedule: NoiseSchedule, options: SamplingOptions) -> None:
    """Set a scheduler's timesteps to those of TIMESTEP_SPACINGS; `schedule` and `options` are those of the run."""
    timesteps = TIMESTEP_SPACINGS[options.timestep_spacing](schedule.num_steps, options.steps)
    scheduler.num_inference_steps = options.steps
    if isinstance(scheduler, PNDMScheduler):
        rising = timesteps.flip(0).long()
        scheduler._timesteps = rising.numpy()
        scheduler.timesteps = torch.cat([rising[:-1], rising[-2:-1], rising[-1:]]).flip(0)
        scheduler.plms_timesteps = scheduler.timesteps.numpy()
        return
    alpha_bar = scheduler.alphas_cumprod.double()
    all_sigmas = ((1 - alpha_bar) / alpha_bar).sqrt()
    sigmas = all_sigmas[timesteps.long()]
    if getattr(scheduler.config, "use_karras_sigmas", False):
        sigmas = torch.as_tensor(scheduler._convert_to_karras(sigmas, options.steps), dtype=torch.float64)
        logs = all_sigmas.log().numpy()
        timesteps = torch.tensor([float(scheduler._sigma_to_t(sigma, logs)) for sigma in sigmas.numpy()])
    evaluations = torch.full((options.steps,), scheduler.order)  # Heun's method evaluates each level twice,
    evaluations[0] = 1  # but for the first
    last = scheduler.sigmas[-1:].double()
    scheduler.sigmas = torch.cat([sigmas.repeat_interleave(evaluations), last]).float()
    scheduler.timesteps = timesteps.repeat_interleave(evaluations).to(scheduler.timesteps.dtype)


def _visited(scheduler: Any, schedule: NoiseSchedule) -> list[NoiseLevel]:
    """Noise level of each scheduler call, and the level that the last call leads to.

    A scheduler keeps its sigmas in float32. Where a call's t has the same level, the exact level of t is used instead.
    """
    of_t = [schedule.level(t.double().clamp(0, schedule.num_steps - 1)) for t in scheduler.timesteps]
    if not hasattr(scheduler, "sigmas"):
        return [*of_t, schedule.level(0)]
    of_sigma = [_level(sigma) for sigma in scheduler.sigmas[: len(of_t)]]
    same = [abs(float(t.log_snr - sigma.log_snr)) < 1e-3 for t, sigma in zip(of_t, of_sigma, strict=True)]
    visited = [t if equal else sigma for t, sigma, equal in zip(of_t, of_sigma, same, strict=True)]
    return [*visited, _level(scheduler.sigmas[-1])]


def _level(sigma: Tensor) -> NoiseLevel:
    """Variance-preserving level with this sigma / alpha, the `sigma` of Karras et al. 2022 and diffusers."""
    ratio = sigma.double().cpu()
    return CLEAN if ratio == 0 else NoiseLevel(1 / (1 + ratio**2).sqrt(), ratio / (1 + ratio**2).sqrt())
