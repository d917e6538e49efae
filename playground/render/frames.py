"""Core's records of adding and removing noise as films. Computes nothing about diffusion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from playground.core.datasets import Pictures
from playground.core.experiments import Forward, Walk
from playground.core.histograms import shares
from playground.core.memorising import Driven
from playground.core.noise import NoiseLevel
from playground.core.samplers import Step
from playground.core.schedules import NoiseSchedule
from playground.render.charts import bars_chart, pixels_chart, schedule_chart
from playground.render.film import (
    NOISE,
    PICTURE,
    Film,
    Limits,
    Part,
    Shown,
    composed,
    level_numbers,
    moving,
    number,
    over_t,
    panel,
    piece,
    size,
)

ALPHA_BAR = "ᾱ_t: how much of the picture's variance is left"


def forward_film(record: Forward, schedules: Sequence[NoiseSchedule], at: int) -> Film:
    """√ᾱ_t·x_0 + √(1−ᾱ_t)·ε = x_t, a frame a t, drawn from two layers; charts of all `schedules` beside it.

    Films over t begin at step `at`, unless another film has been moved already.
    """
    alpha, sigma = record.level.alpha, record.level.sigma
    t = torch.arange(len(alpha))
    shown: list[Shown] = [
        (panel("√ᾱ_t · x_0", "picture", PICTURE, factor="alpha"), {"x0": alpha}),
        (panel("√(1−ᾱ_t) · ε", "noise", NOISE, before="+", factor="sigma"), {"eps": sigma}),
        (panel("x_t", "mixture", PICTURE, before="="), {"x0": alpha, "eps": sigma}),
    ]
    return {
        **over_t(t, at),
        **composed(len(t), shown, {"x0": record.x0, "eps": record.eps}),
        "numbers": level_numbers(t, record.level, betas=record.schedule.betas),
        "charts": [
            pixels_chart(record.x_t),
            schedule_chart(ALPHA_BAR, "alpha_bar", record.schedule, schedules),
            schedule_chart("log-SNR: ln(ᾱ_t / (1−ᾱ_t))", "log_snr", record.schedule, schedules),
        ],
        "strip": 2,
    }


def walk_film(record: Walk, schedule: NoiseSchedule, at: int) -> Film:
    """The picture's share, the noise that t small steps have gathered, and their sum x_t; and many walks of a pixel."""
    t = record.t
    deviation = record.gathered.flatten(1).std(1, correction=0)
    edges = torch.linspace(-4, 4, 81)
    return {
        **over_t(t, at),
        **moving([(record.remains, PICTURE), (record.gathered, NOISE), (record.x_t, PICTURE)]),
        "size": size(record.x0),
        "panels": [
            panel("√ᾱ_t · x_0", "picture", PICTURE, about="what is left of the picture"),
            panel("noise so far", "noise", NOISE, before="+", about="what t steps have added"),
            panel("x_t", "mixture", PICTURE, before="="),
        ],
        "numbers": [
            *level_numbers(t, record.level, betas=schedule.betas[t]),
            number("gathered", "std(noise so far)", deviation, "noise", "one jump says it should be √(1−ᾱ_t)"),
        ],
        "charts": [
            bars_chart(
                f"One pixel, {record.pixel.shape[1]:,} walks of t steps, beside one jump",
                edges,
                ("walks", "noise", shares(record.pixel, edges)),
                ("one jump: q(x_t | x_0), exact", "picture", record.jump_shares(edges)),
            ),
            pixels_chart(record.x_t),
            schedule_chart(ALPHA_BAR, "alpha_bar", schedule, [schedule]),
        ],
        "strip": 2,
    }


def reverse_film(step: Step, schedule: NoiseSchedule) -> Film:
    """The piece of a film that one step of sampling adds: x_t, ε̂ and x̂_0; after the last step also the picture.

    All pictures of a batch stand in one grid.
    """
    pictures = _pictures(step)
    return {
        **_of_step(step, schedule),
        **moving(pictures),
        "size": size(pictures[0][0][0]),
        "panels": _driven("network"),
    }


