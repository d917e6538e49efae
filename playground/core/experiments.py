"""The playground's questions, each a function that returns a record of everything it found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from playground.core.histograms import gaussian_shares
from playground.core.noise import NoiseLevel, add_noise, like, x0_from_eps
from playground.core.predictors import Guided, NoisePredictor, UNetPredictor
from playground.core.samplers import Step, sample
from playground.core.schedules import NoiseSchedule


def mean_error(
    predictor: NoisePredictor,
    x0: Tensor,
    labels: Tensor | None,
    schedule: NoiseSchedule,
    *,
    t: Tensor | None = None,
    draws: int = 4,
    seed: int = 0,
) -> float:
    """E[(eps - eps_hat)²] a pixel, over pictures x0 (B, C, H, W), `draws` of noise for each, and the steps `t`.

    The pictures share the steps between them evenly, anew in each draw, so that t adds little to the spread. Without
    `t` they are even over the whole schedule.
    """
    steps = torch.linspace(0, schedule.num_steps - 1, len(x0)) if t is None else t.repeat(-(-len(x0) // len(t)))
    generator = torch.Generator().manual_seed(seed)
    total = 0.0
    for _ in range(draws):
        t = steps[torch.randperm(len(steps), generator=generator)[: len(x0)]]
        eps = torch.randn(x0.shape, generator=generator)
        for part in torch.arange(len(x0)).split(250):
            level = schedule.level(t[part])
            part_labels = None if labels is None else labels[part]
            eps_hat = predictor(add_noise(x0[part], eps[part], level), level, part_labels)
            total += (eps[part] - eps_hat).square().sum().item()
    return total / (draws * x0.numel())


def gaussian(shape: tuple[int, ...], seed: int) -> Tensor:
    """The noise that a seed stands for: standard Gaussian, float32, the same on every device."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@dataclass(frozen=True)
class Forward:
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


def forward(x0: Tensor, eps: Tensor, schedule: NoiseSchedule) -> Forward:
    """How much of picture and noise there is at each t (Ho et al. 2020, eq. 4)."""
    return Forward(x0, eps, schedule, schedule.level(torch.arange(schedule.num_steps)))


@dataclass(frozen=True)
class Walk:
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
    def remains(self) -> Tensor:
        """What is left of the picture at each of the steps: alpha_t * x0, (K, C, H, W)."""
        return like(self.level.alpha, self.x_t) * self.x0

    @property
    def gathered(self) -> Tensor:
        """The noise that the steps have added up to: x_t - alpha_t * x0, (K, C, H, W)."""
        return self.x_t - self.remains

    def jump_shares(self, edges: Tensor) -> Tensor:
        """How q(x_t | x_0) of the one jump (Ho et al. 2020, eq. 4) lies over bins, for the pixel; (K, B), exact."""
        return gaussian_shares(self.level.alpha * self.pixel_x0, self.level.sigma, edges.double())


def walk(x0: Tensor, schedule: NoiseSchedule, t: list[int], *, seed: int, walks: int = 2000) -> Walk:
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
    return Walk(steps, schedule.level(steps), x0, picture.reshape(-1, *x0.shape), pixel_x0, pixel)


@dataclass(frozen=True)
class Prediction:
    """What a predictor says of one picture and one noise at K steps.

    Pictures are (K, C, H, W). `error` is the mean of (eps - eps_hat)² over pixels, `r2` is 1 - error / variance of eps,
    `cosine` is that between eps and eps_hat, `deviation` the standard deviation of eps_hat, and `x0_error` the mean of
    (x0 - x0_hat)²; each is (K,). `covered` is False where the network was never trained at such a level.
    """

    t: Tensor
    level: NoiseLevel
    x0: Tensor
    eps: Tensor
    x_t: Tensor
    eps_hat: Tensor
    x0_hat: Tensor
    error: Tensor
    cosine: Tensor
    r2: Tensor
    deviation: Tensor
    x0_error: Tensor
    covered: bool


def even_steps(schedule: NoiseSchedule, count: int) -> list[int]:
    """`count` whole steps from 0 to T - 1, both included, evenly spaced; all of them where there are fewer."""
    last = schedule.num_steps - 1
    return torch.linspace(0, last, min(count, last + 1), dtype=torch.float64).round().long().tolist()


def prediction(predictor: UNetPredictor, x0: Tensor, eps: Tensor, schedule: NoiseSchedule, t: list[int]) -> Prediction:
    """Ask the predictor, without a label, for the noise in x_t at each of the K steps `t`; x0 and eps are (C, H, W)."""
    level = schedule.level(torch.tensor(t))
    x0, eps = (each.expand(len(t), *each.shape) for each in (x0, eps))
    x_t = add_noise(x0, eps, level)
    eps_hat = torch.cat(
        [predictor(x_t[i], NoiseLevel(level.alpha[i], level.sigma[i])) for i in torch.arange(len(t)).split(32)]
    )
    x0_hat = x0_from_eps(x_t, eps_hat, level)
    flat, flat_hat = eps.flatten(1), eps_hat.flatten(1)
    error = (flat - flat_hat).square().mean(1)
    return Prediction(
        torch.tensor(t),
        level,
        x0,
        eps,
        x_t,
        eps_hat,
        x0_hat,
        error,
        cosine=torch.cosine_similarity(flat, flat_hat),
        r2=1 - error / flat.var(1, correction=0),
        deviation=flat_hat.std(1, correction=0),
        x0_error=(x0 - x0_hat).square().flatten(1).mean(1),
        covered=predictor.covers(level),
    )


def reverse(
    predictor: UNetPredictor,
    shape: tuple[int, int, int],
    schedule: NoiseSchedule,
    *,
    count: int = 1,
    label: int | None = None,
    guidance: float = 1.0,
    seed: int = 0,
    **options: Any,
) -> Iterator[Step]:
    """Sample `count` pictures of `shape` (C, H, W) from noise; `seed` draws x_T and then the steps' fresh noise.

    `label` None asks for any picture. `options` are those of `sample`.
    """
    generator = torch.Generator().manual_seed(seed)
    x_T = torch.randn(count, *shape, generator=generator).to(predictor.device)
    labels = None if label is None else torch.full((count,), label)
    guided = Guided(predictor, guidance)
    return sample(guided, x_T, schedule, labels=labels, generator=generator, **options)
