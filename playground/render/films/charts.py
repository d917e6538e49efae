"""Charts below a film: curves with moving dots, histograms and scatter plots. The player draws them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from playground.core.analysis.histograms import gaussian_shares, shares
from playground.core.diffusion.schedules import NoiseSchedule
from playground.render.films.film import rounded, to_base64
from playground.render.films.film_format import Bars, Histogram, LineChart, ScatterChart, Series


def line(name: str, role: str, x: Tensor, y: Tensor, *, dot: str = "", style: str = "") -> Series:
    """Curve of a line chart.

    Args:
        name: its name in the legend; an empty name leaves it out of the legend.
        role: its role in the palette, which gives its colour.
        x: horizontal positions, (N,).
        y: values, (N,); points that are not finite are left out.
        dot: key of the number that a dot on the curve shows in each frame; empty for no dot.
        style: line style, a class of player.css such as "dashed".

    Returns:
        The curve as a dict for the player.
    """
    there = y.isfinite()
    return {"name": name, "role": role, "x": x[there].tolist(), "y": rounded(y[there]), "dot": dot, "style": style}


def band(name: str, role: str, x: Tensor, low: Tensor, high: Tensor) -> Series:
    """Band: the shaded area between two curves.

    Args:
        name: its name in the legend.
        role: its role in the palette, which gives its colour.
        x: horizontal positions, (N,).
        low: lower curve, (N,); points where a curve is not finite are left out.
        high: upper curve, (N,).

    Returns:
        The band as a dict for the player.
    """
    there = low.isfinite() & high.isfinite()
    return {
        "name": name,
        "role": role,
        "x": x[there].tolist(),
        "low": rounded(low[there]),
        "high": rounded(high[there]),
        "dot": "",
        "style": "faint",
    }


def live_line(name: str, role: str, x: str, y: str, *, dot: str = "", style: str = "") -> Series:
    """Live curve: it goes through the values of two numbers of the film.

    Through numbers with a value per frame it grows as frames arrive. Where a number has a value per place of each
    frame, the curve is that of the frame on show.

    Args:
        name: its name in the legend.
        role: its role in the palette, which gives its colour.
        x: key of the number on the horizontal axis.
        y: key of the number on the vertical axis.
        dot: key of the number that a dot shows in each frame; empty for no dot.
        style: line style, a class of player.css such as "faint".

    Returns:
        The curve as a dict for the player.
    """
    return {"name": name, "role": role, "of": [x, y], "dot": dot, "style": style}


def line_chart(
    title: str,
    last: int,
    series: Sequence[Series],
    *,
    range_y: tuple[float, float] | None = None,
    log: bool = False,
    across: str = "t",
) -> LineChart:
    """Line chart with a marker that moves with the film.

    Args:
        title: its title.
        last: right end of the horizontal axis, which begins at 0.
        series: curves and bands.
        range_y: range of the vertical axis, at which curves are cut; None fits it to the curves.
        log: whether the values are exponents of 10.
        across: key of the number at whose value the marker stands.

    Returns:
        The chart as a dict for the player.
    """
    return {
        "title": title,
        "range": [0, last],
        "range_y": range_y,
        "log": log,
        "across": across,
        "series": list(series),
    }


def hline(value: float, name: str, last: int, style: str = "dashed") -> Series:
    """Horizontal line of a line chart.

    Args:
        value: its height.
        name: its name in the legend; an empty name leaves it out of the legend.
        last: right end of the line, which begins at 0.
        style: line style, a class of player.css.

    Returns:
        The line as a dict for the player.
    """
    return line(name, "mixture", torch.tensor([0, last]), torch.full((2,), value), style=style)


def schedule_chart(title: str, key: str, chosen: NoiseSchedule, schedules: Sequence[NoiseSchedule]) -> LineChart:
    """Noise-schedule chart: one curve per schedule, the chosen one strong, with at most 200 points each.

    Args:
        title: its title.
        key: the attribute of a schedule that is drawn, (T,), and the key of the number that the dot shows.
        chosen: the chosen schedule.
        schedules: all schedules to draw, with the same T.

    Returns:
        The chart as a dict for the player.
    """
    last = chosen.num_steps - 1
    places = torch.linspace(0, last, min(200, last + 1)).round().long()
    series = []
    for schedule in schedules:
        values = getattr(schedule, key)[places]
        if schedule.name == chosen.name:
            series.append(line(schedule.name, "picture", places, values, dot=key))
        else:
            series.append(line(schedule.name, "mixture", places, values, style="faint"))
    return line_chart(title, last, series)


def dot_stride(pixels: int) -> int:
    """Stride of the pixels drawn as dots, so that there are at most MOST_DOTS of them.

    `pixels` counts pixels and channels. The stride has no factor 2 or 3, so it shares none with the number of channels
    or with the usual sides of pictures: no colour, row or column is preferred.
    """
    return next(every for every in itertools.count(-(-pixels // MOST_DOTS)) if math.gcd(every, 6) == 1)


def scatter_chart(
    title: str, across: int, up: int, across_range: tuple[float, float], note: str, every: int = 1
) -> ScatterChart:
    """Scatter plot: the pixels of one panel over those of another, one dot per pixel.

    Args:
        title: its title.
        across: index of the panel on the horizontal axis.
        up: index of the panel on the vertical axis, which goes from -4 to 4.
        across_range: range of the horizontal axis.
        note: key of the number shown beside the plot.
        every: stride: one pixel in `every` is drawn.

    Returns:
        The chart as a dict for the player.
    """
    ranges = [across_range, (-4.0, 4.0)]
    return {"title": title, "scatter": [across, up], "ranges": ranges, "note": note, "every": every}


MOST_PIXELS, MOST_DOTS = 2**14, 2**13
"""Most pixels in the histogram of a frame, and most pixels drawn as dots: enough to show the distribution."""


def pixels_chart(x_t: Tensor) -> Histogram:
    """Histogram of the pixels of x_t, (K, N), in each frame, compared with N(0, 1)."""
    edges = torch.linspace(-4, 4, 41)
    standard = gaussian_shares(torch.zeros(1), torch.ones(1), edges)
    return histogram_chart(
        "Pixels of x_t, vs N(0, 1)",
        edges,
        ("pixels of x_t", "mixture", shares(x_t, edges)),
        ("N(0, 1)", "noise", standard),
        top=3 * standard.max().item(),
    )


def histogram_chart(
    title: str, edges: Tensor, bars: tuple[str, str, Tensor], line: tuple[str, str, Tensor], top: float | None = None
) -> Histogram:
    """Histogram with a curve over it.

    Args:
        title: its title.
        edges: edges of the bins, (B + 1,), ascending.
        bars: the bars: name, role, and shares of the bins, (K, B), or (1, B) for the same in all K frames.
        line: the curve, in the same form.
        top: share at the upper end, where higher bars are cut; None scales each frame to its own highest value.

    Returns:
        The chart as a dict for the player.
    """
    tops = torch.maximum(*(each[2].double().amax(1, keepdim=True) for each in (bars, line))) if top is None else top
    series: list[Bars] = [
        {"name": name, "role": role, "bytes": to_base64((values / tops * 255).clamp(0, 255).to(torch.uint8).numpy())}
        for name, role, values in (bars, line)
    ]
    return {"title": title, "range": [edges[0].item(), edges[-1].item()], "bins": len(edges) - 1, "bars": series}
