"""The exact posterior mean E[ε | x_t] over a finite training set: the optimal denoiser."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from playground.core.diffusion.noise import NoiseLevel, expand_coef
from playground.core.diffusion.parameterizations import eps_from_x0

IDEAL_CHUNK_ELEMENTS = 2**19  # float64: 4 MB


class IdealPredictor:
    """Optimal denoiser: the posterior mean E[eps | x_t] when x_0 is one of the given pictures, all equally likely.

    No predictor has a lower mean squared error. By Bayes' rule, picture i has the posterior probability
    softmax_i(-‖x_t - alpha * x_i‖² / (2 sigma²)) given x_t; the mean of the pictures with these weights is
    E[x_0 | x_t], and E[eps | x_t] follows. Exact, in float64. sigma must be above 0.
    """

    def __init__(self, pictures: Tensor) -> None:
        """Prepare the training set.

        Args:
            pictures: (N, C, H, W) in [-1, 1], or points, (N, 2).
        """
        self.flat = pictures.double().flatten(1)
        self.squares = self.flat.square().sum(1)
        self.device = self.flat.device

    def __call__(self, x_t: Tensor, level: NoiseLevel, labels: Tensor | None = None) -> Tensor:
        x = x_t.to(self.flat)
        x0_hat = torch.cat([exponents.softmax(1) @ self.flat for exponents in self._exponents(x, level)])
        return eps_from_x0(x, x0_hat.reshape(x.shape), level).to(x_t)

    def log_density(self, x_t: Tensor, level: NoiseLevel) -> Tensor:
        """Log-density of x_t under the forward process: a mixture of the Gaussians N(alpha * x_i, sigma²).

        Args:
            x_t: noisy pictures, (B, C, H, W), or points, (B, 2).
            level: their noise level, () or (B,); sigma must be above 0.

        Returns:
            ln q(x_t), (B,), float64.
        """
        x = x_t.to(self.flat)
        total = torch.cat([exponents.logsumexp(1) for exponents in self._exponents(x, level)])
        sigma, dimensions = level.sigma.to(self.flat), x[0].numel()
        total = total - x.flatten(1).square().sum(1) / (2 * sigma**2) - math.log(len(self.flat))
        return total - dimensions * (sigma.log() + math.log(2 * math.pi) / 2)

    def _exponents(self, x: Tensor, level: NoiseLevel) -> Iterator[Tensor]:
        """Posterior logits (‖x_t‖² - ‖x_t - alpha * x_i‖²) / (2 sigma²), (rows, N), for chunks of x_t that fit a cache.

        ‖x_t‖² is the same for every picture, so it does not change the softmax.
        """
        alpha, sigma = (expand_coef(each, self.flat).expand(len(x), 1) for each in (level.alpha, level.sigma))
        rows = max(1, IDEAL_CHUNK_ELEMENTS // len(self.flat))
        for part in torch.arange(len(x)).split(rows):
            a, s = alpha[part], sigma[part]
            yield (2 * a * (x[part].flatten(1) @ self.flat.T) - a**2 * self.squares) / (2 * s**2)
