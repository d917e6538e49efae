"""Memorising and generalising: sampling driven by the network beside sampling driven by the ideal predictor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from playground.core.evaluation import Nearest, nearest
from playground.core.experiments import reverse
from playground.core.predictors import IdealPredictor, UNetPredictor
from playground.core.samplers import Step
from playground.core.schedules import NoiseSchedule


@dataclass(frozen=True)
class Driven:
    """A step of sampling, and the training pictures that are nearest to its x0_hat."""

    step: Step
    nearest: Nearest


def side_by_side(
    predictors: Mapping[str, UNetPredictor | IdealPredictor],
    pictures: Tensor,
    schedule: NoiseSchedule,
    **options: Any,
) -> Iterator[dict[str, Driven]]:
    """Sample with each predictor from the same x_T and with the same fresh noise, a step of each at a time.

    `pictures` are the training pictures, (N, C, H, W); `options` are those of `reverse`.
    """
    channels, height, width = pictures.shape[1:]
    runs = [reverse(each, (channels, height, width), schedule, **options) for each in predictors.values()]
    for steps in zip(*runs, strict=True):
        yield {
            name: Driven(step, nearest(step.x0_hat.float().cpu(), pictures))
            for name, step in zip(predictors, steps, strict=True)
        }
