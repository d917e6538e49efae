"""Mask brush: a component to paint an inpainting mask over a picture."""

from __future__ import annotations

from typing import Any

import gradio as gr
from PIL import Image

from playground.core.data import images
from playground.ui.assets import mount, text_beside
from playground.ui.state.scene import Scene


def build_mask_brush() -> gr.HTML:
    """Mask brush, whose value is {"painting": data: URL, dark on white, or None}.

    An event brings the picture to paint on with `gr.update(picture=canvas_image(scene))`.
    """
    return gr.HTML(
        html_template=text_beside(__file__, "mask_brush.html"),
        css_template=text_beside(__file__, "mask_brush.css"),
        js_on_load=mount("MaskBrush"),
        apply_default_css=False,
        elem_id="brush",
        label="Paint over",
        picture=None,
    )


def canvas_image(scene: Scene) -> str:
    """The scene's picture in a data: URL, as the component reads it."""
    return images.data_url(scene.x0)


def parse_mask(value: Any) -> tuple[str, Image.Image | None]:
    """What inpainting keeps, "drawn" or "none", and the painting or None, from the component's value.

    Raises ValueError for any other value; the message is for the user.
    """
    match value:
        case {"painting": None}:
            return "none", None
        case {"painting": str(painting)}:
            return "drawn", images.load_upload(images.decode_base64(painting))
    raise ValueError("A painting is needed here.")
