"""Histograms: the share of values in each bin, counted from samples or exact for a Gaussian."""

from __future__ import annotations

import torch
from torch import Tensor


def shares(values: Tensor, edges: Tensor) -> Tensor:
    """Normalized histogram of each row: the share of its values in each bin.

    Args:
        values: K rows of N values, (K, N).
        edges: edges of the B bins, ascending, (B + 1,); values beyond them count in the outermost bins.

    Returns:
        The shares, (K, B).
    """
    index = torch.bucketize(values.contiguous(), edges[1:-1])
    counts = torch.zeros(len(values), len(edges) - 1)
    return counts.scatter_add_(1, index, torch.ones_like(values)) / values.shape[1]


def gaussian_shares(mean: Tensor, deviation: Tensor, edges: Tensor) -> Tensor:
    """Probability of each bin under the Gaussian N(mean, deviation²), exact.

    Args:
        mean: means of the K Gaussians, (K,).
        deviation: their standard deviations, (K,).
        edges: edges of the B bins, ascending, (B + 1,); the tails beyond them count in the outermost bins.

    Returns:
        The probabilities, (K, B).
    """
    normal = (edges[1:-1] - mean[:, None]) / deviation[:, None]
    below = torch.special.ndtr(normal)
    outer = below.new_zeros(len(below), 1)
    return torch.cat([outer, below, outer + 1], 1).diff(dim=1)
