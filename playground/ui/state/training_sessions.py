"""Training sessions: the toy network of each browser session, bounded in number (LRU)."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from playground.core.toy2d.diagnostics import ReferenceField
from playground.core.toy2d.trainer import Trainer

_films = itertools.count()


@dataclass(eq=False)
class TrainingSession:
    """One person's network, the ground that it learns on, and the choices that both were made for.

    `made_from` are those choices as a link has them.

    `film` numbers the film that the page shows of it. `run` numbers the training that may go on: whatever else was
    started before ends at its next slice. `going` says that one does, `left` that its person has gone, or has begun
    something else.
    """

    choices: tuple[Any, ...]
    ground: ReferenceField
    learner: Trainer
    made_from: dict[str, str] = field(default_factory=dict)
    film: int = field(default_factory=_films.__next__)
    run: int = 0
    going: bool = False
    left: bool = False

    def halt(self) -> int:
        """Let nothing go on but what gets this number."""
        self.run += 1
        self.going = False
        return self.run

    def new_film(self) -> None:
        """What is still on its way belongs to the film before."""
        self.film = next(_films)


class TrainingSessionStore:
    """Training sessions by browser session. Beyond the capacity the least recently used one is cleared."""

    def __init__(self, capacity: int = 64) -> None:
        """The default: 64 networks of the usual size are 120 MB with their moments, and of the largest 2.4 GB."""
        self._capacity = capacity
        self._sessions: OrderedDict[str, TrainingSession] = OrderedDict()
        self._guard = threading.Lock()

    def get(self, session_id: str) -> TrainingSession | None:
        """The training session of a page, if there is one."""
        with self._guard:
            if session_id in self._sessions:
                self._sessions.move_to_end(session_id)
            return self._sessions.get(session_id)

    def put(self, session_id: str, session: TrainingSession) -> None:
        """Begin anew: what was there before is left."""
        self.remove(session_id)
        with self._guard:
            self._sessions[session_id] = session
            while len(self._sessions) > self._capacity:
                self._sessions.popitem(last=False)[1].left = True

    def remove(self, session_id: str) -> None:
        """The person has gone; whatever still runs there ends."""
        with self._guard:
            if session := self._sessions.pop(session_id, None):
                session.left = True

    def __len__(self) -> int:
        return len(self._sessions)
