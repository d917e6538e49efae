"""Out of distribution: a network's error on held-out data and on inputs unlike its data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from playground.core.analysis.noise_prediction import NoisePrediction, evaluate_prediction, predict_noise
from playground.core.diffusion.noise import LOG_SNR_TOLERANCE, NoiseLevel, add_noise
from playground.core.diffusion.predictors import NoisePredictor, UNetPredictor
from playground.core.diffusion.schedules import NoiseSchedule
from playground.core.sampling.generate import seeded_noise


@dataclass(frozen=True)
class ReferenceErrors:
    """Reference errors: mean (eps - eps_hat)² of each of N pictures at L noise levels.

    `error` is (L, N), `log_snr` (L,), ascending.
    """

    log_snr: Tensor
    error: Tensor

    def quantile(self, share: float, level: NoiseLevel) -> Tensor:
        """Quantile of the error over the pictures, at any noise level.

        The error depends on the level alone, whatever the schedule. Between two of the L measured levels its logarithm
        is interpolated linearly in log-SNR.

        Args:
            share: share of the pictures whose error is below the quantile, 0 to 1.
            level: noise levels, (K,).

        Returns:
            The quantiles, (K,), float64; NaN outside the range of the measured levels.
        """
        error = self.error.double().quantile(share, dim=1)
        first, last = self.log_snr[0].item(), self.log_snr[-1].item()
        wanted = level.log_snr.numpy()
        inside = (wanted >= first - LOG_SNR_TOLERANCE) & (wanted <= last + LOG_SNR_TOLERANCE)
        between = np.interp(wanted, self.log_snr.numpy(), error.log().numpy())
        return torch.from_numpy(np.where(inside, np.exp(between), np.nan))


def measure_reference_error(
    predictor: UNetPredictor, pictures: Tensor, *, levels: int = 12, seed: int = 0
) -> ReferenceErrors:
    """Measure a network's error on given pictures at noise levels that it was trained at.

    The levels are whole steps of the training schedule, spaced as evenly in log-SNR as these allow. Each picture has a
    noise of its own, the same at all levels. The cost is N · levels predictions.

    Args:
        predictor: the network.
        pictures: the pictures, (N, C, H, W).
        levels: number of levels; those that round to the same step count once.
        seed: seed of the noise.

    Returns:
        The error of each picture at each level.
    """
    trained_on = predictor.trained_on
    known = trained_on.log_snr[trained_on.log_snr.isfinite()]
    even = torch.linspace(known[-1].item(), known[0].item(), levels, dtype=torch.float64)
    t = sorted(set(trained_on.t_from_log_snr(even).round().long().tolist()), reverse=True)
    noises = seeded_noise(tuple(pictures.shape), seed)
    found = [predict_noise(predictor, x0, eps, trained_on, t) for x0, eps in zip(pictures, noises, strict=True)]
    return ReferenceErrors(trained_on.log_snr[t], torch.stack([each.error for each in found], 1))


@dataclass(frozen=True)
class OODInput:
    """An input: picture x0 (C, H, W), with noise `strength` times as strong as the level that the network gets.

    `about` describes the picture in words.
    """

    about: str
    x0: Tensor
    strength: float = 1.0


def pure_noise_input(shape: tuple[int, int, int], strength: float) -> OODInput:
    """Input without a picture: x0 = 0, the middle of the range, with noise of the wrong strength.

    Args:
        shape: shape of the picture, (C, H, W).
        strength: strength of the noise, relative to the level that the network gets.

    Returns:
        The input.
    """
    return OODInput(f"noise × {strength:g}", torch.zeros(shape), strength)


@dataclass(frozen=True)
class OODResult:
    """An input and the noise prediction for it."""

    subject: OODInput
    prediction: NoisePrediction


def evaluate_ood(
    predictor: NoisePredictor, subject: OODInput, eps: Tensor, schedule: NoiseSchedule, t: list[int]
) -> OODResult:
    """Noise prediction for x_t = alpha * x0 + strength * sigma * eps at several steps.

    Whatever the strength, the predictor gets the schedule's level, and its prediction is compared with eps.

    Args:
        predictor: noise predictor, called without labels.
        subject: the input.
        eps: noise, (C, H, W).
        schedule: the noise schedule.
        t: the K steps.

    Returns:
        The input, with the prediction and its errors at each step.
    """
    level = schedule.level(torch.tensor(t))
    x0, eps = (each.expand(len(t), *each.shape) for each in (subject.x0, eps))
    x_t = add_noise(x0, subject.strength * eps, level)
    return OODResult(subject, evaluate_prediction(predictor, x_t, x0, eps, level, t))


@dataclass(frozen=True)
class HardestPictures:
    """Pictures ranked by error, the largest first.

    `index` among those measured, and `error`, both (K,).
    """

    index: Tensor
    error: Tensor


def hardest(errors: Tensor, count: int) -> HardestPictures:
    """The pictures with the largest errors.

    Args:
        errors: error of each picture, (N,).
        count: number of pictures to return; all N where N is smaller.

    Returns:
        The pictures' indices and errors, the largest error first.
    """
    found = errors.topk(min(count, len(errors)))
    return HardestPictures(found.indices, found.values)


def error_per_picture(
    predictor: NoisePredictor, pictures: Tensor, eps: Tensor, schedule: NoiseSchedule, t: int
) -> Tensor:
    """Mean squared error of noise prediction for each picture, at one step and with the same noise.

    Args:
        predictor: noise predictor, called without labels.
        pictures: clean pictures, (N, C, H, W).
        eps: the noise, (C, H, W).
        schedule: the noise schedule.
        t: the step.

    Returns:
        mean (eps - eps_hat)² of each picture, (N,).
    """
    level, eps = schedule.level(torch.full((len(pictures),), t)), eps.expand_as(pictures)
    x_t = add_noise(pictures, eps, level)
    return evaluate_prediction(predictor, x_t, pictures, eps, level, [t] * len(pictures)).error
