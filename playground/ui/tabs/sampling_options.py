"""Sampling options: image-to-image, interpolation, inpainting, label switch, time-step spacing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.core.data.datasets import SAME_LABEL
from playground.core.sampling.timesteps import TIMESTEP_SPACINGS
from playground.ui.components.control import control_arguments
from playground.ui.components.events import PRIVATE
from playground.ui.components.lazy_accordion import load_when_open
from playground.ui.components.mask_brush import build_mask_brush, canvas_image, parse_mask
from playground.ui.components.shared_controls import SharedControls
from playground.ui.state.settings import INPAINT_MASKS, Settings

MASK_NAMES = (
    "nothing",
    "the left half",
    "the right half",
    "the top half",
    "the bottom half",
    "all but the middle",
    "what is not painted over",
)
SAME_LABEL_CHOICE = ("same", SAME_LABEL)
INIT_NAMES = {"noise": "noise", "image": "the picture", "interpolation": "interpolated noises"}


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
        init = gr.Radio([(text, value) for value, text in INIT_NAMES.items()], **control_arguments("init", default))
        strength = gr.Slider(0, 1, step=0.05, **control_arguments("strength", default))
        inpaint_mask = gr.Dropdown(
            list(zip(MASK_NAMES, INPAINT_MASKS, strict=True)),
            **control_arguments("inpaint_mask", default),
            min_width=0,
        )
        brush = build_mask_brush()
        second_label = gr.Dropdown(
            [SAME_LABEL_CHOICE, *labels],
            **control_arguments("second_label", default),
            min_width=0,
            visible=bool(labels),
        )
        timestep_spacing = gr.Dropdown(
            list(TIMESTEP_SPACINGS), **control_arguments("timestep_spacing", default), min_width=0
        )
        karras_sigmas = gr.Checkbox(**control_arguments("karras_sigmas", default), container=False)
    painting = gr.State(None)
    brush.input(parse_mask, brush, [inpaint_mask, painting], **PRIVATE)
    image_changed = [
        shared_controls.controls["image"].change,
        shared_controls.renewed.change,
        shared_controls.own.change,
    ]
    load_when_open(
        part,
        image_changed,
        lambda *values: gr.update(picture=canvas_image(shared_controls.scene(*values))),
        shared_controls.inputs,
        [brush],
    )
    controls = {
        "second_label": second_label,
        "init": init,
        "strength": strength,
        "inpaint_mask": inpaint_mask,
        "timestep_spacing": timestep_spacing,
        "karras_sigmas": karras_sigmas,
    }
    return SamplingOptionControls(controls, painting)
