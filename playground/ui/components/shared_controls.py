"""Shared controls: picture, noise and network, in the rail beside all tabs."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from playground.core.data import images
from playground.core.diffusion.schedules import SCHEDULES
from playground.core.model_registry import ModelRegistry
from playground.ui.components.control import control_arguments
from playground.ui.components.events import PRIVATE
from playground.ui.components.frame import Frame
from playground.ui.components.lazy_accordion import load_when_open
from playground.ui.components.picker import build_picker, gallery, parse_choice
from playground.ui.server.markdown_escape import plain
from playground.ui.state.scene import Scene
from playground.ui.state.settings import Settings, validate
from playground.ui.state.validation import choice


@dataclass(frozen=True)
class SharedControls:
    """Shared controls, and the events that a change of them sends.

    Attributes:
        library: registry of the networks.
        controls: the controls by name of the setting.
        own: the user's own picture, or None.
        renewed: changes once all that follows the choice of another network is on the page.
        about: description of the picture.
        changed: events that change a control, except the model, with which the pictures change, too.
        drawn: events that end with a new value in a control.
    """

    library: ModelRegistry
    controls: dict[str, Any]
    own: gr.State
    renewed: gr.Number
    about: gr.Markdown
    changed: list[Any]
    drawn: list[Any]

    @property
    def inputs(self) -> list[Any]:
        """Components whose values a handler needs to call `scene`."""
        return [*self.controls.values(), self.own]

    def filled(self, *values: Any) -> bool:
        """Whether no control is empty, from the values of `inputs`."""
        return None not in values[: len(self.controls)]

    def scene(self, *values: Any, painting: Image.Image | None = None, **more: Any) -> Scene:
        """Scene for the values of the controls.

        Args:
            *values: values of `inputs`.
            painting: what the user has painted over the picture: the part to inpaint.
            **more: values of further controls, by name of the setting.

        Returns:
            The scene.

        Raises:
            ValueError: if a value is not allowed; the message is for the user.
        """
        *shared, own = values
        controls = dict(zip(self.controls, shared, strict=True))
        return Scene(self.library, validate(self.library, **{**controls, **more}), own, painting)

    def of_new_model(self, *values: Any, **more: Any) -> Scene:
        """Scene for a network that has just been chosen, at its first picture.

        Args:
            *values: values of `inputs`, the new network among them.
            **more: values of further controls, by name of the setting.

        Returns:
            The scene.

        Raises:
            ValueError: if a value is not allowed; the message is for the user.
        """
        model = dict(zip(self.controls, values, strict=False))["model"]
        return self.scene(*values, image=validate(self.library, model=model).image, **more)

    def updates(self, settings: Settings) -> list[Any]:
        """Updates that bring the controls to these settings."""
        values: dict[str, Any] = {name: getattr(settings, name) for name in self.controls}
        values["model"] = {**self.offered(), "value": settings.model}
        return list(values.values())

    def offered(self) -> dict[str, Any]:
        """Update of the networks to choose from: there may be more than before."""
        return gr.update(choices=self.library.names)


def refuse_when_left(field: gr.Number, name: str, library: ModelRegistry, beside: dict[str, Any]) -> None:
    """Validate a field when the focus leaves it.

    A value that is not allowed gives a message, whatever the other fields hold.

    Args:
        field: the field.
        name: name of its setting.
        library: registry of the networks.
        beside: the controls that its range depends on, by name of the setting.
    """

    def check(value: Any, *others: Any) -> None:
        validate(library, **dict(zip(beside, others, strict=True)), **{name: value})

    field.blur(check, [field, *beside.values()], api_visibility="private", show_progress="hidden")


def build_shared_controls(library: ModelRegistry, first: Scene, frame: Frame) -> SharedControls:
    """Lay out the shared controls in the rail.

    Args:
        library: registry of the networks.
        first: scene whose settings the controls show at first.
        frame: frame of the page.

    Returns:
        The controls and their events.
    """
    default = first.settings
    with frame.groups["image"], gr.Column(elem_id="control-image", min_width=0):
        with gr.Row(elem_classes="line"):
            image = gr.Number(**control_arguments("image", default) | {"elem_id": "picture-number"}, min_width=0)
            another = gr.Button("↻", size="sm", min_width=0, scale=0, elem_id="another")
        about = gr.Markdown(plain(first.describe_image()), elem_id="about-picture")
        picker = build_picker()
        upload = gr.UploadButton("Upload your own", size="sm", file_types=["image"], min_width=0, elem_id="upload")
    with frame.groups["noise"]:
        with gr.Row(elem_classes="line", elem_id="control-seed"):
            seed = gr.Number(**control_arguments("seed", default) | {"elem_id": None}, min_width=0)
            other_noise = gr.Button("↻", size="sm", min_width=0, scale=0, elem_id="other-noise")
        schedule = gr.Dropdown(list(SCHEDULES), **control_arguments("schedule", default), min_width=0)
        num_steps = gr.Number(**control_arguments("T", default), min_width=0)
        zero_terminal_snr = gr.Checkbox(**control_arguments("zero_terminal_snr", default), container=False)
    with frame.groups["network"]:
        model = gr.Dropdown(library.names, **control_arguments("model", default), min_width=0, filterable=False)
    own, renewed = gr.State(None), gr.Number(0, visible="hidden", label="How often another network came")
    controls = {
        "model": model,
        "image": image,
        "seed": seed,
        "schedule": schedule,
        "T": num_steps,
        "zero_terminal_snr": zero_terminal_snr,
    }

    drawn = _connect_image(library, model, image, own, another, picker, upload)
    drawn.append(other_noise.click(lambda: random.randint(0, 9999), None, seed, **PRIVATE))
    # T is read after it has been typed, not while: the 1 of 100 would be refused.
    # A dropdown sends `input` twice, and under always_last the two trigger each other without end; `change` does not.
    changed = [each.input for each in (image, seed, zero_terminal_snr)]
    changed += [schedule.change, num_steps.submit, num_steps.blur, own.change]
    # A field may be empty while it is typed into, but not when it is left.
    for name, field in {"image": image, "seed": seed, "T": num_steps}.items():
        refuse_when_left(field, name, library, {"model": model})
    return SharedControls(library, controls, own, renewed, about, changed, drawn)


def _connect_image(
    library: ModelRegistry,
    model: gr.Dropdown,
    image: gr.Number,
    own: gr.State,
    another: gr.Button,
    picker: gr.HTML,
    upload: gr.UploadButton,
) -> list[Any]:
    """Choose an image: at random, from the gallery, drawn or uploaded; returns the first events, which end with one."""

    def offered(name: str) -> str:
        return choice("model", name, library.names)

    def any_other(name: str) -> tuple[int, None]:
        return random.randrange(len(library.pictures(offered(name)))), None

    def uploaded(path: str | None, number: Any, name: str) -> tuple[Image.Image, Any]:
        """The upload, and an allowed index in place of one that no picture has."""
        uploaded_image = images.load_upload(Path(path).read_bytes() if path else b"")
        try:
            validate(library, model=offered(name), image=number)
        except ValueError:
            return uploaded_image, validate(library, model=name).image
        return uploaded_image, gr.skip()

    another_one = another.click(any_other, model, [image, own], **PRIVATE)
    picked = picker.input(parse_choice, picker, [image, own], **PRIVATE)
    upload.upload(uploaded, [upload, image, model], [own, image], **PRIVATE)
    image.input(lambda: None, None, own, **PRIVATE)
    load_when_open(
        picker,
        [model.change],
        lambda name: gr.update(offer=gallery(library.pictures(offered(name)))),
        [model],
        [picker],
    )
    return [another_one, picked]
