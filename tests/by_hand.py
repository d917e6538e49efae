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

    def __enter__(self) -> ByHand:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    @property
    def events(self) -> list[dict[str, Any]]:
        """What can be called, public or not; events that only the browser handles are not among them."""
        return [each for each in self.config["dependencies"] if each["backend_fn"]]

    def pressed(self, elem_id: str) -> dict[str, Any]:
        """The event of a click on the button with this id."""
        [button] = [each["id"] for each in self.config["components"] if each["props"].get("elem_id") == elem_id]
        return next(each for each in self.events if [button, "click"] in each["targets"])

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
