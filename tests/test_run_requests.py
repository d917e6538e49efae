import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from playground.ui.server.run_requests import FILMS, MAX_NUMBER, Runs, _Session, number_of

SOON = 10
"""Seconds within which a thread that waits for nothing has gone on."""


@pytest.fixture
def runs() -> Runs:
    return Runs()


def under_way(runs: Runs, stack: ExitStack, number: int, session: str = "one") -> Any:
    """What a run gets, until the stack is left."""
    return stack.enter_context(runs.start(session, number))


class Later:
    """A run in a thread of its own, which goes on as long as it is the latest."""

    def __init__(self, runs: Runs, number: int) -> None:
        self.began, self.has_begun, self.has_ended = False, threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, args=(runs, number), daemon=True)
        self._thread.start()

    def _run(self, runs: Runs, number: int) -> None:
        with runs.start("one", number) as is_latest:
            self.began = is_latest is not None
            self.has_begun.set()
            while is_latest is not None and is_latest():
                threading.Event().wait(0.001)
        self.has_ended.set()


def test_a_number_starts_once(runs: Runs) -> None:
    with runs.start("one", 1) as first:
        assert first is not None
        assert first()
        with runs.start("one", 1) as repeated:  # which does not wait for the first, either
            assert repeated is None
    with runs.start("one", 1) as repeated:
        assert repeated is None
    with runs.start("other", 1) as of_somebody_else:
        assert of_somebody_else is not None


def test_many_threads_that_repeat_a_request_start_it_once(runs: Runs) -> None:
    started = list[int]()

    def ask() -> None:
        for number in range(1, 50):
            with runs.start("one", number) as is_latest:
                if is_latest is not None:
                    started.append(number)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert started == sorted(set(started))
    assert started[-1] == 49


def test_a_later_request_ends_a_run_and_an_earlier_or_an_equal_one_does_not(runs: Runs) -> None:
    with runs.start("one", 3) as is_latest:
        assert is_latest is not None
        runs.request("one", 2)
        runs.request("one", 3)
        runs.request("other", 9)
        assert is_latest()
        runs.request("one", 4)
        assert not is_latest()


def test_a_later_run_waits_until_the_earlier_one_has_ended(runs: Runs) -> None:
    with runs.start("one", 1) as is_latest:
        assert is_latest is not None
        later = Later(runs, 2)
        while is_latest():  # until the later one has asked
            threading.Event().wait(0.001)
        assert not later.has_begun.wait(0.2)
        assert not runs.has_ended("one", 1)
    assert later.has_begun.wait(SOON)
    assert later.began
    runs.request("one", 3)
    assert later.has_ended.wait(SOON)


