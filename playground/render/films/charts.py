"""Charts that move with a film: curves with dots, histograms and scatter plots, drawn by the player."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from playground.core.analysis.histograms import gaussian_shares, shares
from playground.core.diffusion.schedules import NoiseSchedule
from playground.render.films.film import Part, rounded, to_base64


def line(name: str, role: str, x: Tensor, y: Tensor, *, dot: str = "", look: str = "") -> Part:
    """One curve; in each frame its dot stands at the number `dot`. Its `look` is a class of player.css."""
    there = y.isfinite()
    return {"name": name, "role": role, "x": x[there].tolist(), "y": rounded(y[there]), "dot": dot, "look": look}


def band(name: str, role: str, x: Tensor, low: Tensor, high: Tensor) -> Part:
    """The area between two curves, shaded."""
    there = low.isfinite() & high.isfinite()
    sides = {"low": rounded(low[there]), "high": rounded(high[there])}
    return {"name": name, "role": role, "x": x[there].tolist(), **sides, "dot": "", "look": "faint"}


def live_line(name: str, role: str, x: str, y: str, *, dot: str = "", look: str = "") -> Part:
    """A curve through the numbers `x` and `y`: it grows with the film, and where they have places it is the frame's."""
    return {"name": name, "role": role, "of": [x, y], "dot": dot, "look": look}


def line_chart(
    title: str,
    last: int,
    series: Sequence[Part],
    *,
    range_y: tuple[float, float] | None = None,
    log: bool = False,
    across: str = "t",
) -> Part:
    """Curves from 0 to `last`; what leaves `range_y` is cut. With `log` the values are powers of 10.

    The marker stands at the number `across`.
    """
    sides = {"range": [0, last], "range_y": range_y, "log": log}
    return {"title": title, **sides, "across": across, "series": list(series)}


def hline(value: float, name: str, last: int, look: str = "dashed") -> Part:
    """A line at one height."""
    return line(name, "mixture", torch.tensor([0, last]), torch.full((2,), value), look=look)


def schedule_chart(title: str, key: str, chosen: NoiseSchedule, schedules: Sequence[NoiseSchedule]) -> Part:
    """One curve a schedule, the chosen one strong, at 200 places at most."""
    last = chosen.num_steps - 1
    places = torch.linspace(0, last, min(200, last + 1)).round().long()
    series = []
    for schedule in schedules:
        values = getattr(schedule, key)[places]
        if schedule.name == chosen.name:
            series.append(line(schedule.name, "picture", places, values, dot=key))
        else:
            series.append(line(schedule.name, "mixture", places, values, look="faint"))
    return line_chart(title, last, series)


def dot_stride(pixels: int) -> int:
    """Of so many pixels and channels one in how many is drawn as a dot, so that at most MOST_DOTS are.

    The number shares no factor with the channels or with the sides of pictures, so that no row or colour is preferred.
    """
    return next(every for every in itertools.count(-(-pixels // MOST_DOTS)) if math.gcd(every, 6) == 1)


def scatter_chart(
    title: str, across: int, up: int, across_range: tuple[float, float], note: str, every: int = 1
) -> Part:
    """The pixels of panel `up` over those of panel `across`, a dot each; the number `note` stands beside it.

    Of large pictures one pixel in `every` is drawn.
    """
    ranges = [across_range, (-4.0, 4.0)]
    return {"title": title, "scatter": [across, up], "ranges": ranges, "note": note, "every": every}


MOST_PIXELS, MOST_DOTS = 2**14, 2**13
"""So many pixels show how all of them lie, in a histogram a frame and as dots."""


def pixels_chart(x_t: Tensor) -> Part:
    """How the pixels of x_t, (K, N), lie in each frame, vs N(0, 1)."""
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
) -> Part:
    """A histogram for each frame and a curve over it: (name, role, shares of the bins (K, B) or, for all, (1, B)).

    Each frame is drawn up to its own highest value, or all up to `top`, where higher bars are cut.
    """
    tops = torch.maximum(*(each[2].double().amax(1, keepdim=True) for each in (bars, line))) if top is None else top
    series = [
        {"name": name, "role": role, "bytes": to_base64((values / tops * 255).clamp(0, 255).to(torch.uint8).numpy())}
        for name, role, values in (bars, line)
    ]
    return {"title": title, "range": [edges[0].item(), edges[-1].item()], "bins": len(edges) - 1, "bars": series}
