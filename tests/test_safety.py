"""What somebody with bad intentions may send: paths of the server's disk, values that no control has, too much."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from playground.core.data import images
from playground.render.films.film_format import Film
from playground.ui.server.request_limits import MAX_BODY, TOO_LARGE
from playground.ui.server.run_limiter import AT_ONCE
from tests.by_hand import ByHand
from tests.server import ROOT

SECRETS = ("/etc/passwd", str(ROOT / "app.py"), str(ROOT / "weights" / "digits" / "card.json"))
SHOWN = ("root:", "Build the app", "held_out_error")
"""What a person would see of them."""
HOSTILE: tuple[Any, ...] = (
    None,
    -1,
    10**30,
    "NaN",
    "../../etc/passwd",
    "{{7*7}}${1}<img src=x onerror=alert(1)>",
    [],
    {},
)
QUICK = {"Steps": 1, "Calls": 3, "T": 20}


@pytest.fixture
def visitor(address: str) -> Iterator[ByHand]:
    with ByHand(address) as visitor:
        yield visitor


def quick(visitor: ByHand, event: dict[str, Any]) -> list[Any]:
    """The event's values at first, but for those that would take long."""
    values, places = visitor.at_first(event), visitor.places(event)
    for label in QUICK.keys() & places:
        values[places[label]] = QUICK[label]
    if event["api_name"] in ("stream_run", "train", "arrived", "open_link"):
        values[0] = visitor.numbered(until=20)  # a training goes so far
    return values


def file_at(path: str) -> dict[str, Any]:
    """A path of the server's, as Gradio writes files."""
    return {"path": path, "url": None, "orig_name": "x.png", "meta": {"_type": "gradio.FileData"}}


def test_no_path_of_the_server_can_be_fetched(visitor: ByHand) -> None:
    for secret in SECRETS:
        assert Path(secret).is_file()
        tries = (f"file={secret}", f"file=..{secret}", f"file=/proc/self/root{secret}", f"file=file://{secret}")
        for path in (
            *tries,
            f"file/{secret}",
            f"proxy=http://127.0.0.1{secret}",
            f"static{secret}",
            f"assets/../..{secret}",
        ):
            answer = visitor.http.get(path)
            assert answer.status_code in (400, 403, 404), path
            assert not any(word in answer.text for word in SHOWN)


def test_the_server_fetches_nothing_for_others(visitor: ByHand) -> None:
    for url in ("http://127.0.0.1:9/", "http://169.254.169.254/latest/meta-data/", "file:///etc/passwd"):
        assert visitor.http.get(f"file={url}").status_code in (400, 403, 404)


def test_events_that_are_called_by_hand_answer_whatever_they_get_and_show_no_file(visitor: ByHand) -> None:
    """Refused in a sentence or by Gradio, whose own reasons stay on the server; then the next call works."""

    def called(event: dict[str, Any], values: Any) -> None:
        answer = visitor.call(event, values)
        assert set(answer["output"]) & {"data", "error"}, answer
        said = json.dumps(answer)
        assert not any(word in said for word in (*SHOWN, "Traceback", "/site-packages/")), (event["api_name"], values)

    for event in visitor.events:
        inputs = len(event["inputs"])
        if not inputs:
            continue
        for wrong in (file_at(SECRETS[event["id"] % 3]), HOSTILE[event["id"] % 8], HOSTILE[(event["id"] + 3) % 8]):
            called(event, [wrong] * inputs)
        for place in range(event["id"] % 3, inputs, 3):
            wrong = file_at(SECRETS[0]) if (event["id"] + place) % 4 < 2 else HOSTILE[place % len(HOSTILE)]
            right = quick(visitor, event)  # a run each time, since each has its number
            called(event, [*right[:place], wrong, *right[place + 1 :]])
    for data in (None, [], "x", {"a": 1}, [None] * 50):
        answer = visitor.call(visitor.events[0], data)
        assert not answer["success"] or answer["output"]["data"]
    add_noise = next(each for each in visitor.events if each["api_name"] == "add_noise")
    assert visitor.call(add_noise, visitor.at_first(add_noise))["success"]


