import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from playground.core.diffusion.ideal import IdealPredictor
from playground.core.diffusion.noise import CLEAN, NoiseLevel, add_noise, expand_coef, posterior
from playground.core.diffusion.parameterizations import (
    eps_from_score,
    eps_from_v,
    eps_from_x0,
    score_from_eps,
    v_from_eps,
    x0_from_eps,
)


def gaussian(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_level_takes_numbers_and_keeps_float64_on_the_cpu() -> None:
    level = NoiseLevel(0.6, torch.tensor(0.8, dtype=torch.float32))
    assert level.alpha.dtype == level.sigma.dtype == torch.float64
    assert math.isclose(level.log_snr.item(), math.log(0.36 / 0.64), rel_tol=1e-6)


def test_the_ends_have_infinite_log_snr() -> None:
    assert CLEAN.log_snr == math.inf
    assert NoiseLevel(0, 1).log_snr == -math.inf


@given(log_snr=st.floats(-9, 9), seed=st.integers(0, 1000))
def test_the_inverses_undo_add_noise(log_snr: float, seed: int) -> None:
    ratio = torch.tensor(log_snr, dtype=torch.float64)
    level = NoiseLevel(ratio.sigmoid().sqrt(), (-ratio).sigmoid().sqrt())
    x0, eps = gaussian(3, 1, 4, 4, seed=seed), gaussian(3, 1, 4, 4, seed=seed + 1)
    x_t = add_noise(x0, eps, level)
    assert_close(x0_from_eps(x_t, eps, level), x0, atol=1e-10, rtol=1e-10)
    assert_close(eps_from_x0(x_t, x0, level), eps, atol=1e-10, rtol=1e-10)
    v = v_from_eps(x_t, eps, level)
    assert_close(v, expand_coef(level.alpha, x0) * eps - expand_coef(level.sigma, x0) * x0, atol=1e-10, rtol=1e-10)
    assert_close(eps_from_v(x_t, v, level), eps, atol=1e-10, rtol=1e-10)
    assert_close(eps_from_score(score_from_eps(eps, level), level), eps, atol=1e-10, rtol=1e-10)


def test_the_score_is_the_gradient_of_the_log_density() -> None:
    """Of q(x_t | x0) for the true noise, by autograd; and of q(x_t) for E[eps | x_t] (Tweedie)."""
    level, x0 = NoiseLevel(0.6, 0.8), gaussian(3, 1, 2, 2)
    eps = gaussian(3, 1, 2, 2, seed=1)
    x_t = add_noise(x0, eps, level).requires_grad_()
    density = torch.distributions.Normal(0.6 * x0, 0.8).log_prob(x_t).sum()
    assert_close(score_from_eps(eps, level), torch.autograd.grad(density, x_t)[0], atol=1e-10, rtol=1e-10)
    one = x_t[:1].detach().requires_grad_()
    mixture = torch.distributions.Normal(0.6 * x0, 0.8).log_prob(one).flatten(1).sum(1).logsumexp(0)
    ideal = IdealPredictor(x0)(one.detach(), level)
    assert_close(score_from_eps(ideal, level), torch.autograd.grad(mixture, one)[0], atol=1e-10, rtol=1e-10)


def test_each_picture_of_a_batch_may_have_its_own_level() -> None:
    levels = NoiseLevel([1.0, 0.6, 0.0], [0.0, 0.8, 1.0])
    x0, eps = gaussian(3, 2, 4, 4), gaussian(3, 2, 4, 4, seed=1)
    x_t = add_noise(x0, eps, levels)
    assert_close(x_t[0], x0[0])
    assert_close(x_t[1], 0.6 * x0[1] + 0.8 * eps[1])
    assert_close(x_t[2], eps[2])


def test_pure_noise_points_to_the_middle_of_the_range() -> None:
    x_t = gaussian(2, 1, 4, 4)
    assert_close(x0_from_eps(x_t, x_t, NoiseLevel(0, 1)), torch.zeros_like(x_t))


@pytest.mark.parametrize(("alpha_t", "alpha_s"), [(0.3, 0.5), (0.9, 0.99), (0.05, 0.99), (0.5, 1.0), (0.0, 0.4)])
def test_posterior_is_bayes_rule(alpha_t: float, alpha_s: float) -> None:
    """Beside the product of the two Gaussians q(x_t | x_s) q(x_s | x_0), worked out on a fine grid."""
    t, s = (NoiseLevel(alpha, math.sqrt(1 - alpha**2)) for alpha in (alpha_t, alpha_s))
    x0, x_t = 0.7, -0.4
    noisy, clean = (torch.tensor([[each]], dtype=torch.float64) for each in (x_t, x0))
    q = posterior(noisy, clean, t, s)
    if alpha_s == 1.0:
        assert_close(q.mean.item(), x0)
        assert q.variance == 0
        return
    grid = torch.linspace(-12, 12, 400_001, dtype=torch.float64)
    factor = alpha_t / alpha_s
    beta = 1 - alpha_t**2 - factor**2 * (1 - alpha_s**2)
    log_density = -((x_t - factor * grid) ** 2) / (2 * beta) - (grid - alpha_s * x0) ** 2 / (2 * (1 - alpha_s**2))
    weights = log_density.softmax(0)
    mean = (weights * grid).sum()
    assert_close(q.mean.squeeze(), mean, atol=1e-8, rtol=0)
    assert_close(q.variance, (weights * (grid - mean) ** 2).sum(), atol=1e-8, rtol=0)
    assert_close(q.beta.item(), beta)
