"""Data augmentation: small rotations, scalings and shifts, and horizontal flips where the label allows them.

A network that sees 600 pictures a thousand times memorizes them. It also learns the augmentation and shows it in its
samples, so the amounts are too small to be noticed in a picture.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

MAX_ROTATION = math.radians(10)

MAX_SHRINK = 0.12  # never enlarged: a picture that fills its frame would lose its edges

MAX_TRANSLATION = 1 / 32  # of the picture's side


def augment(x0: Tensor, can_flip: Tensor, share: float) -> Tensor:
    """Augment a random part of a batch: rotate, shrink and shift the chosen pictures, and flip some of them.

    The amounts are uniform, up to MAX_ROTATION, MAX_SHRINK and MAX_TRANSLATION. Of the chosen pictures that `can_flip`,
    half are mirrored, at random. Beyond an edge, its pixels are repeated. Cubic interpolation keeps the pictures sharp;
    its overshoot is clipped to [-1, 1].

    Args:
        x0: pictures, (N, C, H, W), in [-1, 1].
        can_flip: whether each picture may be mirrored, bool (N,).
        share: probability that a picture is augmented, 0 to 1.

    Returns:
        The batch, (N, C, H, W), with the chosen pictures augmented.

    References:
        Keys 1981 (cubic convolution interpolation).
    """
    turn, right, down = torch.rand(3, len(x0)).mul(2).sub(1) * torch.tensor(
        [[MAX_ROTATION], [MAX_TRANSLATION], [MAX_TRANSLATION]]
    )
    scale = 1 + MAX_SHRINK * torch.rand(len(x0))  # of the sampling grid, which then reaches beyond the picture
    mirror = torch.where(can_flip & (torch.rand(len(x0)) < 0.5), -1.0, 1.0)
    across = torch.stack([mirror * scale * turn.cos(), -mirror * scale * turn.sin(), 2 * right], dim=1)
    along = torch.stack([scale * turn.sin(), scale * turn.cos(), 2 * down], dim=1)
    grid = affine_grid(torch.stack([across, along], dim=1), list(x0.shape), align_corners=False)
    varied = grid_sample(x0, grid, mode="bicubic", padding_mode="border", align_corners=False).clamp(-1, 1)
    return torch.where((torch.rand(len(x0)) < share)[:, None, None, None], varied, x0)
