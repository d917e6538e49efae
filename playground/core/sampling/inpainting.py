"""Inpainting masks, and the conditioning of a run on a picture: image-to-image and inpainting."""

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
"""Inpainting masks by name: from height and width to bool (H, W), true where the picture is known (kept)."""


def mask_to_image(kept: Tensor) -> Tensor:
    """Mask, bool (H, W), as a picture, (1, H, W) in [-1, 1]: white where the picture is kept."""
    return kept[None].float() * 2 - 1


def mask_from_drawing(image: Image.Image, height: int, width: int) -> Tensor:
    """Inpainting mask from a drawing: dark paint on white covers what is to be filled in.

    Args:
        image: the drawing, of any size.
        height: H, height of the mask.
        width: W, width of the mask.

    Returns:
        bool (H, W), true where the picture is kept, false where more than half of a pixel is covered in black.

    Raises:
        ValueError: if nothing or everything is covered; the message is meant for the user.
    """
    small = image.convert("L").resize((width, height), Image.Resampling.BOX)
    kept = images.from_pil(small, 1)[0] > 0
    if kept.all() or not kept.any():
        raise ValueError("Paint over a part of the picture: that part is filled in, and the rest is kept.")
    return kept


@dataclass(frozen=True)
class Conditioning:
    """Conditioning on a picture x0: image-to-image, inpainting or both.

    Image-to-image skips the first `skipped_steps` steps: sampling starts from x0 noised to the level that they would
    have reached (SDEdit, algorithm 1). Inpainting replaces x after every step, where `known_mask` is true, by x0 noised
    to the level of that step, so that only the rest is sampled (RePaint, eq. 8, without resampling). The known part
    keeps the noise of x_T, whereas RePaint draws new noise.

    Attributes:
        x0: the picture, (C, H, W) or (B, C, H, W) in [-1, 1].
        skipped_steps: number of first steps to skip; 0 starts from x_T.
        known_mask: bool (H, W), true where x0 is kept; None keeps nothing.

    References:
        Meng et al. 2022, SDEdit (arXiv:2108.01073).
        Lugmayr et al. 2022, RePaint (arXiv:2201.09865).
    """

    x0: Tensor
    skipped_steps: int = 0
    known_mask: Tensor | None = None

    @property
    def uses_image(self) -> bool:
        """Whether a run starts from the image or keeps a part of it. Survives pickling, as identity does not."""
        return self.skipped_steps > 0 or self.known_mask is not None

    def initial_x(self, x_T: Tensor, level: NoiseLevel) -> Tensor:
        """Initial x of a run: x0 noised with x_T if steps are skipped, else x_T with the known part replaced.

        Args:
            x_T: noise, (B, C, H, W).
            level: first level of the run.

        Returns:
            The x that the run starts from, (B, C, H, W).
        """
        return self._noisy(x_T, level) if self.skipped_steps else self.replace_known(x_T, x_T, level)

    def replace_known(self, x: Tensor, x_T: Tensor, level: NoiseLevel) -> Tensor:
        """Replace the known part of x by x0 noised with x_T.

        Args:
            x: current x, (B, C, H, W).
            x_T: noise for the known part, (B, C, H, W).
            level: noise level of x.

        Returns:
            x with its known part replaced, (B, C, H, W); x itself without `known_mask`.
        """
        return x if self.known_mask is None else torch.where(self.known_mask.to(x.device), self._noisy(x_T, level), x)

    def _noisy(self, x_T: Tensor, level: NoiseLevel) -> Tensor:
        return add_noise(self.x0.to(x_T).expand(x_T.shape), x_T, level)


UNCONDITIONED = Conditioning(torch.zeros(1))
"""No conditioning: the run starts from x_T and keeps no part of a picture."""
