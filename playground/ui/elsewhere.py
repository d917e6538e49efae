"""The folded part of *Remove noise*: where sampling starts, what it keeps, and how its steps are spaced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.core.steps import SPACINGS
from playground.ui.bench import Bench
from playground.ui.brush import build_brush, over, painted_over
from playground.ui.errors import told
from playground.ui.folded import fill_while_open
from playground.ui.settings import KEPT, SAME_LABEL, Settings

KEPT_NAMES = (
    "nothing",
    "the left half",
    "the right half",
    "the top half",
    "the bottom half",
    "all but the middle",
    "what is not painted over",
)
START_NAMES = {
    "noise": "noise",
    "picture": "the picture above, noised to t",
    "walk": "noises on the way to the next seed's",
}


@dataclass(frozen=True)
class Elsewhere:
    """Its controls by name, and what is painted over, if anything is."""

    controls: dict[str, Any]
    painting: gr.State


def build_elsewhere(bench: Bench, default: Settings, labels: list[tuple[str, str]]) -> Elsewhere:
    """Lay it out, at these settings and with these labels to change to, and listen to the brush."""
    with gr.Accordion(
        "Start elsewhere, keep a part, change the label half way, space the steps", open=False, elem_id="elsewhere"
    ) as part:
        with gr.Row(equal_height=True, elem_classes="controls not-in-race"):
            start = gr.Radio(
                [(name, value) for value, name in START_NAMES.items()],
                value=default.start,
                label="Start from",
                info="of a walk, both ends and what lies evenly between, row by row",
                elem_id="control-start",
            )
            start_at = gr.Slider(
                0,
                1,
                default.start_at,
                step=0.05,
                label="t / T",
                info="how far it is noised; steps above are left out",
                min_width=150,
                elem_id="control-start_at",
            )
            then = gr.Dropdown(
                [(SAME_LABEL, SAME_LABEL), *labels],
                value=default.then,
                label="Then",
                info="the label from T / 2 on",
                min_width=190,
                visible=bool(labels),
                elem_id="control-then",
            )
        with gr.Row():
            with gr.Column(min_width=240, elem_classes="not-in-race"):
                keep = gr.Dropdown(
                    list(zip(KEPT_NAMES, KEPT, strict=True)),
                    value=default.keep,
                    label="Keep",
                    info="of the picture above; the rest is filled in",
                    elem_id="control-keep",
                )
            with gr.Column(min_width=300, elem_classes="not-in-race"):
                brush = build_brush()
            with gr.Column(min_width=240):
                spacing = gr.Dropdown(
                    list(SPACINGS),
                    value=default.spacing,
                    label="Spacing",
                    info="how the steps' t are chosen",
                    elem_id="control-spacing",
                )
                karras = gr.Checkbox(
                    default.karras,
                    label="Karras' levels",
                    info="denser where there is little noise; for diffusers' solvers",
                    elem_id="control-karras",
                )
    painting = gr.State(None)
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    brush.input(told()(painted_over), brush, [keep, painting], **quiet)
    picture_changed = [bench.controls["picture"].change, bench.renewed.change, bench.own.change]
    fill_while_open(
        part, picture_changed, lambda *values: gr.update(picture=over(bench.scene(*values))), bench.inputs, [brush]
    )
    controls = {
        "then": then,
        "start": start,
        "start_at": start_at,
        "keep": keep,
        "spacing": spacing,
        "karras": karras,
    }
    return Elsewhere(controls, painting)
