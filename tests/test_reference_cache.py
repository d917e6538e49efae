"""References of solver comparisons are computed once, also for runs that need one at the same time."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from playground.ui.state import reference_cache, sampling
from playground.ui.state.reference_cache import ReferenceCache
from playground.ui.state.scene import Scene
from playground.ui.state.settings import Settings


class Trajectories:
    """In place of the sampling: ends in the seed, and can be held up."""

    def __init__(self) -> None:
        self.computed = list[int]()
        self.may_end = threading.Event()
        self.may_end.set()

    def __call__(self, scene: Scene) -> Iterator[Any]:
        self.computed.append(scene.settings.seed)
        for index in range(100):
            yield SimpleNamespace(index=index, total=100, x_next=scene.settings.seed)
        assert self.may_end.wait(20)


@pytest.fixture
def trajectories(monkeypatch: pytest.MonkeyPatch) -> Trajectories:
    found = Trajectories()
    monkeypatch.setattr(sampling, "reference_trajectory", found)
    monkeypatch.setattr(reference_cache, "POLL", 0.01)
    return found


def scene(seed: int) -> Scene:
    return cast(Scene, SimpleNamespace(settings=Settings(seed=seed)))


def reference(cache: ReferenceCache, seed: int, notes: list[str]) -> Any:
    return result(cache.reference(scene(seed)), notes)


def result(running: Generator[str, None, Any], notes: list[str]) -> Any:
    """What a generator returns, with the notes that it yields on the way."""
    while True:
        try:
            notes.append(next(running))
        except StopIteration as end:
            return end.value


def test_reference_is_computed_once_until_it_is_dropped(trajectories: Trajectories) -> None:
    cache, notes = ReferenceCache(2), list[str]()
    assert [reference(cache, seed, notes) for seed in (1, 2, 1, 3, 1, 2)] == [1, 2, 1, 3, 1, 2]
    assert trajectories.computed == [1, 2, 3, 2]
    assert notes[:2] == [f"Computing the reference: step {step} of 100." for step in (1, 51)]


def test_reference_is_computed_once_for_runs_at_the_same_time(trajectories: Trajectories) -> None:
    cache, ends = ReferenceCache(), list[int]()
    notes: list[list[str]] = [[] for _ in range(8)]
    trajectories.may_end.clear()
    threads = [
        threading.Thread(target=lambda each: ends.append(reference(cache, 5, each)), args=(each,)) for each in notes
    ]
    for thread in threads:
        thread.start()
    while sum("Another run computes this reference already." in each for each in notes) < 7:
        assert any(thread.is_alive() for thread in threads)
    trajectories.may_end.set()
    for thread in threads:
        thread.join()
    assert ends == [5] * 8
    assert trajectories.computed == [5]


def test_reference_is_computed_by_the_next_run_if_the_first_is_stopped(trajectories: Trajectories) -> None:
    cache = ReferenceCache()
    stopped = cache.reference(scene(5))
    next(stopped)
    stopped.close()
    assert reference(cache, 5, []) == 5
    assert trajectories.computed == [5, 5]


def test_reference_keeps_what_a_run_waits_for_when_it_is_dropped(trajectories: Trajectories) -> None:
    """Entries that leave the cache meanwhile are still those of the runs that use them."""
    cache = ReferenceCache(1)
    first = cache.reference(scene(1))
    next(first)
    assert reference(cache, 2, []) == 2
    assert result(first, []) == 1
