"""Sampling options: image-to-image, interpolation, inpainting, label switch, time-step spacing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.core.sampling.timesteps import TIMESTEP_SPACINGS
from playground.ui.components.events import PRIVATE
from playground.ui.components.lazy_accordion import load_when_open
from playground.ui.components.mask_brush import build_mask_brush, canvas_image, parse_mask
from playground.ui.components.shared_controls import SharedControls
from playground.ui.server.errors import user_errors
from playground.ui.state.settings import KEPT, SAME_LABEL, Settings

KEPT_NAMES = (
    "nothing",
    "the left half",
    "the right half",
    "the top half",
    "the bottom half",
    "all but the middle",
    "what is not painted over",
)
START_NAMES = {"noise": "noise", "picture": "the picture", "walk": "interpolated noises"}


@dataclass(frozen=True)
class SamplingOptionControls:
    """Controls of the sampling options by name, and what the user has painted over the picture, or None."""

    controls: dict[str, Any]
    painting: gr.State


def build_sampling_options(
    shared_controls: SharedControls, default: Settings, labels: list[tuple[str, str]], part: gr.Accordion
) -> SamplingOptionControls:
    """Lay out the sampling options in a folded group of the rail.

    Args:
        shared_controls: the controls beside all tabs.
        default: settings that the controls show at first.
        labels: labels to switch to, each as shown and as set.
        part: the group.

    Returns:
        The controls.
    """
    with part:
        start = gr.Radio(
            [(name, value) for value, name in START_NAMES.items()],
            value=default.start,
            label="Start from",
            elem_id="control-start",
            elem_classes="not-in-race",
        )
        start_at = gr.Slider(0, 1, default.start_at, step=0.05, label="Strength", elem_id="control-start_at")
        keep = gr.Dropdown(
            list(zip(KEPT_NAMES, KEPT, strict=True)),
            value=default.keep,
            label="Keep",
            min_width=0,
            elem_id="control-keep",
            elem_classes="not-in-race",
        )
        brush = build_mask_brush()
        then = gr.Dropdown(
            [(SAME_LABEL, SAME_LABEL), *labels],
            value=default.then,
            label="Label from T/2",
            min_width=0,
            visible=bool(labels),
            elem_id="control-then",
        )
        spacing = gr.Dropdown(
            list(TIMESTEP_SPACINGS), value=default.spacing, label="Spacing", min_width=0, elem_id="control-spacing"
        )
        karras = gr.Checkbox(default.karras, label="Karras sigmas", container=False, elem_id="control-karras")
    painting = gr.State(None)
    brush.input(user_errors()(parse_mask), brush, [keep, painting], **PRIVATE)
    picture_changed = [
        shared_controls.controls["picture"].change,
        shared_controls.renewed.change,
        shared_controls.own.change,
    ]
    load_when_open(
        part,
        picture_changed,
        lambda *values: gr.update(picture=canvas_image(shared_controls.scene(*values))),
        shared_controls.inputs,
        [brush],
    )
    controls = {
        "then": then,
        "start": start,
        "start_at": start_at,
        "keep": keep,
        "spacing": spacing,
        "karras": karras,
    }
    return SamplingOptionControls(controls, painting)
