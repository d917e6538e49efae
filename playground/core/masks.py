"""Which part of a picture a run is to keep while it fills in the rest."""

from __future__ import annotations

from collections.abc import Callable

import torch
from PIL import Image
from torch import Tensor

from playground.core import images


def _half(first: bool, axis: int) -> Callable[[int, int], Tensor]:
    def mask(height: int, width: int) -> Tensor:
        place = torch.arange((height, width)[axis]) < (height, width)[axis] / 2
        return (place if first else ~place).unsqueeze(1 - axis).expand(height, width)

    return mask


def _border(height: int, width: int) -> Tensor:
    kept = torch.ones(height, width, dtype=torch.bool)
    kept[height // 4 : height - height // 4, width // 4 : width - width // 4] = False
    return kept


MASKS: dict[str, Callable[[int, int], Tensor]] = {
    "left": _half(True, 1),
    "right": _half(False, 1),
    "top": _half(True, 0),
    "bottom": _half(False, 0),
    "border": _border,
}
"""What can be kept, from height and width to bool (H, W), true where the picture is known."""


def as_picture(kept: Tensor) -> Tensor:
    """A mask as a picture, (1, H, W): white where it is kept."""
    return kept[None].float() * 2 - 1


def painted(image: Image.Image, height: int, width: int) -> Tensor:
    """What is kept when dark paint on white covers the rest: bool (H, W), false where at least half a pixel is covered.

    Raises ValueError, in a sentence for a person, where nothing is covered or everything.
    """
    small = image.convert("L").resize((width, height), Image.Resampling.BOX)
    kept = images.from_pil(small, 1)[0] > 0
    if kept.all() or not kept.any():
        raise ValueError("Paint over a part of the picture: that part is filled in, and the rest is kept.")
    return kept
