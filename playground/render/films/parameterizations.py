"""Parameterizations of one prediction, all four, as a film over t."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from playground.core.analysis.noise_prediction import NoisePrediction
from playground.core.analysis.parameterizations import Parameterizations
from playground.render.films.charts import line, line_chart
from playground.render.films.film import (
    NOISE,
    PICTURE,
    PanelWeights,
    formula,
    layered_panels,
    level_numbers,
    number,
    panel,
    timestep_film,
)
from playground.render.films.film_format import Film, FilmNumber, Limits, LineChart

TO_X0 = (
    "[x̂_0|picture] = ([x_t|mixture] − {sigma|noise} · [ε̂|prediction]) / {alpha|picture}"
    " = {alpha|picture} · [x_t|mixture] − {sigma|noise} · [v̂|mixture]"
    " = ([x_t|mixture] + {variance|noise} · [ŝ|prediction]) / {alpha|picture}"
)


SYMBOLS = {"eps": "ε̂", "x0": "x̂_0", "v": "v̂", "score": "ŝ"}
STYLES = {"eps": "", "x0": "", "v": "dashed", "score": "dotted"}
ROLES = {"eps": "prediction", "x0": "picture", "v": "mixture", "score": "prediction"}


def parameterizations_film(found: NoisePrediction, names: Parameterizations, off: Tensor, at: int) -> Film:
    """Parameterizations film: one prediction as noise, picture, velocity and score, over t.

    It also shows how errors grow: the same error, 0.1 · `off`, is added in each parameterization and the result is
    converted to x̂_0 and to ε̂.

    Args:
        found: a prediction at K time steps.
        names: the same in four parameterizations, with the factors of an error.
        off: the error's pattern, (C, H, W).
        at: time step to begin at.

    Returns:
        The film, with K frames.
    """
    sigma = found.level.sigma
    moved: dict[str, tuple[Tensor, Limits]] = {
        "eps": (names.eps, NOISE),
        "x0": (names.x0, PICTURE),
        "v": (names.v, NOISE),
    }
    shown: list[PanelWeights] = [
        (panel("ε̂", "prediction", NOISE, badge="network", about="noise"), {"eps": 1}),
        (panel("x̂_0", "picture", PICTURE, badge="network", about="picture"), {"x0": 1}),
        (panel("v̂", "mixture", NOISE, badge="network", about="velocity"), {"v": 1}),
        (
            panel("√(1−ᾱ_t) · ŝ", "prediction", NOISE, badge="network", about="score"),
            {"eps": -1},
        ),
        *_with_error("x̂_0", "x0", "in x0", names.in_x0),
        *_with_error("ε̂", "eps", "in eps", names.in_eps),
    ]
    return {
        **timestep_film(found.t, at),
        **layered_panels(len(found.t), shown, {"off": off}, moved),
        "columns": 4,
        "formulas": [formula(TO_X0)],
        "numbers": [
            *level_numbers(found.t, found.level),
            number("variance", "1 − ᾱ_t", sigma**2, "noise", "variance of the noise in x_t"),
            number(
                "apart",
                "max difference",
                names.max_disagreement,
                "error",
                "between x̂_0 from the four parameterizations: only rounding",
                7,
            ),
            *_factors("in x0", names.in_x0, "x̂_0"),
            *_factors("in eps", names.in_eps, "ε̂"),
        ],
        "charts": [
            _chart("x̂_0", "in x0", names.in_x0, found.t),
            _chart("ε̂", "in eps", names.in_eps, found.t),
        ],
    }


def _with_error(what: str, layer: str, key: str, table: Mapping[str, Tensor]) -> list[PanelWeights]:
    """Panels of what an error in each parameterization does; `table` has the factors of the error."""
    limits = PICTURE if layer == "x0" else NOISE
    return [
        (
            panel(what, ROLES[layer], limits, about=SYMBOLS[name], note=f"{key} {name}"),
            {layer: 1, "off": 0.1 * factor},
        )
        for name, factor in table.items()
    ]


def _factors(key: str, table: Mapping[str, Tensor], what: str) -> list[FilmNumber]:
    return [
        number(f"{key} {n}", "error ×", value.abs(), ROLES[n], f"factor of an error in {SYMBOLS[n]} in {what}", 3)
        for n, value in table.items()
    ]


def _chart(what: str, key: str, table: Mapping[str, Tensor], t: Tensor) -> LineChart:
    curves = [
        line(f"from {SYMBOLS[n]}", ROLES[n], t, value.abs().log10(), dot=f"{key} {n}", style=STYLES[n])
        for n, value in table.items()
    ]
    return line_chart(f"Error factor in {what} over t", int(t[-1]), curves, log=True)