def test_a_run_that_was_abandoned_holds_up_no_later_one(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where somebody cancels it through Gradio, which may then keep what is left of it."""
    monkeypatch.setattr("playground.ui.server.run_requests.ABANDONED", 0.05)
    with ExitStack() as abandoned:
        first = under_way(runs, abandoned, 1)
        with runs.start("one", 2) as later:
            assert later is not None
            assert not first()
            abandoned.close()  # its end ends nothing of the later one
            assert not runs.has_ended("one", 2)
        assert runs.has_ended("one", 2)


def test_of_those_that_wait_only_the_last_starts(runs: Runs) -> None:
    with runs.start("one", 1):
        waiting = [Later(runs, number) for number in (2, 3, 4)]
        runs.request("one", 4)
    for each in waiting:
        assert each.has_begun.wait(SOON)
    assert [each.began for each in waiting] == [False, False, True]
    with runs.start("one", 3) as replaced:  # nor does it start when it comes late
        assert replaced is None
    assert not waiting[-1].has_ended.is_set()
    runs.leave("one")
    assert waiting[-1].has_ended.wait(SOON)


def test_a_stop_is_a_request_that_takes_its_turn(runs: Runs) -> None:
    later = Later(runs, 1)
    assert later.has_begun.wait(SOON)
    with runs.start("one", 2) as stop:
        assert stop is not None
        assert later.has_ended.is_set()


def test_what_has_ended_has_started_and_goes_on_no_more(runs: Runs) -> None:
    assert not runs.has_ended("one", 1)
    with runs.start("one", 1):
        assert not runs.has_ended("one", 1)
    assert runs.has_ended("one", 1)
    assert not runs.has_ended("one", 2)
    with pytest.raises(ZeroDivisionError), runs.start("one", 2):
        raise ZeroDivisionError
    assert runs.has_ended("one", 2)
    with runs.start("one", 3) as next_one:  # what failed has given its place back
        assert next_one is not None


def test_a_run_that_is_just_starting_has_not_ended(runs: Runs) -> None:
    session = runs._session("one")
    seen = list[bool]()

    class Watched(_Session):
        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, value)
            if name in ("started", "running") and value:
                seen.append(runs.has_ended("one", 1))

    session.__class__ = Watched
    with runs.start("one", 1):
        assert seen == [False, False]


def test_a_gap_is_told_once_and_only_to_the_run_that_makes_the_film(runs: Runs) -> None:
    with runs.start("one", 1):
        runs.lack("one", 1, 5)
        assert (runs.lacking("other"), runs.lacking("one"), runs.lacking("one")) == (None, 5, None)
        runs.lack("one", 2, 5)
        assert runs.lacking("one") is None
        runs.lack("one", 1, 7)
    with runs.start("one", 2):
        assert runs.lacking("one") is None


def test_the_last_films_of_a_session_are_kept_by_number(runs: Runs) -> None:
    assert (runs.kept("one", 1), runs.last_kept("one")) == (None, 0)
    for number in range(1, FILMS + 2):
        runs.keep("one", number, f"film {number}")
    assert [runs.kept("one", number) for number in (1, 2, FILMS + 1)] == [None, "film 2", f"film {FILMS + 1}"]
    assert runs.last_kept("one") == FILMS + 1
    assert runs.kept("other", 2) is None


def test_who_leaves_is_forgotten_and_their_run_ends(runs: Runs) -> None:
    with runs.start("one", 1) as is_latest:
        assert is_latest is not None
        waiting = Later(runs, 1)
        assert waiting.has_begun.wait(SOON)
        runs.keep("one", 1, "a film")
        runs.leave("one")
        assert not is_latest()
        assert len(runs) == 0
    assert runs.kept("one", 1) is None
    runs.leave("one")  # once more does nothing
    runs.leave("nobody")
    with runs.start("one", 1) as anew:
        assert anew is not None


def test_a_run_that_waits_does_not_start_once_its_person_has_left(runs: Runs) -> None:
    with runs.start("one", 1) as is_latest:
        assert is_latest is not None
        waiting = Later(runs, 2)
        while is_latest():
            threading.Event().wait(0.001)
        runs.leave("one")
    assert waiting.has_ended.wait(SOON)
    assert not waiting.began


def test_memory_is_bounded_and_the_session_unused_for_longest_goes() -> None:
    runs = Runs(capacity=3)
    with ExitStack() as stack:
        going = {name: under_way(runs, stack, 1, name) for name in ("a", "b", "c")}
        runs.kept("a", 1)  # used
        going["d"] = under_way(runs, stack, 1, "d")
        assert len(runs) == 3
        assert {name: is_latest() for name, is_latest in going.items()} == {"a": 1, "b": 0, "c": 1, "d": 1}


NO_REQUESTS: tuple[Any, ...] = (
    None,
    "",
    "1",
    1,
    1.5,
    [],
    [1],
    {},
    {"numbers": 1},
    {"number": None},
    {"number": "x"},
    {"number": ""},
    {"number": 0},
    {"number": -1},
    {"number": 1.5},
    {"number": 1e400},
    {"number": float("nan")},
    {"number": 10**400},
    {"number": MAX_NUMBER + 1},
    {"number": []},
    {"number": {"number": 1}},
)


@pytest.fixture(params=NO_REQUESTS, ids=repr)
def no_request(request: pytest.FixtureRequest) -> Iterator[Any]:
    return request.param


def test_what_is_no_request_is_refused_in_a_sentence(no_request: Any) -> None:
    with pytest.raises(ValueError, match=r"^(A numbered request is needed here|number must be a whole number.*)\.$"):
        number_of(no_request)


def test_a_request_has_a_number_whatever_else_it_brings() -> None:
    assert number_of({"number": 1}) == 1
    assert number_of({"number": 7.0, "stop": True, "film": None}) == 7
    assert number_of({"number": MAX_NUMBER}) == MAX_NUMBER
