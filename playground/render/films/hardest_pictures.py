"""Ranked pictures as HTML, each a button with its error. All text in it is our own."""

from __future__ import annotations

from torch import Tensor

from playground.core.analysis.out_of_distribution import HardestPictures
from playground.core.data import images


def ranking(title: str, found: HardestPictures, pictures: Tensor, first: int) -> str:
    """The ranked ones of `pictures` (N, C, H, W), whose numbers begin at `first`."""
    views = "".join(map(_picture, pictures[found.index], (found.index + first).tolist(), found.error.tolist()))
    return f'<div class="ranking"><h3>{title}</h3><div>{views}</div></div>'


def _picture(picture: Tensor, number: int, error: float) -> str:
    url, name = images.png_url(images.to_pil(picture)), f"Picture {number:,}"
    return (
        f'<button type="button" data-picture="{number}" title="{name}: choose it">'
        f'<img src="{url}" alt="{name}"><span>{error:.3f}</span></button>'
    )
