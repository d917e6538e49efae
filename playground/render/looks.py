"""Core's records of finding the noise as films over t, one for each way to look at it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from playground.core.experiments import Independence, Prediction, TotalVariance
from playground.core.likelihood import LearnedStep
from playground.core.names import FourNames
from playground.render.charts import curve, curves_chart, level_curve, scatter_chart
from playground.render.film import (
    NOISE,
    PICTURE,
    Film,
    Limits,
    Part,
    Weights,
    composed,
    level_numbers,
    number,
    over_t,
    panel,
    size,
)

Predictions = Mapping[str, Prediction]

LOOK_OF = {"network": "", "ideal": "dashed", "blind": "dotted", "copycat": "dashed"}


def predictors_film(found: Predictions, at: int) -> Film:
    """What each predictor finds in the same x_t: ε̂, what it missed, and the picture that is left, a column each."""
    first = found["network"]
    still, moved = _shared(first), dict[str, tuple[Tensor, Limits]]()
    alpha, sigma = first.level.alpha, first.level.sigma
    rows: list[list[tuple[Part, Weights]]] = [
        [(panel("x_t", "mixture", PICTURE, about="what they are asked about"), {"x0": alpha, "eps": sigma})],
        [(panel("ε", "noise", NOISE, about="the noise that is in it"), {"eps": 1})],
        [(panel("x_0", "picture", PICTURE, about="the picture that is in it"), {"x0": 1})],
    ]
    for who, each in found.items():
        if who in ("network", "ideal"):
            moved |= {**_answer(who, each), f"{who} x0": (each.x0_hat, PICTURE)}
            made_of: list[Weights] = [{f"{who} eps": 1}, {f"{who} missed": 1}, {f"{who} x0": 1}]
        else:
            # These two say a fixed part of x_t, so that all of theirs is made of x_0 and ε.
            part = 0.0 if who == "blind" else 1.0
            left = (1 - part * sigma) / alpha
            left = torch.where(alpha == 0, 0.0, left)
            made_of = [
                {"x0": part * alpha, "eps": part * sigma},
                {"x0": -part * alpha, "eps": 1 - part * sigma},
                {"x0": left * alpha, "eps": left * sigma},
            ]
        panels = [
            panel("ε̂", "prediction", NOISE, badge=who, note=f"{who} deviation"),
            panel("ε − ε̂", "error", NOISE, badge=who, note=f"{who} error"),
            panel("x̂_0", "picture", PICTURE, badge=who, note=f"{who} x0_error"),
        ]
        for row, shown, weights in zip(rows, panels, made_of, strict=True):
            row.append((shown, weights))
    both = [each for row in rows for each in row]
    last = int(first.t[-1])
    return {
        **over_t(first.t, at),
        **composed(len(first.t), [weights for _, weights in both], still, moved),
        "size": size(first.x0[0]),
        "columns": 5,
        "panels": [shown for shown, _ in both],
        "numbers": [
            *level_numbers(first.t, first.level)[:2],
            *(_r2(who, each) for who, each in found.items()),
            *(part for who, each in found.items() for part in _measures(who, each)),
        ],
        "charts": [
            curves_chart(
                "mean (ε − ε̂)² over t, for this picture and this noise", last, _curves(found, "error"), range_y=(0, 1.5)
            )
        ],
    }


def independence_film(found: Prediction, record: Independence, at: int) -> Film:
    """ε̂ beside the noise that is in x_t and an unrelated one, with their pixels as scatter plots."""
    alpha, sigma = found.level.alpha, found.level.sigma
    last, still = int(found.t[-1]), {**_shared(found), "other": record.other}
    pairs = {
        "own": ("corr(ε̂, ε)", record.eps_hat_and_eps, "prediction", "what is found follows the noise in x_t"),
        "other": ("corr(ε̂, ε′)", record.eps_hat_and_other, "prediction", "and no other noise"),
        "x0": ("corr(ε, x_0)", record.x0_and_eps, "noise", "ε is drawn without a look at x_0"),
        "x_t": ("corr(ε, x_t)", record.x_t_and_eps, "noise", "yet x_t is made with it"),
    }
    band = f"unrelated: within ±{record.band:.2f} in 95 of 100 cases"
    made_of: list[Weights] = [{"x0": 1}, {"x0": alpha, "eps": sigma}, {"eps": 1}, {"eps_hat": 1}, {"other": 1}]
    return {
        **over_t(found.t, at),
        **composed(len(found.t), made_of, still, {"eps_hat": (found.eps_hat, (-4, 4))}),
        "size": size(found.x0[0]),
        "panels": [
            panel("x_0", "picture", PICTURE, about="the picture"),
            panel("x_t", "mixture", PICTURE, about="what the network sees"),
            panel("ε", "noise", NOISE, about="the noise that is in it"),
            panel("ε̂", "prediction", NOISE, badge="network", about="the noise it finds"),
            panel("ε′", "noise", NOISE, about="of the next seed, in no picture here"),
        ],
        "numbers": [
            *level_numbers(found.t, found.level)[:2],
            *(number(key, symbol, values, role, about) for key, (symbol, values, role, about) in pairs.items()),
        ],
        "charts": [
            scatter_chart("ε̂ over ε, a dot a pixel", 2, 3, (-4, 4), "own"),
            scatter_chart("ε̂ over ε′", 4, 3, (-4, 4), "other"),
            scatter_chart("ε over x_0", 0, 2, (-1.2, 1.2), "x0"),
            scatter_chart("ε over x_t", 1, 2, (-4, 4), "x_t"),
            curves_chart(
                f"Correlations over t; {band}",
                last,
                [
                    curve("ε̂ and ε", "prediction", found.t, record.eps_hat_and_eps, dot="own"),
                    curve("ε̂ and ε′", "prediction", found.t, record.eps_hat_and_other, dot="other", look="dashed"),
                    curve("ε and x_t", "noise", found.t, record.x_t_and_eps, dot="x_t"),
                    level_curve(record.band, "edge of the band", last),
                    level_curve(-record.band, "", last),
                ],
                range_y=(-0.25, 1),
            ),
        ],
    }


def shrinkage_film(found: Predictions, laws: Mapping[str, TotalVariance], at: int) -> Film:
    """How large ε̂ is, what it misses, and that both add up to 1, over t."""
    first, last = found["network"], int(found["network"].t[-1])
    made_of: list[Weights] = [{"x0": first.level.alpha, "eps": first.level.sigma}, {"eps": 1}]
    panels = [
        panel("x_t", "mixture", PICTURE, about="what both see"),
        panel("ε", "noise", NOISE, about="its deviation is 1"),
    ]
    moved: dict[str, tuple[Tensor, Limits]] = {}
    numbers, charts = level_numbers(first.t, first.level)[:2], []
    over = {"network": "over held-out pictures", "ideal": "over the pictures that it knows"}
    for who, law in laws.items():
        moved |= _answer(who, found[who])
        made_of += [{f"{who} eps": 1}, {f"{who} missed": 1}]
        panels += [
            panel("ε̂", "prediction", NOISE, badge=who, note=f"{who} deviation"),
            panel("ε − ε̂", "error", NOISE, badge=who, note=f"{who} error"),
        ]
        of = f" · {who}"
        numbers += [
            number(f"{who} found", "E[ε̂²]" + of, law.found, "prediction", "on average " + over[who], 3),
            number(f"{who} missed", "E[(ε−ε̂)²]" + of, law.missed, "error", "on average " + over[who], 3),
            number(f"{who} total", "their sum" + of, law.total, "noise", "found and missed", 3),
            number(f"{who} drawn", "E[ε²] drawn" + of, law.drawn, "noise", "of the same draws: 1, but for luck", 3),
            number(
                f"{who} spread",
                "± by chance" + of,
                2 * law.spread,
                "mixture",
                "two standard errors of their sum − E[ε²]",
                3,
            ),
        ]
        curves = [
            curve("E[ε̂²]", "prediction", law.t, law.found, dot=f"{who} found"),
            curve("E[(ε − ε̂)²]", "error", law.t, law.missed, dot=f"{who} missed"),
            curve("their sum", "noise", law.t, law.total, dot=f"{who} total", look="dashed"),
        ]
        charts.append(curves_chart(f"Found + missed = 1? The {who}, {over[who]}", last, curves, range_y=(0, 1.2)))
    return {
        **over_t(first.t, at),
        **composed(len(first.t), made_of, _shared(first), moved),
        "size": size(first.x0[0]),
        "panels": panels,
        "numbers": [
            *numbers[:2],
            *(_r2(who, each) for who, each in found.items()),
            *numbers[2:],
            *(part for who in laws for part in _measures(who, found[who])[:2]),
        ],
        "charts": [
            curves_chart("std(ε̂): how large the found noise is", last, _curves(found, "deviation"), range_y=(0, 1.5)),
            curves_chart("mean (ε − ε̂)²: what was missed", last, _curves(found, "error"), range_y=(0, 1.5)),
            curves_chart("R²: the share of the noise's variance found", last, _curves(found, "r2"), range_y=(-0.5, 1)),
            *charts,
        ],
    }


def step_film(found: Prediction, step: LearnedStep, z: Tensor, at: int) -> Film:
    """From ε̂ to μ_θ by two roads, the true step beside it, and x_{t−1} drawn with fresh noise z, (C, H, W)."""
    true, sigma = step.true, found.level.sigma
    last = int(found.t[-1])
    off = (step.mean - step.mean_by_x0).abs().flatten(1).amax(1)
    missed = (true.mean - step.mean) / true.beta.sqrt()[:, None, None, None]
    moved: dict[str, tuple[Tensor, Limits]] = {
        "mean": (step.mean, PICTURE),
        "by_x0": (step.mean_by_x0, PICTURE),
        "true": (true.mean, PICTURE),
        "missed": (missed, NOISE),
    }
    made_of: list[Weights] = [
        {"x0": found.level.alpha, "eps": sigma},
        {"mean": 1},
        {"by_x0": 1},
        {"true": 1},
        {"missed": 1},
        {"z": 1},
        {"mean": 1, "z": true.variance.sqrt()},
        {"mean": 1, "z": true.beta.sqrt()},
    ]
    bits = step.bits
    return {
        **over_t(found.t, at),
        **composed(len(found.t), made_of, {**_shared(found), "z": z}, moved),
        "size": size(found.x0[0]),
        "columns": 4,
        "panels": [
            panel("x_t", "mixture", PICTURE, about="where the step starts"),
            panel("μ_θ", "prediction", PICTURE, badge="network", about="x_t less a part of ε̂"),
            panel("μ̃_t(x_t, x̂_0)", "prediction", PICTURE, badge="network", about="the other road: the same"),
            panel("μ̃_t(x_t, x_0)", "picture", PICTURE, about="the true mean: it knows x_0"),
            panel("(μ̃ − μ_θ)/√β_t", "error", NOISE, about="what the mean misses, over √β_t"),
            panel("z", "noise", NOISE, about="fresh noise"),
            panel("x_t−1, σ² = β̃", "mixture", PICTURE, about="drawn: μ_θ + √β̃_t · z"),
            panel("x_t−1, σ² = β", "mixture", PICTURE, about="drawn: μ_θ + √β_t · z"),
        ],
        "formulas": [
            [
                ["μ_θ", "prediction", ""],
                [" = 1/√α_t · (", "", ""],
                ["x_t", "mixture", ""],
                [" − β_t/√(1−ᾱ_t) · ", "", ""],
                ["ε̂", "prediction", ""],
                [") = ", "", ""],
                ["", "", "inverse root"],
                [" · (", "", ""],
                ["x_t", "mixture", ""],
                [" − ", "", ""],
                ["", "prediction", "eps part"],
                [" · ", "", ""],
                ["ε̂", "prediction", ""],
                [")", "", ""],
            ],
            [
                ["μ̃_t", "prediction", ""],
                [" = √ᾱ_t−1 β_t/(1−ᾱ_t) · ", "", ""],
                ["x̂_0", "picture", ""],
                [" + √α_t (1−ᾱ_t−1)/(1−ᾱ_t) · ", "", ""],
                ["x_t", "mixture", ""],
                [" = ", "", ""],
                ["", "picture", "x0 part"],
                [" · ", "", ""],
                ["x̂_0", "picture", ""],
                [" + ", "", ""],
                ["", "mixture", "x_t part"],
                [" · ", "", ""],
                ["x_t", "mixture", ""],
            ],
        ],
        "numbers": [
            *level_numbers(found.t, found.level)[:2],
            number("beta", "β_t", true.beta, "noise", "the larger choice for σ²", 6),
            number("beta_tilde", "β̃_t", true.variance, "noise", "the smaller choice: the true step's variance", 6),
            number("inverse root", "1/√α_t", 1 / step.root, "mixture", "what the step stretches by", 5),
            number("eps part", "β_t/√(1−ᾱ_t)", step.eps_part, "prediction", "how much of ε̂ is taken out", 5),
            number("x0 part", "of x̂_0", step.x0_part, "picture", "√ᾱ_t−1 β_t/(1−ᾱ_t)", 5),
            number("x_t part", "of x_t", step.x_t_part, "mixture", "√α_t (1−ᾱ_t−1)/(1−ᾱ_t)", 5),
            number("roads", "between the roads", off, "error", "the largest difference of the two means; rounding", 7),
            number("bits", "L_t−1 · σ² = β̃", bits["beta_tilde"], "error", "bits a dimension; at t = 0 it is L_0", 5),
            number("bits beta", "L_t−1 · σ² = β", bits["beta"], "error", "bits a dimension; at t = 0 it is L_0", 5),
        ],
        "charts": [
            curves_chart(
                "L_t−1: KL between the true and the learned step, bits a dimension",
                last,
                [
                    curve("σ² = β̃_t", "error", found.t, bits["beta_tilde"].log10(), dot="bits"),
                    curve("σ² = β_t", "noise", found.t, bits["beta"].log10(), dot="bits beta", look="dashed"),
                ],
                log=True,
            )
        ],
    }


def names_film(found: Prediction, names: FourNames, off: Tensor, at: int) -> Film:
    """The same answer under four names, and what an error of a tenth, `off` (C, H, W), in each does to x̂_0 and ε̂."""
    last, sigma = int(found.t[-1]), found.level.sigma
    moved: dict[str, tuple[Tensor, Limits]] = {
        "eps": (names.eps, NOISE),
        "x0": (names.x0, PICTURE),
        "v": (names.v, NOISE),
    }
    made_of: list[Weights] = [{"eps": 1}, {"x0": 1}, {"v": 1}, {"eps": -1}]
    made_of += [{"x0": 1, "off": 0.1 * factor} for factor in names.in_x0.values()]
    made_of += [{"eps": 1, "off": 0.1 * factor} for factor in names.in_eps.values()]
    symbols = {"eps": "ε̂", "x0": "x̂_0", "v": "v̂", "score": "ŝ"}
    looks = {"eps": "", "x0": "", "v": "dashed", "score": "dotted"}
    roles = {"eps": "prediction", "x0": "picture", "v": "mixture", "score": "prediction"}

    def off_panels(what: str, role: str, limits: Limits, key: str) -> list[Part]:
        return [
            panel(what, role, limits, about=f"if {symbol} is off", note=f"{key} {n}") for n, symbol in symbols.items()
        ]

    def factors(key: str, table: Mapping[str, Tensor], what: str) -> list[Part]:
        about = f"how an error in it grows in {what}"
        return [number(f"{key} {n}", "error ×", value.abs(), roles[n], about, 3) for n, value in table.items()]

    def chart(what: str, key: str, table: Mapping[str, Tensor]) -> Part:
        curves = [
            curve(f"said as {symbols[n]}", roles[n], found.t, value.abs().log10(), dot=f"{key} {n}", look=looks[n])
            for n, value in table.items()
        ]
        return curves_chart(f"An error of 1 becomes in {what} an error of…", last, curves, log=True)

    return {
        **over_t(found.t, at),
        **composed(len(found.t), made_of, {"off": off}, moved),
        "size": size(found.x0[0]),
        "columns": 4,
        "panels": [
            panel("ε̂", "prediction", NOISE, badge="network", about="noise"),
            panel("x̂_0", "picture", PICTURE, badge="network", about="picture"),
            panel("v̂", "mixture", NOISE, badge="network", about="velocity"),
            panel("√(1−ᾱ_t) · ŝ", "prediction", NOISE, badge="network", about="score, where x_t gets likelier"),
            *off_panels("x̂_0", "picture", PICTURE, "in x0"),
            *off_panels("ε̂", "prediction", NOISE, "in eps"),
        ],
        "formulas": [
            [
                ["x̂_0", "picture", ""],
                [" = (x_t − ", "", ""],
                ["", "noise", "sigma"],
                [" · ", "", ""],
                ["ε̂", "prediction", ""],
                [") / ", "", ""],
                ["", "picture", "alpha"],
                [" = ", "", ""],
                ["", "picture", "alpha"],
                [" · x_t − ", "", ""],
                ["", "noise", "sigma"],
                [" · v̂ = (x_t + ", "", ""],
                ["", "noise", "variance"],
                [" · ŝ) / ", "", ""],
                ["", "picture", "alpha"],
            ]
        ],
        "numbers": [
            *level_numbers(found.t, found.level),
            number("variance", "1 − ᾱ_t", sigma**2, "noise", "the variance of the noise in x_t"),
            number("apart", "largest difference", names.apart, "error", "between x̂_0 by the four names; rounding", 7),
            *factors("in x0", names.in_x0, "x̂_0"),
            *factors("in eps", names.in_eps, "ε̂"),
        ],
        "charts": [chart("x̂_0", "in x0", names.in_x0), chart("ε̂", "in eps", names.in_eps)],
    }


def training_film(found: Prediction, at: int) -> Film:
    """What the four lines of training make at every t; the mean square of what ε̂ missed is the loss."""
    made_of: list[Weights] = [
        {"x0": 1},
        {"eps": 1},
        {"x0": found.level.alpha, "eps": found.level.sigma},
        {"network eps": 1},
        {"network missed": 1},
    ]
    return {
        **over_t(found.t, at),
        **composed(len(found.t), made_of, _shared(found), _answer("network", found)),
        "size": size(found.x0[0]),
        "panels": [
            panel("x_0", "picture", PICTURE, about="a picture of the data"),
            panel("ε", "noise", NOISE, about="drawn, and known"),
            panel("x_t", "mixture", PICTURE, about="made of both"),
            panel("ε̂", "prediction", NOISE, badge="network", about="asked for"),
            panel("ε − ε̂", "error", NOISE, about="compared", note="network error"),
        ],
        "numbers": [*level_numbers(found.t, found.level)[:4], _measures("network", found)[1]],
        "charts": [],
    }


def _shared(found: Prediction) -> dict[str, Tensor]:
    """The two layers that every x_t is made of."""
    return {"x0": found.x0[0], "eps": found.eps[0]}


def _answer(who: str, found: Prediction) -> dict[str, tuple[Tensor, Limits]]:
    """ε̂ and what it missed, each a layer of its own: where ε̂ is off the scale, their difference would be wrong."""
    return {f"{who} eps": (found.eps_hat, NOISE), f"{who} missed": (found.eps - found.eps_hat, NOISE)}


def _measures(who: str, found: Prediction) -> list[Part]:
    """What stands below a predictor's pictures."""
    return [
        number(f"{who} deviation", "std", found.deviation, "prediction", "standard deviation of ε̂; that of ε is 1", 3),
        number(f"{who} error", "mean square", found.error, "error", "mean (ε − ε̂)² a pixel; saying 0 costs 1"),
        number(f"{who} x0_error", "mean square off", found.x0_error, "picture", "mean (x_0 − x̂_0)² a pixel", 3),
    ]


def _r2(who: str, found: Prediction) -> Part:
    return number(f"{who} r2", f"R² · {who}", found.r2, "prediction", "the share of the noise's variance found", 3)


def _curves(found: Predictions, key: str) -> list[Part]:
    return [
        curve(
            who,
            "prediction" if who in ("network", "ideal") else "mixture",
            each.t,
            getattr(each, key),
            dot=f"{who} {key}" if who in ("network", "ideal") else "",
            look=LOOK_OF[who],
        )
        for who, each in found.items()
    ]
