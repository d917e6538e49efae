"""Inpainting masks, and the conditioning of a run: the picture and the step it begins at, and what it keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from playground.core.data import images
from playground.core.diffusion.noise import NoiseLevel, add_noise


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


def mask_to_image(kept: Tensor) -> Tensor:
    """A mask as a picture, (1, H, W): white where it is kept."""
    return kept[None].float() * 2 - 1


def mask_from_drawing(image: Image.Image, height: int, width: int) -> Tensor:
    """What is kept when dark paint on white covers the rest: bool (H, W), false where at least half a pixel is covered.

    Raises ValueError, in a sentence for a person, where nothing is covered or everything.
    """
    small = image.convert("L").resize((width, height), Image.Resampling.BOX)
    kept = images.from_pil(small, 1)[0] > 0
    if kept.all() or not kept.any():
        raise ValueError("Paint over a part of the picture: that part is filled in, and the rest is kept.")
    return kept


@dataclass(frozen=True)
class Conditioning:
    """Conditioning on an image x0, (C, H, W) or (B, C, H, W) in [-1, 1]: image-to-image, inpainting or both.

    Image-to-image leaves out the first `skipped_steps` steps: sampling starts from x0 noised to the level that they
    would have reached (SDEdit, Meng et al. 2022, algorithm 1). Inpainting replaces x, where `known_mask`, bool (H, W),
    is true, by x0 noised to the level after every step, so that only the rest is sampled (RePaint, Lugmayr et al.
    2022, eq. 8, without resampling). The known part keeps the noise of x_T, where RePaint draws it anew.
    """

    x0: Tensor
    skipped_steps: int = 0
    known_mask: Tensor | None = None

    def initial_x(self, x_T: Tensor, level: NoiseLevel) -> Tensor:
        """Where the run begins, at its first level, when the noise is x_T (B, C, H, W)."""
        return self._noisy(x_T, level) if self.skipped_steps else self.replace_known(x_T, x_T, level)

    def replace_known(self, x: Tensor, x_T: Tensor, level: NoiseLevel) -> Tensor:
        """x at this level, with the known part put in its place."""
        return x if self.known_mask is None else torch.where(self.known_mask.to(x.device), self._noisy(x_T, level), x)

    def _noisy(self, x_T: Tensor, level: NoiseLevel) -> Tensor:
        return add_noise(self.x0.to(x_T).expand(x_T.shape), x_T, level)


UNCONDITIONED = Conditioning(torch.zeros(1))
"""Noise alone: a run from x_T down, that keeps to no picture."""
