"""Plotly figures of core's records, to be explored interactively."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from playground.core.diffusion.schedules import NoiseSchedule
from playground.render.palette import ROLES

_DASHES = ("solid", "dot", "dash", "dashdot", "longdash", "longdashdot")


def schedules_figure(schedules: Sequence[NoiseSchedule]) -> go.Figure:
    """Noise schedules: β_t, ᾱ_t and log-SNR of each over t; every value can be read off."""
    columns = (("betas", "β_t"), ("alpha_bar", "ᾱ_t"), ("log_snr", "log-SNR"))
    figure = make_subplots(rows=3, cols=1, vertical_spacing=0.09, subplot_titles=[title for _, title in columns])
    for schedule, dash, (colour, _) in zip(
        schedules, itertools.cycle(_DASHES), itertools.cycle(ROLES.values()), strict=False
    ):
        for row, (key, _) in enumerate(columns, start=1):
            values = getattr(schedule, key)
            curve = go.Scatter(
                y=[value if abs(value) != float("inf") else None for value in values.tolist()],
                name=schedule.name,
                legendgroup=schedule.name,
                showlegend=row == 1,
                line={"dash": dash, "color": colour},
            )
            figure.add_trace(curve, row=row, col=1)
    figure.update_xaxes(title_text="t")
    figure.update_layout(hovermode="x unified", height=760, margin={"t": 40, "b": 40, "l": 40, "r": 20})
    return figure
