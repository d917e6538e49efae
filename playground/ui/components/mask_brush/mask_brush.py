"""The mask brush: a component for painting an inpainting mask over a picture."""

from __future__ import annotations

from typing import Any

import gradio as gr
from PIL import Image

from playground.core.data import images
from playground.ui.assets import text_beside
from playground.ui.state.scene import Scene


def build_mask_brush() -> gr.HTML:
    """A component whose value is what was painted, {"painting": dark on white, a data: URL, or None}.

    An event gives it the picture to paint on with `gr.update(picture=over(scene))`.
    """
    return gr.HTML(
        html_template=text_beside(__file__, "mask_brush.html"),
        css_template=text_beside(__file__, "mask_brush.css"),
        js_on_load=text_beside(__file__, "mask_brush.js"),
        apply_default_css=False,
        elem_id="brush",
        label="Paint over",
        picture=None,
    )


def canvas_image(scene: Scene) -> str:
    """The scene's picture, as the component takes it."""
    return images.data_url(scene.x0)


def parse_mask(value: Any) -> tuple[str, Image.Image | None]:
    """What the component's value does: what is kept from now on, and the painting, if there is one.

    Raises ValueError, in a sentence for a person, for what is no painting.
    """
    match value:
        case {"painting": None}:
            return "nothing", None
        case {"painting": str(painting)}:
            return "painted", images.load_upload(images.decode_base64(painting))
    raise ValueError("A painting is needed here.")
