"""Random requests to endpoints, links, events of the page, saved films and routes: python -m tests.fuzz --requests 2000

Each must be answered in time: by what was asked for, or by one sentence. Prints how many of each there were, and exits
with 1 where anything else came.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import sys
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote

import httpx
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from playground.core.data.images import KINDS
from playground.core.diffusion.schedules import SCHEDULES
from playground.ui.server.allowed_routes import READ, WRITE
from playground.ui.state.settings import CONTROLS
from tests.by_hand import ByHand
from tests.server import running_app

ALLOWED = {"complete", "error", "page", "422"}
"""How a request may be answered: as it was asked, refused in a sentence, or refused at the door."""
SECONDS = 60
"""Longer than any request with these values takes; what takes as long hangs."""

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
    st.sampled_from(["../../etc/passwd", "{{7*7}}", "<img src=x onerror=alert(1)>", "NaN", "1e999", "\0", "9" * 400]),
)


def picture_files() -> st.SearchStrategy[bytes]:
    """Files of many formats, whole or damaged."""
    files = list[bytes]()
    for kind in (*KINDS, "TIFF", "PDF", "EPS", "ICO", "TGA"):
        for mode in ("RGB", "L"):
            buffer = io.BytesIO()
            Image.linear_gradient("L").resize((24, 18)).convert(mode).save(buffer, kind)
            files.append(buffer.getvalue())
    files += [
        b"\0\0\0\x18ftypheic" + bytes(64),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"#EXTM3U\nfile:///etc/passwd",
    ]
    damages = st.lists(st.tuples(st.integers(0, 300), st.binary(max_size=8)), max_size=4)
    perhaps = st.booleans().flatmap(lambda yes: damages if yes else st.just([]))

    def damaged(drawn: tuple[bytes, list[tuple[int, bytes]], int]) -> bytes:
        data = bytearray(drawn[0])
        for place, put in drawn[1]:
            data[place : place + len(put)] = put
        return bytes(data[: drawn[2]])

    return st.tuples(st.sampled_from(files), perhaps, st.sampled_from([10**6, 10**6, 40])).map(damaged)


LIKELY: dict[str, st.SearchStrategy[Any]] = {
    "model": st.sampled_from(["digits", "emoji"]),
    "image": st.integers(0, 597),
    "t": st.integers(0, 10),
    "T": st.sampled_from([11, 60, 60.0, "60", 4000]),
    "schedule": st.sampled_from(list(SCHEDULES)),
    "seed": st.integers(0, 2**31 - 1),
    "zero_terminal_snr": st.booleans(),
    "own_image": st.one_of(
        st.just(""),
        st.sampled_from(["data:,", "iVBORw0KGgo="]),
        picture_files().map(lambda data: b64encode(data).decode()),
    ),
    "predictor": st.sampled_from(["network", "blind", "copycat"]),
    "label": st.sampled_from(["any", "any", "3", "hearts"]),
    "num_images": st.integers(1, 2),
    "sampler": st.sampled_from(["ddim", "ddpm", "heun", "unipc"]),
    "steps": st.integers(2, 3),
    "guidance_scale": st.floats(0, 8),
    "eta": st.floats(0, 1),
    "variance_type": st.sampled_from(["fixed_large", "fixed_small"]),
}


def bodies(parameters: list[str]) -> st.SearchStrategy[Any]:
    """What is posted to an endpoint: likely values for its parameters, one of them odd at times, or something else."""
    likely = st.tuples(*(LIKELY[name] for name in parameters)).map(list)
    one_odd = st.tuples(likely, st.integers(0, len(parameters) - 1), ODD).map(
        lambda drawn: [*drawn[0][: drawn[1]], drawn[2], *drawn[0][drawn[1] + 1 :]]
    )
    kinds = {"likely": likely, "one odd": one_odd, "of a wrong length": st.lists(ODD, max_size=20), "none": ODD}
    weighed = st.sampled_from(["likely"] * 4 + ["one odd"] * 4 + ["of a wrong length", "none"])
    return weighed.flatmap(kinds.__getitem__).map(lambda data: {"data": data})


def queries() -> st.SearchStrategy[str]:
    """A query string: parts of a link, with likely or odd values, or any text."""
    part = st.sampled_from([*CONTROLS, "__theme", "unknown"]).flatmap(
        lambda name: ODD.map(lambda odd: f"{quote(name)}={quote(str(odd), errors='replace')}")
    )
    return st.one_of(st.lists(part, max_size=8).map("&".join), st.text(max_size=40).map(lambda text: quote(text, "&=")))


def ask(http: httpx.Client, body: Any, name: str, parameters: int) -> str:
    """Call an endpoint as curl would; how it was answered, in a word. Of what is too short Gradio says only that."""
    short = isinstance(body["data"], list) and len(body["data"]) < parameters
    joined = http.post(f"gradio_api/call/{name}", json=body)
    if joined.status_code != 200:
        return str(joined.status_code)
    with http.stream("GET", f"gradio_api/call/{name}/{joined.json()['event_id']}") as stream:
        event = ""
        for line in stream.iter_lines():
            if line.startswith("event:"):
                event = line[6:].strip()
            elif line.startswith("data:") and event in ("complete", "error"):
                data = json.loads(line[5:])
                said = isinstance(data, dict) and data.get("error")
                return event if event == "complete" or said or short else f"{event} without a sentence"
    return "no answer"


def visit(http: httpx.Client, query: str, open_link: int) -> str:
    """Open the page, and go where the link leads, as its script does; how it was answered."""
    opened = http.get(f"?{query}")
    if opened.status_code != 200:
        return str(opened.status_code)
    sent = {"data": [{"number": 1, "query": query}], "fn_index": open_link, "session_hash": "fuzz"}
    joined = http.post("gradio_api/queue/join", json=sent)
    if joined.status_code != 200:
        return str(joined.status_code)
    with http.stream("GET", "gradio_api/queue/data", params={"session_hash": "fuzz"}) as stream:
        for line in stream.iter_lines():
            message = json.loads(line[5:]) if line.startswith("data:") else {}
            if message.get("msg") == "process_completed":
                return "page" if message["success"] else "error without a page"
    return "no answer"


def events() -> st.SearchStrategy[tuple[int, list[tuple[int, Any]], dict[str, Any]]]:
    """An event of the page, by its place among them; which of its inputs are odd; and more of a run's request."""
    odd = st.lists(st.tuples(st.integers(0, 40), ODD), max_size=2)
    details = st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("frames", "film", "until", "stop", "again", "new_film", "number", "unasked"), ODD)
    )
    return st.tuples(st.integers(0, 200), odd, details)


