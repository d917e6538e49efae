"""Page frame: a head, a stage, and a rail of controls with the primary buttons at its foot.

In the document the stage comes before the rail, so that the keyboard reaches the film first; a style sheet places them.
"""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from playground.ui.state.settings import TABS

GROUPS = {
    "sampling": ("Sampling", ("sampling",)),
    "sampling-options": ("Start, inpainting, time steps", ("sampling",)),
    "dataset": ("Toy dataset", ("training",)),
    "toy-network": ("Network", ("training",)),
    "toy-sampler": ("Sampler", ("training",)),
    "image": ("Picture", ("forward", "prediction", "sampling")),
    "noise": ("Noise", tuple(TABS)),
    "network": ("Network", ("forward", "prediction", "sampling")),
}
"""The rail's groups from top to bottom: their headings, and the tabs on which they are shown."""
FOLDED = ("sampling-options",)


@dataclass(frozen=True)
class Frame:
    """Page frame, into which the parts are laid out: `with frame.stage:`, `with frame.groups["noise"]:`.

    Attributes:
        head: title and buttons at the top.
        stage: the tabs with their films.
        groups: the rail's groups of controls by name, as in GROUPS.
        foot: the primary buttons at the foot of the rail.
    """

    head: gr.Row
    stage: gr.Column
    groups: dict[str, gr.Accordion]
    foot: gr.Row


def build_frame() -> Frame:
    """Lay out the page frame, empty. Call it inside a Blocks context."""
    head, stage = gr.Row(elem_id="head"), gr.Column(elem_id="stage")
    with gr.Column(elem_id="controls"):
        with gr.Column(elem_id="rail", min_width=0):
            groups = {
                name: gr.Accordion(
                    heading,
                    open=name not in FOLDED,
                    elem_id=f"group-{name}",
                    elem_classes=["group", *(f"on-{tab}" for tab in tabs)],
                )
                for name, (heading, tabs) in GROUPS.items()
            }
        foot = gr.Row(elem_id="foot")
    with foot:
        sheet = gr.Button("Controls", elem_id="show-controls", size="sm", min_width=0)
    sheet.click(None, js="() => playground.showControls()", api_visibility="private")
    return Frame(head, stage, groups, foot)
