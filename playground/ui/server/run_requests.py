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

from playground.ui.server.errors import user_errors
from playground.ui.state.settings import MAX_FILM, integer

MAX_NUMBER = 2**31 - 1
ABANDONED = 5.0
"""For how many seconds a run waits for the one before to end: one that was cancelled from outside may never do so."""

FILMS = 4
"""How many films of a session are remembered."""


@dataclass(eq=False)
class _Session:
    """`latest` is the highest number requested, `started` the highest that has started, `running` that of the run under
    way, if any, `films` what the last films were made from, by number, and `lacking` how many frames a page has that
    noticed a gap.
    """

    latest: int = 0
    started: int = 0
    running: int = 0
    films: OrderedDict[int, Any] = field(default_factory=OrderedDict)
    lacking: int | None = None
    change: threading.Condition = field(default_factory=threading.Condition)


class Runs:
    """The runs of one kind, by session. The session that was unused for longest is forgotten beyond `capacity`."""

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
        """Note that a run or a stop with this number was requested: every earlier run of the session ends."""
        session = self._session(name)
        with session.change:
            session.latest = max(session.latest, number)
            session.change.notify_all()

    @contextmanager
    def start(self, name: str, number: int) -> Iterator[Callable[[], bool] | None]:
        """Wait until the session's earlier run has ended, then hold its place.

        Yields a function that tells whether the run is still the latest request, or None for a run that has started
        already or that a later request has replaced.
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
                session.running = session.started = number  # in this order: what is started and not running has ended
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
        """Whether the run with this number has started."""
        return self._session(name).started >= number

    def has_ended(self, name: str, number: int) -> bool:
        """Whether the run with this number has started and ended."""
        session = self._session(name)
        return session.started >= number and session.running != number

    def lack(self, name: str, number: int, frames: int) -> None:
        """Note that a page has only the first `frames` of the film that the run with this number makes."""
        session = self._session(name)
        if session.running == number:
            session.lacking = frames

    def lacking(self, name: str) -> int | None:
        """What was noted last, once."""
        session = self._session(name)
        frames, session.lacking = session.lacking, None
        return frames

    def keep(self, name: str, number: int, film: Any) -> None:
        """Note what the session's film with this number was made from. The last FILMS are kept: a page still shows an
        earlier one where a run was stopped before its first frame.
        """
        films = self._session(name).films
        films[number] = film
        while len(films) > FILMS:
            films.popitem(last=False)

    def kept(self, name: str, number: int) -> Any:
        """What the film with this number was made from, or None."""
        return self._session(name).films.get(number)

    def last_kept(self, name: str) -> int:
        """The number of the session's last film; 0 without any."""
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
    """An invisible component through which `playground.requests[name]` in the browser sends numbered requests.

    Its value is {"number": …} with whatever belongs to the request. The event `submit` carries it out. `input` asks
    whether it has arrived, or tells of a film's gap with {"lacks": how many frames the page has}.
    """
    return gr.HTML(
        "",
        js_on_load=f"playground.requests.{name}.connect(props, trigger);",
        apply_default_css=False,
        elem_id=f"request-{name}",
        elem_classes="request",
    )


def build_answers(runs: Runs, asked: gr.HTML, name: str) -> None:
    """Answer each request that arrives, in the browser by `playground.requests[name].arrived(…)`.

    The answer is quick, whatever else waits to run: it is how the browser knows that nothing was lost. A request ends
    the run before it.
    """
    answer = gr.JSON(visible="hidden", label="The last request that arrived")

    @user_errors()
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

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    asked.input(arrived, asked, answer, trigger_mode="multiple", **quiet).success(
        None, answer, None, js=f"(answer) => playground.requests.{name}.arrived(answer)", api_visibility="private"
    )


def number_of(value: Any) -> int:
    """The number of a request. Raises ValueError, in a sentence for a person, for what is no request."""
    match value:
        case {"number": number}:
            return integer("number", number, 1, MAX_NUMBER)
    raise ValueError("A numbered request is needed here.")
