"""The toy datasets of *Train* as thumbnails, for a choice by looking."""

from __future__ import annotations

from PIL import Image, ImageDraw

from playground.core.data import images
from playground.core.toy2d.datasets import TOY_DATASETS, load_toy_dataset

SIDE = 44


def thumbnail(name: str) -> Image.Image:
    """A black scatter plot of the dataset on a transparent ground, 44 × 44."""
    image = Image.new("LA", (4 * SIDE, 4 * SIDE), (0, 0))
    draw = ImageDraw.Draw(image)
    for x, y in load_toy_dataset(name)[::2].tolist():
        left, top = (1 + 0.9 * x) * 2 * SIDE, (1 - 0.9 * y) * 2 * SIDE
        draw.ellipse((left - 2, top - 2, left + 2, top + 2), fill=(0, 255))
    return image.resize((SIDE, SIDE), Image.Resampling.BOX)


def thumbnails_css() -> str:
    """A mask for each choice of `#control-world`: its thumbnail takes the colour of the text."""
    return "".join(
        f"#control-world label:nth-of-type({k}) {{ --thumbnail: url({images.png_url(thumbnail(name))}); }}\n"
        for k, name in enumerate(TOY_DATASETS, 1)
    )
