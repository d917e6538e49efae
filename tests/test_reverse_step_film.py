import pytest
import torch

from playground.core.analysis.likelihood import previous_level, reverse_step
from playground.core.diffusion.schedules import linear
from playground.core.sampling import generate
from playground.render.films.reverse_step import reverse_step_film
from tests.films import numbers
from tests.test_noise_prediction_film import T, close, found, shown


def test_the_step_is_drawn_with_both_variances(pictures: torch.Tensor) -> None:
    schedule, z = linear(100), generate.seeded_noise((1, 8, 8), 1)
    network = found(pictures, schedule)["network"]
    before = previous_level(schedule, network.t)
    step = reverse_step(network.x_t, network.x0, network.eps_hat, network.level, before)
    film = reverse_step_film(network, step, z, 0)
    for k in range(len(T)):
        close(shown(film, "μ_θ", "network", k, (-1, 1)), step.mean[k], (-1, 1))
        close(shown(film, "μ̃_t(x_t, x_0)", "", k, (-1, 1)), step.true_posterior.mean[k], (-1, 1))
        for title, variance in (
            ("x_t−1, σ² = β̃", step.true_posterior.variance),
            ("x_t−1, σ² = β", step.true_posterior.beta),
        ):
            drawn = step.mean[k].clamp(-1, 1) + variance[k].sqrt() * z
            close(shown(film, title, "", k, (-9, 9)), drawn, (-9, 9))
        assert numbers(film, "bits")[k] == pytest.approx(step.bits["fixed_small"][k].item())
    assert (numbers(film, "roads") < 1e-9).all()
    keys = {number["key"] for number in film["numbers"]}
    assert {key for line in film["formulas"] for _, _, key in line if key} <= keys
