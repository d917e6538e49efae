"""The bench: the controls that all tabs share."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from playground.core import images
from playground.core.library import Library
from playground.core.schedules import MAX_STEPS, MIN_STEPS, SCHEDULES
from playground.ui.errors import told
from playground.ui.scene import Scene
from playground.ui.settings import checked

CONTROLS = ("model", "picture", "seed", "schedule", "T", "zero_terminal")


@dataclass(frozen=True)
class Bench:
    """The shared controls, in the order of CONTROLS, the person's own picture, if there is one, and their events."""

    library: Library
    controls: list[Any]
    own: gr.State
    about: gr.Markdown
    changed: list[Any]

    @property
    def inputs(self) -> list[Any]:
        """What a handler takes to call `scene`."""
        return [*self.controls, self.own]

    def filled(self, *values: Any) -> bool:
        """Whether no control among the values of `inputs` is empty."""
        return None not in values[: len(self.controls)]

    def scene(self, *values: Any, **more: Any) -> Scene:
        """The scene for the values of `inputs` and, by name, those of further controls."""
        *controls, own = values
        return Scene(self.library, checked(self.library, **dict(zip(CONTROLS, controls, strict=True)), **more), own)


def build_bench(library: Library) -> Bench:
    """Lay out the bench; call it inside a Blocks context."""
    default = checked(library, model=library.names[0])
    last = len(library.pictures(default.model)) - 1
    with gr.Row(elem_id="bench"):
        with gr.Column(min_width=300, scale=4):
            picture = gr.Slider(0, last, default.picture, step=1, label="Picture", info="its number in the data")
            with gr.Row():
                another = gr.Button("Another picture", size="sm", min_width=100)
                upload = gr.UploadButton("Your own picture", size="sm", file_types=["image"], min_width=100)
        with gr.Column(min_width=130, scale=2):
            seed = gr.Number(default.seed, label="Seed", info="which noise ε")
            other_noise = gr.Button("Other noise", size="sm")
        with gr.Column(min_width=130, scale=2):
            schedule = gr.Dropdown(list(SCHEDULES), value=default.schedule, label="Schedule", info="how noise grows")
            zero_terminal = gr.Checkbox(
                default.zero_terminal, label="end in pure noise", info="ᾱ is 0 at T − 1", container=False
            )
        with gr.Column(min_width=130, scale=2):
            num_steps = gr.Number(default.T, label="T", info=f"steps, {MIN_STEPS} to {MAX_STEPS}")
        with gr.Column(min_width=130, scale=2):
            model = gr.Dropdown(library.names, value=default.model, label="Model", info="the network and its data")
    about = gr.Markdown(elem_id="about-picture")
    own = gr.State(None)
    # T is read when it has been typed, not while it is: the 1 of 100 would be refused.
    changed = [each.change for each in (model, picture, seed, schedule, zero_terminal, own)]
    changed += [num_steps.submit, num_steps.blur]
    bench = Bench(library, [model, picture, seed, schedule, num_steps, zero_terminal], own, about, changed)

    another.click(lambda name: random.randrange(len(library.pictures(name))), model, picture, api_visibility="private")
    other_noise.click(lambda: random.randint(0, 9999), None, seed, api_visibility="private")
    upload.upload(told()(_own_picture), upload, bench.own, api_visibility="private", show_progress="hidden")
    picture.change(lambda: None, None, bench.own, api_visibility="private", show_progress="hidden")
    model.input(
        told()(lambda name: gr.update(maximum=len(library.pictures(name)) - 1)),
        model,
        picture,
        api_visibility="private",
    )
    return bench


def _own_picture(path: str) -> Image.Image:
    return images.read(Path(path).read_bytes())
