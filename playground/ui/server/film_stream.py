"""Film streaming: updates of a film while it is made, at most 20 a second.

Gradio shows only the last of several updates that reach a page at once; the others are lost. So there are few updates,
and the last repeats the one before it. A page that notices a gap reports how many frames it has, and the next update
begins there.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from playground.render.films.film_format import Film, RunEnd
from playground.ui.components.player import film_update

INTERVAL = 0.05
"""Shortest time from one update to the next, in seconds."""
MAX_KEPT = 2**23
"""Most bytes of the latest pieces that are kept for a page that lacks them."""


class FilmStream:
    """Film stream: the updates of one run.

    `lacking` returns the number of frames of a page that has reported a gap, or None.
    """

    def __init__(self, lacking: Callable[[], int | None]) -> None:
        self._lacking = lacking
        self._new: list[Film] = []
        self._last: list[Film] = []
        self._kept: deque[Film] = deque()
        self._bytes = 0
        self._sent_at = -INTERVAL

    def add(self, piece: Film) -> None:
        """Add the next piece; one with `stays` replaces all pieces before it."""
        if piece.get("stays"):
            self._new, self._last, self._bytes = [], [], 0
            self._kept.clear()
        self._new.append(piece)
        self._kept.append(piece)
        self._bytes += _size(piece)
        while self._bytes > MAX_KEPT and len(self._kept) > 1:
            self._bytes -= _size(self._kept.popleft())

    @property
    def is_due(self) -> bool:
        """Whether there is a piece to send, and the last update was INTERVAL ago."""
        return bool(self._new) and time.monotonic() - self._sent_at >= INTERVAL

    def update(self) -> Any:
        """Update with the pieces added since the last one, and with those that the page lacks."""
        has = self._lacking()
        pieces = self._new if has is None else [piece for piece in self._kept if _end(piece) > has]
        self._last, self._new, self._sent_at = self._new, [], time.monotonic()
        return film_update(*pieces)

    def end(self, mark: RunEnd) -> Any:
        """Last update: the pieces of the one before, those not sent yet, and the end mark."""
        return film_update(*self._last, *self._new, mark)


def _end(piece: Film) -> int:
    return piece["start"] + len(piece["labels"])


def _size(piece: Film) -> int:
    return len(piece.get("moving", "")) + sum(len(number["values"]) for number in piece["numbers"])
