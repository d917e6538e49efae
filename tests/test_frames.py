import base64
import math

import numpy as np
import pytest
import torch

from playground.core import experiments, images
from playground.core.noise import add_noise
from playground.core.predictors import UNetPredictor
from playground.core.schedules import SCHEDULES, linear, zero_terminal_snr
from playground.render.figures import schedules_figure
from playground.render.frames import Film, forward_film, prediction_film, reverse_film, walk_film
from playground.render.palette import ROLES, css_variables, noise_colours
from tests.conftest import small_unet


def floats(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype=np.float32)


def pixels(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype=np.uint8)


def numbers(film: Film, key: str) -> np.ndarray:
    return floats(next(number["values"] for number in film["numbers"] if number["key"] == key))


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_table_and_the_layers_make_up_x_t(name: str, pictures: torch.Tensor) -> None:
    schedule, eps = SCHEDULES[name](300), experiments.gaussian((1, 8, 8), 0)
    schedules = [make(300) for make in SCHEDULES.values()]
    film = forward_film(experiments.forward(pictures[0], eps, schedule), schedules, 17)
    assert film["at"] == 17
    table, layers = floats(film["table"]).reshape(300, 3, 2), floats(film["layers"]).reshape(2, 64)
    for t in (0, 17, 299):
        x_t = add_noise(pictures[:1], eps[None], schedule.level(t)).flatten().numpy()
        np.testing.assert_allclose(table[t, 2] @ layers, x_t, atol=1e-5)
        np.testing.assert_allclose(table[t, 0] @ layers + table[t, 1] @ layers, x_t, atol=1e-5)
    assert len(film["labels"]) == film["total"] == 300
    np.testing.assert_allclose(numbers(film, "alpha_bar"), schedule.alpha_bar.numpy(), atol=1e-6)
    np.testing.assert_allclose(numbers(film, "beta"), schedule.betas.numpy(), atol=1e-6)


def test_a_prediction_film_has_five_layers_a_frame(pictures: torch.Tensor) -> None:
    predictor = UNetPredictor(small_unet(), linear(1000), null_label=3)
    eps = experiments.gaussian((1, 8, 8), 0)
    record = experiments.prediction(predictor, pictures[0], eps, linear(100), [0, 50, 99])
    film = prediction_film(record, 60)
    assert film["at"] == 1  # the nearest of 0, 50 and 99
    layers = pixels(film["layers"]).reshape(3, 5, 8, 8)
    for k in range(3):
        assert np.array_equal(layers[k, 0], images.to_bytes(record.x_t[k])[0].numpy())
        assert np.array_equal(layers[k, 1], images.to_bytes(eps / 3)[0].numpy())
        assert np.array_equal(layers[k, 3], images.to_bytes((eps - record.eps_hat[k]) / 3)[0].numpy())
    np.testing.assert_allclose(numbers(film, "error"), record.error.numpy())


def test_a_walk_film_shows_what_the_steps_left_and_added(pictures: torch.Tensor) -> None:
    schedule, t = linear(100), [0, 30, 99]
    record = experiments.walk(pictures[0], schedule, t, seed=0)
    film = walk_film(record, schedule, 30)
    layers = pixels(film["layers"]).reshape(3, 3, 8, 8)
    assert film["at"] == 1
    for k in range(3):
        remains = schedule.level(t[k]).alpha.float() * pictures[0]
        assert np.array_equal(layers[k, 0], images.to_bytes(remains)[0].numpy())
        assert np.abs(layers[k, 1] - images.to_bytes((record.x_t[k] - remains) / 3)[0].numpy().astype(int)).max() <= 1
        assert np.array_equal(layers[k, 2], images.to_bytes(record.x_t[k])[0].numpy())


def test_the_bars_are_the_histogram_of_the_pixels(pictures: torch.Tensor) -> None:
    """Beside numpy's, at three t's; bars are drawn up to three times the top of N(0, 1)."""
    schedule, eps = linear(300), experiments.gaussian((1, 8, 8), 0)
    film = forward_film(experiments.forward(pictures[0], eps, schedule), [schedule], 0)
    chart = next(chart for chart in film["charts"] if "bars" in chart)
    bars = pixels(chart["bars"][0]["bytes"]).reshape(300, chart["bins"])
    edges = np.linspace(*chart["range"], chart["bins"] + 1)
    top = 3 * math.erf(0.2 / 2**0.5) / 2  # three times the share of N(0, 1) in the bin from 0 to 0.2
    for t in (0, 150, 299):
        x_t = add_noise(pictures[:1], eps[None], schedule.level(t)).numpy().clip(-3.999, 3.999)
        shares = np.histogram(x_t, edges)[0] / x_t.size
        np.testing.assert_allclose(bars[t], np.minimum(shares / top, 1) * 255, atol=1.01)


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
        assert len(pixels(film["layers"])) == len(film["labels"]) * 3 * grid[0] * grid[1]
    assert frames == 5
    last = pixels(films[-1]["layers"]).reshape(2, 3, *grid)[1, 0]
    assert np.array_equal(last[:8, :8], images.to_bytes(steps[-1].x_next[0])[0].numpy())


def test_colours_of_noise_are_symmetric_and_every_role_has_one_for_light_and_dark() -> None:
    colours = noise_colours().astype(int)
    assert colours.shape == (256, 3)
    lightness = colours.sum(1)
    assert abs(int(lightness.argmax()) - 127.5) <= 1
    assert (np.diff(lightness[:128]) >= 0).all()
    assert (np.diff(lightness[128:]) <= 0).all()
    assert all(css_variables().count(f"--{role}:") == 2 for role in ROLES)


def contrast(one: str, other: str) -> float:
    """WCAG 2.1, relative luminance and contrast ratio."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear_parts = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear_parts, strict=True))

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("role", ROLES)
def test_the_colours_of_roles_can_be_read(role: str) -> None:
    light, dark = ROLES[role]
    assert contrast(light, "#ffffff") >= 4.5
    assert contrast(dark, "#0b0f19") >= 4.5


def test_the_figure_has_every_schedule_in_every_chart() -> None:
    schedules = [zero_terminal_snr(linear(100)), *(SCHEDULES[name](100) for name in list(SCHEDULES)[1:])]
    figure = schedules_figure(schedules)
    assert len(figure.data) == 12
    assert figure.data[1].y[10] == pytest.approx(schedules[0].alpha_bar[10].item())
    assert figure.data[2].y[99] is None  # log-SNR -inf cannot be drawn
