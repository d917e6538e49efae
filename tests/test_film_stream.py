"""A film comes whole through updates of which some are lost, as long as the page says what it lacks."""

import json
import random
from typing import Any

import pytest

from playground.render.films.film_format import Film
from playground.ui.server import film_stream
from playground.ui.server.film_stream import FilmStream

MARK = {"ended": True}


def piece(start: int, frames: int = 1, **more: Any) -> Film:
    return {"start": start, "labels": ["frame"] * frames, "numbers": [], "moving": "x" * 100, **more}


def starts(update: Any) -> list[int | None]:
    """Where the pieces of an update begin; None for the end mark."""
    return [each.get("start") for each in json.loads(update["film"])["pieces"]]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(film_stream.time, "monotonic", lambda: now[0])
    return now


def test_updates_keep_their_distance_and_bring_all_that_came_meanwhile(clock: list[float]) -> None:
    stream = FilmStream(lambda: None)
    assert not stream.is_due
    stream.add(piece(0))
    assert stream.is_due
    assert starts(stream.update()) == [0]
    stream.add(piece(1))
    stream.add(piece(2, 2))
    assert not stream.is_due
    clock[0] += 0.05
    assert stream.is_due
    assert starts(stream.update()) == [1, 2]
    assert not stream.is_due
    clock[0] += 1
    assert not stream.is_due
    stream.add(piece(4))
    assert starts(stream.end(MARK)) == [1, 2, 4, None]  # where both come at once, only the last is seen


def test_what_a_page_lacks_comes_with_the_next_update(clock: list[float]) -> None:
    lacking = [None, None, 1]
    stream = FilmStream(lambda: lacking.pop(0))
    for start in range(3):
        stream.add(piece(start))
        found = starts(stream.update())
    assert found == [1, 2]


def test_a_piece_that_stays_replaces_those_before(clock: list[float]) -> None:
    stream = FilmStream(lambda: 0)
    stream.add(piece(0))
    stream.update()
    stream.add(piece(1))
    stream.add(piece(0, 2, stays=True))
    assert starts(stream.update()) == [0]
    assert starts(stream.end(MARK)) == [0, None]


def test_only_the_latest_pieces_are_kept(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(film_stream, "MAX_KEPT", 350)
    stream = FilmStream(lambda: 0)
    for start in range(9):
        stream.add(piece(start))
    assert starts(stream.update()) == [6, 7, 8]


@pytest.mark.parametrize("seed", range(5))
def test_a_page_that_loses_updates_has_the_whole_film_in_the_end(clock: list[float], seed: int) -> None:
    rng, have, gap = random.Random(seed), [0], list[int]()
    stream = FilmStream(lambda: gap.pop() if gap else None)

    def receive(update: Any) -> None:
        gap.clear()
        for start in starts(update):
            if start == have[0]:
                have[0] += 1
            elif start is not None and start > have[0]:
                gap[:] = [have[0]]

    for start in range(200):
        stream.add(piece(start))
        clock[0] += rng.choice((0.01, 0.1))
        if stream.is_due:
            update = stream.update()
            if start > 195 or rng.random() < 0.6:
                receive(update)
    receive(stream.end(MARK))
    assert have[0] == 200
