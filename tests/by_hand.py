"""The app's events called by hand, as somebody may who has neither its page nor Gradio's client."""

from __future__ import annotations

import itertools
import json
from collections.abc import Generator
from functools import cache
from typing import Any

import httpx

_sessions = itertools.count()


@cache
def config(address: str) -> dict[str, Any]:
    """What the app that runs there tells of its components and events."""
    told: dict[str, Any] = httpx.get(address + "config", trust_env=False).json()
    return told


class ByHand:
    """A session of somebody's own at the app that runs at `address`."""

    def __init__(self, address: str, timeout: float = 60) -> None:
        self.http = httpx.Client(base_url=address + "gradio_api/", timeout=timeout, trust_env=False)
        self.session = f"by-hand-{next(_sessions)}"
        self.config = config(address)
        self._components = {each["id"]: each for each in self.config["components"]}
        self._numbers = itertools.count(1)

    def __enter__(self) -> ByHand:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    @property
    def events(self) -> list[dict[str, Any]]:
        """What can be called, public or not; events that only the browser handles are not among them."""
        return [each for each in self.config["dependencies"] if each["backend_fn"]]

    def component(self, elem_id: str) -> int:
        """The component with this id in the page."""
        [found] = [each for each, told in self._components.items() if told["props"].get("elem_id") == elem_id]
        return int(found)

    def pressed(self, elem_id: str) -> dict[str, Any]:
        """The event of a click on the button with this id."""
        button = self.component(elem_id)
        return next(each for each in self.events if [button, "click"] in each["targets"])

    def of_runs(self, kind: str) -> dict[str, Any]:
        """The event that starts a run of this kind, sampling or training; its first input is `numbered`."""
        asked, player = (
            self.component(each)
            for each in (f"request-{kind}", {"sampling": "player-reverse", "training": "player-training"}[kind])
        )
        return next(each for each in self.events if [asked, "submit"] in each["targets"] and player in each["outputs"])

    def tells_of(self, kind: str) -> dict[str, Any]:
        """The event that tells of a request of this kind, as long as it is without an answer."""
        asked = self.component(f"request-{kind}")
        return next(each for each in self.events if [asked, "input"] in each["targets"])

    def numbered(self, **details: Any) -> dict[str, Any]:
        """A request with a number that is this session's next; it ends the run before."""
        return {"number": next(self._numbers), **details}

    def run(self, kind: str = "sampling", **chosen: Any) -> tuple[dict[str, Any], list[Any]]:
        """The event that starts a run, and its inputs: a new request, and values as at first but for those `chosen`,
        by their labels."""
        event = self.of_runs(kind)
        values, places = self.at_first(event), self.places(event)
        values[0] = self.numbered()
        for label, value in chosen.items():
            values[places[label]] = value
        return event, values

    def at_first(self, event: dict[str, Any]) -> list[Any]:
        """The values that the event's inputs have when the page is opened."""
        return [self._components[each]["props"].get("value") for each in event["inputs"]]

    def places(self, event: dict[str, Any]) -> dict[str, int]:
        """Where among the event's inputs those are that have a label, by it."""
        labels = [self._components[each]["props"].get("label") for each in event["inputs"]]
        return {label: place for place, label in enumerate(labels) if label}

    def join(self, event: dict[str, Any], data: Any) -> httpx.Response:
        """Put the event into the queue."""
        body = {"fn_index": event["id"], "data": data, "session_hash": self.session}
        return self.http.post("queue/join", json=body)

    def messages(self) -> Generator[dict[str, Any]]:
        """What comes back; whoever closes this has hung up."""
        with self.http.stream("GET", "queue/data", params={"session_hash": self.session}) as stream:
            for line in stream.iter_lines():
                if line.startswith("data:"):
                    yield json.loads(line[5:])

    def call(self, event: dict[str, Any], data: Any) -> dict[str, Any]:
        """The event's last answer: {"success": …, "output": …}, or the status where it was refused at the door."""
        refused = self.join(event, data)
        if refused.status_code != 200:
            return {"success": False, "status": refused.status_code, "output": refused.json()}
        for message in self.messages():
            if message["msg"] in ("process_completed", "unexpected_error"):
                return message
        raise AssertionError("There was no answer.")
