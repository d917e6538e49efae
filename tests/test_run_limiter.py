"""The run limiter bounds runs by browser session and by address, and shares its slots fairly."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from playground.ui.server.run_limiter import AT_ONCE, Lane, RunLimiter

LANES = {"sampling": Lane(8, AT_ONCE), "scripts": Lane(2)}


def request(session: str, address: str = "192.0.2.1") -> Any:
    return SimpleNamespace(session_hash=session, client=SimpleNamespace(host=address))


def test_taken_refuses_a_third_run_of_a_session_but_none_of_another() -> None:
    limiter = RunLimiter(LANES)
    with limiter.taken("sampling", request("one")), limiter.taken("sampling", request("one")):
        with (
            pytest.raises(ValueError, match=f"You have {AT_ONCE} runs under way already"),
            limiter.taken("sampling", request("one")),
        ):
            pass
        with limiter.taken("sampling", request("other")), limiter.taken("scripts", request("one")):
            assert len(limiter) == AT_ONCE + 2
    assert len(limiter) == 0
    with limiter.taken("sampling", request("one")):
        assert len(limiter) == 1


def test_taken_returns_the_slot_of_a_run_that_fails() -> None:
    limiter = RunLimiter({"sampling": Lane(1, 1)})
    with pytest.raises(ZeroDivisionError), limiter.taken("sampling", request("one")):
        raise ZeroDivisionError
    with limiter.taken("sampling", request("one")):
        assert len(limiter) == 1


def test_taken_bounds_the_runs_of_an_address_with_many_sessions() -> None:
    limiter = RunLimiter({"sampling": Lane(8, 2)}, per_address=3)
    held = [limiter.taken("sampling", request(f"{k}")) for k in range(3)]
    for each in held:
        each.__enter__()
    with (
        pytest.raises(ValueError, match="3 runs from your network address are under way already"),
        limiter.taken("sampling", request("another")),
    ):
        pass
    with limiter.taken("sampling", request("another", "192.0.2.2")):
        assert len(limiter) == 4
    for each in held:
        each.__exit__(None, None, None)
    assert len(limiter) == 0


class Holders:
    """Runs in threads of their own, each under way until it is told to end."""

    def __init__(self, limiter: RunLimiter) -> None:
        self.limiter, self.started = limiter, list[str]()
        self.ends: dict[str, threading.Event] = {}
        self.threads: list[threading.Thread] = []

    def hold(self, session: str, address: str) -> None:
        self.ends[session] = threading.Event()
        self.threads.append(threading.Thread(target=self._run, args=(session, address)))
        before = len(self.limiter)
        self.threads[-1].start()
        wait_for(lambda: len(self.limiter) == before + 1)

    def _run(self, session: str, address: str) -> None:
        with self.limiter.taken("scripts", request(session, address)):
            self.started.append(session)
            assert self.ends[session].wait(20)

    def end_all(self) -> None:
        for end in self.ends.values():
            end.set()
        for thread in self.threads:
            thread.join()


def wait_for(condition: Any) -> None:
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_taken_gives_a_free_slot_to_the_address_with_the_fewest_runs() -> None:
    """One client with many sessions, all before a second one, delays it by one run and not by all of them."""
    limiter = RunLimiter(LANES)
    holders = Holders(limiter)
    for k in range(6):
        holders.hold(f"many {k}", "192.0.2.1")
    holders.hold("single", "192.0.2.2")
    wait_for(lambda: len(holders.started) == 2)
    assert holders.started == ["many 0", "many 1"]
    assert limiter.is_full("scripts")
    holders.ends["many 1"].set()
    wait_for(lambda: len(holders.started) == 3)
    assert holders.started[2] == "single"
    holders.end_all()
    assert sorted(holders.started) == sorted(holders.ends)
    assert len(limiter) == 0
    assert not limiter.is_full("scripts")


def test_taken_waits_only_while_the_run_is_wanted() -> None:
    limiter = RunLimiter({"sampling": Lane(1)})
    with limiter.taken("sampling", request("one")), limiter.taken("sampling", request("two"), lambda: False):
        assert len(limiter) == 2
    assert len(limiter) == 0


def test_taken_counts_right_in_many_threads() -> None:
    limiter = RunLimiter({"sampling": Lane(2, 3)})
    under_way, had, guard = [0], list[int](), threading.Lock()

    def run() -> None:
        for _ in range(100):
            try:
                with limiter.taken("sampling", request("one")):
                    with guard:
                        under_way[0] += 1
                        had.append(under_way[0])
                    with guard:
                        under_way[0] -= 1
            except ValueError:
                had.append(0)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= max(had) <= 2
    assert len(limiter) == 0
