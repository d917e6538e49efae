"""Noise prediction at many t: errors, correlations and the law of total variance, as records."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from playground.core.diffusion.noise import NoiseLevel, add_noise
from playground.core.diffusion.parameterizations import x0_from_eps
from playground.core.diffusion.predictors import NoisePredictor
from playground.core.diffusion.schedules import NoiseSchedule


def mean_squared_error(
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


@dataclass(frozen=True)
class NoisePrediction:
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


def evenly_spaced_steps(schedule: NoiseSchedule, count: int) -> list[int]:
    """`count` whole steps from 0 to T - 1, both included, evenly spaced; all of them where there are fewer."""
    last = schedule.num_steps - 1
    return torch.linspace(0, last, min(count, last + 1), dtype=torch.float64).round().long().tolist()


def _evaluate(predictor: NoisePredictor, x_t: Tensor, level: NoiseLevel) -> Tensor:
    """What a predictor says of K x_t's at levels (K,), in batches that fit into a processor's cache."""
    parts = torch.arange(len(x_t)).split(32)
    return torch.cat([predictor(x_t[part], NoiseLevel(level.alpha[part], level.sigma[part])) for part in parts])


def predict_noise(
    predictor: NoisePredictor, x0: Tensor, eps: Tensor, schedule: NoiseSchedule, t: list[int]
) -> NoisePrediction:
    """Ask the predictor, without a label, for the noise in x_t at each of the K steps `t`; x0 and eps are (C, H, W)."""
    level = schedule.level(torch.tensor(t))
    x0, eps = (each.expand(len(t), *each.shape) for each in (x0, eps))
    return evaluate_prediction(predictor, add_noise(x0, eps, level), x0, eps, level, t)


def evaluate_prediction(
    predictor: NoisePredictor, x_t: Tensor, x0: Tensor, eps: Tensor, level: NoiseLevel, t: list[int]
) -> NoisePrediction:
    """Ask the predictor, without a label, for the noise in x_t and compare it with eps, and what is left with x0.

    All three are (K, C, H, W), for the K steps `t`; `level` is what the predictor gets, (K,).
    """
    eps_hat = _evaluate(predictor, x_t, level)
    x0_hat = x0_from_eps(x_t, eps_hat, level)
    flat, flat_hat = eps.flatten(1), eps_hat.flatten(1)
    error = (flat - flat_hat).square().mean(1)
    return NoisePrediction(
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
class NoiseCorrelations:
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


def independence(found: NoisePrediction, other: Tensor) -> NoiseCorrelations:
    """Compare what a predictor found with the noise that is in x_t and with `other` (C, H, W), which is not."""
    return NoiseCorrelations(
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
class VarianceDecomposition:
    """Noise is what is found and what is missed: E[eps_hat²] + E[(eps - eps_hat)²] = E[eps²] = 1 a pixel.

    That is the law of total variance; it holds for the conditional mean, E[eps | x_t]. `explained`, `residual`
    and `noise_variance`, that of the noise itself, are (K,), at the steps `t`; `standard_error` is that of
    explained + residual - noise_variance.
    """

    t: Tensor
    explained: Tensor
    residual: Tensor
    noise_variance: Tensor
    standard_error: Tensor

    @property
    def total(self) -> Tensor:
        """explained + residual, (K,)."""
        return self.explained + self.residual


def total_variance(
    predictor: NoisePredictor, pictures: Tensor, schedule: NoiseSchedule, t: list[int], *, draws: int, seed: int
) -> VarianceDecomposition:
    """Estimate both parts from `draws` of one of the `pictures` (N, C, H, W) and of noise, the same at each of `t`.

    Computed in the pictures' dtype.
    """
    generator = torch.Generator().manual_seed(seed)
    x0 = pictures[torch.randint(len(pictures), (draws,), generator=generator)]
    eps = torch.randn(x0.shape, generator=generator, dtype=x0.dtype)
    x0, eps = (each.repeat(len(t), 1, 1, 1) for each in (x0, eps))
    level = schedule.level(torch.tensor(t).repeat_interleave(draws))
    eps_hat = _evaluate(predictor, add_noise(x0, eps, level), level)
    explained, residual, noise_variance = (
        each.square().flatten(1).mean(1).double().reshape(len(t), draws) for each in (eps_hat, eps - eps_hat, eps)
    )
    standard_error = (explained + residual - noise_variance).std(1) / draws**0.5
    return VarianceDecomposition(
        torch.tensor(t), explained.mean(1), residual.mean(1), noise_variance.mean(1), standard_error
    )
