"""Sampling films: each sampling step adds a piece."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from playground.core.analysis.guidance_trace import GuidanceStep
from playground.core.analysis.memorization import StepWithNeighbors
from playground.core.analysis.step_decomposition import StepDecomposition
from playground.core.data.datasets import ImageDataset
from playground.core.diffusion.noise import NoiseLevel
from playground.core.diffusion.schedules import NoiseSchedule
from playground.core.sampling.steps import Step
from playground.render.films.film import (
    NOISE,
    PICTURE,
    chunk,
    formula,
    frame_panels,
    level_numbers,
    number,
    panel,
    size,
)
from playground.render.films.film_format import Film, FilmNumber, Limits, Panel


def trajectory_film(step: Step, schedule: NoiseSchedule) -> Film:
    """Trajectory film: the piece that one sampling step adds.

    It shows x_t, ε̂ and x̂_0, and after the last step the final picture. The pictures of a batch form one grid.

    Args:
        step: a sampling step; its pictures are (B, C, H, W).
        schedule: the noise schedule, in which the step's t is found.

    Returns:
        The piece, with one frame; that of the last step has two.
    """
    pictures = _pictures(step)
    return {
        **_step_chunk(step, schedule),
        **frame_panels(pictures),
        "size": size(pictures[0][0][0]),
        "panels": _predictor_layers("network"),
    }


def side_by_side_film(driven: Mapping[str, StepWithNeighbors], training: ImageDataset, schedule: NoiseSchedule) -> Film:
    """Memorization film: sampling with several predictors side by side, the piece that one step adds.

    Each predictor has a row: x_t, ε̂ and x̂_0 as in `trajectory_film`, and the training pictures nearest to x̂_0.

    Args:
        driven: the step of each predictor with the nearest training pictures, by the predictor's name.
        training: the dataset that the indices of the nearest pictures refer to.
        schedule: the noise schedule, in which the step's t is found.

    Returns:
        The piece, with one frame; that of the last step has two.
    """
    layers: list[tuple[Tensor, Limits]] = []
    panels: list[Panel] = []
    words, numbers = {}, []
    for badge, each in driven.items():
        pictures = _pictures(each.step)
        frames = len(pictures[0][0])
        close = image_grid(training.x0(each.nearest.index), -1).expand(frames, *pictures[0][0].shape[1:])
        layers += [*pictures, (close, PICTURE)]
        near = panel("nearest", "picture", PICTURE, about="training picture", note=f"{badge} distance")
        words[str(len(panels) + 3)] = [
            "№ " + " · ".join(f"{index:,}" for index in each.nearest.index.tolist())
        ] * frames
        panels += [*_predictor_layers(badge), near]
        distance = each.nearest.distance.max() / each.step.x_t[0].numel() ** 0.5
        about = "RMSE per pixel between x̂_0 and its nearest training picture; the largest of the batch"
        numbers.append(number(f"{badge} distance", "RMSE", distance.expand(frames), "error", about, 3))
    of_step = _step_chunk(next(iter(driven.values())).step, schedule)
    return {
        **of_step,
        **frame_panels(layers),
        "size": size(layers[0][0][0]),
        "columns": 4,
        "panels": panels,
        "words": words,
        "numbers": [*of_step["numbers"][:-1], *numbers],
    }


GUIDED = "[ε̂|prediction] = [ε̂(∅)|prediction] + s · ([ε̂(c)|prediction] − [ε̂(∅)|prediction]), s = {scale|prediction}"


FAINT = (NOISE[0] / 10, NOISE[1] / 10)


def guidance_film(guided: GuidanceStep, scale: float, schedule: NoiseSchedule) -> Film:
    """Classifier-free guidance film: the piece that one sampling step adds.

    It shows x_t, the prediction with the label, ε̂(c), the one without, ε̂(∅), their difference, enlarged ten times,
    the guided prediction ε̂, and x̂_0.

    Args:
        guided: a sampling step with both predictions, (B, C, H, W).
        scale: guidance scale s: 0 is unconditional, 1 conditional.
        schedule: the noise schedule, in which the step's t is found.

    Returns:
        The piece, with one frame; that of the last step has two.

    References:
        Ho & Salimans 2022 (arXiv:2207.12598).
    """
    x_t, eps_hat, x0_hat = _pictures(guided.step)
    frames = len(x_t[0])
    answers = [image_grid(each, 0).expand(frames, -1, -1, -1) for each in (guided.eps_cond, guided.eps_uncond)]
    cond, uncond = answers
    layers = [x_t, (cond, NOISE), (uncond, NOISE), (cond - uncond, FAINT), eps_hat, x0_hat]
    of_step = _step_chunk(guided.step, schedule)
    pull = (guided.eps_cond - guided.eps_uncond).float().square().mean().sqrt().cpu().expand(frames)
    shift = pull * (guided.step.level.sigma / guided.step.level.alpha).float()
    numbers = [
        *of_step["numbers"],
        number("pull", "rms(ε̂(c) − ε̂(∅))", pull, "error", "root mean square of the label's effect on ε̂"),
        number("shift", "RMS in x̂_0", shift, "picture", "the label's effect on x̂_0: that on ε̂ times √(1−ᾱ_t)/√ᾱ_t", 3),
        number(
            "scale",
            "s",
            torch.full((frames,), scale),
            "prediction",
            "guidance scale: 0 unconditional, 1 conditional",
            1,
        ),
    ]
    return {
        **of_step,
        **frame_panels(layers),
        "size": size(x_t[0][0]),
        "panels": [
            panel("x_t", "mixture", PICTURE, about="current state"),
            panel("ε̂(c)", "prediction", NOISE, badge="network", about="with the label"),
            panel("ε̂(∅)", "prediction", NOISE, before="−", badge="network", about="without a label"),
            panel("ε̂(c) − ε̂(∅)", "error", FAINT, before="=", about="label effect, × 10"),
            panel("ε̂", "prediction", NOISE, about="guided prediction"),
            panel("x̂_0", "picture", PICTURE, about="predicted picture"),
        ],
        "numbers": numbers,
        "formulas": [formula(GUIDED)],
    }


SLOWLY = (
    "[x_t−1|mixture] = {x_t part|mixture} · [x_t|mixture] − {eps part|prediction} · [ε̂|prediction]"
    " + {deviation|noise} · [z|noise]"
)
PARTS = ("predict", "subtract", "add noise")


def single_step_film(slow: StepDecomposition, schedule: NoiseSchedule) -> Film:
    """Single-step film: the three frames that one reverse step adds.

    The noise is predicted, a part of it is subtracted, and fresh noise is added.

    Args:
        slow: a step of DDPM or DDIM, decomposed; its pictures are (B, C, H, W).
        schedule: the noise schedule, in which the step's t is found.

    Returns:
        The piece, with three frames.
    """
    step, t, next_t = slow.step, slow.step.t(schedule), slow.step.next_t(schedule)
    last = step.index == step.total - 1
    states = [(step.x_t, PICTURE), (slow.eps, NOISE), (slow.mean, PICTURE), (slow.z, NOISE), (step.x_next, PICTURE)]
    known_from = (0, 0, 1, 2, 2)  # the frame from which on each is shown
    layers: list[tuple[Tensor, Limits]] = []
    for (state, limits), first in zip(states, known_from, strict=True):
        there = image_grid(state, 0)
        layers.append((torch.stack([there if k >= first else torch.zeros_like(there) for k in range(3)]), limits))
    no_noise = "none: the last step adds no noise" if last else "none: σₜ = 0"
    added = "" if slow.deviation > 0 else no_noise
    not_yet = {2: ["not yet", "", ""], 3: ["not yet", "not yet", ""], 4: ["not yet", "not yet", ""]}
    return {
        **chunk(
            3 * step.index,
            3 * step.total,
            [
                f"{part} · step {step.index + 1} of {step.total} · t = {t} → {'x₀' if next_t is None else next_t}"
                for part in PARTS
            ],
        ),
        **frame_panels(layers),
        "size": size(layers[0][0][0]),
        "panels": _step_panels(),
        "absent": {str(p): texts for p, texts in not_yet.items()},
        "words": {"3": ["", "", added]},
        "numbers": _step_numbers(slow, t),
        "formulas": [formula(SLOWLY)],
        "charts": [],
        "ends": ["noise", "picture"],
    }


def _step_panels() -> list[Panel]:
    return [
        panel("x_t", "mixture", PICTURE, factor="x_t part", about="current state"),
        panel("ε̂", "prediction", NOISE, before="−", factor="eps part", badge="network", about="predicted noise"),
        panel("μ", "prediction", PICTURE, before="=", about="mean of the step"),
        panel(
            "z",
            "noise",
            NOISE,
            before="+",
            factor="deviation",
            about="fresh noise",
        ),
        panel("x_t−1", "mixture", PICTURE, before="=", about="next state"),
    ]


def _step_numbers(slow: StepDecomposition, t: int) -> list[FilmNumber]:
    """Levels and coefficients of a step, the same in its three frames."""
    step = slow.step
    of_level = NoiseLevel(step.level.alpha.expand(3), step.level.sigma.expand(3))
    return [
        *level_numbers(torch.full((3,), float(t)), of_level)[:2],
        number(
            "next alpha_bar",
            "ᾱ_t−1",
            (step.next_level.alpha**2).expand(3),
            "mixture",
            "ᾱ of the next state; where there are fewer steps than T, t − 1 stands for its t",
        ),
        number("x_t part", "a", slow.x_t_part.expand(3), "mixture", "coefficient of x_t: 1/√α_t, with α_t = ᾱ_t/ᾱ_t−1"),
        number(
            "eps part",
            "b",
            slow.eps_coef.expand(3),
            "prediction",
            "coefficient of ε̂: how much of it is subtracted",
        ),
        number("deviation", "σ_t", slow.deviation.expand(3), "noise", "standard deviation of the fresh noise"),
    ]


def _predictor_layers(badge: str) -> list[Panel]:
    return [
        panel("x_t", "mixture", PICTURE, about="current state"),
        panel("ε̂", "prediction", NOISE, badge=badge, about="predicted noise"),
        panel("x̂_0", "picture", PICTURE, badge=badge, about="predicted picture"),
    ]


def _pictures(step: Step) -> list[tuple[Tensor, Limits]]:
    """x_t, ε̂ and x̂_0 of the frames that a step adds, each as a grid, with their limits."""
    frames = [[step.x_t, step.eps_hat, step.x0_hat]]
    if step.index == step.total - 1:
        # The final picture; ε̂ and x̂_0 are still those of the last step.
        frames.append([step.x_next, step.eps_hat, step.x0_hat])
    empty = ((-1, PICTURE), (0, NOISE), (-1, PICTURE))
    return [
        (torch.stack([image_grid(frame[k], fill) for frame in frames]), limits)
        for k, (fill, limits) in enumerate(empty)
    ]


def _step_chunk(step: Step, schedule: NoiseSchedule) -> Film:
    """Frame range of a step, and its numbers."""
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
        **chunk(step.index, step.total + 1, labels),
        "numbers": [
            *level_numbers(torch.tensor(times), level),
            number(
                "spread", "std(x_t)", deviation, "mixture", "standard deviation of the pixels of x_t; 1 in pure noise"
            ),
        ],
        "charts": [],
        "ends": ["noise", "picture"],
    }


def image_grid(pictures: Tensor, empty: float) -> Tensor:
    """Image grid: a batch as one picture, as close to a square as possible.

    Args:
        pictures: the batch, (B, C, H, W).
        empty: value of the cells that are left over.

    Returns:
        The grid, (C, rows · H, columns · W).
    """
    count, channels, height, width = pictures.shape
    columns = int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    padded = pictures.new_full((rows * columns, channels, height, width), empty)
    padded[:count] = pictures
    grid = padded.reshape(rows, columns, channels, height, width).permute(2, 0, 3, 1, 4)
    return grid.reshape(channels, rows * height, columns * width)
