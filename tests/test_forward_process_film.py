import numpy as np
import pytest
import torch

from playground.core.analysis import forward_process
from playground.core.data import images
from playground.core.diffusion.noise import add_noise
from playground.core.diffusion.schedules import SCHEDULES, linear
from playground.core.sampling import generate
from playground.render.films.forward_process import forward_film, markov_chain_film
from tests.films import floats, numbers, pixels


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_table_and_the_layers_make_up_x_t(name: str, pictures: torch.Tensor) -> None:
    schedule, eps = SCHEDULES[name](300), generate.seeded_noise((1, 8, 8), 0)
    schedules = [make(300) for make in SCHEDULES.values()]
    film = forward_film(forward_process.forward_process(pictures[0], eps, schedule), schedules, 17)
    assert film["at"] == 17
    table, layers = floats(film["table"]).reshape(300, 3, 2), floats(film["still"]).reshape(2, 64)
    for t in (0, 17, 299):
        x_t = add_noise(pictures[:1], eps[None], schedule.level(t)).flatten().numpy()
        np.testing.assert_allclose(table[t, 2] @ layers, x_t, atol=1e-5)
        np.testing.assert_allclose(table[t, 0] @ layers + table[t, 1] @ layers, x_t, atol=1e-5)
    assert len(film["labels"]) == film["total"] == 300
    np.testing.assert_allclose(numbers(film, "alpha_bar"), schedule.alpha_bar.numpy(), atol=1e-6)
    np.testing.assert_allclose(numbers(film, "beta"), schedule.betas.numpy(), atol=1e-6)


def test_a_walk_film_shows_what_the_steps_left_and_added(pictures: torch.Tensor) -> None:
    schedule, t = linear(100), [0, 30, 99]
    record = forward_process.simulate_markov_chain(pictures[0], schedule, t, seed=0)
    film = markov_chain_film(record, schedule, 30)
    layers = pixels(film["moving"]).reshape(3, 3, 8, 8)
    assert film["at"] == 1
    for k in range(3):
        remains = schedule.level(t[k]).alpha.float() * pictures[0]
        assert np.array_equal(layers[k, 0], images.to_bytes(remains)[0].numpy())
        assert np.abs(layers[k, 1] - images.to_bytes((record.x_t[k] - remains) / 3)[0].numpy().astype(int)).max() <= 1
        assert np.array_equal(layers[k, 2], images.to_bytes(record.x_t[k])[0].numpy())
