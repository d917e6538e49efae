"""The playground's questions, each a function that returns a record of everything it found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from playground.core.histograms import gaussian_shares
from playground.core.noise import SAME_LOG_SNR, NoiseLevel, add_noise, like, x0_from_eps
from playground.core.predictors import Guided, NoisePredictor, PredictorSomewhere, Relabelled
from playground.core.samplers import Step, sample
from playground.core.schedules import NoiseSchedule
from playground.core.sphere import slerp


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
    drawn = []
    for _ in range(draws):
        order = torch.randperm(len(steps), generator=generator)[: len(x0)]
        drawn.append((steps[order], torch.randn(x0.shape, generator=generator)))
    at, eps = (torch.cat(each) for each in zip(*drawn, strict=True))
    total = 0.0
    for part in torch.arange(len(at)).split(250):
        level, index = schedule.level(at[part]), part % len(x0)
        part_labels = None if labels is None else labels[index]
        eps_hat = predictor(add_noise(x0[index], eps[part], level), level, part_labels)
        total += (eps[part] - eps_hat).square().sum().item()
    return total / eps.numel()


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

    def pixels(self, most: int) -> Tensor:
        """x_t at every t in `most` of its pixels and channels at most, evenly from all of them, (T, N)."""
        chosen = torch.linspace(0, self.x0.numel() - 1, min(most, self.x0.numel())).round().long()
        x0, eps = self.x0.flatten()[chosen], self.eps.flatten()[chosen]
        return add_noise(x0.expand(len(self.level.alpha), len(x0)), eps, self.level)


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
    (x0 - x0_hat)²; each is (K,).
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


def even_steps(schedule: NoiseSchedule, count: int) -> list[int]:
    """`count` whole steps from 0 to T - 1, both included, evenly spaced; all of them where there are fewer."""
    last = schedule.num_steps - 1
    return torch.linspace(0, last, min(count, last + 1), dtype=torch.float64).round().long().tolist()


def _asked(predictor: NoisePredictor, x_t: Tensor, level: NoiseLevel) -> Tensor:
    """What a predictor says of K x_t's at levels (K,), in batches that fit into a processor's cache."""
    parts = torch.arange(len(x_t)).split(32)
    return torch.cat([predictor(x_t[part], NoiseLevel(level.alpha[part], level.sigma[part])) for part in parts])


def prediction(predictor: NoisePredictor, x0: Tensor, eps: Tensor, schedule: NoiseSchedule, t: list[int]) -> Prediction:
    """Ask the predictor, without a label, for the noise in x_t at each of the K steps `t`; x0 and eps are (C, H, W)."""
    level = schedule.level(torch.tensor(t))
    x0, eps = (each.expand(len(t), *each.shape) for each in (x0, eps))
    return compared(predictor, add_noise(x0, eps, level), x0, eps, level, t)


def compared(
    predictor: NoisePredictor, x_t: Tensor, x0: Tensor, eps: Tensor, level: NoiseLevel, t: list[int]
) -> Prediction:
    """Ask the predictor, without a label, for the noise in x_t and compare it with eps, and what is left with x0.

    All three are (K, C, H, W), for the K steps `t`; `level` is what the predictor is told, (K,).
    """
    eps_hat = _asked(predictor, x_t, level)
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
    )


@dataclass(frozen=True)
class Independence:
    """What eps_hat follows: Pearson correlations over pixels at K steps, each (K,), with the true noise and another.

    `other` (C, H, W) is that unrelated noise. `band` is how far from 0 the correlation of unrelated pixels strays in
    95 of 100 cases.
    """

    other: Tensor
    eps_hat_and_eps: Tensor
    eps_hat_and_other: Tensor
    x0_and_eps: Tensor
    x_t_and_eps: Tensor
    band: float


def independence(found: Prediction, other: Tensor) -> Independence:
    """Compare what a predictor found with the noise that is in x_t and with `other` (C, H, W), which is not."""
    return Independence(
        other,
        correlation(found.eps_hat, found.eps),
        correlation(found.eps_hat, other.expand_as(found.eps)),
        correlation(found.x0, found.eps),
        correlation(found.x_t, found.eps),
        band=1.96 / other.numel() ** 0.5,
    )


def correlation(one: Tensor, other: Tensor) -> Tensor:
    """Pearson's correlation over pixels, (K,), of pictures (K, C, H, W); 0 where one of the two is a single value."""
    one, other = (each.flatten(1) - each.flatten(1).mean(1, keepdim=True) for each in (one, other))
    return torch.cosine_similarity(one, other)