def test_requests_that_are_none_are_refused(visitor: ByHand) -> None:
    for path, body, status in (
        ("queue/join", {}, 422),
        ("queue/join", {"fn_index": 10**6, "data": [], "session_hash": "x"}, 404),
        ("queue/join", {"fn_index": "x", "data": [], "session_hash": "x"}, 422),
        ("call/none", {"data": []}, 404),
        ("call/shown", {"data": ["http://x"]}, 200),
        ("run/none", {"data": []}, 404),
        ("call/v2/none", {}, 404),
        ("call/v2/add_noise", {"colour": "red"}, 422),
        ("cancel", {"session_hash": "x", "fn_index": 0, "event_id": "x"}, 200),
        ("reset", {"event_id": "x"}, 200),
        ("component_server", {"component_id": 1, "data": "x", "fn_name": "__init__", "session_hash": "x"}, 404),
        ("upload", {}, 400),
    ):
        answer = visitor.http.post(path, json=body)
        assert answer.status_code == status, (path, body)
        assert "/site-packages/" not in answer.text


def test_a_film_to_be_saved_is_checked_as_a_picture_is(visitor: ByHand) -> None:
    players = [each for each in visitor.config["components"] if each["props"].get("elem_id") == "player-forward"]
    for sent in (
        None,
        "x",
        {"kind": "gif", "sheet": "/etc/passwd", "frames": 1},
        {"kind": "exe", "sheet": "", "frames": 1},
    ):
        body = {"component_id": players[0]["id"], "fn_name": "encode", "data": sent, "session_hash": visitor.session}
        answer = visitor.http.post("component_server", json=body)
        assert answer.status_code == 200
        assert set(answer.json()) == {"error"}


def png(width: int, height: int) -> bytes:
    """A PNG that says it is so large, and brings a few bytes: opened in full it would take all memory."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [8_000, 60_000, 2**31 - 1])
def test_a_bomb_is_refused_wherever_a_picture_comes_in(visitor: ByHand, side: int) -> None:
    bomb = png(side, side)
    text = "data:image/png;base64," + base64.b64encode(bomb).decode()
    sentences = ("This picture is too large", "This file is not a picture that can be read")
    [uploaded] = visitor.http.post("upload", files={"files": ("bomb.png", bomb)}).json()
    sent = {
        "add_noise": (-1, text),
        "uploaded": (0, file_at(uploaded)),
        "parse_choice": (0, {"drawing": text}),
        "parse_drawing": (0, {"drawing": text}),
        "parse_mask": (0, {"painting": text}),
    }
    for name, (place, value) in sent.items():
        event = next(each for each in visitor.events if each["api_name"] == name)
        values = visitor.at_first(event)
        values[place] = value
        answer = visitor.call(event, values)
        assert str(answer["output"]["error"]).startswith(sentences), name


def test_too_much_is_refused_at_the_door(visitor: ByHand) -> None:
    answer = visitor.http.post("queue/join", content=b"x" * (MAX_BODY + 1))
    assert (answer.status_code, answer.text) == (413, TOO_LARGE)
    pieces = (b"x" * 2**20 for _ in range(MAX_BODY // 2**20 + 2))  # whose length is not announced
    assert visitor.http.post("queue/join", content=pieces).status_code == 413
    assert visitor.http.post("upload", files={"files": ("x.png", bytes(images.MAX_BYTES + 1))}).status_code == 413


def test_an_uploaded_page_is_not_shown_as_one(visitor: ByHand) -> None:
    for name in ("x.html", "x.svg", "../../x.html"):
        [path] = visitor.http.post("upload", files={"files": (name, b"<script>alert(1)</script>")}).json()
        answer = visitor.http.get(f"file={path}")
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["content-type"] == "application/octet-stream"


def test_nobody_has_more_than_a_few_runs_and_is_told_so(visitor: ByHand, address: str) -> None:
    """Two: a run that is watched, and its steps so far, which are sampled again to be saved."""
    event, values = visitor.run(Steps=1000, Pictures=1)
    assert visitor.join(event, values).status_code == 200
    messages, came = visitor.messages(), 0
    while came < 20:
        came += next(messages)["msg"] == "process_generating"
    save = visitor.pressed("export-npz")
    for _ in range(AT_ONCE):
        assert visitor.join(save, [values[0]["number"], 1000]).status_code == 200
    ended = next(message for message in messages if message["msg"] == "process_completed")
    assert f"You have {AT_ONCE} runs under way already" in ended["output"]["error"]
    messages.close()
    with ByHand(address) as other:
        assert other.call(*other.run(Steps=1))["success"]


def test_of_several_runs_that_somebody_starts_only_the_last_goes_on(visitor: ByHand) -> None:
    """Whatever number of them is asked for at once, and whoever asks for each twice."""
    long = [visitor.run(Steps=1000, Pictures=1) for _ in range(4)]
    for event, values in (*long, *long, visitor.run(Steps=2)):
        assert visitor.join(event, values).status_code == 200
    answers = [message for message in visitor.messages() if message["msg"] == "process_completed"]
    assert len(answers) == 9
    assert all(message["success"] for message in answers)


def test_a_request_to_run_that_is_none_is_refused(visitor: ByHand) -> None:
    for kind in ("sampling", "training"):
        event, values = visitor.run(kind)
        for wrong in (*HOSTILE, {"number": 0}, {"number": "1e999"}, {"number": "NaN"}, {"number": [1]}):
            said = visitor.call(event, [wrong, *values[1:]])["output"]["error"]
            assert said.startswith(("A numbered request is needed here", "number must be a whole number")), wrong
    event, values = visitor.run(Steps=1)
    for name in ("film", "frames"):
        said = visitor.call(event, [visitor.numbered(**{name: "x"}), *values[1:]])["output"]["error"]
        assert said.startswith(f"{name} must be a whole number")
    said = visitor.call(visitor.tells_of("sampling"), [visitor.numbered(lacks="x")])["output"]["error"]
    assert said.startswith("lacks must be a whole number")


def test_what_is_asked_for_again_is_of_the_film_that_it_names_or_a_new_one(visitor: ByHand) -> None:
    """Never the end of one film and the beginning of another: one's `frames` say nothing of the other."""

    def pieces(**details: Any) -> list[Film]:
        event, values = visitor.run(Steps=3, Seed=seed)
        values[0] |= details
        assert visitor.join(event, values).status_code == 200
        films = list[Film]()
        for message in visitor.messages():
            if message["msg"] in ("process_generating", "process_completed"):
                for film in films_in(message):
                    if "ended" not in film and film["start"] == (films[-1]["start"] + 1 if films else film["start"]):
                        films.append(film)  # an update may bring pieces once more
        return films

    seed = 1
    first = pieces()
    assert [film["start"] for film in first] == [0, 1, 2]
    seed = 2  # the page has other settings by now; what is missing is of those of the film
    again = pieces(film=1, frames=2)
    assert [(film["run"], film["start"]) for film in again] == [(1, 2)]
    assert again[0]["moving"] == first[2]["moving"]
    other = pieces()
    assert {film["run"] for film in other} == {3}
    assert other[2]["moving"] != first[2]["moving"]
    lost = pieces(film=1, frames=4)  # which is no longer the last
    assert [(film["run"], film["start"]) for film in lost] == [(4, 0), (4, 1), (4, 2)]


