"""Sample quality: nearest neighbours, principal components and the Fréchet distance between two sets of pictures."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Nearest:
    """Nearest neighbour in a set for each of N pictures: its index and its Euclidean distance, both (N,)."""

    index: Tensor
    distance: Tensor


def nearest(pictures: Tensor, among: Tensor) -> Nearest:
    """Nearest neighbours by Euclidean distance over all pixels.

    Args:
        pictures: the pictures, (N, C, H, W).
        among: the set to search, (M, C, H, W).

    Returns:
        Index and distance of each picture's nearest neighbour in `among`.
    """
    index = torch.cat([torch.cdist(part.flatten(1), among.flatten(1)).argmin(1) for part in pictures.split(500)])
    # cdist loses precision on large inputs, so the smallest distance is computed again, directly.
    return Nearest(index, (pictures - among[index]).flatten(1).norm(dim=1))


def principal_components(pictures: Tensor, count: int) -> Tensor:
    """Principal components: the directions of largest variance.

    Args:
        pictures: the pictures, (N, C, H, W).
        count: number of directions.

    Returns:
        The directions as orthonormal columns, by ascending variance, float64, (C·H·W, count).
    """
    flat = pictures.double().flatten(1)
    covariance = torch.cov(flat.T)
    directions: Tensor = torch.linalg.eigh(covariance).eigenvectors
    return directions[:, -count:]


def frechet_distance(one: Tensor, other: Tensor) -> float:
    """Squared Fréchet distance of the Gaussians fitted to two sets of points.

    ‖μ₁ - μ₂‖² + tr(Σ₁ + Σ₂ - 2 (Σ₁ Σ₂)^½). Unlike in FID, no network maps the pictures first.

    Args:
        one: points, (N, D), float64.
        other: points, (M, D), float64.

    Returns:
        The squared distance.

    References:
        Dowson & Landau 1982, eq. 4.
    """
    sigma_1, sigma_2 = torch.cov(one.T), torch.cov(other.T)
    values, vectors = torch.linalg.eigh(sigma_1)
    root = vectors @ values.clamp(min=0).sqrt().diag() @ vectors.T
    cross = torch.linalg.eigvalsh(root @ sigma_2 @ root).clamp(min=0).sqrt().sum()
    distance = (one.mean(0) - other.mean(0)).square().sum() + sigma_1.trace() + sigma_2.trace() - 2 * cross
    return float(distance.clamp(min=0))
