"""Sampling options: all that decides how a run samples, in one record."""

from __future__ import annotations

from dataclasses import dataclass

from playground.core.sampling.inpainting import UNCONDITIONED, Conditioning


@dataclass(frozen=True)
class SamplingOptions:
    """Sampling options. Each sampler uses those that apply to it.

    `generate` uses all of them. `sample` gets x_T, labels and a generator in place of `num_images`, `seed`,
    `interpolate_to`, the labels and the guidance scale.

    Attributes:
        sampler: name of the sampler, a key of SAMPLERS.
        steps: number of sampling steps, 1 to T.
        num_images: number of images, B.
        label: class label, or None for unconditional sampling.
        second_label: class label from T / 2 on, or None to keep `label`.
        guidance_scale: scale of classifier-free guidance; 1 is the conditional prediction, 0 the unconditional one.
        seed: seed of x_T and then of the steps' fresh noise.
        interpolate_to: seed of a second noise; the x_T are then spaced evenly from the first noise to it (`slerp`).
        eta: share of fresh noise in DDIM, 0 to 1.
        variance_type: variance of DDPM's reverse step, a key of POSTERIOR_VARIANCES.
        clip_x0: whether DDPM and DDIM clip each x0_hat to [-1, 1] before the step.
        timestep_spacing: timestep spacing, a key of TIMESTEP_SPACINGS.
        karras_sigmas: whether to use Karras sigmas instead of `timestep_spacing`, where the sampler supports them
            (Karras et al. 2022, eq. 5, arXiv:2206.00364).
        conditioning: image to start from or to keep a part of; skipped steps shorten the run by their calls.
    """

    sampler: str = "ddim"
    steps: int = 50
    num_images: int = 1
    label: int | None = None
    second_label: int | None = None
    guidance_scale: float = 1.0
    seed: int = 0
    interpolate_to: int | None = None
    eta: float = 0.0
    variance_type: str = "fixed_small"
    clip_x0: bool = True
    timestep_spacing: str = "trailing"
    karras_sigmas: bool = False
    conditioning: Conditioning = UNCONDITIONED
