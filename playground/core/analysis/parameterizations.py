"""Parameterizations compared: one prediction as noise, picture, velocity and score, and how errors carry over."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from playground.core.diffusion.noise import NoiseLevel
from playground.core.diffusion.parameterizations import (
    eps_from_score,
    eps_from_v,
    score_from_eps,
    v_from_eps,
    x0_from_eps,
)


@dataclass(frozen=True)
class Parameterizations:
    """Predictions for K x_t's in four parameterizations: noise, picture, velocity and score.

    Attributes:
        eps: noise, (K, C, H, W).
        x0: picture, (K, C, H, W).
        v: velocity, (K, C, H, W).
        score: score, (K, C, H, W).
        in_x0: for each of the four the error in x0 that an error of 1 in it causes, (K,); unbounded where x_t holds
            little of that quantity.
        in_eps: the same for the error in eps, (K,).
        max_disagreement: largest difference between the x0's computed from the four, (K,).
    """

    eps: Tensor
    x0: Tensor
    v: Tensor
    score: Tensor
    in_x0: dict[str, Tensor]
    in_eps: dict[str, Tensor]
    max_disagreement: Tensor


def parameterize(x_t: Tensor, eps: Tensor, level: NoiseLevel) -> Parameterizations:
    """Convert a noise prediction into the other three parameterizations; in float64.

    Args:
        x_t: noisy pictures, (K, C, H, W).
        eps: noise predicted in x_t, (K, C, H, W).
        level: noise levels with alpha² + sigma² = 1, (K,).

    Returns:
        The prediction in all four parameterizations, and how errors carry over between them.
    """
    x_t, eps = x_t.double().cpu(), eps.double().cpu()
    alpha, sigma = level.alpha, level.sigma
    x0, v, score = x0_from_eps(x_t, eps, level), v_from_eps(x_t, eps, level), score_from_eps(eps, level)
    back = [eps_from_v(x_t, v, level), eps_from_score(score, level)]
    roads = torch.stack([x0, *(x0_from_eps(x_t, each, level) for each in back)])
    one = torch.ones_like(alpha)
    return Parameterizations(
        eps,
        x0,
        v,
        score,
        in_x0={"eps": -sigma / alpha, "x0": one, "v": -sigma, "score": sigma**2 / alpha},
        in_eps={"eps": one, "x0": -alpha / sigma, "v": alpha, "score": -sigma},
        max_disagreement=(roads.amax(0) - roads.amin(0)).flatten(1).amax(1),
    )