@dataclass(frozen=True)
class TotalVariance:
    """Noise is what is found and what is missed: E[eps_hat²] + E[(eps - eps_hat)²] = E[eps²] = 1 a pixel.

    That is the law of total variance; it holds for the conditional mean, E[eps | x_t]. `found`, `missed` and `drawn`,
    the noise itself, are (K,), at the steps `t`; `spread` is the standard error of found + missed - drawn.
    """

    t: Tensor
    found: Tensor
    missed: Tensor
    drawn: Tensor
    spread: Tensor

    @property
    def total(self) -> Tensor:
        """found + missed, (K,)."""
        return self.found + self.missed


def total_variance(
    predictor: NoisePredictor, pictures: Tensor, schedule: NoiseSchedule, t: list[int], *, draws: int, seed: int
) -> TotalVariance:
    """Estimate both parts from `draws` of one of the `pictures` (N, C, H, W) and of noise, the same at each of `t`.

    Computed in the pictures' dtype.
    """
    generator = torch.Generator().manual_seed(seed)
    x0 = pictures[torch.randint(len(pictures), (draws,), generator=generator)]
    eps = torch.randn(x0.shape, generator=generator, dtype=x0.dtype)
    x0, eps = (each.repeat(len(t), 1, 1, 1) for each in (x0, eps))
    level = schedule.level(torch.tensor(t).repeat_interleave(draws))
    eps_hat = _asked(predictor, add_noise(x0, eps, level), level)
    found, missed, drawn = (
        each.square().flatten(1).mean(1).double().reshape(len(t), draws) for each in (eps_hat, eps - eps_hat, eps)
    )
    spread = (found + missed - drawn).std(1) / draws**0.5
    return TotalVariance(torch.tensor(t), found.mean(1), missed.mean(1), drawn.mean(1), spread)


def half_way(schedule: NoiseSchedule) -> float:
    """The log-SNR from which on `then` is asked for: that at T / 2, and a trifle less, so that T / 2 itself counts."""
    return schedule.level(schedule.num_steps / 2).log_snr.item() - SAME_LOG_SNR


def reverse(
    predictor: PredictorSomewhere,
    shape: tuple[int, int, int],
    schedule: NoiseSchedule,
    *,
    count: int = 1,
    label: int | None = None,
    then: int | None = None,
    guidance: float = 1.0,
    seed: int = 0,
    walk_to: int | None = None,
    **options: Any,
) -> Iterator[Step]:
    """Sample `count` pictures of `shape` (C, H, W) from noise; `seed` draws x_T and then the steps' fresh noise.

    `label` None asks for any picture; `then` is the label from T / 2 on, where it is another. With `walk_to`, the seed
    of another noise, the x_T lie evenly on the way from one noise to the other. `options` are those of `sample`.
    """
    generator = torch.Generator().manual_seed(seed)
    if walk_to is None:
        x_T = torch.randn(count, *shape, generator=generator)
    else:
        x_T = slerp(gaussian(shape, seed), gaussian(shape, walk_to), count)
    labels = None if label is None else torch.full((count,), label)
    guided: NoisePredictor = Guided(predictor, guidance)
    if then is not None:
        guided = Relabelled(guided, torch.full((count,), then), half_way(schedule))
    return sample(guided, x_T.to(predictor.device), schedule, labels=labels, generator=generator, **options)
