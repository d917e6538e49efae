"""Data augmentation: small rotations, scalings and shifts, and flips where the label allows them.

A network that sees 600 pictures a thousand times learns them by heart. What is done to them it learns as well, and
shows in its samples: so the amounts are too small to be noticed in a picture.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

MAX_ROTATION = math.radians(10)

MAX_SHRINK = 0.12  # never enlarged: what fills its frame would lose its edges

MAX_TRANSLATION = 1 / 32  # of the picture's side


def augment(x0: Tensor, can_flip: Tensor, share: float) -> Tensor:
    """A `share` of the pictures x0 (N, C, H, W), at random, turned, shrunk and shifted by up to the amounts above.

    Of these, half of those that `can_flip` (N, bool) are mirrored. What comes in at an edge continues it. Cubic
    interpolation (Keys 1981) keeps them sharp; what it overshoots is cut off at -1 and 1.
    """
    turn, right, down = torch.rand(3, len(x0)).mul(2).sub(1) * torch.tensor(
        [[MAX_ROTATION], [MAX_TRANSLATION], [MAX_TRANSLATION]]
    )
    scale = 1 + MAX_SHRINK * torch.rand(len(x0))  # of the grid, which reaches beyond the picture
    mirror = torch.where(can_flip & (torch.rand(len(x0)) < 0.5), -1.0, 1.0)
    across = torch.stack([mirror * scale * turn.cos(), -mirror * scale * turn.sin(), 2 * right], dim=1)
    along = torch.stack([scale * turn.sin(), scale * turn.cos(), 2 * down], dim=1)
    grid = affine_grid(torch.stack([across, along], dim=1), list(x0.shape), align_corners=False)
    varied = grid_sample(x0, grid, mode="bicubic", padding_mode="border", align_corners=False).clamp(-1, 1)
    return torch.where((torch.rand(len(x0)) < share)[:, None, None, None], varied, x0)