def test_a_finished_training_starts_again_only_where_that_is_asked(visitor: ByHand) -> None:
    """What asks for lost pieces of it must not begin another."""

    def run_of(**details: Any) -> int:
        event, values = visitor.run("training", Width=16, Layers=1)
        values[0] |= details
        assert visitor.join(event, values).status_code == 200
        films = list[Film]()
        for message in visitor.messages():
            if message["msg"] in ("process_generating", "process_completed"):
                films += films_in(message)
            if message["msg"] == "process_completed":
                break
        return int(films[-1]["run"])

    finished = run_of()
    assert run_of(film=str(finished), frames=0) == finished
    assert run_of(again=True) != finished


def films_in(message: dict[str, Any]) -> list[Film]:
    """The films in an answer, whole or as Gradio writes what has changed since the one before."""
    texts = list[str]()

    def look(value: Any) -> None:
        if isinstance(value, str) and value.startswith("{"):
            texts.append(value)
        for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            look(each)

    look(message["output"])
    return [piece for text in texts for piece in json.loads(text)["pieces"]]


def test_queries_of_any_kind_open_the_page(address: str) -> None:
    for query in ("?T=%00", "?seed=9e999", "?hide=</style><script>", "?__theme=%ff", "?" + "x=1&" * 3000, "?t={{7*7}}"):
        answer = httpx.get(address + query, trust_env=False)
        assert answer.status_code == 200
        assert "{{7*7}}" not in answer.text
        assert "</style><script>" not in answer.text
