"""Spherical interpolation (slerp) between Gaussian noises."""

from __future__ import annotations

import torch
from torch import Tensor


def slerp(one: Tensor, other: Tensor, count: int) -> Tensor:
    """Spherical linear interpolation (slerp): evenly spaced noises along the great circle from `one` to `other`.

    Gaussian noise of n values lies close to a sphere of radius √n. Linear interpolation leaves that sphere: its norms
    are up to a third too small for Gaussian noise.

    Args:
        one: first noise, of any shape.
        other: last noise, of the same shape, not parallel to `one`.
        count: number of noises, both ends included; 1 gives `one` alone.

    Returns:
        The noises, (count, ...).

    References:
        Shoemake 1985.
        Song et al. 2021 (DDIM), appendix D.5 (arXiv:2010.02502).
    """
    angle = torch.arccos((one * other).sum().double() / (one.double().norm() * other.double().norm()))
    share = torch.linspace(0, 1, count, dtype=torch.float64)
    weights = torch.stack([((1 - share) * angle).sin(), (share * angle).sin()]) / angle.sin()
    noises: Tensor = torch.tensordot(weights.T.to(one), torch.stack([one, other]), dims=1)
    return noises
