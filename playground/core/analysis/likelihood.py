"""The variational bound on the likelihood (ELBO), and the reverse step that each of its terms measures."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from playground.core.diffusion.noise import NoiseLevel, Posterior, add_noise, expand_coef, linear_combination, posterior
from playground.core.diffusion.parameterizations import x0_from_eps
from playground.core.diffusion.predictors import NoisePredictor
from playground.core.diffusion.schedules import NoiseSchedule
from playground.core.sampling.ddpm_ddim import POSTERIOR_VARIANCES


@dataclass(frozen=True)
class ReverseStep:
    """The learned reverse step p_θ(x_{t-1} | x_t) beside the true posterior q(x_{t-1} | x_t, x0), for K noisy images.

    Equation numbers are those of Ho et al. 2020 (arXiv:2006.11239).

    Attributes:
        mean: μ_θ, computed from eps_hat (eq. 11), (K, C, H, W).
        mean_from_x0: the same mean, computed from x0_hat (eq. 7), (K, C, H, W).
        true_posterior: the posterior with the real x0 (eq. 6 and 7).
        bits: for each σ² in POSTERIOR_VARIANCES the step's term of the variational bound (eq. 5) in bits per
            dimension, (K,): L_{t-1}, or L_0 for the last step.
        sqrt_alpha: √α_t, the divisor in eq. 11, (K,).
        eps_coef: the coefficient of eps_hat in eq. 11, (K,).
    """

    mean: Tensor
    mean_from_x0: Tensor
    true_posterior: Posterior
    bits: dict[str, Tensor]
    sqrt_alpha: Tensor
    eps_coef: Tensor


def reverse_step(x_t: Tensor, x0: Tensor, eps_hat: Tensor, level: NoiseLevel, next_level: NoiseLevel) -> ReverseStep:
    """Learned reverse step from eps_hat, compared with the true posterior from x0; in float64.

    Args:
        x_t: noisy images, (K, C, H, W).
        x0: clean images, of 256 values from -1 to 1, (K, C, H, W).
        eps_hat: predicted noise, (K, C, H, W).
        level: noise levels of x_t, (K,).
        next_level: the cleaner levels that the step leads to, (K,).

    Returns:
        Both distributions and the term of the variational bound.
    """
    x_t, x0, eps_hat = x_t.double().cpu(), x0.double().cpu(), eps_hat.double().cpu()
    true = posterior(x_t, x0, level, next_level)
    by_x0 = linear_combination(true.x_t_part, x_t, true.x0_part, x0_from_eps(x_t, eps_hat, level))
    root = level.alpha / next_level.alpha  # √α_t
    eps_part = true.beta / level.sigma  # β_t / √(1 - ᾱ_t)
    mean = (x_t - expand_coef(eps_part, x_t) * eps_hat) / expand_coef(root, x_t)
    mean = torch.where(expand_coef(root, x_t) == 0, by_x0, mean)  # eq. 11 divides by 0, see `x0_from_eps`
    missed = (true.mean - mean).square().flatten(1).mean(1)
    last = next_level.sigma == 0
    decoded = _decoder_nll(x0, by_x0, true.beta)
    bits = {}
    for name, choose in POSTERIOR_VARIANCES.items():
        ratio = torch.where(last, 1, true.variance / choose(true))  # of the true variance to the learned one
        kl = (ratio - 1 - ratio.log() + missed / choose(true).where(~last, torch.ones(()))) / 2
        bits[name] = torch.where(last, decoded, kl) / math.log(2)
    return ReverseStep(mean, by_x0, true, bits, root, eps_part)


def _decoder_nll(x0: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """Negative log-likelihood of the discretized decoder, L_0, in nats per dimension, (K,) (Ho et al. 2020, eq. 13).

    The likelihood is that of the correct one of 256 values. Its variance is β_1 for either σ², since β̃_1 is 0.
    """
    deviation = expand_coef(variance.sqrt(), x0)
    above = ((x0 + 1 / 255 - mean) / deviation).where(x0 < 1 - 1e-3, torch.full((), math.inf))
    below = ((x0 - 1 / 255 - mean) / deviation).where(x0 > -1 + 1e-3, torch.full((), -math.inf))
    # Φ(above) - Φ(below), computed in the lower tail: in the upper one both are close to 1 and digits are lost.
    flip = below + above > 0
    above, below = torch.where(flip, -below, above), torch.where(flip, -above, below)
    high, low = torch.special.log_ndtr(above), torch.special.log_ndtr(below)
    log_chance: Tensor = high + torch.log1p(-(low - high).exp())
    return -log_chance.flatten(1).mean(1)


def prior_bits(x0: Tensor, schedule: NoiseSchedule) -> Tensor:
    """Prior term of the variational bound, L_T: the KL divergence from q(x_T | x0) to N(0, I).

    Args:
        x0: clean images, (B, C, H, W).
        schedule: the noise schedule.

    Returns:
        L_T in bits per dimension, (B,).

    References:
        Ho et al. 2020, eq. 5.
    """
    end = schedule.level(schedule.num_steps - 1)
    kl = (end.sigma**2 + end.alpha**2 * x0.double().square() - 1 - 2 * end.sigma.log()) / 2
    return kl.flatten(1).mean(1) / math.log(2)


def previous_level(schedule: NoiseSchedule, t: Tensor) -> NoiseLevel:
    """Noise level of step t - 1; for t = 0 that of the clean image.

    Args:
        schedule: the noise schedule.
        t: whole steps, (K,).

    Returns:
        The level one step cleaner than each t, (K,).
    """
    level = schedule.level((t - 1).clamp(min=0))
    clean = t == 0
    return NoiseLevel(level.alpha.where(~clean, torch.ones(())), level.sigma.where(~clean, torch.zeros(())))


def vlb_terms(
    predictor: NoisePredictor, x0: Tensor, eps: Tensor, schedule: NoiseSchedule, t: Tensor
) -> dict[str, Tensor]:
    """Terms of the variational bound for K images, each at a step of its own; see `ReverseStep.bits`.

    Args:
        predictor: noise predictor, called without labels.
        x0: clean images, of 256 values from -1 to 1, (K, C, H, W).
        eps: noise, (K, C, H, W).
        schedule: the noise schedule.
        t: whole steps, (K,).

    Returns:
        For each σ² in POSTERIOR_VARIANCES the terms in bits per dimension, (K,).
    """
    level = schedule.level(t)
    x_t = add_noise(x0, eps, level)
    return reverse_step(x_t, x0, predictor(x_t, level), level, previous_level(schedule, t)).bits


@dataclass(frozen=True)
class VariationalBound:
    """A variational bound on an image's negative log-likelihood, in bits per dimension, possibly still incomplete.

    Attributes:
        terms_done: how many of the T terms L_0 to L_{T-1} are computed.
        decoder: L_0.
        steps: for each σ² in POSTERIOR_VARIANCES the sum of the computed L_{t-1} between L_0 and L_T.
        prior: L_T.
    """

    terms_done: int
    decoder: float
    steps: dict[str, float]
    prior: float

    def bits(self, variance: str) -> float:
        """The bound L_0 + Σ L_{t-1} + L_T (Ho et al. 2020, eq. 5) for a σ² in POSTERIOR_VARIANCES."""
        return self.decoder + self.steps[variance] + self.prior


def variational_bound(
    predictor: NoisePredictor, x0: Tensor, eps: Tensor, schedule: NoiseSchedule, batch: int = 50
) -> Iterator[VariationalBound]:
    """Variational bound of one image, summed step by step from t = 0 on.

    Args:
        predictor: noise predictor, called without labels.
        x0: clean image, of 256 values from -1 to 1, (C, H, W).
        eps: noise, the same at every step, (C, H, W).
        schedule: the noise schedule.
        batch: number of steps evaluated at a time.

    Yields:
        The bound with the terms computed so far, after each batch of steps.
    """
    found: dict[str, list[float]] = {name: [] for name in POSTERIOR_VARIANCES}
    prior = prior_bits(x0[None], schedule).item()
    for t in torch.arange(schedule.num_steps).split(batch):
        shape = (len(t), *x0.shape)
        for name, bits in vlb_terms(predictor, x0.expand(shape), eps.expand(shape), schedule, t).items():
            found[name] += bits.tolist()
        steps = {name: math.fsum(bits[1:]) for name, bits in found.items()}
        yield VariationalBound(len(found["fixed_large"]), found["fixed_large"][0], steps, prior)
