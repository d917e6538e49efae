"""Many people train at once: each has their own network, and nobody waits for another to finish."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from playground.core.toy2d.trainer import TOTAL_STEPS, snapshot_steps
from playground.ui.server.run_limiter import Lane, RunLimiter
from playground.ui.state.settings import Settings
from playground.ui.tabs.training_runs import MAX_FRAMES, MAX_SNAPSHOTS, TrainingRuns, TrainingService
from tests.films import numbers

SMALL = Settings(hidden_width=16, hidden_layers=1, toy_sampler="ddim")
GOALS = list(range(200, TOTAL_STEPS + 1, 200))


@pytest.fixture
def service() -> TrainingService:
    return TrainingService("cpu")


def train(service: TrainingService, person: str, settings: Settings, seen: list[Any]) -> None:
    session, _ = service.prepared(person, None, settings)
    for film in service.train(session, 0, GOALS, 0, settings.toy_sampler):
        seen.append((person, film))


@pytest.mark.slow
def test_ten_trainings_at_once_all_finish_and_each_is_the_person_s_own(service: TrainingService) -> None:
    seen: list[Any] = []
    people = {str(k): replace(SMALL, seed=k) for k in range(10)}
    threads = [threading.Thread(target=train, args=(service, *person, seen)) for person in people.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    films = {person: [film for who, film in seen if who == person] for person in people}
    assert [len(each) for each in films.values()] == [1 + len(GOALS)] * 10
    assert all(numbers(each[-1], "step") == [TOTAL_STEPS] for each in films.values())
    # Fair: when the first has finished, everybody is close to it.
    first_end = next(k for k, (_, film) in enumerate(seen) if numbers(film, "step") == [TOTAL_STEPS])
    so_far = [max(numbers(film, "step")[0] for who, film in seen[:first_end] if who == person) for person in people]
    assert min(so_far) > 0.75 * TOTAL_STEPS
    alone: list[Any] = []
    train(service, "alone", people["7"], alone)
    assert films["7"][-1]["snapshots"] == alone[-1][1]["snapshots"]  # what others did changed nothing
    assert films["6"][-1]["snapshots"] != films["7"][-1]["snapshots"]


@pytest.mark.slow
def test_the_same_settings_find_the_same_desk_and_others_a_new_one(service: TrainingService) -> None:
    session, new = service.prepared("a", None, SMALL)
    assert new
    assert service.prepared("a", None, SMALL) == (session, False)
    assert service.prepared("a", None, replace(SMALL, toy_sampler="ddpm")) == (
        session,
        False,
    )  # the same network goes otherwise
    for changed in ({"lr": 0.001}, {"seed": 1}, {"schedule": "cosine"}, {"input_t": False}, {"toy_dataset": "letters"}):
        other, new = service.prepared("a", None, replace(SMALL, **changed))
        assert new
        assert other is not session
    assert session.left


def test_a_page_that_missed_pieces_gets_them_before_it_goes_on(service: TrainingService) -> None:
    session, _ = service.prepared("a", None, SMALL)
    first = list(service.train(session, 0, [5, 10, 20], 4, "ddim"))
    assert [film["start"] for film in first] == [0, 1, 2, 3]
    assert {film["total"] for film in first} == {8}
    more = list(service.train(session, 2, [25], 0, "ddim"))
    assert [film["start"] for film in more] == [2, 3, 4]
    assert [numbers(film, "step")[0] for film in more] == [10, 20, 25]
    assert more[0]["snapshots"] == first[2]["snapshots"]
    assert np.array_equal(numbers(more[1], "loss"), numbers(first[3], "loss"))


def test_who_leaves_ends_the_training(service: TrainingService) -> None:
    session, _ = service.prepared("a", None, SMALL)
    running = service.train(session, 0, snapshot_steps()[1:], 0, "ddim")
    next(running)
    service.sessions.remove("a")
    assert len(list(running)) <= 1
    assert session.trainer.step < TOTAL_STEPS


@pytest.mark.slow
def test_training_runs_go_on_after_the_most_single_steps() -> None:
    """The film then has more frames than single steps may add, and every press is still answered."""
    shared = SimpleNamespace(
        library=SimpleNamespace(device="cpu"),
        inputs=(),
        controls={},
        scene=lambda **_: SimpleNamespace(settings=SMALL),
    )
    runs = TrainingRuns(cast(Any, shared), {}, RunLimiter({"training": Lane(1)}))
    page = cast(Any, SimpleNamespace(session_hash="page", client=None))
    for frames in range(1, MAX_SNAPSHOTS):
        runs.one_step(frames, page, None)
    with pytest.raises(ValueError, match="200 snapshots are kept at most: press Train to go on"):
        runs.one_step(MAX_SNAPSHOTS, page, None)
    *_, (end, _) = runs.train(page, {"number": 1, "frames": MAX_SNAPSHOTS, "film": "0"}, None)
    mark = json.loads(end["film"])["pieces"][-1]
    assert MAX_SNAPSHOTS < mark["frames"] <= MAX_FRAMES
    again = {"number": 2, "frames": mark["frames"], "film": mark["run"], "train": False}
    *_, (end, _) = runs.train(page, again, None)
    assert json.loads(end["film"])["pieces"][-1]["frames"] == mark["frames"]
