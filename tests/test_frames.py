import numpy as np
import pytest
import torch

from playground.core import experiments, images
from playground.core.datasets import Pictures
from playground.core.memorising import side_by_side
from playground.core.noise import add_noise
from playground.core.predictors import IdealPredictor, UNetPredictor
from playground.core.schedules import SCHEDULES, linear
from playground.render.frames import forward_film, reverse_film, side_by_side_film, walk_film
from tests.conftest import small_unet
from tests.films import floats, numbers, panel, pixels


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_table_and_the_layers_make_up_x_t(name: str, pictures: torch.Tensor) -> None:
    schedule, eps = SCHEDULES[name](300), experiments.gaussian((1, 8, 8), 0)
    schedules = [make(300) for make in SCHEDULES.values()]
    film = forward_film(experiments.forward(pictures[0], eps, schedule), schedules, 17)
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
    record = experiments.walk(pictures[0], schedule, t, seed=0)
    film = walk_film(record, schedule, 30)
    layers = pixels(film["moving"]).reshape(3, 3, 8, 8)
    assert film["at"] == 1
    for k in range(3):
        remains = schedule.level(t[k]).alpha.float() * pictures[0]
        assert np.array_equal(layers[k, 0], images.to_bytes(remains)[0].numpy())
        assert np.abs(layers[k, 1] - images.to_bytes((record.x_t[k] - remains) / 3)[0].numpy().astype(int)).max() <= 1
        assert np.array_equal(layers[k, 2], images.to_bytes(record.x_t[k])[0].numpy())


@pytest.mark.parametrize(("count", "grid"), [(1, (8, 8)), (3, (16, 16)), (4, (16, 16)), (16, (32, 32)), (5, (16, 24))])
def test_the_pieces_of_a_run_join_to_one_film(count: int, grid: tuple[int, int]) -> None:
    predictor = UNetPredictor(small_unet(), linear(1000), null_label=3)
    steps = list(experiments.reverse(predictor, (1, 8, 8), linear(50), count=count, steps=4))
    films = [reverse_film(step, linear(50)) for step in steps]
    frames = 0
    for film in films:
        assert film["start"] == frames
        assert film["total"] == 5
        assert (film["size"][1], film["size"][0]) == grid
        frames += len(film["labels"])
        assert len(pixels(film["moving"])) == len(film["labels"]) * 3 * grid[0] * grid[1]
    assert frames == 5
    last = pixels(films[-1]["moving"]).reshape(2, 3, *grid)[1, 0]
    assert np.array_equal(last[:8, :8], images.to_bytes(steps[-1].x_next[0])[0].numpy())


def test_two_processes_stand_in_two_rows_with_their_nearest_pictures(pictures: torch.Tensor) -> None:
    training = Pictures("x", images.to_bytes(pictures), torch.zeros(20, dtype=torch.int64), ("a",), 0, "", "")
    known = training.x0(slice(None))
    predictors = {"network": UNetPredictor(small_unet(), linear(1000), null_label=3), "ideal": IdealPredictor(known)}
    runs = list(side_by_side(predictors, known, linear(50), count=4, steps=50))
    films = [side_by_side_film(each, training, linear(50)) for each in runs]
    assert [film["start"] for film in films] == list(range(50))
    last, film = runs[-1]["ideal"], films[-1]
    assert [len(film["labels"]), film["total"], film["columns"]] == [2, 51, 4]
    reached, close = panel(film, 4, 1), panel(film, 7, 1)
    np.testing.assert_allclose(reached[:, :8, :8], last.step.x_next[0].numpy(), atol=0.01)
    np.testing.assert_allclose(close[:, 8:, 8:], known[last.nearest.index[3]].numpy(), atol=0.01)
    np.testing.assert_allclose(reached, close, atol=0.01)  # the ideal predictor ends in pictures that it knows
    assert film["words"]["7"][1] == "№ " + " · ".join(str(index) for index in last.nearest.index.tolist())
    assert numbers(film, "ideal distance")[1] < 1e-3 < numbers(film, "network distance")[1]
