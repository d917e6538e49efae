"""Forward process as films over t."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from playground.core.analysis.forward_process import ForwardProcess, MarkovChainForward
from playground.core.analysis.histograms import shares
from playground.core.diffusion.schedules import NoiseSchedule
from playground.render.films.charts import MOST_PIXELS, histogram_chart, pixels_chart, schedule_chart
from playground.render.films.film import (
    NOISE,
    PICTURE,
    PanelWeights,
    frame_panels,
    layered_panels,
    level_numbers,
    number,
    panel,
    size,
    timestep_film,
)
from playground.render.films.film_format import Film

ALPHA_BAR = "ᾱ_t: picture variance left"


def forward_film(record: ForwardProcess, schedules: Sequence[NoiseSchedule], at: int) -> Film:
    """Forward-process film in closed form: √ᾱ_t·x_0 + √(1−ᾱ_t)·ε = x_t, one frame per t.

    The panels are weighted sums of two layers, x_0 and ε.

    Args:
        record: picture, noise, and the noise level at every t.
        schedules: the schedules that the charts compare; the record's own is drawn strong.
        at: time step to begin at, unless another film over t has been moved already.

    Returns:
        The film, with T frames.

    References:
        Ho et al. 2020, eq. 4 (arXiv:2006.11239).
    """
    alpha, sigma = record.level.alpha, record.level.sigma
    t = torch.arange(len(alpha))
    shown: list[PanelWeights] = [
        (panel("√ᾱ_t · x_0", "picture", PICTURE, factor="alpha"), {"x0": alpha}),
        (panel("√(1−ᾱ_t) · ε", "noise", NOISE, before="+", factor="sigma"), {"eps": sigma}),
        (panel("x_t", "mixture", PICTURE, before="="), {"x0": alpha, "eps": sigma}),
    ]
    return {
        **timestep_film(t, at),
        **layered_panels(len(t), shown, {"x0": record.x0, "eps": record.eps}),
        "numbers": level_numbers(t, record.level, betas=record.schedule.betas),
        "charts": [
            pixels_chart(record.sample_pixels(MOST_PIXELS)),
            schedule_chart(ALPHA_BAR, "alpha_bar", record.schedule, schedules),
            schedule_chart("log-SNR: ln(ᾱ_t / (1−ᾱ_t))", "log_snr", record.schedule, schedules),
        ],
        "strip": 2,
    }


def markov_chain_film(record: MarkovChainForward, schedule: NoiseSchedule, at: int) -> Film:
    """Forward-process film as a Markov chain: the remaining picture, the accumulated noise, and their sum x_t.

    A histogram compares many simulated chains of one pixel with the closed form.

    Args:
        record: the chain after K time steps.
        schedule: the noise schedule.
        at: time step to begin at, unless another film over t has been moved already.

    Returns:
        The film, with K frames.

    References:
        Ho et al. 2020, eq. 2.
    """
    t = record.t
    deviation = record.accumulated_noise.flatten(1).std(1, correction=0)
    edges = torch.linspace(-4, 4, 81)
    return {
        **timestep_film(t, at),
        **frame_panels([(record.signal, PICTURE), (record.accumulated_noise, NOISE), (record.x_t, PICTURE)]),
        "size": size(record.x0),
        "panels": [
            panel("√ᾱ_t · x_0", "picture", PICTURE, about="remaining picture"),
            panel("noise so far", "noise", NOISE, before="+", about="accumulated noise"),
            panel("x_t", "mixture", PICTURE, before="="),
        ],
        "numbers": [
            *level_numbers(t, record.level, betas=schedule.betas[t]),
            number("gathered", "std(noise so far)", deviation, "noise", "standard deviation; in closed form √(1−ᾱ_t)"),
        ],
        "charts": [
            histogram_chart(
                f"One pixel in {record.pixel.shape[1]:,} chains",
                edges,
                ("simulated chains", "noise", shares(record.pixel, edges)),
                ("closed form q(x_t | x_0)", "picture", record.closed_form_histogram(edges)),
            ),
            pixels_chart(record.x_t.flatten(1)),
            schedule_chart(ALPHA_BAR, "alpha_bar", schedule, [schedule]),
        ],
        "strip": 2,
    }