def trigger(http: httpx.Client, drawn: tuple[int, list[tuple[int, Any]], dict[str, Any]]) -> str:
    """Call an event with the values that the page has at first, but for the odd ones; runs are short."""
    which, odd, details = drawn
    with ByHand(str(http.base_url), SECONDS) as visitor:
        event = visitor.events[which % len(visitor.events)]
        values, places = visitor.at_first(event), visitor.places(event)
        if "Steps" in places:
            values[places["Steps"]] = 3
        for kind in ("sampling", "training"):
            if event in (visitor.of_runs(kind), visitor.tells_of(kind)):
                values[0] = {**visitor.numbered(train=False), **details}
        for place, value in odd[: len(values)]:
            values[place % len(values)] = value
        answer = visitor.call(event, values)
    if "status" in answer:
        return str(answer["status"])
    return "complete" if answer["success"] else "error" if (answer["output"] or {}).get("error") else "no sentence"


def saves() -> st.SearchStrategy[Any]:
    """What the player sends to save a film: a sheet of frames, or something else."""
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((24, 18)).save(buffer, "PNG")

    def sent(files: st.SearchStrategy[bytes], frames: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        sheet = files.map(lambda data: "data:image/png;base64," + b64encode(data).decode())
        kind = st.sampled_from([*["gif"] * 6, "mp4", "exe"])
        return st.fixed_dictionaries({"kind": kind, "sheet": sheet, "frames": frames})

    whole, divisors = st.just(buffer.getvalue()), st.sampled_from([1, 2, 6])
    kinds = {"likely": sent(whole, divisors), "damaged": sent(picture_files(), divisors), "odd": sent(whole, ODD)}
    return st.sampled_from([*["likely"] * 3, "damaged", "odd", "none"]).flatmap({**kinds, "none": ODD}.__getitem__)


def save(http: httpx.Client, sent: Any) -> str:
    """Save a film, as the player does."""
    with ByHand(str(http.base_url), SECONDS) as visitor:
        body = {
            "component_id": visitor.component("player-reverse"),
            "fn_name": "encode",
            "session_hash": visitor.session,
        }
        answer = visitor.http.post("component_server", json={**body, "data": sent})
    if answer.status_code != 200:
        return str(answer.status_code)
    return "complete" if "file" in answer.json() else "error" if answer.json().get("error") else "no sentence"


def routes() -> st.SearchStrategy[tuple[str, str]]:
    """A method, and a path: those that are answered, or similar ones."""
    known = st.sampled_from(
        [*READ, *WRITE, "/gradio_api/process_recording", "/gradio_api/file=/etc/passwd", "/login", "/docs"]
    )
    filled = st.tuples(known, st.text(max_size=8)).map(lambda drawn: re.sub(r"{[^}]*}", quote(drawn[1], ""), drawn[0]))
    return st.tuples(st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]), filled)


