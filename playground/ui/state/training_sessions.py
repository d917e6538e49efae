"""Training sessions: the toy network of each browser session. The least recently used ones are dropped (LRU)."""

from __future__ import annotations

import itertools
import threading
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import Any

from playground.core.toy2d.diagnostics import ReferenceField
from playground.core.toy2d.trainer import Trainer

_films = itertools.count()


@dataclass(eq=False)
class TrainingSession:
    """Training session: the toy network of one browser session, and the settings it was made from.

    Attributes:
        choices: the drawing and the settings that decide network and data; others need a new session.
        ground: data, exact posterior mean and noise levels, which do not depend on the network.
        trainer: the trainer, with the snapshots so far.
        made_from: these settings as a link has them, and the fingerprint of the drawing.
        address: network address of the browser.
        film: number of the film that the page shows of it.
        run: number of the training that may go on; a training with another number ends at its next slice.
        going: whether a training is under way.
        left: whether the session was dropped: the page was closed, training began anew, or the store was full.
    """

    choices: tuple[Any, ...]
    ground: ReferenceField
    trainer: Trainer
    made_from: dict[str, str] = field(default_factory=dict)
    address: str = ""
    film: int = field(default_factory=_films.__next__)
    run: int = 0
    going: bool = False
    left: bool = False

    def halt(self) -> int:
        """Halt the training under way; return the number of the only one that may go on from here."""
        self.run += 1
        self.going = False
        return self.run

    def new_film(self) -> None:
        """Begin a new film: pieces that are still on their way belong to the one before."""
        self.film = next(_films)


class TrainingSessionStore:
    """Training sessions by browser session.

    Beyond the capacity one is dropped: of the network address with the most sessions the least recently used one.
    """

    def __init__(self, capacity: int = 64) -> None:
        """At the default capacity, usual networks take 120 MB with their snapshots, and the largest ones 2.4 GB."""
        self._capacity = capacity
        self._sessions: OrderedDict[str, TrainingSession] = OrderedDict()
        self._guard = threading.Lock()

    def get(self, session_id: str) -> TrainingSession | None:
        """Training session of a browser session, or None."""
        with self._guard:
            if session_id in self._sessions:
                self._sessions.move_to_end(session_id)
            return self._sessions.get(session_id)

    def put(self, session_id: str, session: TrainingSession) -> None:
        """Store a new training session; the one before is dropped.

        Args:
            session_id: id of the browser session.
            session: its new training session.
        """
        self.remove(session_id)
        with self._guard:
            self._sessions[session_id] = session
            while len(self._sessions) > self._capacity:
                [(most, _)] = Counter(each.address for each in self._sessions.values()).most_common(1)
                dropped = next(name for name, each in self._sessions.items() if each.address == most)
                self._sessions.pop(dropped).left = True

    def remove(self, session_id: str) -> None:
        """Drop the training session of a browser session; a training under way ends."""
        with self._guard:
            if session := self._sessions.pop(session_id, None):
                session.left = True

    def __len__(self) -> int:
        return len(self._sessions)
