"""The forward process, in closed form and as a Markov chain of small steps (Ho et al. 2020, arXiv:2006.11239)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from playground.core.analysis.histograms import gaussian_shares
from playground.core.diffusion.noise import NoiseLevel, add_noise, expand_coef
from playground.core.diffusion.schedules import NoiseSchedule


@dataclass(frozen=True)
class ForwardProcess:
    """Forward process of one picture: x_t = alpha_t * x0 + sigma_t * eps at every t of the schedule.

    Attributes:
        x0: clean picture, (C, H, W).
        eps: the noise, the same at every t, (C, H, W).
        schedule: the noise schedule, with T steps.
        level: noise level of each t, (T,).
    """

    x0: Tensor
    eps: Tensor
    schedule: NoiseSchedule
    level: NoiseLevel

    @property
    def x_t(self) -> Tensor:
        """The noisy picture at every t, (T, C, H, W)."""
        return add_noise(self.x0.expand(len(self.level.alpha), *self.x0.shape), self.eps, self.level)

    def sample_pixels(self, most: int) -> Tensor:
        """x_t at every t for N values (pixels and channels), evenly spaced among all and at most `most`, (T, N)."""
        chosen = torch.linspace(0, self.x0.numel() - 1, min(most, self.x0.numel())).round().long()
        x0, eps = self.x0.flatten()[chosen], self.eps.flatten()[chosen]
        return add_noise(x0.expand(len(self.level.alpha), len(x0)), eps, self.level)


def forward_process(x0: Tensor, eps: Tensor, schedule: NoiseSchedule) -> ForwardProcess:
    """Forward process in closed form: picture and noise at each t of the schedule.

    Args:
        x0: clean picture, (C, H, W).
        eps: noise, (C, H, W).
        schedule: the noise schedule.

    Returns:
        The forward process at all T steps of the schedule.

    References:
        Ho et al. 2020, eq. 4.
    """
    return ForwardProcess(x0, eps, schedule, schedule.level(torch.arange(schedule.num_steps)))


@dataclass(frozen=True)
class MarkovChainForward:
    """Forward process as a Markov chain: x_t = sqrt(alpha_t) x_{t-1} + sqrt(beta_t) z_t, with fresh noise z_t per step.

    Attributes:
        t: the recorded steps, (K,).
        level: their noise levels, (K,).
        x0: clean picture, (C, H, W).
        x_t: the picture after each recorded step, (K, C, H, W).
        pixel_x0: value of the observed pixel in x0.
        pixel: values of that pixel in N independent chains, (K, N).
    """

    t: Tensor
    level: NoiseLevel
    x0: Tensor
    x_t: Tensor
    pixel_x0: float
    pixel: Tensor

    @property
    def signal(self) -> Tensor:
        """The signal left at each recorded step: alpha_t * x0, (K, C, H, W)."""
        return expand_coef(self.level.alpha, self.x_t) * self.x0

    @property
    def accumulated_noise(self) -> Tensor:
        """The noise accumulated up to each recorded step: x_t - alpha_t * x0, (K, C, H, W)."""
        return self.x_t - self.signal

    def closed_form_histogram(self, edges: Tensor) -> Tensor:
        """Exact histogram of the closed form q(x_t | x_0) for the observed pixel: its share in each bin, (K, B).

        Args:
            edges: edges of the B bins, ascending, (B + 1,); the tails beyond them count in the outermost bins.

        References:
            Ho et al. 2020, eq. 4.
        """
        return gaussian_shares(self.level.alpha * self.pixel_x0, self.level.sigma, edges.double())


def simulate_markov_chain(
    x0: Tensor, schedule: NoiseSchedule, t: list[int], *, seed: int, walks: int = 2000
) -> MarkovChainForward:
    """Simulate the Markov chain q(x_t | x_{t-1}) and record its state at chosen steps.

    The observed pixel is the middle one of x0, in its first channel.

    Args:
        x0: clean picture, (C, H, W).
        schedule: the noise schedule.
        t: the K steps to record, ascending.
        seed: seed of the noise in all steps.
        walks: number of independent chains for the observed pixel, N.

    Returns:
        The picture and the observed pixel at the steps `t`.

    References:
        Ho et al. 2020, eq. 2.
    """
    generator = torch.Generator().manual_seed(seed)
    pixel_x0 = x0[0, x0.shape[1] // 2, x0.shape[2] // 2].item()
    state = torch.cat([x0.flatten(), torch.full((walks,), pixel_x0)]).double()
    kept, wanted = [], set(t)
    for step, (alpha, beta) in enumerate(zip(schedule.alphas.tolist(), schedule.betas.tolist(), strict=True)):
        state = alpha**0.5 * state + beta**0.5 * torch.randn(len(state), generator=generator)
        if step in wanted:
            kept.append(state)
    picture, pixel = torch.stack(kept).float().split([x0.numel(), walks], 1)
    steps = torch.tensor(t)
    return MarkovChainForward(steps, schedule.level(steps), x0, picture.reshape(-1, *x0.shape), pixel_x0, pixel)
