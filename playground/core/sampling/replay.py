"""Replay of a run: its known predictions are reused, and the network continues from there.

The state of a sampler is more than x_t: it includes past predictions and the state of the noise generator. All of it,
and every step, follows from the network's predictions. So the predictions alone are sent and stored to resume a run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from playground.core.diffusion.noise import NoiseLevel
from playground.core.diffusion.predictors import DevicePredictor

SamplingFunction = Callable[..., Iterator[Any]]
"""A function that samples with the predictor in its first argument: `generate`, `compare_solvers`, …"""


class ReplayPredictor:
    """Replay predictor: returns the known predictions first, in call order, and then those of `predictor`.

    It takes the place of the network, inside guidance, so that both predictions that guidance combines are replayed.
    """

    def __init__(self, known: Iterable[Tensor], predictor: DevicePredictor) -> None:
        """Start a replay.

        Args:
            known: known predictions eps_hat, each (B, C, H, W); may be lazy, each is read when its call comes.
            predictor: noise predictor for the calls after the known ones.
        """
        self._known, self._predictor = iter(known), predictor

    @property
    def device(self) -> torch.device:
        return self._predictor.device

    def __call__(self, x_t: Tensor, level: NoiseLevel, labels: Tensor | None = None) -> Tensor:
        eps_hat = next(self._known, None)
        return self._predictor(x_t, level, labels) if eps_hat is None else eps_hat.to(x_t)


class RecordingPredictor:
    """Recording predictor: keeps its predictions."""

    def __init__(self, predictor: DevicePredictor) -> None:
        self.predictor = predictor
        self.predictions: list[Tensor] = []

    @property
    def device(self) -> torch.device:
        return self.predictor.device

    def __call__(self, x_t: Tensor, level: NoiseLevel, labels: Tensor | None = None) -> Tensor:
        self.predictions.append(self.predictor(x_t, level, labels))
        return self.predictions[-1]


def stream_predictions(
    predictor: DevicePredictor, sampling_function: SamplingFunction, known: Iterable[Tensor], *args: Any
) -> Iterator[list[Tensor]]:
    """Stream the new predictions of the run `sampling_function(predictor, *args)`.

    Args:
        predictor: noise predictor.
        sampling_function: sampling function.
        known: predictions of the run that are known already, in call order; see `ReplayPredictor`.
        *args: further arguments of `sampling_function`.

    Yields:
        The new predictions eps_hat, each (B, C, H, W), behind each record of the run, as soon as `sampling_function`
        yields that record: one, two under guidance, several in `compare_solvers`. Records without new predictions are
        skipped.
    """
    recording = RecordingPredictor(predictor)
    for _ in sampling_function(ReplayPredictor(known, recording), *args):
        if recording.predictions:
            yield recording.predictions
            recording.predictions = []
