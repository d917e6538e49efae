"""Core's records as films: what the player draws, and the numbers and charts that go with each frame.

A film is a plain dict for the player: panels side by side, each the sum of a few layers with coefficients from a table
(`forward`), or a layer of its own in every frame (`prediction`, `reverse`). Numbers and charts have a value for each
frame too, so that whatever moves, moves in the browser.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from playground.core import images
from playground.core.experiments import Forward, Prediction, Walk
from playground.core.histograms import gaussian_shares, shares
from playground.core.noise import NoiseLevel
from playground.core.samplers import Step
from playground.core.schedules import NoiseSchedule
from playground.render.palette import NOISE_RANGE, noise_colours

Film = dict[str, Any]

PICTURE, NOISE = (-1.0, 1.0), (-NOISE_RANGE, NOISE_RANGE)


def forward_film(record: Forward, schedules: Sequence[NoiseSchedule], at: int) -> Film:
    """√ᾱ_t·x_0 + √(1−ᾱ_t)·ε = x_t, a frame a t, drawn from two layers; charts of all `schedules` beside it.

    Films over t begin at step `at`, unless another film has been moved already.
    """
    alpha, sigma = record.level.alpha, record.level.sigma
    zero = torch.zeros_like(alpha)
    table = torch.stack([torch.stack(row, 1) for row in ((alpha, zero), (zero, sigma), (alpha, sigma))], 1)
    t = torch.arange(len(alpha))
    return {
        **_piece(0, len(t), [f"t = {i}" for i in t.tolist()]),
        "size": _size(record.x0),
        "panels": [
            _panel("√ᾱ_t · x_0", "picture", PICTURE, factor="alpha"),
            _panel("√(1−ᾱ_t) · ε", "noise", NOISE, before="+", factor="sigma"),
            _panel("x_t", "mixture", PICTURE, before="="),
        ],
        "layers": _floats(torch.stack([_pixels(record.x0), _pixels(record.eps)])),
        "table": _floats(table),
        "numbers": _level_numbers(t, record.level, betas=record.schedule.betas),
        "charts": [
            _pixels_chart(record.x_t),
            _schedule_chart("ᾱ_t: how much of the picture's variance is left", "alpha_bar", record.schedule, schedules),
            _schedule_chart("log-SNR: ln(ᾱ_t / (1−ᾱ_t))", "log_snr", record.schedule, schedules),
        ],
        "strip": 2,
        "ends": ["t = 0 · clean", f"noise · t = {len(t) - 1}"],
        "sync": True,
        "at": at,
    }


def walk_film(record: Walk, schedule: NoiseSchedule, at: int) -> Film:
    """The picture's share, the noise that t small steps have gathered, and their sum x_t; and many walks of a pixel."""
    t, last = record.t, int(record.t[-1])
    layers = [_bytes(record.remains, PICTURE), _bytes(record.gathered, NOISE), _bytes(record.x_t, PICTURE)]
    deviation = record.gathered.flatten(1).std(1, correction=0)
    edges = torch.linspace(-4, 4, 81)
    return {
        **_piece(0, len(t), [f"t = {i}" for i in t.tolist()]),
        "size": _size(record.x0),
        "panels": [
            _panel("√ᾱ_t · x_0", "picture", PICTURE, about="what is left of the picture"),
            _panel("noise so far", "noise", NOISE, before="+", about="what t steps have added"),
            _panel("x_t", "mixture", PICTURE, before="="),
        ],
        "layers": _interleaved(layers),
        "numbers": [
            *_level_numbers(t, record.level, betas=schedule.betas[t]),
            _number("gathered", "std(noise so far)", deviation, "noise", "one jump says it should be √(1−ᾱ_t)"),
        ],
        "charts": [
            _bars_chart(
                f"One pixel, {record.pixel.shape[1]:,} walks of t steps, beside one jump",
                edges,
                ("walks", "noise", shares(record.pixel, edges)),
                ("one jump: q(x_t | x_0), exact", "picture", record.jump_shares(edges)),
            ),
            _pixels_chart(record.x_t),
            _schedule_chart("ᾱ_t: how much of the picture's variance is left", "alpha_bar", schedule, [schedule]),
        ],
        "strip": 2,
        "ends": ["t = 0 · clean", f"noise · t = {last}"],
        "sync": True,
        "at": _place(t, at),
    }


