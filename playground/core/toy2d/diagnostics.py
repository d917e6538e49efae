"""Diagnostics of a toy network: vector field, sampled particles, losses, and the exact posterior mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from playground.core.diffusion.ideal import IdealPredictor
from playground.core.diffusion.noise import NoiseLevel, add_noise
from playground.core.diffusion.parameterizations import TARGETS, x0_from_eps
from playground.core.sampling.probability_flow import probability_flow
from playground.core.sampling.samplers import Step, sample
from playground.core.sampling.timesteps import sampling_levels
from playground.core.toy2d.network import MLPPredictor, TrainingConfig
from playground.core.toy2d.trainer import Snapshot

PATH_STEPS = 24

PARTICLES = 400

SIDE = 13

REACH = 2.2
"""The field is drawn on SIDE × SIDE places of the square [-REACH, REACH]²."""

PROBES = 64

DRAWS = 2000


@dataclass(frozen=True)
class ReferenceField:
    """What stays while a network learns, at the levels that a path visits, from noise to clean: G of them and the last.

    `t` (G + 1,) is their step, NaN for clean; `level` has shape (G + 1,). `x0` and `eps` (N, 2) are the data and their
    noise, `start` (P, 2) is x_T, where the particles start. `grid` (M, 2) are the places of the field, `field`
    (G, M, 2) is E[eps | x_t] there, exact, and `density` (G, M) is q(x_t), as a share of its highest value on the grid.
    `probes` (G, K, 2) are noisy data and `probed` what is exact there. `draws` are noisy data over all t, for the loss.
    `floor` is the least loss that any network can have on them, `blind` the least of one that does not see x_t.
    `mean_pairwise_distance` is how far two points of the data are from each other on average.
    """

    recipe: TrainingConfig
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
    """Points x_t (D, 2) of the given level and what there is to say of them, `wanted` (D, 2)."""

    x_t: Tensor
    level: NoiseLevel
    wanted: Tensor


def build_reference(recipe: TrainingConfig) -> ReferenceField:
    """Everything that does not depend on the network. E[eps | x_t] is exact over the recipe's points."""
    generator = torch.Generator().manual_seed(recipe.seed)
    x0, schedule, ideal = recipe.points, recipe.schedule, IdealPredictor(recipe.points)
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
    eps = (eps - eps.mean(0)) / eps.std(0, correction=0)  # as many draws as these should have: less chance in the loss
    over_t = schedule.level(torch.linspace(0, schedule.num_steps - 1, DRAWS).round())
    x_t, target = add_noise(some, eps, over_t), TARGETS[recipe.target]
    eps_best = ideal(x_t, over_t)
    best = target(x0_from_eps(x_t, eps_best, over_t), eps_best, over_t)
    wanted = target(some, eps, over_t)
    return ReferenceField(
        recipe,
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

    `loss` is the mean training loss since the snapshot before, `error` the loss on the reference field's evaluation
    batch. `paths` (G + 1, P, 2) are sampled trajectories, `field` (G, M, 2) is eps_hat on the grid, and `r2` (G,) the
    share of the exact field's variance that it explains where the data are. `distance` is the energy distance between
    samples and data; `path_length_ratio` is the length of the trajectories over that of straight lines.
    """

    step: int
    loss: float
    error: float
    paths: Tensor
    field: Tensor
    r2: Tensor
    distance: float
    path_length_ratio: float


TOY_SAMPLERS: dict[str, Callable[..., Iterator[Step]]] = {"flow": probability_flow, "ddim": sample, "ddpm": sample}
"""How particles go: by one of our samplers, or along the probability-flow ODE."""


def evaluate_snapshot(
    ground: ReferenceField, moment: Snapshot, predictor: MLPPredictor, paths: str
) -> SnapshotDiagnostics:
    """Ask the network at a moment for everything that is shown of it; `paths` is one of PATHS."""
    schedule, seed = ground.recipe.schedule, ground.recipe.seed
    options = {} if paths == "flow" else {"sampler": paths, "generator": torch.Generator().manual_seed(seed)}
    steps = list(TOY_SAMPLERS[paths](predictor, ground.start, schedule, steps=PATH_STEPS, **options))
    way = torch.stack([*(step.x_t for step in steps), steps[-1].x_next])
    asked = NoiseLevel(ground.level.alpha[:-1], ground.level.sigma[:-1])
    missed = (ground.probed - _at(predictor, ground.probes, asked)).square().sum((1, 2))
    spread = (ground.probed - ground.probed.mean(1, keepdim=True)).square().sum((1, 2))
    draws = ground.draws
    said = TARGETS[ground.recipe.target]
    eps_hat = predictor(draws.x_t, draws.level)
    answer = said(x0_from_eps(draws.x_t, eps_hat, draws.level), eps_hat, draws.level)
    length = torch.stack([(after - before).norm(dim=1) for before, after in pairwise(way)]).sum(0)
    return SnapshotDiagnostics(
        moment.step,
        moment.loss,
        (answer - draws.wanted).square().mean().item(),
        way,
        _at(predictor, ground.grid.expand(PATH_STEPS, -1, 2), asked),
        1 - missed / spread,
        energy_distance(way[-1], ground.x0, ground.mean_pairwise_distance),
        (length.sum() / (way[-1] - way[0]).norm(dim=1).sum()).item(),
    )


def energy_distance(one: Tensor, other: Tensor, mean_pairwise_distance: float) -> float:
    """√(2 E‖X - Y‖ - E‖X - X′‖ - E‖Y - Y′‖) of two sets of points, (N, D) and (M, D): 0 for the same distribution.

    The unbiased estimate (Székely & Rizzo 2013, eq. 6); one below 0, which occurs by chance, becomes 0.
    `mean_pairwise_distance` is the last of the three means.
    """
    one, other = one.double(), other.double()
    square = 2 * torch.cdist(one, other).mean() - torch.pdist(one).mean() - mean_pairwise_distance
    return square.clamp(min=0).sqrt().item()


def _at(asked: Callable[[Tensor, NoiseLevel], Tensor], x: Tensor, level: NoiseLevel) -> Tensor:
    """Ask for x (G, K, 2) at one level (G,) each: (G, K, …)."""
    count = x.shape[1]
    each = NoiseLevel(level.alpha.repeat_interleave(count), level.sigma.repeat_interleave(count))
    answer = asked(x.reshape(-1, 2), each)
    return answer.reshape(len(x), count, *answer.shape[1:])
