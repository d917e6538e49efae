"""Training in two dimensions as a film: one frame per snapshot of the network.

Each frame has places: the noise levels along the trajectories, from noise to data.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from playground.core.toy2d.diagnostics import ReferenceField, SnapshotDiagnostics
from playground.core.toy2d.trainer import TOTAL_STEPS
from playground.render.films.charts import hline, line_chart, live_line
from playground.render.films.film import chunk, floats, number, panel, to_base64
from playground.render.films.film_format import Draws, Film, FilmNumber, Panel

SCALE = 4096
"""Paths are sent as 16-bit integers in units of 1 / SCALE: from -8 to 8, exact to far below a pixel."""
LONGEST = 3.0
"""The longest arrow drawn; longer ones are shortened to it."""
REACH = 2.4
SIDE, SAVED_SIDE = 440, 220
"""Side of a plane in pixels, on the page and in a saved file."""

TARGET_SYMBOLS = {"epsilon": "ε", "sample": "x_0", "v_prediction": "v"}


def toy2d_film(ground: ReferenceField, view: SnapshotDiagnostics, index: int, total: int) -> Film:
    """Toy-training film: the piece that one snapshot adds.

    The first piece also brings what no snapshot changes: data, exact field, grid and charts.

    Args:
        ground: data, exact posterior mean and noise levels, which do not depend on the network.
        view: diagnostics of the network at the snapshot.
        index: frame of the snapshot, from 0.
        total: number of frames of the film.

    Returns:
        The piece, with one frame.
    """
    film: Film = {
        **chunk(index, total, [_label(view.step)]),
        "snapshots": [{"paths": to_base64(_whole(view.paths)), "field": _arrows(view.field)}],
        "numbers": _numbers(ground, view, first=index == 0),
    }
    return {**film, **_reference_chunk(ground)} if index == 0 else film


def _label(step: int) -> str:
    return f"after {step:,} step{'' if step == 1 else 's'}" if step else "untrained"


def _reference_chunk(ground: ReferenceField) -> Film:
    last = ground.config.schedule.num_steps - 1
    times = [f"t = {t:.0f}" for t in ground.t[:-1].tolist()]
    coefficients = torch.stack([ground.level.alpha, ground.level.sigma], 1)
    target = TARGET_SYMBOLS[ground.config.prediction_type]
    return {
        "size": [SAVED_SIDE, SAVED_SIDE, 3],
        "ends": ["untrained", f"{TOTAL_STEPS:,} steps"],
        "places": {"labels": [*times, "clean · x₀"], "ends": [f"noise · {times[0]}", "data"]},
        "plane": {
            "side": SIDE,
            "reach": REACH,
            "scale": SCALE,
            "layers": floats(torch.stack([ground.x0, ground.eps])),
            "table": floats(coefficients),
            "grid": floats(ground.grid),
            "density": to_base64((ground.density**0.25 * 255).round().to(torch.uint8).numpy()),
            "field": _arrows(ground.field),
        },
        "panels": [
            _plane("data", "x_t", "mixture", "", "noisy data at this t"),
            _plane("paths", "x_t", "mixture", "network", "particles; blue: data"),
            _plane("field", "ε̂", "prediction", "network", "predicted noise", note="asked"),
            _plane("exact", "E[ε | x_t]", "prediction", "ideal", "exact posterior mean", note="asked"),
        ],
        "charts": [
            line_chart(
                "Loss over training steps",
                TOTAL_STEPS,
                [
                    hline(ground.blind, "best without x_t", TOTAL_STEPS),
                    hline(ground.floor, f"floor: E[{target} | x_t]", TOTAL_STEPS, style="dotted"),
                    live_line("training batches", "noise", "step", "loss", style="faint"),
                    live_line("2,000 fixed draws", "error", "step", "error", dot="error"),
                ],
                range_y=(0.0, 1.2 * ground.blind),
                across="step",
            ),
            line_chart(
                "R² over t",
                last,
                [hline(1, "", last), live_line("R²", "prediction", "asked", "r2", dot="r2")],
                range_y=(0.0, 1.0),
                across="asked",
            ),
        ],
    }


def _plane(draws: Draws, title: str, role: str, badge: str, about: str, note: str = "") -> Panel:
    plane = panel(title, role, (-REACH, REACH), badge=badge, about=about, note=note)
    return {**plane, "draws": draws, "scale": "plane"}


def _numbers(ground: ReferenceField, view: SnapshotDiagnostics, *, first: bool) -> list[FilmNumber]:
    """Numbers of this snapshot; the first one also brings those of the places, which no snapshot changes."""
    empty = torch.empty(0)
    target = TARGET_SYMBOLS[ground.config.prediction_type]
    loss = f"MSE of the output against {target}, mean over the training since the frame before"

    def of_places(values: Tensor) -> Tensor:
        return values if first else empty

    least = "loss of the exact posterior mean on the same draws; by chance a network may be slightly below"
    asked = torch.cat([ground.t[:-1], ground.t[-2:-1]])  # nothing is predicted at the clean end: the last t stays
    return [
        number("t", "t", of_places(ground.t), "mixture", "the step of the schedule", 0, "place"),
        number("asked", "t =", of_places(asked), "mixture", "the t at which the network is evaluated", 0, "place"),
        number("alpha", "√ᾱ_t", of_places(ground.level.alpha), "picture", "coefficient of the data", 4, "place"),
        number("sigma", "√(1−ᾱ_t)", of_places(ground.level.sigma), "noise", "coefficient of ε", 4, "place"),
        number("step", "step", torch.tensor([view.step]), "mixture", "number of training steps", 0),
        number("loss", "loss", torch.tensor([view.loss]), "noise", loss),
        number(
            "error", "loss, fixed draws", torch.tensor([view.error]), "error", "on the same 2,000 draws in every frame"
        ),
        number("floor", "loss floor", torch.tensor([ground.floor]), "mixture", least),
        number("r2", "R²(ε̂, exact)", torch.cat([view.r2, view.r2[-1:]]), "prediction", _R2, 3, "both"),
        number("distance", "energy distance", torch.tensor([view.distance]), "error", _DISTANCE, 3),
        number(
            "bend",
            "path length ratio",
            torch.tensor([view.path_length_ratio]),
            "mixture",
            "length of the paths ÷ straight lines: 1 is straight",
            2,
        ),
    ]


_R2 = "share of the exact field's variance that ε̂ explains at noisy data of this t; 1: equal"
_DISTANCE = "between the particles at the end and the data: 0 for the same distribution"


def _whole(paths: Tensor) -> NDArray[np.int16]:
    limit = 2**15 - 1
    whole: NDArray[np.int16] = (paths.cpu().float() * SCALE).round().clamp(-limit, limit).to(torch.int16).numpy()
    return whole


def _arrows(field: Tensor) -> str:
    """Arrows (…, 2) as 8-bit integers in base64: 127 is LONGEST, to which longer arrows are shortened."""
    field = field.cpu().float()
    length = field.norm(dim=-1, keepdim=True).clamp(min=LONGEST)
    return to_base64((field * (LONGEST / length) * (127 / LONGEST)).round().to(torch.int8).numpy())