def route(http: httpx.Client, drawn: tuple[str, str]) -> str:
    """Request a route without a body; events that go on are not waited for."""
    with http.stream(*drawn) as answer:
        return "page" if answer.status_code < 500 else f"{answer.status_code} for {' '.join(drawn)}"


def answers_to(
    http: httpx.Client, send: Callable[[httpx.Client, Any], str], sent: Any, count: int, derandomize: bool
) -> Counter[str]:
    """Send so many of a strategy's examples; how often each was answered how."""
    answers: Counter[str] = Counter()

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=derandomize,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(sent)
    def one(example: Any) -> None:
        answer = send(http, example)
        answers[answer] += 1
        if answer not in ALLOWED:
            print(f"{answer}: {example!r}")

    one()
    return answers


def fuzz(address: str, requests: int, derandomize: bool = False) -> dict[str, Counter[str]]:
    """Send so many, an equal part of each kind and to each endpoint; by name, how often each was answered how.

    With `derandomize` they are the same each time.
    """
    endpoints = httpx.get(f"{address}gradio_api/info", trust_env=False).json()["named_endpoints"]
    each = -(-requests // (len(endpoints) + 4))
    with httpx.Client(base_url=address, timeout=SECONDS, trust_env=False) as http:
        [open_link] = [
            event["id"] for event in http.get("config").json()["dependencies"] if event["api_name"] == "open_link"
        ]
        answers = {
            "links": answers_to(http, partial(visit, open_link=open_link), queries(), each, derandomize),
            "events": answers_to(http, trigger, events(), each, derandomize),
            "saves": answers_to(http, save, saves(), each, derandomize),
            "routes": answers_to(http, route, routes(), each, derandomize),
        }
        for path, endpoint in endpoints.items():
            names = [parameter["parameter_name"] for parameter in endpoint["parameters"]]
            send = partial(ask, name=path.removeprefix("/"), parameters=len(names))
            answers[path] = answers_to(http, send, bodies(names), each, derandomize)
    return answers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=2000)
    requests = parser.parse_args().requests
    began = time.monotonic()
    with running_app() as address:
        answers = fuzz(address, requests)
    for name, answered in answers.items():
        for answer, count in answered.most_common():
            print(f"{name:15} {answer:25} {count:6,}")
    print(f"{sum(map(Counter.total, answers.values())):,} requests in {time.monotonic() - began:.0f} s")
    sys.exit(any(set(answered) - ALLOWED for answered in answers.values()))


if __name__ == "__main__":
    main()
