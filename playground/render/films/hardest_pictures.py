"""Ranking of the hardest pictures as HTML: each is a button with its error.

The HTML contains no text from users, so nothing is escaped.
"""

from __future__ import annotations

from torch import Tensor

from playground.core.analysis.out_of_distribution import HardestPictures
from playground.core.data import images


def ranking(title: str, found: HardestPictures, pictures: Tensor, first: int) -> str:
    """Ranking of pictures by error, as HTML.

    Args:
        title: its heading.
        found: the ranked pictures, as indices into `pictures`, and their errors.
        pictures: all pictures that were measured, (N, C, H, W).
        first: number of the first of them in the dataset.

    Returns:
        The HTML.
    """
    views = "".join(map(_picture, pictures[found.index], (found.index + first).tolist(), found.error.tolist()))
    return f'<div class="ranking"><h3>{title}</h3><div>{views}</div></div>'


def _picture(picture: Tensor, number: int, error: float) -> str:
    url, name = images.png_url(images.to_pil(picture)), f"Picture {number:,}"
    return (
        f'<button type="button" data-picture="{number}" title="{name}: choose it">'
        f'<img src="{url}" alt="{name}"><span>{error:.3f}</span></button>'
    )