def side_by_side_film(driven: Mapping[str, Driven], training: Pictures, schedule: NoiseSchedule) -> Film:
    """The same for several predictors, a row each, and beside x̂_0 the training pictures that are nearest to it."""
    layers: list[tuple[Tensor, Limits]] = []
    panels: list[Part] = []
    words, numbers = {}, []
    for who, each in driven.items():
        pictures = _pictures(each.step)
        frames = len(pictures[0][0])
        close = _grid(training.x0(each.nearest.index), -1).expand(frames, *pictures[0][0].shape[1:])
        layers += [*pictures, (close, PICTURE)]
        near = panel("nearest", "picture", PICTURE, about="training picture", note=f"{who} distance")
        words[str(len(panels) + 3)] = [
            "№ " + " · ".join(f"{index:,}" for index in each.nearest.index.tolist())
        ] * frames
        panels += [*_driven(who), near]
        distance = each.nearest.distance.max() / each.step.x_t[0].numel() ** 0.5
        about = "the root mean square a pixel between x̂_0 and it; the largest of the pictures"
        numbers.append(number(f"{who} distance", "off by, rms a pixel", distance.expand(frames), "error", about, 3))
    of_step = _of_step(next(iter(driven.values())).step, schedule)
    return {
        **of_step,
        **moving(layers),
        "size": size(layers[0][0][0]),
        "columns": 4,
        "panels": panels,
        "words": words,
        "numbers": [*of_step["numbers"][:-1], *numbers],
    }


def _driven(who: str) -> list[Part]:
    return [
        panel("x_t", "mixture", PICTURE, about="where the process stands"),
        panel("ε̂", "prediction", NOISE, badge=who, about="the noise found in this step"),
        panel("x̂_0", "picture", PICTURE, badge=who, about="the picture it points to"),
    ]


def _pictures(step: Step) -> list[tuple[Tensor, Limits]]:
    """x_t, ε̂ and x̂_0 of the frames that a step adds, each in a grid."""
    frames = [[step.x_t, step.eps_hat, step.x0_hat]]
    if step.index == step.total - 1:
        # The picture that the last step led to; what was said of it is still what was said in that step.
        frames.append([step.x_next, step.eps_hat, step.x0_hat])
    empty = ((-1, PICTURE), (0, NOISE), (-1, PICTURE))
    return [
        (torch.stack([_grid(frame[k], fill) for frame in frames]), limits) for k, (fill, limits) in enumerate(empty)
    ]


def _of_step(step: Step, schedule: NoiseSchedule) -> Film:
    """Which frames a step adds, and their numbers."""
    t = step.t(schedule)
    labels, levels, times, states = (
        [f"step {step.index + 1} of {step.total} · t = {t}"],
        [step.level],
        [float(t)],
        [step.x_t],
    )
    if step.index == step.total - 1:
        labels.append(f"after step {step.total} · the picture")
        levels.append(step.next_level)
        times.append(float("nan"))  # cleaner than any step of the schedule
        states.append(step.x_next)
    level = NoiseLevel(torch.stack([each.alpha for each in levels]), torch.stack([each.sigma for each in levels]))
    deviation = torch.stack([state.float().std(correction=0).cpu() for state in states])
    return {
        **piece(step.index, step.total + 1, labels),
        "numbers": [
            *level_numbers(torch.tensor(times), level),
            number("spread", "std(x_t)", deviation, "mixture", "standard deviation of x_t's pixels; 1 in pure noise"),
        ],
        "charts": [],
        "ends": ["noise", "picture"],
    }


def _grid(pictures: Tensor, empty: float) -> Tensor:
    """(B, C, H, W) as one picture (C, rows·H, columns·W), as square as it can be; places left over are `empty`."""
    count, channels, height, width = pictures.shape
    columns = int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    padded = pictures.new_full((rows * columns, channels, height, width), empty)
    padded[:count] = pictures
    grid = padded.reshape(rows, columns, channels, height, width).permute(2, 0, 3, 1, 4)
    return grid.reshape(channels, rows * height, columns * width)
