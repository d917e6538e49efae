import math

import numpy as np
import torch

from playground.core import experiments
from playground.core.noise import add_noise
from playground.core.schedules import linear, zero_terminal_snr
from playground.render.charts import curve, curves_chart, level_curve, schedule_chart
from playground.render.frames import forward_film
from tests.films import pixels


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


def test_a_curve_leaves_out_what_is_not_finite() -> None:
    series = curve("one", "noise", torch.arange(4), torch.tensor([0.5, math.nan, math.inf, 1.0]), dot="key")
    assert (series["x"], series["y"], series["dot"]) == ([0, 3], [0.5, 1.0], "key")
    assert level_curve(0.25, "a line", 9)["x"] == [0, 9]
    assert curves_chart("title", 9, [series], log=True)["log"] is True


def test_the_chosen_schedule_is_strong_and_has_the_dot() -> None:
    chosen = zero_terminal_snr(linear(100))
    chart = schedule_chart("log-SNR", "log_snr", chosen, [chosen])
    assert [(each["dot"], each["look"]) for each in chart["series"]] == [("log_snr", "")]
    assert chart["series"][0]["x"] == list(range(99))  # log-SNR is -inf at the last
