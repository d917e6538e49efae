"""Reverse step that follows from ε̂, as a film over t."""

from __future__ import annotations

from torch import Tensor

from playground.core.analysis.likelihood import ReverseStep
from playground.core.analysis.noise_prediction import NoisePrediction
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
from playground.render.films.film_format import Film, FilmNumber, Limits
from playground.render.films.noise_prediction import picture_and_noise, x_t_panel

BY_EPS = (
    "[μ_θ|prediction] = 1/√α_t · ([x_t|mixture] − β_t/√(1−ᾱ_t) · [ε̂|prediction])"
    " = {inverse root|mixture} · ([x_t|mixture] − {eps part|prediction} · [ε̂|prediction])"
)
BY_X0 = (
    "[μ̃_t|prediction] = √ᾱ_t−1 β_t/(1−ᾱ_t) · [x̂_0|picture] + √α_t (1−ᾱ_t−1)/(1−ᾱ_t) · [x_t|mixture]"
    " = {x0 part|picture} · [x̂_0|picture] + {x_t part|mixture} · [x_t|mixture]"
)


def reverse_step_film(found: NoisePrediction, step: ReverseStep, z: Tensor, at: int) -> Film:
    """Reverse-step film: the mean μ_θ, the true posterior mean, and samples of x_{t−1}, over t.

    μ_θ is shown from ε̂ and from x̂_0, which are equal. The samples use the variances β̃_t and β_t.

    Args:
        found: a prediction at K time steps.
        step: the reverse step that follows from it, beside the true posterior.
        z: fresh noise, (C, H, W).
        at: time step to begin at.

    Returns:
        The film, with K frames.

    References:
        Ho et al. 2020, eq. 6, 7 and 11 (arXiv:2006.11239).
    """
    true, last = step.true_posterior, int(found.t[-1])
    missed = (true.mean - step.mean) / true.beta.sqrt()[:, None, None, None]
    moved: dict[str, tuple[Tensor, Limits]] = {
        "mean": (step.mean, PICTURE),
        "by_x0": (step.mean_from_x0, PICTURE),
        "true": (true.mean, PICTURE),
        "missed": (missed, NOISE),
    }
    bits, shown = step.bits, _panels(found, step)
    return {
        **timestep_film(found.t, at),
        **layered_panels(len(found.t), shown, {**picture_and_noise(found), "z": z}, moved),
        "columns": 4,
        "formulas": [formula(BY_EPS), formula(BY_X0)],
        "numbers": _numbers(found, step),
        "charts": [
            line_chart(
                "L_t−1 over t, bits/dimension",
                last,
                [
                    line("σ² = β̃_t", "error", found.t, bits["fixed_small"].log10(), dot="bits"),
                    line("σ² = β_t", "noise", found.t, bits["fixed_large"].log10(), dot="bits beta", style="dashed"),
                ],
                log=True,
            )
        ],
    }


def _panels(found: NoisePrediction, step: ReverseStep) -> list[PanelWeights]:
    """x_t, the means, the error of μ_θ, fresh noise, and samples with both variances."""
    true = step.true_posterior
    return [
        x_t_panel(found, "current state"),
        (panel("μ_θ", "prediction", PICTURE, badge="network", about="mean, from ε̂"), {"mean": 1}),
        (
            panel("μ̃_t(x_t, x̂_0)", "prediction", PICTURE, badge="network", about="mean, from x̂_0: equal"),
            {"by_x0": 1},
        ),
        (panel("μ̃_t(x_t, x_0)", "picture", PICTURE, about="true posterior mean"), {"true": 1}),
        (panel("(μ̃ − μ_θ)/√β_t", "error", NOISE, about="error of μ_θ, scaled"), {"missed": 1}),
        (panel("z", "noise", NOISE, about="fresh noise"), {"z": 1}),
        _drawn("x_t−1, σ² = β̃", "sample: μ_θ + √β̃_t · z", true.variance),
        _drawn("x_t−1, σ² = β", "sample: μ_θ + √β_t · z", true.beta),
    ]


def _numbers(found: NoisePrediction, step: ReverseStep) -> list[FilmNumber]:
    """Coefficients of the means, how far they are apart, and the terms of the variational bound."""
    true, bits = step.true_posterior, step.bits
    off = (step.mean - step.mean_from_x0).abs().flatten(1).amax(1)
    return [
        *level_numbers(found.t, found.level)[:2],
        number("beta", "β_t", true.beta, "noise", "variance of the forward step; the larger choice for σ_t²", 6),
        number(
            "beta_tilde",
            "β̃_t",
            true.variance,
            "noise",
            "posterior variance, of the true reverse step; the smaller choice for σ_t²",
            6,
        ),
        number(
            "inverse root",
            "1/√α_t",
            1 / step.sqrt_alpha,
            "mixture",
            "factor of the whole bracket; α_t = ᾱ_t/ᾱ_t−1",
            5,
        ),
        number("eps part", "β_t/√(1−ᾱ_t)", step.eps_coef, "prediction", "coefficient of ε̂ in the bracket", 5),
        number("x0 part", "weight of x̂_0", true.x0_part, "picture", "√ᾱ_t−1 β_t/(1−ᾱ_t)", 5),
        number("x_t part", "weight of x_t", true.x_t_part, "mixture", "√α_t (1−ᾱ_t−1)/(1−ᾱ_t)", 5),
        number("roads", "max difference", off, "error", "between the means from ε̂ and from x̂_0: only rounding", 7),
        number(
            "bits",
            "L_t−1 · σ² = β̃",
            bits["fixed_small"],
            "error",
            "KL divergence in bits per dimension; at t = 0 it is L_0",
            5,
        ),
        number(
            "bits beta",
            "L_t−1 · σ² = β",
            bits["fixed_large"],
            "error",
            "KL divergence in bits per dimension; at t = 0 it is L_0",
            5,
        ),
    ]


def _drawn(title: str, about: str, variance: Tensor) -> PanelWeights:
    """Panel of a sample x_{t−1} with this variance, (K,)."""
    return panel(title, "mixture", PICTURE, about=about), {"mean": 1, "z": variance.sqrt()}
