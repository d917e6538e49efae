"""The image picker: a component for choosing a shipped picture or drawing one."""

from __future__ import annotations

from typing import Any

import gradio as gr
from PIL import Image

from playground.core.data import images
from playground.core.data.datasets import ImageDataset
from playground.core.toy2d.datasets import dataset_from_drawing
from playground.ui.assets import text_beside

OFFERED, COLUMNS, THUMBNAIL = 60, 20, 64
OFFER = """<div class="offer" role="group" aria-label="Pictures to choose from">
The pictures are on their way…</div>"""


def build_picker() -> gr.HTML:
    """A component whose value is what was chosen, {"picture": its number}, or drawn, {"drawing": a data: URL}.

    An event gives it the pictures with `gr.update(offer=offer(pictures))`.
    """
    about = "Centred and scaled as the network's digits are"
    return _component("picker", "Pictures", "a digit", about, OFFER, "Choose or draw")


def build_drawing_pad() -> gr.HTML:
    """A component whose value is what was drawn on it, {"drawing": a data: URL}, as data for a world."""
    about = "2,000 points, drawn where there is ink"
    return _component("world-pad", "Drawing", "the data", about, "", "Draw a dataset")


def _component(elem_id: str, label: str, what: str, about: str, beside: str, fold: str) -> gr.HTML:
    markup = text_beside(__file__, "picker.html")
    for name, text in {
        "FOLD": fold,
        "WHAT": what,
        "ABOUT": about,
        "BESIDE": beside,
    }.items():
        markup = markup.replace(name, text)
    return gr.HTML(
        html_template=markup,
        css_template=text_beside(__file__, "picker.css"),
        js_on_load=text_beside(__file__, "picker.js"),
        apply_default_css=False,
        elem_id=elem_id,
        label=label,
        offer=None,
    )


def gallery(pictures: ImageDataset) -> dict[str, Any]:
    """Held-out pictures first, then others, evenly from the data: their numbers, names, and one sheet with all.

    Of pictures that stand in, which are all held out, it is the first.
    """
    held_out = list(range(pictures.testing.start, len(pictures)))[: OFFERED if pictures.is_substitute else OFFERED // 2]
    count = min(OFFERED - len(held_out), pictures.training.stop)
    others = [k * pictures.training.stop // count for k in range(count)]
    numbers = held_out + others
    return {
        "sheet": images.png_url(images.tile(images.thumbnails(pictures.pixels[numbers], THUMBNAIL), COLUMNS)),
        "columns": COLUMNS,
        "rows": -(-len(numbers) // COLUMNS),
        "numbers": numbers,
        "names": [pictures.names[i] if pictures.names else pictures.label_of(i) for i in numbers],
    }


def parse_choice(value: Any) -> tuple[Any, Image.Image | None]:
    """The picture's number and no picture of one's own for a choice, or the drawing as one's own.

    Raises ValueError, in a sentence for a person, for an empty drawing and for what is none.
    """
    match value:
        case {"drawing": str(drawing)}:
            return gr.skip(), images.center_like_mnist(images.load_upload(images.decode_base64(drawing)))
        case {"picture": int(number)}:
            return number, None
    raise ValueError("A picture's number or a drawing is needed here.")


def parse_drawing(value: Any) -> Image.Image:
    """The drawing that is the pad's value. Raises ValueError, in a sentence for a person, for an empty one or none."""
    match value:
        case {"drawing": str(drawing)}:
            image = images.load_upload(images.decode_base64(drawing))
            dataset_from_drawing(image)  # or says that there is nothing on it
            return image
    raise ValueError("A drawing is needed here.")
