"""Run limiter: at most a few concurrent runs for each browser session."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

AT_ONCE = 2
"""So many runs may one person have under way: one that is watched, and one whose numbers are saved."""


class RunLimiter:
    """Runs under way, by whose they are."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once, self._running, self._guard = at_once, Counter[str](), threading.Lock()

    @contextmanager
    def taken(self, person: str) -> Iterator[None]:
        """While this lasts, the person has a run under way. Raises ValueError, for that person, for one too many."""
        with self._guard:
            if self._running[person] >= self._at_once:
                raise ValueError(
                    f"You have {self._at_once} runs under way already, the most that one browser session may have: "
                    "wait until one ends, or stop it."
                )
            self._running[person] += 1
        try:
            yield
        finally:
            with self._guard:
                self._running[person] -= 1
                self._running += Counter()  # forgets sessions without runs

    def __len__(self) -> int:
        """How many runs are under way."""
        return self._running.total()
