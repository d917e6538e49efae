import math

import numpy as np
import pytest
import torch

from playground.core.analysis import forward_process
from playground.core.diffusion.noise import add_noise
from playground.core.diffusion.schedules import linear, zero_terminal_snr
from playground.core.sampling import generate
from playground.render.films.charts import band, dot_stride, hline, line, line_chart, schedule_chart
from playground.render.films.forward_process import forward_film
from tests.films import pixels


def test_the_bars_are_the_histogram_of_the_pixels(pictures: torch.Tensor) -> None:
    """Beside numpy's, at three t's; bars are drawn up to three times the top of N(0, 1)."""
    schedule, eps = linear(300), generate.seeded_noise((1, 8, 8), 0)
    film = forward_film(forward_process.forward_process(pictures[0], eps, schedule), [schedule], 0)
    chart = next(chart for chart in film["charts"] if "bars" in chart)
    bars = pixels(chart["bars"][0]["bytes"]).reshape(300, chart["bins"])
    edges = np.linspace(*chart["range"], chart["bins"] + 1)
    top = 3 * math.erf(0.2 / 2**0.5) / 2  # three times the share of N(0, 1) in the bin from 0 to 0.2
    for t in (0, 150, 299):
        x_t = add_noise(pictures[:1], eps[None], schedule.level(t)).numpy().clip(-3.999, 3.999)
        shares = np.histogram(x_t, edges)[0] / x_t.size
        np.testing.assert_allclose(bars[t], np.minimum(shares / top, 1) * 255, atol=1.01)


def test_a_curve_leaves_out_what_is_not_finite() -> None:
    series = line("one", "noise", torch.arange(4), torch.tensor([0.5, math.nan, math.inf, 1.0]), dot="key")
    assert (series["x"], series["y"], series["dot"]) == ([0, 3], [0.5, 1.0], "key")
    assert hline(0.25, "a line", 9)["x"] == [0, 9]
    assert line_chart("title", 9, [series], log=True)["log"] is True


def test_the_chosen_schedule_is_strong_and_has_the_dot() -> None:
    chosen = zero_terminal_snr(linear(100))
    chart = schedule_chart("log-SNR", "log_snr", chosen, [chosen])
    assert [(each["dot"], each["style"]) for each in chart["series"]] == [("log_snr", "")]
    assert chart["series"][0]["x"] == list(range(99))  # log-SNR is -inf at the last


def test_a_band_leaves_out_where_either_side_is_not_finite() -> None:
    low, high = torch.tensor([0.1, math.nan, 0.3, 0.4]), torch.tensor([1.0, 2.0, -math.inf, 4.0])
    area = band("usual", "mixture", torch.arange(4), low, high)
    assert (area["x"], area["low"], area["high"]) == ([0, 3], [0.1, 0.4], [1.0, 4.0])


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 64, 64), (1, 128, 128), (3, 256, 256)])
def test_the_dots_of_large_pictures_are_of_all_colours_rows_and_columns(shape: tuple[int, int, int]) -> None:
    channels, height, width = shape
    every = dot_stride(channels * height * width)
    drawn = torch.arange(0, channels * height * width, every)  # as the player has them: row by row, colours innermost
    assert len(drawn) <= 2**13
    assert (every == 1) == (channels * height * width <= 2**13)
    for place, count in ((drawn % channels, channels), (drawn // channels % width, width)):
        shares = place.bincount(minlength=count).double() / len(drawn)
        assert (shares * count - 1).abs().max() < 0.35
    assert len((drawn // (channels * width)).unique()) == height