def prediction_film(record: Prediction, at: int) -> Film:
    """x_t, ε, ε̂, their difference and x̂_0, a frame for each t that the predictor was asked at."""
    noise = [record.eps, record.eps_hat, record.eps - record.eps_hat]
    layers = [_bytes(record.x_t, PICTURE), *(_bytes(each, NOISE) for each in noise), _bytes(record.x0_hat, PICTURE)]
    last = int(record.t[-1])
    return {
        **_piece(0, len(record.t), [f"t = {t:g}" for t in record.t.tolist()]),
        "size": _size(record.x0[0]),
        "panels": [
            _panel("x_t", "mixture", PICTURE, about="what the network sees"),
            _panel("ε", "noise", NOISE, about="the noise that is in it"),
            _panel("ε̂", "prediction", NOISE, badge="network", about="the noise it finds"),
            _panel("ε − ε̂", "error", NOISE, about="what it missed"),
            _panel("x̂_0", "picture", PICTURE, badge="network", about="the picture that is left"),
        ],
        "layers": _interleaved(layers),
        "numbers": [
            *_level_numbers(record.t, record.level)[:2],
            _number(
                "error", "mean (ε − ε̂)²", record.error, "error", "mean squared error a pixel; saying 0 would cost 1"
            ),
            _number("cosine", "cosine(ε, ε̂)", record.cosine, "prediction", "1: same direction, 0: unrelated"),
            _number("r2", "R²", record.r2, "prediction", "the share of the noise's variance that is found; 1 is all"),
            _number("deviation", "std(ε̂)", record.deviation, "prediction", "standard deviation of ε̂; that of ε is 1"),
            _number("x0_error", "mean (x_0 − x̂_0)²", record.x0_error, "picture", "how far x̂_0 is from the picture"),
        ],
        "charts": [
            {
                "title": "mean (ε − ε̂)² over t, for this picture and this noise",
                "x": "t",
                "y": "error",
                "range": [0, last],
                "series": [
                    {"name": "network", "role": "prediction", "x": record.t.tolist(), "y": _rounded(record.error)},
                    {"name": "saying 0", "role": "mixture", "dashed": True, "x": [0, last], "y": [1, 1]},
                ],
            }
        ],
        "ends": ["t = 0 · clean", f"noise · t = {last}"],
        "sync": True,
        "at": _place(record.t, at),
    }


def reverse_film(step: Step, schedule: NoiseSchedule) -> Film:
    """The piece of a film that one step of sampling adds: x_t, ε̂ and x̂_0; after the last step also the picture.

    All pictures of a batch stand in one grid.
    """
    t = step.t(schedule)
    frames = [[step.x_t, step.eps_hat, step.x0_hat]]
    labels = [f"step {step.index + 1} of {step.total} · t = {t}"]
    levels = [step.level]
    times = [float(t)]
    if step.index == step.total - 1:
        # The picture that the last step led to; what the network said of it is still what it said in that step.
        frames.append([step.x_next, step.eps_hat, step.x0_hat])
        labels.append(f"after step {step.total} · the picture")
        levels.append(step.next_level)
        times.append(float("nan"))  # cleaner than any step of the schedule
    stacked = [torch.stack([_grid(frame[k], empty) for frame in frames]) for k, empty in enumerate((-1, 0, -1))]
    level = NoiseLevel(torch.stack([each.alpha for each in levels]), torch.stack([each.sigma for each in levels]))
    deviation = torch.stack([frame[0].float().std(correction=0).cpu() for frame in frames])
    return {
        **_piece(step.index, step.total + 1, labels),
        "size": _size(stacked[0][0]),
        "panels": [
            _panel("x_t", "mixture", PICTURE, about="where the process stands"),
            _panel("ε̂", "prediction", NOISE, badge="network", about="the noise found in this step"),
            _panel("x̂_0", "picture", PICTURE, badge="network", about="the picture it points to"),
        ],
        "layers": _interleaved([_bytes(stacked[0], PICTURE), _bytes(stacked[1], NOISE), _bytes(stacked[2], PICTURE)]),
        "numbers": [
            *_level_numbers(torch.tensor(times), level),
            _number("spread", "std(x_t)", deviation, "mixture", "standard deviation of x_t's pixels; 1 in pure noise"),
        ],
        "charts": [],
        "ends": ["noise", "picture"],
    }


def colour_scale() -> str:
    """The 256 colours of noise, as the player takes them."""
    return _encoded(noise_colours())


def _piece(start: int, total: int, labels: list[str]) -> Film:
    """Which frames of the film these are: from `start`, one a label, of `total`."""
    return {"start": start, "total": total, "labels": labels}


def _panel(
    title: str,
    role: str,
    limits: tuple[float, float],
    *,
    before: str = "",
    factor: str = "",
    badge: str = "",
    about: str = "",
) -> dict[str, Any]:
    """`before` is the operator to its left, `factor` the number shown above it, `badge` says who made it."""
    scale = "picture" if limits == PICTURE else "noise"
    return {
        "title": title,
        "role": role,
        "limits": limits,
        "scale": scale,
        "before": before,
        "factor": factor,
        "badge": badge,
        "about": about,
    }


def _number(key: str, symbol: str, values: Tensor, role: str, about: str, digits: int = 4) -> dict[str, Any]:
    return {
        "key": key,
        "symbol": symbol,
        "values": _floats(values),
        "role": role,
        "about": about,
        "digits": digits,
    }


