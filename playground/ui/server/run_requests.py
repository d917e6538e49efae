"""Numbered run requests: a run starts once, and only after the run before it in the same session has ended.

The browser numbers its requests from 1 and repeats one that has no answer, so a request may arrive more than once.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from playground.ui.state.settings import MAX_FILM
from playground.ui.state.validation import integer

MAX_NUMBER = 2**31 - 1
ABANDONED = 5.0
"""Most seconds that a run waits for the one before to end: a run cancelled from outside may never end."""

FILMS = 4
"""Films of a session that are remembered."""


@dataclass(eq=False)
class _Session:
    """State of the runs of one browser session.

    Attributes:
        latest: highest number requested.
        started: highest number that has started.
        running: number of the run under way; 0 for none.
        films: what the last films were made from, by number.
        lacking: number of frames of a page that has noticed a gap; None for none.
        change: signals that one of these has changed.
    """

    latest: int = 0
    started: int = 0
    running: int = 0
    films: OrderedDict[int, Any] = field(default_factory=OrderedDict)
    lacking: int | None = None
    change: threading.Condition = field(default_factory=threading.Condition)


class Runs:
    """Runs of one kind by session. Beyond `capacity` the least recently used session is forgotten, and its runs end."""

    def __init__(self, capacity: int = 256) -> None:
        self._capacity = capacity
        self._sessions: OrderedDict[str, _Session] = OrderedDict()
        self._guard = threading.Lock()

    def _session(self, name: str) -> _Session:
        with self._guard:
            session = self._sessions.setdefault(name, _Session())
            self._sessions.move_to_end(name)
            while len(self._sessions) > self._capacity:
                self._sessions.popitem(last=False)[1].latest = MAX_NUMBER + 1
            return session

    def request(self, name: str, number: int) -> None:
        """Register a request for a run or a stop; every earlier run of the session ends.

        Args:
            name: id of the session.
            number: number of the request.
        """
        session = self._session(name)
        with session.change:
            session.latest = max(session.latest, number)
            session.change.notify_all()

    @contextmanager
    def start(self, name: str, number: int) -> Iterator[Callable[[], bool] | None]:
        """Context manager for a run: it starts once the session's earlier run has ended.

        It waits ABANDONED seconds at most.

        Args:
            name: id of the session.
            number: number of the run.

        Yields:
            A function that returns whether the run is still the latest request; or None, if the run has started already
            or a later request has replaced it.
        """
        self.request(name, number)
        session = self._session(name)

        def is_latest() -> bool:
            return session.latest == number

        def may_start() -> bool:
            return is_latest() and number > session.started

        with session.change:
            session.change.wait_for(lambda: not session.running or not may_start(), ABANDONED)
            starts = may_start()
            if starts:
                session.lacking = None
                session.running = session.started = number  # in this order: started and not running means ended
        if not starts:
            yield None
            return
        try:
            yield is_latest
        finally:
            with session.change:
                if session.running == number:
                    session.running = 0
                session.change.notify_all()

    def has_started(self, name: str, number: int) -> bool:
        """Whether a run has started.

        Args:
            name: id of the session.
            number: number of the run.

        Returns:
            True if this run or a later one has started.
        """
        return self._session(name).started >= number

    def has_ended(self, name: str, number: int) -> bool:
        """Whether a run has started and ended.

        Args:
            name: id of the session.
            number: number of the run.

        Returns:
            True if it has started and is no longer under way.
        """
        session = self._session(name)
        return session.started >= number and session.running != number

    def lack(self, name: str, number: int, frames: int) -> None:
        """Register a gap: a page has only the first frames of a film under way.

        Args:
            name: id of the session.
            number: number of the run that makes the film.
            frames: number of frames that the page has.
        """
        session = self._session(name)
        if session.running == number:
            session.lacking = frames

    def lacking(self, name: str) -> int | None:
        """Number of frames of the page that reported a gap last, or None; each report is returned once."""
        session = self._session(name)
        frames, session.lacking = session.lacking, None
        return frames

    def keep(self, name: str, number: int, film: Any) -> None:
        """Remember what a film was made from.

        The last FILMS are remembered: a page still shows an earlier film where a run was stopped before its first
        frame.

        Args:
            name: id of the session.
            number: number of the film.
            film: what it was made from.
        """
        films = self._session(name).films
        films[number] = film
        while len(films) > FILMS:
            films.popitem(last=False)

    def kept(self, name: str, number: int) -> Any:
        """Recall what a film was made from.

        Args:
            name: id of the session.
            number: number of the film.

        Returns:
            What `keep` remembered, or None.
        """
        return self._session(name).films.get(number)

    def last_kept(self, name: str) -> int:
        """Number of the session's last film; 0 for none."""
        return next(reversed(self._session(name).films), 0)

    def leave(self, name: str) -> None:
        """Forget a session whose page was closed; its runs end."""
        with self._guard:
            session = self._sessions.pop(name, None)
        if session:
            with session.change:
                session.latest = MAX_NUMBER + 1
                session.change.notify_all()

    def __len__(self) -> int:
        return len(self._sessions)


def build_request(name: str) -> gr.HTML:
    """Request component, invisible: it receives the numbered requests of `playground.requests[name]` in the browser.

    Its value is {"number": …} and whatever else belongs to the request. The event `submit` starts the run. The event
    `input` checks whether the request has arrived, or reports a gap in a film by {"lacks": number of frames on the
    page}.
    """
    return gr.HTML(
        "",
        js_on_load=f"playground.requests.{name}.connect(props, trigger);",
        apply_default_css=False,
        elem_id=f"request-{name}",
        elem_classes="request",
    )


def build_answers(runs: Runs, asked: gr.HTML, name: str) -> None:
    """Acknowledge requests: `playground.requests[name].arrived(…)` is called in the browser for each that arrives.

    The answer comes at once, whatever else waits to run, so that the browser knows that nothing was lost. A request
    ends the run before it.

    Args:
        runs: runs of this kind.
        asked: the component of `build_request`.
        name: name of this kind of request in the browser.
    """
    answer = gr.JSON(visible="hidden", label="The last request that arrived")

    def arrived(request: gr.Request, asked: Any) -> dict[str, Any]:
        session, number = str(request.session_hash), number_of(asked)
        runs.request(session, number)
        if "lacks" in asked:
            runs.lack(session, number, integer("lacks", asked["lacks"], 0, MAX_FILM))
        return {
            "number": number,
            "started": runs.has_started(session, number),
            "ended": runs.has_ended(session, number),
        }

    asked.input(
        arrived, asked, answer, trigger_mode="multiple", show_progress="hidden", api_visibility="private"
    ).success(
        None, answer, None, js=f"(answer) => playground.requests.{name}.arrived(answer)", api_visibility="private"
    )


def number_of(value: Any) -> int:
    """Number of a request. Raises ValueError if the value is no request; the message is for the user."""
    match value:
        case {"number": number}:
            return integer("number", number, 1, MAX_NUMBER)
    raise ValueError("A numbered request is needed here.")
