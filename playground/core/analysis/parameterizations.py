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
    """A prediction for K x_t's in four parameterizations: eps, x0, v and score, each (K, C, H, W).

    `in_x0` and `in_eps` map each of them to how much an error of 1 in it becomes in x0 and in eps, (K,); unbounded
    where x_t holds little of that quantity. `max_disagreement`, (K,), is the largest difference between the x0's
    computed from the four.
    """

    eps: Tensor
    x0: Tensor
    v: Tensor
    score: Tensor
    in_x0: dict[str, Tensor]
    in_eps: dict[str, Tensor]
    max_disagreement: Tensor


def four_names(x_t: Tensor, eps: Tensor, level: NoiseLevel) -> Parameterizations:
    """Convert `eps`, said of x_t (K, C, H, W), into the other three; in float64.

    Levels are (K,), with alpha² + sigma² = 1.
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
