"""Noise prediction as films over t."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from playground.core.analysis.noise_prediction import NoiseCorrelations, NoisePrediction, VarianceDecomposition
from playground.render.films.charts import dot_stride, hline, line, line_chart, scatter_chart
from playground.render.films.film import (
    NOISE,
    PICTURE,
    PanelWeights,
    Weights,
    layered_panels,
    level_numbers,
    number,
    panel,
    timestep_film,
)
from playground.render.films.film_format import Film, FilmNumber, Limits, Series

Predictions = Mapping[str, NoisePrediction]

STYLE_OF = {"network": "", "ideal": "dashed", "blind": "dotted", "copycat": "dashed"}


def predictors_film(found: Predictions, at: int) -> Film:
    """Predictor-comparison film: ε̂, its error and x̂_0 of each predictor for the same x_t, one column each.

    Args:
        found: predictions at K time steps by the predictor's name; "network" is among them.
        at: time step to begin at.

    Returns:
        The film, with K frames.
    """
    first = found["network"]
    still, moved = picture_and_noise(first), dict[str, tuple[Tensor, Limits]]()
    alpha, sigma = first.level.alpha, first.level.sigma
    rows = [
        [x_t_panel(first, "input")],
        [_eps("true noise")],
        [_x0("clean")],  # five columns leave room for no more on a phone
    ]
    for badge, each in found.items():
        if badge in ("network", "ideal"):
            moved |= {**_answer(badge, each), f"{badge} x0": (each.x0_hat, PICTURE)}
            made_of: list[Weights] = [{f"{badge} eps": 1}, {f"{badge} missed": 1}, {f"{badge} x0": 1}]
        else:
            # The two baselines predict a fixed multiple of x_t, so their panels are sums of x_0 and ε.
            part = 0.0 if badge == "blind" else 1.0
            left = (1 - part * sigma) / alpha
            left = torch.where(alpha == 0, 0.0, left)
            made_of = [
                {"x0": part * alpha, "eps": part * sigma},
                {"x0": -part * alpha, "eps": 1 - part * sigma},
                {"x0": left * alpha, "eps": left * sigma},
            ]
        panels = [
            panel("ε̂", "prediction", NOISE, badge=badge, note=f"{badge} deviation"),
            panel("ε − ε̂", "error", NOISE, badge=badge, note=f"{badge} error"),
            panel("x̂_0", "picture", PICTURE, badge=badge, note=f"{badge} x0_error"),
        ]
        for row, shown in zip(rows, zip(panels, made_of, strict=True), strict=True):
            row.append(shown)
    last = int(first.t[-1])
    return {
        **timestep_film(first.t, at),
        **layered_panels(len(first.t), [shown for row in rows for shown in row], still, moved),
        "columns": 1 + len(found),
        "numbers": [
            *level_numbers(first.t, first.level)[:2],
            *(_r2(badge, each) for badge, each in found.items()),
            *(part for badge, each in found.items() for part in _measures(badge, each)),
        ],
        "charts": [
            line_chart("MSE of ε̂ over t", last, _curves(found, "error"), range_y=(0, 1.5)),
        ],
    }


def independence_film(found: NoisePrediction, record: NoiseCorrelations, at: int) -> Film:
    """Independence film: ε̂ beside the noise in x_t and an unrelated noise, with scatter plots of their pixels.

    Args:
        found: the network's prediction at K time steps.
        record: correlations of ε̂ with both noises, and of ε with x_0 and x_t.
        at: time step to begin at.

    Returns:
        The film, with K frames.
    """
    last, still = int(found.t[-1]), {**picture_and_noise(found), "other": record.other}
    pairs = {
        "own": ("corr(ε̂, ε)", record.eps_hat_and_eps, "prediction", "Pearson correlation: ε̂ follows the noise in x_t"),
        "other": ("corr(ε̂, ε′)", record.eps_hat_and_other, "prediction", "ε̂ does not follow an unrelated noise"),
        "x0": ("corr(ε, x_0)", record.x0_and_eps, "noise", "ε is drawn independently of x_0"),
        "x_t": ("corr(ε, x_t)", record.x_t_and_eps, "noise", "x_t contains ε"),
    }
    every = dot_stride(record.other.numel())
    dots = "1 dot per pixel" if every == 1 else f"1 pixel in {every}"
    shown: list[PanelWeights] = [
        _x0("clean picture"),
        x_t_panel(found, "input"),
        _eps("true noise"),
        (panel("ε̂", "prediction", NOISE, badge="network", about="predicted noise"), {"eps_hat": 1}),
        (panel("ε′", "noise", NOISE, about="unrelated noise"), {"other": 1}),
    ]
    return {
        **timestep_film(found.t, at),
        **layered_panels(len(found.t), shown, still, {"eps_hat": (found.eps_hat, (-4, 4))}),
        "numbers": [
            *level_numbers(found.t, found.level)[:2],
            *(number(key, symbol, values, role, about) for key, (symbol, values, role, about) in pairs.items()),
        ],
        "charts": [
            scatter_chart(f"ε̂ over ε, {dots}", 2, 3, (-4, 4), "own", every),
            scatter_chart("ε̂ over ε′", 4, 3, (-4, 4), "other", every),
            scatter_chart("ε over x_0", 0, 2, (-1.2, 1.2), "x0", every),
            scatter_chart("ε over x_t", 1, 2, (-4, 4), "x_t", every),
            line_chart(
                "Correlation over t",
                last,
                [
                    line("ε̂ and ε", "prediction", found.t, record.eps_hat_and_eps, dot="own"),
                    line("ε̂ and ε′", "prediction", found.t, record.eps_hat_and_other, dot="other", style="dashed"),
                    line("ε and x_t", "noise", found.t, record.x_t_and_eps, dot="x_t"),
                    hline(record.band, f"95 % if unrelated: ±{record.band:.2g}", last),
                    hline(-record.band, "", last),
                ],
                range_y=(-0.25, 1),
            ),
        ],
    }


def shrinkage_film(
    found: Predictions, laws: Mapping[str, VarianceDecomposition], over: Mapping[str, str], at: int
) -> Film:
    """Shrinkage film: the law of total variance for ε̂, with explained and residual variance over t.

    Args:
        found: predictions for one picture at K time steps, by the predictor's name; "network" is among them.
        laws: explained and residual variance, averaged over many pictures, by the predictor's name.
        over: the pictures averaged over, in words, by the predictor's name.
        at: time step to begin at.

    Returns:
        The film, with K frames.
    """
    first, last = found["network"], int(found["network"].t[-1])
    shown = [x_t_panel(first, "input"), _eps("true noise, N(0, I)")]
    moved: dict[str, tuple[Tensor, Limits]] = {}
    numbers, charts = [], []
    for badge, law in laws.items():
        moved |= _answer(badge, found[badge])
        shown += [
            (panel("ε̂", "prediction", NOISE, badge=badge, note=f"{badge} deviation"), {f"{badge} eps": 1}),
            (panel("ε − ε̂", "error", NOISE, badge=badge, note=f"{badge} error"), {f"{badge} missed": 1}),
        ]
        of, mean = f" · {badge}", f"mean {over[badge]}"
        numbers += [
            number(f"{badge} found", "E[ε̂²]" + of, law.explained, "prediction", f"explained variance, {mean}", 3),
            number(f"{badge} missed", "E[(ε−ε̂)²]" + of, law.residual, "error", f"residual variance, {mean}", 3),
            number(f"{badge} total", "sum" + of, law.total, "noise", f"explained + residual variance, {mean}", 3),
            number(
                f"{badge} drawn",
                "E[ε²]" + of,
                law.noise_variance,
                "noise",
                "variance of the same draws; its expectation is 1",
                3,
            ),
            number(
                f"{badge} spread",
                "2 SE of sum − E[ε²]" + of,
                2 * law.standard_error,
                "mixture",
                "two standard errors of sum − E[ε²]",
                3,
            ),
        ]
        curves = [
            line("E[ε̂²]", "prediction", law.t, law.explained, dot=f"{badge} found"),
            line("E[(ε − ε̂)²]", "error", law.t, law.residual, dot=f"{badge} missed"),
            line("sum", "noise", law.t, law.total, dot=f"{badge} total", style="dashed"),
        ]
        charts.append(line_chart(f"Total variance · {badge}", last, curves, range_y=(0, 1.2)))
    return {
        **timestep_film(first.t, at),
        **layered_panels(len(first.t), shown, picture_and_noise(first), moved),
        "numbers": [
            *level_numbers(first.t, first.level)[:2],
            *(_r2(badge, each) for badge, each in found.items()),
            *numbers,
            *(part for badge in laws for part in _measures(badge, found[badge])[:2]),
        ],
        "remark": "R²: of this picture. The rest: " + "; ".join(f"{badge} {over[badge]}" for badge in laws) + ".",
        "charts": [
            line_chart("std(ε̂) over t", last, _curves(found, "deviation"), range_y=(0, 1.5)),
            line_chart("MSE of ε̂ over t", last, _curves(found, "error"), range_y=(0, 1.5)),
            line_chart("R² over t", last, _curves(found, "r2"), range_y=(-0.5, 1)),
            *charts,
        ],
    }


def training_film(found: NoisePrediction, at: int) -> Film:
    """Training-step film: the values of the four lines of training at every t. The MSE of ε̂ is the loss.

    Args:
        found: the network's prediction at K time steps.
        at: time step to begin at.

    Returns:
        The film, with K frames.
    """
    shown: list[PanelWeights] = [
        _x0("clean picture"),
        _eps("target: drawn, known"),
        x_t_panel(found, "input"),
        (panel("ε̂", "prediction", NOISE, badge="network", about="output"), {"network eps": 1}),
        (panel("ε − ε̂", "error", NOISE, about="loss", note="network error"), {"network missed": 1}),
    ]
    return {
        **timestep_film(found.t, at),
        **layered_panels(len(found.t), shown, picture_and_noise(found), _answer("network", found)),
        "numbers": [*level_numbers(found.t, found.level)[:4], _measures("network", found)[1]],
        "charts": [],
    }


def picture_and_noise(found: NoisePrediction) -> dict[str, Tensor]:
    """Layers of the forward process, by name: x_0 and ε, of which every x_t is made."""
    return {"x0": found.x0[0], "eps": found.eps[0]}


def x_t_panel(found: NoisePrediction, about: str) -> PanelWeights:
    """Panel of x_t: the sum of x_0 and ε, weighted by the noise level.

    Args:
        found: a prediction at K time steps.
        about: short caption.

    Returns:
        The panel and its weights for the layers of `picture_and_noise`.
    """
    return panel("x_t", "mixture", PICTURE, about=about), {"x0": found.level.alpha, "eps": found.level.sigma}


def _x0(about: str) -> PanelWeights:
    return panel("x_0", "picture", PICTURE, about=about), {"x0": 1}


def _eps(about: str) -> PanelWeights:
    return panel("ε", "noise", NOISE, about=about), {"eps": 1}


def _answer(badge: str, found: NoisePrediction) -> dict[str, tuple[Tensor, Limits]]:
    """Layers of ε̂ and of its error.

    The error has a layer of its own: as a difference of layers it would be wrong where ε̂ exceeds the limits.
    """
    return {f"{badge} eps": (found.eps_hat, NOISE), f"{badge} missed": (found.eps - found.eps_hat, NOISE)}


def _measures(badge: str, found: NoisePrediction) -> list[FilmNumber]:
    """Numbers below a predictor's panels."""
    return [
        number(
            f"{badge} deviation",
            "std",
            found.deviation,
            "prediction",
            "standard deviation of ε̂ over the pixels; that of N(0, I) is 1",
            3,
        ),
        number(f"{badge} error", "MSE", found.error, "error", "MSE of ε̂ per pixel: mean (ε − ε̂)²; ε̂ = 0 gives about 1"),
        number(f"{badge} x0_error", "MSE", found.x0_error, "picture", "MSE of x̂_0 per pixel: mean (x_0 − x̂_0)²", 3),
    ]


def _r2(badge: str, found: NoisePrediction) -> FilmNumber:
    return number(
        f"{badge} r2", f"R² · {badge}", found.r2, "prediction", "explained variance: 1 − MSE / variance of ε", 3
    )


def _curves(found: Predictions, key: str) -> list[Series]:
    return [
        line(
            badge,
            "prediction" if badge in ("network", "ideal") else "mixture",
            each.t,
            getattr(each, key),
            dot=f"{badge} {key}" if badge in ("network", "ideal") else "",
            style=STYLE_OF[badge],
        )
        for badge, each in found.items()
    ]
