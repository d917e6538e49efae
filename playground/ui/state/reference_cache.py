"""Reference cache: the ends of reference trajectories, each computed once for all users."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from playground.ui.state import sampling
from playground.ui.state.scene import Scene

POLL = 0.5
"""Seconds between two notes to those who wait for a reference that another run computes."""


@dataclass(eq=False)
class _Entry:
    x0: Any = None
    computing: threading.Lock = field(default_factory=threading.Lock)


class ReferenceCache:
    """Cache of the references of solver comparisons; beyond `most` the least recently used one is dropped.

    It helps where many users compare from the same seeds, such as a class.
    """

    def __init__(self, most: int = 128) -> None:
        self._most = most
        self._entries: OrderedDict[tuple[Any, ...], _Entry] = OrderedDict()
        self._guard = threading.Lock()

    def reference(self, scene: Scene) -> Generator[str, None, Any]:
        """Reference of a scene; if another run computes it, this one waits.

        Args:
            scene: the scene of the solver comparison.

        Yields:
            Notes on the progress.

        Returns:
            The picture at the end of the reference trajectory, (B, C, H, W).
        """
        s = scene.settings
        entry = self._entry(
            (s.model, s.label, s.second_label, s.guidance_scale, s.seed, s.schedule, s.T, s.zero_terminal_snr)
        )
        while not entry.computing.acquire(timeout=POLL):
            yield "Another run computes this reference already."
        try:
            if entry.x0 is None:
                for step in sampling.reference_trajectory(scene):
                    if step.index % 50 == 0:
                        yield f"Computing the reference: step {step.index + 1:,} of {step.total:,}."
                    end = step.x_next
                entry.x0 = end
            return entry.x0
        finally:
            entry.computing.release()

    def _entry(self, key: tuple[Any, ...]) -> _Entry:
        with self._guard:
            entry = self._entries.setdefault(key, _Entry())
            self._entries.move_to_end(key)
            if len(self._entries) > self._most:
                self._entries.popitem(last=False)
            return entry
