"""Noise prediction at many t: errors, correlations and the law of total variance."""

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
    """Mean squared error of noise prediction: E[(eps - eps_hat)²] per pixel, over pictures, noise and steps.

    In each draw the steps are distributed evenly over the pictures, in a new random order, so that t adds little to
    the variance of the estimate.

    Args:
        predictor: noise predictor.
        x0: clean pictures, (B, C, H, W).
        labels: their labels, (B,), or None for no labels.
        schedule: the noise schedule.
        t: the steps, (S,); evenly spaced over the whole schedule by default.
        draws: number of noise draws per picture.
        seed: seed of the noise and of the order of the steps.

    Returns:
        The mean squared error.
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
    """Noise predictions for K noisy pictures, at K steps, and their errors.

    Attributes:
        t: the steps, (K,).
        level: the noise levels that the predictor gets, (K,).
        x0: clean pictures, (K, C, H, W).
        eps: true noise, (K, C, H, W).
        x_t: noisy pictures, (K, C, H, W).
        eps_hat: predicted noise, (K, C, H, W).
        x0_hat: the pictures that follow from eps_hat, (K, C, H, W).
        error: mean of (eps - eps_hat)² over pixels, (K,).
        cosine: cosine similarity of eps and eps_hat, (K,).
        r2: 1 - error / variance of eps, (K,).
        deviation: standard deviation of eps_hat, (K,).
        x0_error: mean of (x0 - x0_hat)² over pixels, (K,).
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
    """Evenly spaced whole steps from 0 to T - 1, both included.

    Args:
        schedule: the noise schedule, with T steps.
        count: number of steps; all T where T is smaller.

    Returns:
        The steps, ascending.
    """
    last = schedule.num_steps - 1
    return torch.linspace(0, last, min(count, last + 1), dtype=torch.float64).round().long().tolist()


def _evaluate(predictor: NoisePredictor, x_t: Tensor, level: NoiseLevel) -> Tensor:
    """Predict the noise in K x_t's at levels (K,), in batches that fit into a processor's cache."""
    parts = torch.arange(len(x_t)).split(32)
    return torch.cat([predictor(x_t[part], NoiseLevel(level.alpha[part], level.sigma[part])) for part in parts])


def predict_noise(
    predictor: NoisePredictor, x0: Tensor, eps: Tensor, schedule: NoiseSchedule, t: list[int]
) -> NoisePrediction:
    """Noise prediction for one picture and one noise at several steps.

    Args:
        predictor: noise predictor, called without labels.
        x0: clean picture, (C, H, W).
        eps: noise, (C, H, W).
        schedule: the noise schedule.
        t: the K steps.

    Returns:
        The prediction and its errors at each step.
    """
    level = schedule.level(torch.tensor(t))
    x0, eps = (each.expand(len(t), *each.shape) for each in (x0, eps))
    return evaluate_prediction(predictor, add_noise(x0, eps, level), x0, eps, level, t)


def evaluate_prediction(
    predictor: NoisePredictor, x_t: Tensor, x0: Tensor, eps: Tensor, level: NoiseLevel, t: list[int]
) -> NoisePrediction:
    """Predict the noise in x_t, and compare it with eps and the resulting x0_hat with x0.

    Args:
        predictor: noise predictor, called without labels.
        x_t: noisy pictures, (K, C, H, W).
        x0: clean pictures, (K, C, H, W).
        eps: noise that the prediction is compared with, (K, C, H, W).
        level: noise levels that the predictor gets, (K,).
        t: the K steps, recorded in the result.

    Returns:
        The prediction and its errors.
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
    """Pearson correlations over pixels at K steps, with the true noise and with an unrelated one.

    Attributes:
        other: the unrelated noise, (C, H, W).
        eps_hat_and_eps: correlation of predicted and true noise, (K,).
        eps_hat_and_other: correlation of predicted and unrelated noise, (K,).
        x0_and_eps: correlation of clean picture and true noise, (K,).
        x_t_and_eps: correlation of noisy picture and true noise, (K,).
        band: largest distance from 0 of the correlation of unrelated pixels in 95 of 100 cases.
    """

    other: Tensor
    eps_hat_and_eps: Tensor
    eps_hat_and_other: Tensor
    x0_and_eps: Tensor
    x_t_and_eps: Tensor
    band: float


def independence(found: NoisePrediction, other: Tensor) -> NoiseCorrelations:
    """Correlations of a noise prediction with the noise in x_t and with a noise that is not in it.

    Args:
        found: the noise prediction at K steps.
        other: unrelated noise, (C, H, W).

    Returns:
        The correlations at each step.
    """
    return NoiseCorrelations(
        other,
        correlation(found.eps_hat, found.eps),
        correlation(found.eps_hat, other.expand_as(found.eps)),
        correlation(found.x0, found.eps),
        correlation(found.x_t, found.eps),
        band=1.96 / other.numel() ** 0.5,
    )


def correlation(one: Tensor, other: Tensor) -> Tensor:
    """Pearson correlation over pixels.

    Args:
        one: pictures, (K, C, H, W).
        other: pictures, (K, C, H, W).

    Returns:
        The correlations, (K,); 0 where all values of one of the two are equal.
    """
    one, other = (each.flatten(1) - each.flatten(1).mean(1, keepdim=True) for each in (one, other))
    return torch.cosine_similarity(one, other)


@dataclass(frozen=True)
class VarianceDecomposition:
    """Law of total variance for noise prediction: E[eps_hat²] + E[(eps - eps_hat)²] = E[eps²] = 1 per pixel.

    The equation holds for the conditional mean, E[eps | x_t].

    Attributes:
        t: the steps, (K,).
        explained: E[eps_hat²] per pixel, (K,).
        residual: E[(eps - eps_hat)²] per pixel, (K,).
        noise_variance: E[eps²] per pixel, of the noise drawn, (K,).
        standard_error: standard error of explained + residual - noise_variance, (K,).
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
    """Estimate explained and residual variance of noise prediction by Monte Carlo.

    Each draw is a picture and a noise; the draws are the same at every step. Computed in the pictures' dtype.

    Args:
        predictor: noise predictor, called without labels.
        pictures: the pictures to draw from, (N, C, H, W).
        schedule: the noise schedule.
        t: the K steps.
        draws: number of draws.
        seed: seed of the draws.

    Returns:
        The variance decomposition at each step.
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
