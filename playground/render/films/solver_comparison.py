"""Solver comparison at equal NFE as a film: the pictures side by side, and the RMSE of each to a reference."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from playground.core.analysis.solver_comparison import SolverRun
from playground.core.sampling.samplers import SAMPLERS
from playground.render.films.charts import line, line_chart
from playground.render.films.film import PICTURE, chunk, frame_panels, number, panel, size
from playground.render.films.film_format import Film, FilmNumber
from playground.render.films.sampling import image_grid

LANES = ("", "dashed", "dotted", "long-dashed")
PLACES = ("closest", "second", "third", "fourth")
_NFE = "number of function evaluations: evaluations of the network so far, at most, per solver"


def solver_comparison_film(
    runners: Sequence[SolverRun], frames: range, calls: int, reference: Tensor | None = None
) -> Film:
    """Solver-comparison film: x_t above and x̂_0 below, one column per solver.

    There is one frame per network call, and one for the final pictures. The last column shows x_T and the reference,
    which is grey until it has been computed; then each solver's RMSE to it is shown, too, as numbers and as a chart.

    Args:
        runners: the runs so far, one per solver; pictures are (B, C, H, W).
        frames: the frames of this piece; frame `calls` shows the final pictures.
        calls: number of network calls (NFE) that each solver may use.
        reference: pictures that the solvers are compared with, (B, C, H, W), or None.

    Returns:
        The piece, with these frames.
    """
    columns = [_column(runner, frames) for runner in runners]
    begun = runners[0].taken[0].x_t
    beside = [torch.zeros_like(begun) if reference is None else reference]
    columns.append([torch.stack([image_grid(each, -1)] * len(frames)) for each in (begun, *beside)])
    counted = [min(frame + 1, calls) for frame in frames]
    labels = [f"NFE {n} of {calls}" for n in counted]
    if frames[-1] == calls:
        labels[-1] = f"NFE {calls} · the pictures"
    called = number("calls", "NFE", torch.tensor(counted, dtype=torch.float32), "mixture", _NFE, 0)
    above = [panel("x_t", "mixture", PICTURE, badge=each.sampler, about=f"total NFE {each.total}") for each in runners]
    notes = ["" if reference is None else _key(runner) for runner in runners]
    below = [
        panel("x̂_0", "picture", PICTURE, badge=runner.sampler, note=note)
        for runner, note in zip(runners, notes, strict=True)
    ]
    about = "computed at the end" if reference is None else "DDIM, up to 1,000 steps"
    return {
        **chunk(frames[0], calls + 1, labels),
        **frame_panels([(column[row], PICTURE) for row in range(2) for column in columns]),
        "size": size(columns[0][0][0]),
        "columns": len(columns),
        "panels": [
            *above,
            panel("x_T", "noise", PICTURE, about="common start"),
            *below,
            panel("reference", "picture", PICTURE, about=about),
        ],
        "numbers": [called],
        "charts": [],
        "ends": ["noise", "picture"],
        **({"absent": {str(2 * len(columns) - 1): ["comes last"] * len(frames)}} if reference is None else {}),
        **({} if reference is None else _distances(runners, frames, calls, reference, called)),
    }


def _key(runner: SolverRun) -> str:
    return f"{runner.sampler} distance"


def _column(runner: SolverRun, frames: range) -> list[Tensor]:
    """x_t and x̂_0 of each frame; a run that has finished shows its picture."""
    x_t, x0_hat = [], []
    for frame in frames:
        step = runner.taken[min(frame, runner.total - 1)]
        x_t.append(image_grid(step.x_t if frame < runner.total else step.x_next, -1))
        x0_hat.append(image_grid(step.x0_hat if frame < runner.total else step.x_next, -1))
    return [torch.stack(x_t), torch.stack(x0_hat)]


def _distances(runners: Sequence[SolverRun], frames: range, calls: int, reference: Tensor, called: FilmNumber) -> Film:
    """RMSE to the reference as numbers and as a chart, and which solver ends closest."""
    found = [runner.distances(reference) for runner in runners]
    solving = [
        k for k, runner in enumerate(runners) if not SAMPLERS[runner.sampler].stochastic
    ]  # they solve the reference's ODE
    order = sorted(solving, key=lambda k: found[k][-1].item())
    about = "RMSE per pixel between x̂_0 and the reference"
    numbers, series, words = [called], [], {}
    for k, (runner, distances) in enumerate(zip(runners, found, strict=True)):
        shown = torch.stack([distances[min(frame, runner.total)] for frame in frames])
        numbers.append(number(_key(runner), "RMSE", shown, "error", about, 3))
        along = torch.cat([distances[: runner.total - 1], distances[-1:]])
        series.append(line(runner.sampler, "picture", torch.arange(1, runner.total + 1), along, style=LANES[k]))
        place = PLACES[order.index(k)] if k in order else "another sample"
        words[str(len(runners) + 1 + k)] = [place if frame >= runner.total else "" for frame in frames]
    title = "RMSE to reference over NFE"
    return {"numbers": numbers, "charts": [line_chart(title, calls, series, across="calls")], "words": words}
