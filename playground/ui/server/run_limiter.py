"""Run limiter: at most a few concurrent runs for each browser session."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

AT_ONCE = 2
"""Most runs that one browser session may have under way: one on show, and one whose numbers are saved."""


class RunLimiter:
    """Run limiter: counts the runs under way by browser session."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once, self._running, self._guard = at_once, Counter[str](), threading.Lock()

    @contextmanager
    def taken(self, person: str) -> Iterator[None]:
        """Context manager for a run: it counts as under way for the browser session `person`.

        Raises ValueError, with a message for the user, if the session has its most runs under way already.
        """
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
        """Number of runs under way."""
        return self._running.total()
