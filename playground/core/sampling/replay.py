"""Replay of a run: its known predictions are used again, and the network continues from there.

A sampler keeps more than x_t: the last answers, which of its noise is drawn. All of that follows from what the network
said, and so does every step. So the answers are all that has to travel, and all that has to be remembered of a run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from playground.core.diffusion.noise import NoiseLevel
from playground.core.diffusion.predictors import DevicePredictor

SamplingFunction = Callable[..., Iterator[Any]]
"""A function that samples with a predictor, its first argument: `generate`, `compare_solvers`, …"""


class ReplayPredictor:
    """A predictor whose first answers are the known ones, in the order of the calls; the later ones are `predictor`'s.

    It stands in the network's own place, within guidance, so that both answers that guidance mixes are known.
    """

    def __init__(self, known: Iterable[Tensor], predictor: DevicePredictor) -> None:
        """`known`: eps_hat's, each (B, C, H, W); they may be on their way still, each is waited for when asked for."""
        self._known, self._predictor = iter(known), predictor

    @property
    def device(self) -> torch.device:
        return self._predictor.device

    def __call__(self, x_t: Tensor, level: NoiseLevel, labels: Tensor | None = None) -> Tensor:
        eps_hat = next(self._known, None)
        return self._predictor(x_t, level, labels) if eps_hat is None else eps_hat.to(x_t)


class _Overheard:
    """A predictor that keeps what it says."""

    def __init__(self, predictor: DevicePredictor) -> None:
        self.predictor = predictor
        self.said: list[Tensor] = []

    @property
    def device(self) -> torch.device:
        return self.predictor.device

    def __call__(self, x_t: Tensor, level: NoiseLevel, labels: Tensor | None = None) -> Tensor:
        self.said.append(self.predictor(x_t, level, labels))
        return self.said[-1]


def stream_predictions(
    predictor: DevicePredictor, way: SamplingFunction, known: Iterable[Tensor], *args: Any, **options: Any
) -> Iterator[list[Tensor]]:
    """What the predictor says in the run `way(predictor, *args, **options)` after what is `known` already.

    As soon as a record of the run is there, the answers that it took: one, two under guidance, several in a race.
    """
    overheard = _Overheard(predictor)
    for _ in way(ReplayPredictor(known, overheard), *args, **options):
        if overheard.said:
            yield overheard.said
            overheard.said = []
