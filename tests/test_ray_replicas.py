"""A library whose runs are made elsewhere, by replicas that die as they are told, without Ray between them."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from ray.exceptions import ActorDiedError, NodeDiedError, RayError, RayTaskError
from ray.serve.exceptions import DeploymentUnavailableError

from playground.core.analysis.guidance_trace import generate_with_guidance_trace
from playground.core.data.datasets import WEIGHTS
from playground.core.diffusion.schedules import linear
from playground.core.inference.batching import DynamicBatcher
from playground.core.model_registry import ModelRegistry
from playground.core.sampling.generate import generate
from playground.core.sampling.options import SamplingOptions
from playground.core.sampling.replay import stream_predictions
from playground.serving import ray_replicas as module
from playground.serving.ray_replicas import MAX_RETRIES, RemoteModelRegistry, SamplingReplica

pytestmark = pytest.mark.slow

MODELS = [str(WEIGHTS / "digits")]
SHAPE, SCHEDULE = (1, 28, 28), linear(1000)


class Answering:
    """What a handle returns: an iterator that can be cancelled."""

    def __init__(self, said: Iterator[Any]) -> None:
        self.said, self.cancelled = said, False

    def __iter__(self) -> Iterator[Any]:
        return self.said

    def cancel(self) -> None:
        self.cancelled = True


class Handle:
    """Stands in for Serve's: its replicas are a library here, and die after so many records, for these reasons."""

    def __init__(self, library: ModelRegistry, *deaths: tuple[int, Exception]) -> None:
        self.library, self.deaths = library, list(deaths)
        self.asked: list[int] = []
        self.answering: list[Answering] = []

    def options(self, *, stream: bool) -> Handle:
        assert stream
        return self

    @property
    def stream_predictions(self) -> Handle:
        return self

    def remote(self, model: str, sampling_function: Any, known: list[np.ndarray], args: Any) -> Answering:
        self.asked.append(len(known))
        before = [torch.from_numpy(each) for each in known]
        run = self.library.run(model, stream_predictions, sampling_function, before, *args)
        self.answering.append(Answering(self.until_death(run)))
        return self.answering[-1]

    def until_death(self, run: Iterator[list[torch.Tensor]]) -> Iterator[list[np.ndarray]]:
        after, error = self.deaths.pop(0) if self.deaths else (10**6, RayError())
        for k, said in enumerate(run):
            if k == after:
                raise error
            yield [each.numpy() for each in said]


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Nobody waits; how long they would have."""
    waited: list[float] = []
    monkeypatch.setattr(module.time, "sleep", waited.append)
    return waited


def ended(library: ModelRegistry, **options: Any) -> list[torch.Tensor]:
    return [
        step.x_next
        for step in library.run("digits", generate, SHAPE, SCHEDULE, SamplingOptions(**{"steps": 6, **options}))
    ]


@pytest.mark.parametrize("sampler", ["ddim", "ddpm", "unipc"])
def test_a_run_that_is_cut_thrice_ends_in_the_same_picture(
    sampler: str, library: ModelRegistry, at_once: list[float]
) -> None:
    handle = Handle(library, (2, ActorDiedError()), (0, NodeDiedError("gone")), (1, ActorDiedError()))
    options = {"sampler": sampler, "label": 3, "guidance_scale": 2.0, "seed": 5}
    far, here = ended(RemoteModelRegistry(MODELS, handle, 8, DynamicBatcher), **options), ended(library, **options)
    assert all(map(torch.equal, far, here))
    assert handle.asked == [0, 4, 4, 6]  # two answers a step
    assert len(at_once) == 3


def test_it_goes_on_as_long_as_it_gets_on(library: ModelRegistry, at_once: list[float]) -> None:
    handle = Handle(library, *[(1, ActorDiedError())] * 8)
    assert torch.equal(ended(RemoteModelRegistry(MODELS, handle, 8, DynamicBatcher))[-1], ended(library)[-1])
    assert handle.asked == list(range(6)) + [6] * (len(handle.asked) - 6)


@pytest.mark.parametrize("error", [ActorDiedError(), DeploymentUnavailableError("x")])
def test_where_nobody_gets_on_that_is_told(error: Exception, library: ModelRegistry, at_once: list[float]) -> None:
    handle = Handle(library, (3, error), *[(0, error)] * 20)
    with pytest.raises(ValueError, match=r"^The machines that sample do not answer: .* Try again in a minute\.$"):
        ended(RemoteModelRegistry(MODELS, handle, 8, DynamicBatcher))
    assert handle.asked == [0] + [3] * (MAX_RETRIES - 1)
    assert sum(at_once) < 5


def test_what_is_wrong_with_the_run_is_told_as_it_is_and_not_tried_again(library: ModelRegistry) -> None:
    handle = Handle(library, (1, RayTaskError("said", "its traceback", ValueError("No such thing."))))
    with pytest.raises(ValueError, match=r"^No such thing\.$") as caught:
        ended(RemoteModelRegistry(MODELS, handle, 8, DynamicBatcher))
    assert type(caught.value) is ValueError
    assert handle.asked == [0]
    with pytest.raises(ValueError, match="sampler must be one of"):
        ended(RemoteModelRegistry(MODELS, handle, 8, DynamicBatcher), sampler="fastest")
    assert handle.asked == [0]  # that is told here


def test_whoever_leaves_has_left_the_replica(library: ModelRegistry) -> None:
    handle = Handle(library)
    run = RemoteModelRegistry(MODELS, handle, 8, DynamicBatcher).run(
        "digits", generate, SHAPE, SCHEDULE, SamplingOptions()
    )
    assert handle.answering == []  # nothing is begun before the first step is asked for
    next(run)
    assert not handle.answering[0].cancelled
    assert isinstance(run, Generator)
    run.close()
    assert handle.answering[0].cancelled


def test_it_runs_as_many_at_a_time_as_it_is_made_for(library: ModelRegistry) -> None:
    assert RemoteModelRegistry(MODELS, Handle(library), 8, DynamicBatcher).max_concurrent_runs == 8


def test_both_answers_of_guidance_come_from_afar(library: ModelRegistry) -> None:
    far, options = (
        RemoteModelRegistry(MODELS, Handle(library), 8, DynamicBatcher),
        SamplingOptions(label=1, guidance_scale=3.0, steps=3),
    )
    asked = partial(library.run, "digits", generate_with_guidance_trace, SHAPE, SCHEDULE, options)
    for one, other in zip(
        far.run("digits", generate_with_guidance_trace, SHAPE, SCHEDULE, options), asked(), strict=True
    ):
        assert torch.equal(one.eps_uncond, other.eps_uncond)
        assert torch.equal(one.eps_cond, other.eps_cond)
        assert torch.equal(one.step.x_next, other.step.x_next)


def test_a_replica_tells_what_its_network_says_to_several_at_once(library: ModelRegistry) -> None:
    replica = SamplingReplica(MODELS, DynamicBatcher)

    async def said(seed: int, known: list[np.ndarray]) -> list[np.ndarray]:
        options = SamplingOptions(seed=seed, steps=5, sampler="ddpm")
        run = replica.stream_predictions("digits", generate, known, (SHAPE, SCHEDULE, options))
        return [eps_hat async for each in run for eps_hat in each]

    async def several() -> list[list[np.ndarray]]:
        await replica.check_health()
        return await asyncio.gather(*(said(seed, []) for seed in range(4)))

    for seed, found in enumerate(asyncio.run(several())):
        here = library.run("digits", generate, SHAPE, SCHEDULE, SamplingOptions(seed=seed, steps=5, sampler="ddpm"))
        for one, step in zip(found, here, strict=True):
            np.testing.assert_allclose(one, step.eps_hat.numpy(), atol=1e-4)
        rest = asyncio.run(said(seed, found[:3]))
        assert len(rest) == 2
        np.testing.assert_allclose(np.stack(rest), np.stack(found[3:]), atol=1e-4)
