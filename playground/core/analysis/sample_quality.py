"""Sample quality: nearest neighbours, principal components and the Fréchet distance between two sets of pictures."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Nearest:
    """For each of N pictures the nearest of a set: its index and its Euclidean distance, both (N,)."""

    index: Tensor
    distance: Tensor


def nearest(pictures: Tensor, among: Tensor) -> Nearest:
    """The nearest of `among` (M, C, H, W) to each of `pictures` (N, C, H, W), by Euclidean distance over all pixels."""
    index = torch.cat([torch.cdist(part.flatten(1), among.flatten(1)).argmin(1) for part in pictures.split(500)])
    # Of many distances cdist rounds roughly; the one that counts is taken exactly.
    return Nearest(index, (pictures - among[index]).flatten(1).norm(dim=1))


def principal_components(pictures: Tensor, count: int) -> Tensor:
    """The `count` directions of largest variance of (N, C, H, W), as orthonormal columns, float64 (C·H·W, count)."""
    flat = pictures.double().flatten(1)
    covariance = torch.cov(flat.T)
    directions: Tensor = torch.linalg.eigh(covariance).eigenvectors
    return directions[:, -count:]


def frechet_distance(one: Tensor, other: Tensor) -> float:
    """Squared Fréchet distance of the Gaussians fitted to two sets of points, (N, D) and (M, D), float64.

    ‖μ₁ - μ₂‖² + tr(Σ₁ + Σ₂ - 2 (Σ₁ Σ₂)^½) (Dowson & Landau 1982, eq. 4); unlike in FID, no network
    maps the pictures first.
    """
    sigma_1, sigma_2 = torch.cov(one.T), torch.cov(other.T)
    values, vectors = torch.linalg.eigh(sigma_1)
    root = vectors @ values.clamp(min=0).sqrt().diag() @ vectors.T
    cross = torch.linalg.eigvalsh(root @ sigma_2 @ root).clamp(min=0).sqrt().sum()
    distance = (one.mean(0) - other.mean(0)).square().sum() + sigma_1.trace() + sigma_2.trace() - 2 * cross
    return float(distance.clamp(min=0))
