"""Noise prediction in and out of distribution as a film over t: one row per input."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from playground.core.analysis.out_of_distribution import OODResult, ReferenceErrors
from playground.render.films.charts import band, line, line_chart
from playground.render.films.film import (
    NOISE,
    PICTURE,
    PanelWeights,
    layered_panels,
    level_numbers,
    number,
    panel,
    timestep_film,
)
from playground.render.films.film_format import Chart, Film, FilmNumber, Limits, Series

LINES = ("", "dashed", "dotted", "dash-dotted", "long-dashed", "sparse")
LOW, HIGH = 0.05, 0.95


def out_of_distribution_film(trials: Mapping[str, OODResult], usual: ReferenceErrors | None, at: int) -> Film:
    """Out-of-distribution film: one row per input, with its MSE over t.

    Each row shows x_0, x_t, ε̂, its error and x̂_0. Where `usual` is known, the MSE on held-out pictures is drawn as a
    band and the inputs' MSE is also divided by its median.

    Args:
        trials: results by the input's name, at most as many as LINES; the first is a picture of the network's data.
        usual: errors on held-out pictures, or None.
        at: time step to begin at.

    Returns:
        The film, with one frame per time step.

    Raises:
        ValueError: if there are more trials than LINES.
    """
    first = next(iter(trials.values())).prediction
    panels, absent = list[PanelWeights](), dict[str, list[str]]()
    still, moved = {"eps": first.eps[0]}, dict[str, tuple[Tensor, Limits]]()
    below, errors = list[FilmNumber](), list[Series]()
    for (name, each), style in zip(trials.items(), LINES[: len(trials)], strict=True):
        found = each.prediction
        still[name] = each.subject.x0
        moved |= {
            f"{name} eps": (found.eps_hat, NOISE),
            f"{name} missed": (found.eps - found.eps_hat, NOISE),
            f"{name} x0": (found.x0_hat, PICTURE),
        }
        x_t = {name: found.level.alpha, "eps": each.subject.strength * found.level.sigma}
        if each.subject.strength < 1:
            absent[str(len(panels))] = ["no picture"] * len(first.t)
        panels += [
            (panel("x_0", "picture", PICTURE, about=name), {name: 1}),
            (panel("x_t", "mixture", PICTURE, about=each.subject.about), x_t),
            (panel("ε̂", "prediction", NOISE, badge="network", note=f"{name} deviation"), {f"{name} eps": 1}),
            (panel("ε − ε̂", "error", NOISE, badge="network", note=f"{name} error"), {f"{name} missed": 1}),
            (panel("x̂_0", "picture", PICTURE, badge="network", about="prediction"), {f"{name} x0": 1}),
        ]
        below += [
            number(
                f"{name} deviation",
                "std",
                found.deviation,
                "prediction",
                "standard deviation of ε̂; that of N(0, I) is 1",
                3,
            ),
            number(f"{name} error", "MSE", found.error, "error", "MSE of ε̂ per pixel: mean (ε − ε̂)²"),
        ]
        errors.append(line(name, "error", found.t, found.error, dot=f"{name} error", style=style))
    last = int(first.t[-1])
    bands, numbers, charts = ([], [], []) if usual is None else _beside(trials, usual)
    return {
        **timestep_film(first.t, at),
        **layered_panels(len(first.t), panels, still, moved),
        "columns": 5,
        "absent": absent,
        "numbers": [*level_numbers(first.t, first.level)[:2], *numbers, *below],
        "charts": [
            line_chart("MSE of ε̂ over t", last, [*bands, *errors], range_y=(0, 2)),
            *charts,
        ],
    }


def _beside(
    trials: Mapping[str, OODResult], usual: ReferenceErrors
) -> tuple[list[Series], list[FilmNumber], list[Chart]]:
    """Comparison with held-out pictures: their MSE as a band and as numbers, and each input's MSE ÷ its median."""
    first = next(iter(trials.values())).prediction
    low, median, high = (usual.quantile(share, first.level) for share in (LOW, 0.5, HIGH))
    name_of_band, of_data = "held-out pictures, 5–95 %", "of the MSE on held-out pictures"
    numbers = [
        number("usual", "held-out: median", median, "mixture", f"median {of_data}"),
        number("usual low", "held-out: 5 %", low, "mixture", f"5th percentile {of_data}"),
        number("usual high", "held-out: 95 %", high, "mixture", f"95th percentile {of_data}"),
    ]
    ratios = [band(name_of_band, "mixture", first.t, (low / median).log10(), (high / median).log10())]
    for (name, each), style in zip(trials.items(), LINES[: len(trials)], strict=True):
        times = each.prediction.error / median
        about = f"its MSE divided by the median {of_data}"
        numbers.append(number(f"{name} times", f"{name} ÷ median", times, "error", about, 1))
        ratios.append(line(name, "error", first.t, times.log10(), dot=f"{name} times", style=style))
    title = "MSE ÷ held-out median over t"
    chart = line_chart(title, int(first.t[-1]), ratios, log=True)
    return [band(name_of_band, "mixture", first.t, low, high)], numbers, [chart]
