"""The forward process: in closed form, and as a Markov chain of small steps."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from playground.core.analysis.histograms import gaussian_shares
from playground.core.diffusion.noise import NoiseLevel, add_noise, expand_coef
from playground.core.diffusion.schedules import NoiseSchedule


@dataclass(frozen=True)
class ForwardProcess:
    """A picture on its way into noise: x_t = alpha_t * x0 + sigma_t * eps for every t of the schedule.

    `x0` and `eps` are (C, H, W); `level` has one entry for each t, (T,).
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
        """x_t at every t in `most` of its pixels and channels at most, evenly from all of them, (T, N)."""
        chosen = torch.linspace(0, self.x0.numel() - 1, min(most, self.x0.numel())).round().long()
        x0, eps = self.x0.flatten()[chosen], self.eps.flatten()[chosen]
        return add_noise(x0.expand(len(self.level.alpha), len(x0)), eps, self.level)


def forward_process(x0: Tensor, eps: Tensor, schedule: NoiseSchedule) -> ForwardProcess:
    """How much of picture and noise there is at each t (Ho et al. 2020, eq. 4)."""
    return ForwardProcess(x0, eps, schedule, schedule.level(torch.arange(schedule.num_steps)))


@dataclass(frozen=True)
class MarkovChainForward:
    """The same way in small steps: x_t = sqrt(alpha_t) x_{t-1} + sqrt(beta_t) z_t, fresh noise z_t in each.

    `x_t` is (K, C, H, W) after each of the steps `t` (K,); `pixel` has one pixel's values, from `pixel_x0`, in N walks
    that know nothing of each other, (K, N).
    """

    t: Tensor
    level: NoiseLevel
    x0: Tensor
    x_t: Tensor
    pixel_x0: float
    pixel: Tensor

    @property
    def signal_histogram(self) -> Tensor:
        """What is left of the picture at each of the steps: alpha_t * x0, (K, C, H, W)."""
        return expand_coef(self.level.alpha, self.x_t) * self.x0

    @property
    def accumulated_noise_histogram(self) -> Tensor:
        """The noise that the steps have added up to: x_t - alpha_t * x0, (K, C, H, W)."""
        return self.x_t - self.signal_histogram

    def closed_form_histogram(self, edges: Tensor) -> Tensor:
        """How q(x_t | x_0) of the one jump (Ho et al. 2020, eq. 4) lies over bins, for the pixel; (K, B), exact."""
        return gaussian_shares(self.level.alpha * self.pixel_x0, self.level.sigma, edges.double())


def simulate_markov_chain(
    x0: Tensor, schedule: NoiseSchedule, t: list[int], *, seed: int, walks: int = 2000
) -> MarkovChainForward:
    """Walk the Markov chain q(x_t | x_{t-1}) (Ho et al. 2020, eq. 2) and keep what it is at the steps `t`, ascending.

    The pixel that is watched is the one in the middle of x0 (C, H, W), in its first channel.
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
