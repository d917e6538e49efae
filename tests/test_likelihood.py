import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence
from torch.testing import assert_close

from playground.core.analysis.likelihood import previous_level, prior_bits, reverse_step, variational_bound, vlb_terms
from playground.core.diffusion.noise import NoiseLevel, add_noise
from playground.core.diffusion.predictors import UNetPredictor
from playground.core.diffusion.schedules import SCHEDULES, NoiseSchedule, linear, zero_terminal_snr
from playground.core.sampling.generate import seeded_noise
from tests.conftest import small_unet


def byte_pictures(count: int = 4) -> torch.Tensor:
    """Pictures of 256 values from -1 to 1, black and white among them."""
    drawn = torch.randint(256, (count, 1, 4, 4), generator=torch.Generator().manual_seed(1))
    drawn[:, :, 0, 0], drawn[:, :, 0, 1] = 0, 255
    return drawn.double() / 127.5 - 1


def moved(schedule: NoiseSchedule, t: list[int]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, NoiseLevel]:
    """x0, what is made of it at the steps t, and a guess of the noise that is off."""
    level, x0 = schedule.level(torch.tensor(t)), byte_pictures(len(t))
    eps, off = seeded_noise((len(t), 1, 4, 4), 0).double(), seeded_noise((len(t), 1, 4, 4), 1).double()
    return x0, add_noise(x0, eps, level), eps + 0.1 * off, level


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_terms_are_those_of_torch_distributions(name: str) -> None:
    schedule, t = SCHEDULES[name](100), [1, 2, 50, 99]
    x0, x_t, eps_hat, level = moved(schedule, t)
    found = reverse_step(x_t, x0, eps_hat, level, schedule.level(torch.tensor(t) - 1))
    for k, step in enumerate(t):
        beta, a_bar, before = schedule.betas[step], schedule.alpha_bar[step], schedule.alpha_bar[step - 1]
        # Ho et al. 2020, eq. 11, 7 and 6, written out with their own symbols.
        mean = (x_t[k] - beta / (1 - a_bar).sqrt() * eps_hat[k]) / (1 - beta).sqrt()
        true = before.sqrt() * beta / (1 - a_bar) * x0[k] + (1 - beta).sqrt() * (1 - before) / (1 - a_bar) * x_t[k]
        beta_tilde = (1 - before) / (1 - a_bar) * beta
        assert_close(found.mean[k], mean, atol=1e-9, rtol=1e-9)
        assert_close(found.true_posterior.mean[k], true, atol=1e-9, rtol=1e-9)
        for variance, value in (("fixed_large", beta), ("fixed_small", beta_tilde)):
            kl = kl_divergence(Normal(true, beta_tilde.sqrt()), Normal(mean, value.sqrt())).mean() / math.log(2)
            assert_close(found.bits[variance][k], kl, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("name", SCHEDULES)
def test_both_roads_lead_to_the_same_mean(name: str) -> None:
    schedule, t = SCHEDULES[name](1000), [0, 1, 400, 900]
    x0, x_t, eps_hat, level = moved(schedule, t)
    found = reverse_step(x_t, x0, eps_hat, level, previous_level(schedule, torch.tensor(t)))
    assert_close(found.mean, found.mean_from_x0, atol=1e-9, rtol=1e-9)


def test_who_knows_the_noise_takes_the_true_step() -> None:
    schedule, t = linear(1000), torch.tensor([1, 10, 500, 999])
    x0, eps, level = byte_pictures(4), seeded_noise((4, 1, 4, 4), 0).double(), schedule.level(t)
    found = reverse_step(add_noise(x0, eps, level), x0, eps, level, previous_level(schedule, t))
    assert_close(found.mean, found.true_posterior.mean, atol=1e-9, rtol=1e-9)
    assert_close(found.bits["fixed_small"], torch.zeros(4, dtype=torch.float64), atol=1e-12, rtol=0)


def test_the_last_step_is_a_decoder_of_256_values() -> None:
    """The chance of each value by the normal distribution's own CDF; over all values the chances add up to 1."""
    schedule, t = linear(1000), torch.tensor([0])
    level, values = schedule.level(t), torch.arange(256).double() / 127.5 - 1
    x_t, eps_hat = torch.full((1, 1, 1, 1), 0.31), torch.full((1, 1, 1, 1), 0.2)
    x0_hat = ((x_t - level.sigma * eps_hat) / level.alpha).double().item()
    normal = Normal(torch.tensor(x0_hat, dtype=torch.float64), level.sigma[0])
    chances = []
    for k, value in enumerate(values):
        clean = previous_level(schedule, t)
        bits = reverse_step(x_t, value.reshape(1, 1, 1, 1), eps_hat, level, clean).bits
        upper = normal.cdf(value + 1 / 255) if k < 255 else torch.tensor(1.0)
        lower = normal.cdf(value - 1 / 255) if k > 0 else torch.tensor(0.0)
        assert bits["fixed_large"] == bits["fixed_small"]
        assert_close(0.5 ** bits["fixed_large"].item(), (upper - lower).item(), atol=1e-12, rtol=1e-6)
        chances.append(0.5 ** bits["fixed_large"].item())
    assert sum(chances) == pytest.approx(1, abs=1e-9)


def test_far_in_the_tail_the_decoder_stays_finite() -> None:
    schedule, t = linear(1000), torch.tensor([0])
    x0 = torch.tensor([-1.0, 0.0, 127 / 127.5 - 1, 1.0]).reshape(1, 1, 2, 2)
    level = schedule.level(t)
    bits = reverse_step(
        -5 * torch.ones(1, 1, 2, 2), x0, torch.zeros(1, 1, 2, 2), level, previous_level(schedule, t)
    ).bits
    assert bits["fixed_large"].isfinite().all()


def test_the_prior_term_is_that_of_torch_distributions() -> None:
    schedule, x0 = linear(20), byte_pictures(3)
    end = schedule.level(19)
    kl = kl_divergence(Normal(end.alpha * x0, end.sigma), Normal(torch.zeros(()).double(), torch.ones(()).double()))
    assert_close(prior_bits(x0, schedule), kl.flatten(1).mean(1) / math.log(2), atol=1e-10, rtol=1e-9)
    nothing_left = prior_bits(x0, zero_terminal_snr(linear(20)))
    assert_close(nothing_left, torch.zeros(3, dtype=torch.float64), atol=1e-12, rtol=0)


@pytest.mark.parametrize("zero_terminal", [False, True])
def test_the_bound_adds_up_its_terms(zero_terminal: bool) -> None:
    schedule = zero_terminal_snr(linear(40)) if zero_terminal else linear(40)
    predictor = UNetPredictor(small_unet(), linear(1000), null_label=3)
    x0, eps = (torch.rand(1, 8, 8) * 255).round() / 127.5 - 1, seeded_noise((1, 8, 8), 0)
    sums = list(variational_bound(predictor, x0, eps, schedule, batch=16))
    assert [each.terms_done for each in sums] == [16, 32, 40]
    every = vlb_terms(predictor, x0.expand(40, 1, 8, 8), eps.expand(40, 1, 8, 8), schedule, torch.arange(40))
    for name, bits in every.items():
        assert bits.isfinite().all()
        total = bits.sum() + prior_bits(x0[None], schedule)[0]
        assert sums[-1].bits(name) == pytest.approx(total.item(), rel=1e-4)


class OverValues:
    """E[eps | x_t] of one pixel that takes `values` with the chances `weights`: Bayes' rule, written out."""

    def __init__(self, values: torch.Tensor, weights: torch.Tensor) -> None:
        self.values, self.weights = values, weights

    def __call__(self, x_t: torch.Tensor, level: NoiseLevel, labels: torch.Tensor | None = None) -> torch.Tensor:
        alpha, sigma, x = level.alpha[:, None], level.sigma[:, None], x_t.flatten(1)
        posterior = (self.weights.log() - (x - alpha * self.values) ** 2 / (2 * sigma**2)).softmax(1)
        return ((x - alpha * (posterior @ self.values)[:, None]) / sigma).reshape(x_t.shape)


def test_with_the_exact_predictor_the_bound_is_close_to_the_entropy() -> None:
    """256 values of a bell curve: no bound lies below the entropy of the values, and T = 1000 steps come near it.

    With σ² = β, which is right where a pixel may take many values (Ho et al. 2020, section 3.2).
    """
    values = torch.arange(256).double() / 127.5 - 1
    weights = (-(values**2) / (2 * 0.4**2)).softmax(0)
    entropy = -(weights * weights.log2()).sum().item()
    schedule, draws = linear(1000), 100
    generator = torch.Generator().manual_seed(0)
    t = torch.arange(1000).repeat(draws)
    x0 = values[weights.multinomial(len(t), replacement=True, generator=generator)].reshape(-1, 1, 1, 1)
    eps = torch.randn(x0.shape, generator=generator, dtype=torch.float64)
    terms = vlb_terms(OverValues(values, weights), x0, eps, schedule, t)["fixed_large"]
    bits = terms.sum().item() / draws + prior_bits(x0, schedule).mean().item()
    spread = terms.reshape(draws, 1000).sum(1).std().item() / draws**0.5
    assert entropy - 3 * spread < bits < entropy + 0.1 + 3 * spread


def test_the_parts_make_up_the_means() -> None:
    """Eq. 11 and eq. 7 with the numbers that the screen puts into them."""
    schedule, t = linear(50), torch.tensor([0, 7, 49])
    x0, x_t, eps_hat, level = moved(schedule, t.tolist())
    found = reverse_step(x_t, x0, eps_hat, level, previous_level(schedule, t))
    numbers = {"root": found.sqrt_alpha, "eps_part": found.eps_coef}
    numbers |= {"x0_part": found.true_posterior.x0_part, "x_t_part": found.true_posterior.x_t_part}
    part = {name: number.reshape(3, 1, 1, 1) for name, number in numbers.items()}
    assert_close((x_t - part["eps_part"] * eps_hat) / part["root"], found.mean, atol=1e-10, rtol=1e-10)
    assert_close(part["x0_part"] * x0 + part["x_t_part"] * x_t, found.true_posterior.mean, atol=1e-10, rtol=1e-10)
