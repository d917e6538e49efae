"""Image picker: a component to choose a shipped picture or to draw one."""

from __future__ import annotations

from typing import Any

import gradio as gr
from PIL import Image

from playground.core.data import images
from playground.core.data.datasets import ImageDataset
from playground.core.toy2d.datasets import dataset_from_drawing
from playground.ui.assets import mount, text_beside

OFFERED, COLUMNS, THUMBNAIL = 60, 20, 64
OFFER = """<div class="offer" role="group" aria-label="Pictures to choose from">
The pictures are on their way…</div>"""


def build_picker() -> gr.HTML:
    """Image picker, whose value is {"picture": index} for a choice, or {"drawing": data: URL}.

    An event brings the pictures with `gr.update(offer=gallery(pictures))`.
    """
    about = "Centred and scaled as the network's digits are"
    return _component("picker", "Pictures", "a digit", about, OFFER, "Choose or draw")


def build_drawing_pad() -> gr.HTML:
    """Drawing pad for a toy dataset, whose value is {"drawing": data: URL}."""
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
        js_on_load=mount("Picker"),
        apply_default_css=False,
        elem_id=elem_id,
        label=label,
        offer=None,
    )


def gallery(pictures: ImageDataset) -> dict[str, Any]:
    """Gallery of the picker: held-out pictures first, then training pictures, evenly from the dataset.

    Of a substitute dataset, where all pictures are held out, it has the first ones. Returns their indices and names,
    and one sheet with all thumbnails.
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
    """Index of the chosen picture and None; or no update of the index, and the drawing as the user's own picture.

    Raises ValueError for an empty drawing, and for a value that is neither; the message is for the user.
    """
    match value:
        case {"drawing": str(drawing)}:
            return gr.skip(), images.center_like_mnist(images.load_upload(images.decode_base64(drawing)))
        case {"picture": int(number)}:
            return number, None
    raise ValueError("A picture's number or a drawing is needed here.")


def parse_drawing(value: Any) -> Image.Image:
    """Drawing on the pad. Raises ValueError for an empty one and for any other value; the message is for the user."""
    match value:
        case {"drawing": str(drawing)}:
            image = images.load_upload(images.decode_base64(drawing))
            dataset_from_drawing(image)  # raises ValueError for an empty one
            return image
    raise ValueError("A drawing is needed here.")
