"""Thumbnails of the toy datasets of *Train*."""

from __future__ import annotations

from PIL import Image, ImageDraw

from playground.core.data import images
from playground.core.toy2d.datasets import TOY_DATASETS, load_toy_dataset

SIDE = 44


def thumbnail(name: str) -> Image.Image:
    """Thumbnail of a toy dataset: a black scatter plot on a transparent ground, 44 × 44 pixels."""
    image = Image.new("LA", (4 * SIDE, 4 * SIDE), (0, 0))
    draw = ImageDraw.Draw(image)
    for x, y in load_toy_dataset(name)[::2].tolist():
        left, top = (1 + 0.9 * x) * 2 * SIDE, (1 - 0.9 * y) * 2 * SIDE
        draw.ellipse((left - 2, top - 2, left + 2, top + 2), fill=(0, 255))
    return image.resize((SIDE, SIDE), Image.Resampling.BOX)


def thumbnails_css() -> str:
    """CSS masks for the choices of `#control-toy_dataset`, so that each thumbnail has the colour of the text."""
    return "".join(
        f"#control-toy_dataset label:nth-of-type({k}) {{ --thumbnail: url({images.png_url(thumbnail(name))}); }}\n"
        for k, name in enumerate(TOY_DATASETS, 1)
    )
