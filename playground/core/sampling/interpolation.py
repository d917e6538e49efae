"""Spherical interpolation (slerp) between Gaussian noises."""

from __future__ import annotations

import torch
from torch import Tensor


def slerp(one: Tensor, other: Tensor, count: int) -> Tensor:
    """`count` noises from `one` to `other`, both included, evenly along the great circle (Shoemake 1985), (count, ...).

    Gaussian noise of n values lies close to a sphere of radius √n; on the straight way between two it would be up to a
    third too small, as no noise is (Song et al. 2021, DDIM, appendix D.5). One alone is `one`.
    """
    angle = torch.arccos((one * other).sum().double() / (one.double().norm() * other.double().norm()))
    share = torch.linspace(0, 1, count, dtype=torch.float64)
    weights = torch.stack([((1 - share) * angle).sin(), (share * angle).sin()]) / angle.sin()
    way: Tensor = torch.tensordot(weights.T.to(one), torch.stack([one, other]), dims=1)
    return way
