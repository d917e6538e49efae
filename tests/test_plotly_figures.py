import pytest

from playground.core.diffusion.schedules import SCHEDULES, linear, zero_terminal_snr
from playground.render.plotly_figures import schedules_figure


def test_the_figure_has_every_schedule_in_every_chart() -> None:
    schedules = [zero_terminal_snr(linear(100)), *(SCHEDULES[name](100) for name in list(SCHEDULES)[1:])]
    figure = schedules_figure(schedules)
    assert len(figure.data) == 3 * len(SCHEDULES)
    assert figure.data[1].y[10] == pytest.approx(schedules[0].alpha_bar[10].item())
    assert figure.data[2].y[99] is None  # log-SNR -inf cannot be drawn
