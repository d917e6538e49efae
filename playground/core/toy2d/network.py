"""The network of the two-dimensional demonstration: an MLP over points, with Fourier features."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from playground.core.diffusion.noise import NoiseLevel
from playground.core.diffusion.parameterizations import EPS_FROM
from playground.core.diffusion.schedules import NoiseSchedule

T_WAVES, X_WAVES = 8, 4


@dataclass(frozen=True, eq=False)
class TrainingConfig:
    """Training configuration: the same configuration gives the same network on the same machine.

    Attributes:
        points: data points, (N, 2), in [-1, 1].
        schedule: the noise schedule.
        prediction_type: what the network predicts, a key of TARGETS.
        input_x_t: whether the network gets x_t; it gets zeros in its place otherwise.
        input_t: whether the network gets t; it gets zeros in its place otherwise.
        hidden_width: units per hidden layer.
        hidden_layers: number of hidden layers.
        lr: learning rate at the first step.
        seed: seed of the initial weights and of the training draws.
    """

    points: Tensor
    schedule: NoiseSchedule
    prediction_type: str = "epsilon"
    input_x_t: bool = True
    input_t: bool = True
    hidden_width: int = 64
    hidden_layers: int = 3
    lr: float = 0.01
    seed: int = 0


class MLP2D(nn.Module):
    """Multilayer perceptron on x_t and t, with Fourier features of both (Tancik et al. 2020, arXiv:2006.10739).

    Without these features a small network is too smooth to separate noise from data at low noise levels. The last layer
    is initialized to 0, so the untrained network returns 0.
    """

    def __init__(self, config: TrainingConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.input_x_t, self.input_t = config.input_x_t, config.input_t
        sizes = [2 + 4 * X_WAVES + 2 * T_WAVES] + [config.hidden_width] * config.hidden_layers
        hidden = [nn.Linear(*pair) for pair in pairwise(sizes)]
        last = nn.Linear(config.hidden_width, 2)
        for layer in hidden:
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(layer.bias)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.layers = nn.Sequential(*(part for layer in hidden for part in (layer, nn.ReLU())), last)

    def forward(self, x_t: Tensor, t: Tensor) -> Tensor:
        """Evaluate the network.

        Args:
            x_t: noisy points, (B, 2).
            t: step as a share of the last step, 0 to 1, (B,).

        Returns:
            The prediction of the training target, (B, 2).
        """
        x_t = x_t if self.input_x_t else torch.zeros_like(x_t)
        t = t if self.input_t else torch.zeros_like(t)
        output: Tensor = self.layers(
            torch.cat([x_t, fourier_features(x_t, X_WAVES), fourier_features(t[:, None], T_WAVES)], 1)
        )
        return output


def fourier_features(x: Tensor, count: int) -> Tensor:
    """Fourier features: sines and cosines of π x, 2π x, …, count · π x.

    Args:
        x: inputs, (B, D).
        count: number of frequencies for each column of x.

    Returns:
        The features, (B, 2 · D · count).
    """
    angles = (x[:, :, None] * torch.arange(1, count + 1, device=x.device) * math.pi).flatten(1)
    return torch.cat([angles.sin(), angles.cos()], 1)


@dataclass(frozen=True)
class MLPPredictor:
    """Noise predictor of points (B, 2) from a network, under any schedule, like `UNetPredictor`."""

    network: nn.Module
    trained_on: NoiseSchedule
    prediction_type: str

    @torch.no_grad()
    def __call__(self, x_t: Tensor, level: NoiseLevel, labels: Tensor | None = None) -> Tensor:
        t = self.trained_on.t_from_log_snr(level.log_snr).float().expand(len(x_t)) / (self.trained_on.num_steps - 1)
        weight = next(self.network.parameters())
        output = self.network(x_t.to(weight), t.to(weight.device)).to(x_t)
        return EPS_FROM[self.prediction_type](x_t, output, level)
