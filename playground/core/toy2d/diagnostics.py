"""Diagnostics of a toy network: vector field, sampled particles, losses, and the exact posterior mean."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from playground.core.diffusion.ideal import IdealPredictor
from playground.core.diffusion.noise import NoiseLevel, add_noise
from playground.core.diffusion.parameterizations import TARGETS, x0_from_eps
from playground.core.sampling.options import SamplingOptions
from playground.core.sampling.probability_flow import probability_flow
from playground.core.sampling.samplers import sample
from playground.core.sampling.timesteps import sampling_levels
from playground.core.toy2d.network import MLPPredictor, TrainingConfig
from playground.core.toy2d.trainer import Snapshot

PATH_STEPS = 24

PARTICLES = 400

SIDE = 13

REACH = 2.2
"""The field is evaluated on a grid of SIDE × SIDE positions in the square [-REACH, REACH]²."""

PROBES = 64

DRAWS = 2000


@dataclass(frozen=True)
class ReferenceField:
    """Reference values that do not depend on the network, at the G noise levels of a trajectory and its clean end.

    Attributes:
        config: configuration of the training.
        t: step of each level, from noise to clean, (G + 1,); NaN for clean.
        level: the levels, (G + 1,).
        x0: data points, (N, 2).
        eps: their noise, (N, 2).
        start: x_T, where the particles start, (P, 2).
        grid: positions at which the field is evaluated, (M, 2).
        field: E[eps | x_t] on the grid, exact, (G, M, 2).
        density: q(x_t) on the grid, as a share of its highest value there, (G, M).
        probes: noisy data points, (G, K, 2).
        probed: E[eps | x_t] at the probes, exact, (G, K, 2).
        draws: noisy data points over all t, on which the loss is evaluated.
        floor: lowest loss on `draws` that any network can have.
        blind: lowest loss on `draws` of a network that does not see x_t.
        mean_pairwise_distance: mean distance between two data points.
    """

    config: TrainingConfig
    t: Tensor
    level: NoiseLevel
    x0: Tensor
    eps: Tensor
    start: Tensor
    grid: Tensor
    field: Tensor
    density: Tensor
    probes: Tensor
    probed: Tensor
    draws: EvaluationBatch
    floor: float
    blind: float
    mean_pairwise_distance: float


@dataclass(frozen=True)
class EvaluationBatch:
    """Noisy points x_t (D, 2), their noise levels (D,) and the training targets `wanted` (D, 2)."""

    x_t: Tensor
    level: NoiseLevel
    wanted: Tensor


def build_reference(config: TrainingConfig) -> ReferenceField:
    """Compute everything that does not depend on the network.

    E[eps | x_t] is exact over the config's points.
    """
    generator = torch.Generator().manual_seed(config.seed)
    x0, schedule, ideal = config.points, config.schedule, IdealPredictor(config.points)
    visited = sampling_levels(schedule, PATH_STEPS)
    level = NoiseLevel(torch.stack([each.alpha for each in visited]), torch.stack([each.sigma for each in visited]))
    asked = NoiseLevel(level.alpha[:-1], level.sigma[:-1])

    line = torch.linspace(-REACH, REACH, SIDE)
    grid = torch.cartesian_prod(line, line)
    density = _at(ideal.log_density, grid.expand(PATH_STEPS, -1, 2), asked)
    probes = x0[torch.randint(len(x0), (PATH_STEPS, PROBES), generator=generator)]
    noise = torch.randn(probes.shape, generator=generator)
    probes = _at(lambda x, at: add_noise(x, noise.flatten(0, 1), at), probes, asked)

    some = x0[torch.arange(DRAWS) % len(x0)]
    eps = torch.randn(some.shape, generator=generator)
    eps = (eps - eps.mean(0)) / eps.std(0, correction=0)  # exactly mean 0 and variance 1: a less noisy loss
    over_t = schedule.level(torch.linspace(0, schedule.num_steps - 1, DRAWS).round())
    x_t, target = add_noise(some, eps, over_t), TARGETS[config.prediction_type]
    eps_best = ideal(x_t, over_t)
    best = target(x0_from_eps(x_t, eps_best, over_t), eps_best, over_t)
    wanted = target(some, eps, over_t)
    return ReferenceField(
        config,
        torch.cat([schedule.t_from_log_snr(asked.log_snr).round(), torch.tensor([math.nan])]),
        level,
        x0,
        torch.randn(x0.shape, generator=generator),
        torch.randn(PARTICLES, 2, generator=generator),
        grid,
        _at(ideal, grid.expand(PATH_STEPS, -1, 2), asked),
        (density - density.amax(1, keepdim=True)).exp(),
        probes,
        _at(ideal, probes, asked),
        EvaluationBatch(x_t, over_t, wanted),
        floor=(wanted - best).square().mean().item(),
        blind=(wanted - target(some.mean(0).expand_as(some), torch.zeros_like(eps), over_t)).square().mean().item(),
        mean_pairwise_distance=torch.pdist(x0.double()).mean().item(),
    )


@dataclass(frozen=True)
class SnapshotDiagnostics:
    """Diagnostics of a network at a snapshot of its training.

    Attributes:
        step: training step of the snapshot.
        loss: mean training loss since the previous snapshot.
        error: loss on the reference field's evaluation batch.
        paths: sampled trajectories, (G + 1, P, 2).
        field: eps_hat on the grid, (G, M, 2).
        r2: share of the exact field's variance that eps_hat explains at the probes, where the data are, (G,).
        distance: energy distance between samples and data.
        path_length_ratio: length of the trajectories over that of straight lines.
    """

    step: int
    loss: float
    error: float
    paths: Tensor
    field: Tensor
    r2: Tensor
    distance: float
    path_length_ratio: float


TOY_SAMPLERS = ("probability_flow", "ddim", "ddpm")
"""How trajectories are sampled: along the probability-flow ODE, or by one of our own samplers."""


def evaluate_snapshot(
    ground: ReferenceField, snapshot: Snapshot, predictor: MLPPredictor, sampler: str
) -> SnapshotDiagnostics:
    """Compute the diagnostics of the network at a snapshot.

    Args:
        ground: reference field of the training.
        snapshot: the snapshot.
        predictor: the network at that snapshot.
        sampler: how trajectories are sampled, one of TOY_SAMPLERS.

    Returns:
        The diagnostics.
    """
    schedule, seed = ground.config.schedule, ground.config.seed
    if sampler == "probability_flow":
        steps = list(probability_flow(predictor, ground.start, schedule, steps=PATH_STEPS))
    else:
        generator, options = torch.Generator().manual_seed(seed), SamplingOptions(sampler, PATH_STEPS)
        steps = list(sample(predictor, ground.start, schedule, options, generator=generator))
    trajectories = torch.stack([*(step.x_t for step in steps), steps[-1].x_next])
    asked = NoiseLevel(ground.level.alpha[:-1], ground.level.sigma[:-1])
    missed = (ground.probed - _at(predictor, ground.probes, asked)).square().sum((1, 2))
    spread = (ground.probed - ground.probed.mean(1, keepdim=True)).square().sum((1, 2))
    draws = ground.draws
    target_of = TARGETS[ground.config.prediction_type]
    eps_hat = predictor(draws.x_t, draws.level)
    answer = target_of(x0_from_eps(draws.x_t, eps_hat, draws.level), eps_hat, draws.level)
    length = torch.stack([(after - before).norm(dim=1) for before, after in pairwise(trajectories)]).sum(0)
    return SnapshotDiagnostics(
        snapshot.step,
        snapshot.loss,
        (answer - draws.wanted).square().mean().item(),
        trajectories,
        _at(predictor, ground.grid.expand(PATH_STEPS, -1, 2), asked),
        1 - missed / spread,
        energy_distance(trajectories[-1], ground.x0, ground.mean_pairwise_distance),
        (length.sum() / (trajectories[-1] - trajectories[0]).norm(dim=1).sum()).item(),
    )


def energy_distance(one: Tensor, other: Tensor, mean_pairwise_distance: float) -> float:
    """Energy distance of two sets of points: 0 for the same distribution.

    √(2 E‖X - Y‖ - E‖X - X′‖ - E‖Y - Y′‖), from the unbiased estimate of the sum under the root; an estimate below 0,
    which occurs by chance, becomes 0.

    Args:
        one: points X, (N, D).
        other: points Y, (M, D).
        mean_pairwise_distance: E‖Y - Y′‖, the last of the three means.

    Returns:
        The energy distance.

    References:
        Székely & Rizzo 2013, eq. 6.
    """
    one, other = one.double(), other.double()
    square = 2 * torch.cdist(one, other).mean() - torch.pdist(one).mean() - mean_pairwise_distance
    return square.clamp(min=0).sqrt().item()


def _at(asked: Callable[[Tensor, NoiseLevel], Tensor], x: Tensor, level: NoiseLevel) -> Tensor:
    """Evaluate a function of points and noise levels at x (G, K, 2), with one level (G,) for each row: (G, K, …)."""
    count = x.shape[1]
    each = NoiseLevel(level.alpha.repeat_interleave(count), level.sigma.repeat_interleave(count))
    answer = asked(x.reshape(-1, 2), each)
    return answer.reshape(len(x), count, *answer.shape[1:])