def _level_numbers(t: Tensor, level: NoiseLevel, betas: Tensor | None = None) -> list[dict[str, Any]]:
    numbers = [
        _number("t", "t", t, "mixture", "the step, from 0, nearly clean, to T − 1, noise", digits=0),
        _number("alpha_bar", "ᾱ_t", level.alpha**2, "mixture", "the share of the picture's variance that is left"),
        _number("alpha", "√ᾱ_t", level.alpha, "picture", "what the picture is multiplied by"),
        _number("sigma", "√(1−ᾱ_t)", level.sigma, "noise", "what the noise is multiplied by"),
        _number("log_snr", "log-SNR", level.log_snr, "mixture", "ln(ᾱ_t / (1−ᾱ_t)): 0 where they are equal", digits=2),
    ]
    if betas is not None:
        numbers.append(_number("beta", "β_t", betas, "noise", "the variance of the noise that step t alone adds", 5))
    return numbers


def _schedule_chart(title: str, key: str, chosen: NoiseSchedule, schedules: Sequence[NoiseSchedule]) -> dict[str, Any]:
    """One curve a schedule, the chosen one strong, at 200 places at most."""
    places = torch.linspace(0, chosen.num_steps - 1, min(200, chosen.num_steps)).round().long()
    series = []
    for schedule in schedules:
        values = getattr(schedule, key)[places]
        finite = values.isfinite()
        strong = schedule.name == chosen.name
        series.append(
            {
                "name": schedule.name,
                "role": "picture" if strong else "mixture",
                "faint": not strong,
                "x": places[finite].tolist(),
                "y": _rounded(values[finite]),
            }
        )
    return {"title": title, "x": "t", "y": key, "range": [0, chosen.num_steps - 1], "series": series}


def _pixels_chart(x_t: Tensor) -> dict[str, Any]:
    """How the pixels of x_t (K, C, H, W) lie in each frame, beside N(0, 1)."""
    edges = torch.linspace(-4, 4, 41)
    standard = gaussian_shares(torch.zeros(1), torch.ones(1), edges)
    return _bars_chart(
        "The pixels of x_t, beside N(0, 1)",
        edges,
        ("pixels of x_t", "mixture", shares(x_t.flatten(1), edges)),
        ("N(0, 1)", "noise", standard),
        top=3 * standard.max().item(),
    )


def _bars_chart(
    title: str, edges: Tensor, bars: tuple[str, str, Tensor], curve: tuple[str, str, Tensor], top: float | None = None
) -> dict[str, Any]:
    """A histogram for each frame and a curve over it: (name, role, shares of the bins (K, B) or, for all, (1, B)).

    Each frame is drawn up to its own highest value, or all up to `top`, where higher bars are cut.
    """
    tops = torch.maximum(*(each[2].double().amax(1, keepdim=True) for each in (bars, curve))) if top is None else top
    series = [
        {"name": name, "role": role, "bytes": _encoded((values / tops * 255).clamp(0, 255).to(torch.uint8).numpy())}
        for name, role, values in (bars, curve)
    ]
    return {"title": title, "range": [edges[0].item(), edges[-1].item()], "bins": len(edges) - 1, "bars": series}


def _place(t: Tensor, at: int) -> int:
    """Which of the steps `t` is nearest to `at`."""
    return int((t - at).abs().argmin())


def _grid(pictures: Tensor, empty: float) -> Tensor:
    """(B, C, H, W) as one picture (C, rows·H, columns·W), as square as it can be; places left over are `empty`."""
    count, channels, height, width = pictures.shape
    columns = int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    padded = pictures.new_full((rows * columns, channels, height, width), empty)
    padded[:count] = pictures
    grid = padded.reshape(rows, columns, channels, height, width).permute(2, 0, 3, 1, 4)
    return grid.reshape(channels, rows * height, columns * width)


def _pixels(picture: Tensor) -> Tensor:
    """(…, C, H, W) to (…, H, W, C), as a canvas reads pixels."""
    return picture.movedim(-3, -1)


def _size(picture: Tensor) -> list[int]:
    channels, height, width = picture.shape
    return [width, height, channels]


def _bytes(pictures: Tensor, limits: tuple[float, float]) -> Tensor:
    """(K, C, H, W) from `limits` to 0…255, as uint8 (K, H, W, C)."""
    low, high = limits
    return images.to_bytes(_pixels(pictures.float()) * (2 / (high - low)) - (high + low) / (high - low))


def _interleaved(layers: list[Tensor]) -> str:
    """One layer a panel and frame: all panels of the first frame, then all of the second."""
    return _encoded(torch.stack(layers, 1).numpy())


def _rounded(values: Tensor) -> list[float]:
    return [float(f"{value:.5g}") for value in values.tolist()]


def _floats(values: Tensor) -> str:
    return _encoded(values.to(torch.float32).numpy())


def _encoded(array: NDArray[np.generic]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
