"""Run limiter: bounds the runs under way, and shares them fairly among network addresses."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import gradio as gr

AT_ONCE = 2
"""Most runs that one browser session may have under way: one on show, and one whose numbers are saved."""
PER_ADDRESS = 160
"""Most runs, waiting ones included, of one network address, which a whole class may share. Each holds a thread."""
POLL = 0.5
"""Seconds between two checks whether a waiting run is still wanted."""


@dataclass(frozen=True)
class Lane:
    """Limits for one kind of run.

    Attributes:
        slots: how many runs are under way at a time; the others wait.
        per_session: most runs of one browser session, or None for any number.
    """

    slots: int
    per_session: int | None = None


@dataclass(eq=False)
class _Run:
    lane: str
    session: str
    address: str
    has_slot: bool = False


def address_of(request: gr.Request) -> str:
    """Network address that a request came from; empty if it is not known."""
    return request.client.host if request.client else ""


class RunLimiter:
    """Run limiter: a free slot goes to the waiting run whose network address has the fewest runs under way.

    A browser chooses the id of its session, so one client may have many sessions, but not many addresses. Behind a
    proxy, uvicorn reads the address from the forwarded headers if FORWARDED_ALLOW_IPS names the proxy.
    """

    def __init__(self, lanes: Mapping[str, Lane], per_address: int = PER_ADDRESS) -> None:
        self._lanes, self._per_address = lanes, per_address
        self._runs: list[_Run] = []
        self._change = threading.Condition()

    @contextmanager
    def taken(self, lane: str, request: gr.Request, is_wanted: Callable[[], bool] = lambda: True) -> Iterator[None]:
        """Context manager for a run: it waits for a slot, and counts as under way until it ends.

        Args:
            lane: name of the lane.
            request: the request, which names the browser session and the address.
            is_wanted: returns whether the run is still wanted; if not, the wait ends without a slot.

        Raises:
            ValueError: if the session or the address has its most runs already. The message is written for users.
        """
        run = _Run(lane, str(request.session_hash), address_of(request))
        with self._change:
            self._check(run)
            self._runs.append(run)
            self._assign_slots()
        try:
            with self._change:
                while not run.has_slot and is_wanted():
                    self._change.wait(POLL)
            yield
        finally:
            with self._change:
                self._runs.remove(run)
                self._assign_slots()
                self._change.notify_all()

    def _check(self, run: _Run) -> None:
        limit = self._lanes[run.lane].per_session
        of_session = [each for each in self._runs if (each.lane, each.session) == (run.lane, run.session)]
        if limit is not None and len(of_session) >= limit:
            raise ValueError(
                f"You have {limit} runs under way already, the most that one browser session may have: "
                "wait until one ends, or stop it."
            )
        if sum(each.address == run.address for each in self._runs) >= self._per_address:
            raise ValueError(
                f"{self._per_address} runs from your network address are under way already, the most that one address "
                "may have: try again in a minute."
            )

    def _assign_slots(self) -> None:
        """Give free slots to waiting runs; the earliest of an address is first. Called with `_change` held."""
        for name, lane in self._lanes.items():
            running = Counter(run.address for run in self._runs if run.lane == name and run.has_slot)
            waiting = [run for run in self._runs if run.lane == name and not run.has_slot]
            while waiting and running.total() < lane.slots:
                run = min(waiting, key=lambda each: running[each.address])
                waiting.remove(run)
                running[run.address] += 1
                run.has_slot = True

    def is_full(self, lane: str) -> bool:
        """Whether another run in this lane would wait."""
        return sum(run.lane == lane and run.has_slot for run in list(self._runs)) >= self._lanes[lane].slots

    def __len__(self) -> int:
        """Number of runs under way, waiting ones included."""
        return len(self._runs)
