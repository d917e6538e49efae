"""Histograms: shares of values over bins, counted and for a Gaussian."""

from __future__ import annotations

import torch
from torch import Tensor


def shares(values: Tensor, edges: Tensor) -> Tensor:
    """How large a share of each row of `values` (K, N) lies in each bin; edges (B + 1,) ascend. Returns (K, B).

    What lies beyond the edges is counted in the outermost bins.
    """
    index = torch.bucketize(values.contiguous(), edges[1:-1])
    counts = torch.zeros(len(values), len(edges) - 1)
    return counts.scatter_add_(1, index, torch.ones_like(values)) / values.shape[1]


def gaussian_shares(mean: Tensor, deviation: Tensor, edges: Tensor) -> Tensor:
    """The share of N(mean, deviation²) in each bin, exact, with the tails in the outermost; (K,) each to (K, B)."""
    normal = (edges[1:-1] - mean[:, None]) / deviation[:, None]
    below = torch.special.ndtr(normal)
    outer = below.new_zeros(len(below), 1)
    return torch.cat([outer, below, outer + 1], 1).diff(dim=1)
