"""Choose one of the shipped pictures, or draw one: a component in the browser, and what it gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from playground.core import images
from playground.core.datasets import Pictures

OFFERED, COLUMNS = 60, 20


def build_picker() -> gr.HTML:
    """A component whose value is what was chosen, {"picture": its number}, or drawn, {"drawing": a data: URL}.

    An event gives it the pictures with `gr.update(offer=offer(pictures))`.
    """
    return gr.HTML(
        html_template=_read("picker.html"),
        css_template=_read("picker.css"),
        js_on_load=_read("picker.js"),
        apply_default_css=False,
        elem_id="picker",
        label="Pictures",
        offer=None,
    )


def offer(pictures: Pictures) -> dict[str, Any]:
    """Held-out pictures first, then others, evenly from the data: their numbers, names, and one sheet with all."""
    held_out = list(range(pictures.testing.start, len(pictures)))[: OFFERED // 2]
    count = min(OFFERED - len(held_out), pictures.training.stop)
    others = [k * pictures.training.stop // count for k in range(count)]
    numbers = held_out + others
    names = pictures.names or tuple(pictures.label_names[label] for label in pictures.labels.tolist())
    return {
        "sheet": images.png_url(images.sheet(pictures.pixels[numbers], COLUMNS)),
        "columns": COLUMNS,
        "rows": -(-len(numbers) // COLUMNS),
        "numbers": numbers,
        "names": [names[i] for i in numbers],
    }


def taken(value: Any) -> tuple[Any, Image.Image | None]:
    """What the component's value does to the bench: a number and no picture of one's own, or a drawing as one's own.

    Raises ValueError, in a sentence for a person, for an empty drawing and for what is none.
    """
    match value:
        case {"drawing": str(drawing)}:
            return gr.skip(), images.centred(images.read(images.decoded(drawing)))
        case {"picture": int(number)}:
            return number, None
    raise ValueError("A picture's number or a drawing is needed here.")


def _read(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")
