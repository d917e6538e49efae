"""Many people train at once: each has their own network, and nobody waits for another to finish."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from playground.core.toy2d.trainer import STEPS, milestones
from playground.ui.state.settings import Settings
from playground.ui.tabs.train import TrainingService
from tests.films import numbers

SMALL = Settings(width=16, depth=1, paths="ddim")
GOALS = list(range(200, STEPS + 1, 200))


@pytest.fixture
def workshop() -> TrainingService:
    return TrainingService("cpu")


def train(workshop: TrainingService, person: str, settings: Settings, seen: list[Any]) -> None:
    desk, _ = workshop.prepared(person, None, settings)
    for film in workshop.train(desk, 0, GOALS, 0, settings.paths):
        seen.append((person, film))


def test_ten_trainings_at_once_all_finish_and_each_is_the_person_s_own(workshop: TrainingService) -> None:
    seen: list[Any] = []
    people = {str(k): replace(SMALL, seed=k) for k in range(10)}
    threads = [threading.Thread(target=train, args=(workshop, *person, seen)) for person in people.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    films = {person: [film for who, film in seen if who == person] for person in people}
    assert [len(each) for each in films.values()] == [1 + len(GOALS)] * 10
    assert all(numbers(each[-1], "step") == [STEPS] for each in films.values())
    # Fair: when the first has finished, everybody is close to it.
    first_end = next(k for k, (_, film) in enumerate(seen) if numbers(film, "step") == [STEPS])
    so_far = [max(numbers(film, "step")[0] for who, film in seen[:first_end] if who == person) for person in people]
    assert min(so_far) > 0.75 * STEPS
    alone: list[Any] = []
    train(workshop, "alone", people["7"], alone)
    assert films["7"][-1]["moments"] == alone[-1][1]["moments"]  # what others did changed nothing
    assert films["6"][-1]["moments"] != films["7"][-1]["moments"]


def test_the_same_settings_find_the_same_desk_and_others_a_new_one(workshop: TrainingService) -> None:
    desk, new = workshop.prepared("a", None, SMALL)
    assert new
    assert workshop.prepared("a", None, SMALL) == (desk, False)
    assert workshop.prepared("a", None, replace(SMALL, paths="ddpm")) == (
        desk,
        False,
    )  # the same network goes otherwise
    for changed in ({"lr": 0.001}, {"seed": 1}, {"schedule": "cosine"}, {"sees_t": False}, {"world": "letters"}):
        other, new = workshop.prepared("a", None, replace(SMALL, **changed))
        assert new
        assert other is not desk
    assert desk.left


def test_a_page_that_missed_pieces_gets_them_before_it_goes_on(workshop: TrainingService) -> None:
    desk, _ = workshop.prepared("a", None, SMALL)
    first = list(workshop.train(desk, 0, [5, 10, 20], 4, "ddim"))
    assert [film["start"] for film in first] == [0, 1, 2, 3]
    assert {film["total"] for film in first} == {8}
    more = list(workshop.train(desk, 2, [25], 0, "ddim"))
    assert [film["start"] for film in more] == [2, 3, 4]
    assert [numbers(film, "step")[0] for film in more] == [10, 20, 25]
    assert more[0]["moments"] == first[2]["moments"]
    assert np.array_equal(numbers(more[1], "loss"), numbers(first[3], "loss"))


def test_who_leaves_ends_the_training(workshop: TrainingService) -> None:
    desk, _ = workshop.prepared("a", None, SMALL)
    running = workshop.train(desk, 0, milestones()[1:], 0, "ddim")
    next(running)
    workshop.desks.clear("a")
    assert len(list(running)) <= 1
    assert desk.learner.step < STEPS
