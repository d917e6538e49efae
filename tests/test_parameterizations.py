import torch
from torch.testing import assert_close

from playground.core.analysis.parameterizations import parameterize
from playground.core.diffusion.noise import add_noise
from playground.core.diffusion.parameterizations import eps_from_score, eps_from_v, eps_from_x0, x0_from_eps
from playground.core.diffusion.schedules import linear

CONVERSIONS = {"eps": lambda x_t, said, level: said, "x0": eps_from_x0, "v": eps_from_v}


def test_the_names_are_what_they_are_called() -> None:
    level = linear(1000).level(torch.tensor([0, 300, 999]))
    x0, eps = torch.randn(2, 3, 1, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    names = parameterize(add_noise(x0, eps, level), eps, level)
    alpha, sigma = (each.reshape(3, 1, 1, 1) for each in (level.alpha, level.sigma))
    assert_close(names.x0, x0, atol=1e-9, rtol=1e-9)
    assert_close(names.v, alpha * eps - sigma * x0, atol=1e-9, rtol=1e-9)
    assert_close(names.score, -eps / sigma, atol=1e-9, rtol=1e-9)
    assert (names.max_disagreement < 1e-9).all()


def test_an_error_grows_as_the_derivative_says() -> None:
    """Each factor beside autograd, through the conversions."""
    level = linear(1000).level(torch.tensor([5, 500, 990]))
    x_t = torch.randn(3, 1, 1, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    names = parameterize(x_t, torch.zeros_like(x_t), level)
    for name in ("eps", "x0", "v", "score"):
        said = torch.zeros_like(x_t).requires_grad_()
        eps = eps_from_score(said, level) if name == "score" else CONVERSIONS[name](x_t, said, level)
        assert_close(torch.autograd.grad(eps.sum(), said, retain_graph=True)[0].flatten(), names.in_eps[name])
        x0 = x0_from_eps(x_t, eps, level)
        expected = names.in_x0[name]
        assert_close(torch.autograd.grad(x0.sum(), said)[0].flatten(), expected, atol=1e-9, rtol=1e-9)
