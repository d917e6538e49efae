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
    """The learned reverse step p_θ(x_{t-1} | x_t) beside the true posterior q(x_{t-1} | x_t, x0), for K x_t's.

    Images are (K, C, H, W), numbers (K,). `mean` is μ_θ from eps_hat (Ho et al. 2020, eq. 11) and `mean_from_x0` the
    same mean derived from x0_hat (eq. 7); `true_posterior` is eq. 6 and 7 with the real x0. `bits` maps each σ² in
    POSTERIOR_VARIANCES to the step's term of the variational bound in bits per dimension: L_{t-1}, or L_0 for the
    last step (eq. 5). In eq. 11, `eps_coef` is the coefficient of eps_hat and `sqrt_alpha` the divisor √α_t.
    """

    mean: Tensor
    mean_from_x0: Tensor
    true_posterior: Posterior
    bits: dict[str, Tensor]
    sqrt_alpha: Tensor
    eps_coef: Tensor


def reverse_step(x_t: Tensor, x0: Tensor, eps_hat: Tensor, level: NoiseLevel, next_level: NoiseLevel) -> ReverseStep:
    """What eps_hat makes of x_t, and how that differs from what x0 would; in float64.

    All pictures are (K, C, H, W), x0 of 256 values from -1 to 1; levels are (K,), `next_level` the cleaner ones.
    """
    x_t, x0, eps_hat = x_t.double().cpu(), x0.double().cpu(), eps_hat.double().cpu()
    true = posterior(x_t, x0, level, next_level)
    by_x0 = linear_combination(true.x_t_part, x_t, true.x0_part, x0_from_eps(x_t, eps_hat, level))
    root = level.alpha / next_level.alpha  # √α_t
    eps_part = true.beta / level.sigma  # β_t / √(1 - ᾱ_t)
    mean = (x_t - expand_coef(eps_part, x_t) * eps_hat) / expand_coef(root, x_t)
    mean = torch.where(expand_coef(root, x_t) == 0, by_x0, mean)  # out of pure noise, see `x0_from_eps`
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
    """L_0 a dimension, in nats, (K,): how surely the last step ends in the right one of 256 values (eq. 13).

    Its variance is β_1, whichever was chosen, since β̃_1 is 0.
    """
    deviation = expand_coef(variance.sqrt(), x0)
    above = ((x0 + 1 / 255 - mean) / deviation).where(x0 < 1 - 1e-3, torch.full((), math.inf))
    below = ((x0 - 1 / 255 - mean) / deviation).where(x0 > -1 + 1e-3, torch.full((), -math.inf))
    # Φ(above) - Φ(below), taken in the tail where it is no difference of two numbers next to 1.
    flip = below + above > 0
    above, below = torch.where(flip, -below, above), torch.where(flip, -above, below)
    high, low = torch.special.log_ndtr(above), torch.special.log_ndtr(below)
    log_chance: Tensor = high + torch.log1p(-(low - high).exp())
    return -log_chance.flatten(1).mean(1)


def prior_bits(x0: Tensor, schedule: NoiseSchedule) -> Tensor:
    """L_T for x0 (B, C, H, W), in bits a dimension, (B,): KL from q(x_T | x0) to N(0, I) (eq. 5)."""
    end = schedule.level(schedule.num_steps - 1)
    kl = (end.sigma**2 + end.alpha**2 * x0.double().square() - 1 - 2 * end.sigma.log()) / 2
    return kl.flatten(1).mean(1) / math.log(2)


def previous_level(schedule: NoiseSchedule, t: Tensor) -> NoiseLevel:
    """The level a step cleaner than each of the whole steps t, (K,); before the first it is the picture itself."""
    level = schedule.level((t - 1).clamp(min=0))
    clean = t == 0
    return NoiseLevel(level.alpha.where(~clean, torch.ones(())), level.sigma.where(~clean, torch.zeros(())))


def vlb_terms(
    predictor: NoisePredictor, x0: Tensor, eps: Tensor, schedule: NoiseSchedule, t: Tensor
) -> dict[str, Tensor]:
    """The term of the bound for each of K pictures noised to a step of its own; see `ReverseStep.bits`.

    x0 and eps are (K, C, H, W), the whole steps t (K,); the predictor is asked without a label.
    """
    level = schedule.level(t)
    x_t = add_noise(x0, eps, level)
    return reverse_step(x_t, x0, predictor(x_t, level), level, previous_level(schedule, t)).bits


@dataclass(frozen=True)
class VariationalBound:
    """A variational bound on an image's negative log-likelihood, in bits per dimension, after `terms_done` of T terms.

    `decoder` is L_0 and `prior` L_T; `steps` is the sum of the L_{t-1} between them for each σ² in
    POSTERIOR_VARIANCES.
    """

    terms_done: int
    decoder: float
    steps: dict[str, float]
    prior: float

    def bits(self, variance: str) -> float:
        """L_0 + Σ L_{t-1} + L_T (Ho et al. 2020, eq. 5)."""
        return self.decoder + self.steps[variance] + self.prior


def variational_bound(
    predictor: NoisePredictor, x0: Tensor, eps: Tensor, schedule: NoiseSchedule, batch: int = 50
) -> Iterator[VariationalBound]:
    """The bound for x0 noised by eps, (C, H, W) both: the sum so far after each `batch` of steps, t = 0 first."""
    found: dict[str, list[float]] = {name: [] for name in POSTERIOR_VARIANCES}
    prior = prior_bits(x0[None], schedule).item()
    for t in torch.arange(schedule.num_steps).split(batch):
        shape = (len(t), *x0.shape)
        for name, bits in vlb_terms(predictor, x0.expand(shape), eps.expand(shape), schedule, t).items():
            found[name] += bits.tolist()
        steps = {name: math.fsum(bits[1:]) for name, bits in found.items()}
        yield VariationalBound(len(found["beta"]), found["beta"][0], steps, prior)
