import base64
import re
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from playground.core.data import images
from playground.render.export.mp4 import mp4
from playground.ui.components.player import player
from playground.ui.components.player.player import build_player, encode
from tests.test_frame_sheet import grey_sheet

INITS = {"gif": b"GIF89a", "mp4": b"\0\0\0 ftyp"}


def kinds() -> set[str]:
    """The moving films that the page offers."""
    markup = build_player(elem_id="player", label="A film", skeletons={"": "3x1"}).html_template
    return set(re.findall(r'<button[^>]*data-kind="(\w+)"', markup)) - {"png", "json"}


def test_a_film_is_offered_in_each_kind_that_can_be_made() -> None:
    assert kinds() == ({"gif", "mp4"} if shutil.which("ffmpeg") else {"gif"})
    for kind in kinds():
        answer = encode({"kind": kind, "sheet": images.png_url(grey_sheet()), "frames": 3})
        assert base64.b64decode(answer["file"]).startswith(INITS[kind])


def test_without_ffmpeg_no_mp4_is_offered_or_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert kinds() == {"gif"}
    answer = encode({"kind": "mp4", "sheet": images.png_url(grey_sheet()), "frames": 3})
    assert answer == {"error": "A film is sent as a sheet of its frames, their number and gif."}


def test_what_is_no_film_is_told_in_a_sentence() -> None:
    sheet = images.png_url(grey_sheet())
    bad: Any
    for bad in (
        None,
        [],
        {},
        {"kind": "gif", "sheet": "no picture", "frames": 3},
        {"kind": "gif", "sheet": sheet, "frames": "x"},
        {"kind": "exe", "sheet": sheet, "frames": 3},
        {"sheet": sheet, "frames": 3},
    ):
        assert encode(bad)["error"].endswith(".")


def test_encode_refuses_a_sheet_that_no_film_needs() -> None:
    """A white picture of this size is small as a file, and took 1.2 GB."""
    sheet = images.png_url(Image.new("L", (6300, 6300), 255))
    assert encode({"kind": "gif", "sheet": sheet, "frames": 60})["error"].startswith("This picture is too large")
    assert player.MAX_PIXELS < 6300**2


def test_encode_makes_two_films_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once, most = 0, 0
    lock = threading.Lock()

    def slow(sheet: Image.Image, frames: int) -> bytes:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.05)
        with lock:
            at_once -= 1
        return b"film"

    monkeypatch.setattr(player, "export_formats", lambda: {"gif": slow})
    sent = {"kind": "gif", "sheet": images.png_url(grey_sheet()), "frames": 3}
    with ThreadPoolExecutor(6) as threads:
        assert all("file" in answer for answer in threads.map(encode, [sent] * 6))
    assert most == 2
    monkeypatch.setattr(player, "MAX_WAIT", 0.01)
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(encode, [sent] * 6))
    assert {"error": "Other films are being saved here: try again in a moment."} in answers
    assert sum("file" in answer for answer in answers) >= 2


def test_bounds_of_a_sheet_are_the_same_in_the_player() -> None:
    script = Path(player.__file__).with_name("saving.js").read_text(encoding="utf-8")
    bounds = dict(re.findall(r"^const (MAX_\w+) = ([\d_]+);", script, re.MULTILINE))
    assert {name: int(value) for name, value in bounds.items()} == {
        "MAX_SIDE": player.MAX_SIDE,
        "MAX_PIXELS": player.MAX_PIXELS,
    }


def test_mp4_gives_ffmpeg_raw_pixels_and_no_name_of_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ffmpeg reads comes through a pipe, so nothing that a visitor sends can name a file or an address."""
    commands: list[list[str]] = []

    def run(command: list[str], **options: Any) -> Any:
        commands.append(command)
        Path(command[-1]).write_bytes(b"film")

    monkeypatch.setattr("playground.render.export.mp4.ffmpeg", lambda: "ffmpeg")
    monkeypatch.setattr("playground.render.export.mp4.subprocess.run", run)
    assert mp4(grey_sheet(), 3) == b"film"
    (command,) = commands
    inputs = [command[k + 1] for k, word in enumerate(command) if word == "-i"]
    assert inputs == ["pipe:0"]
    assert command[command.index("-f") + 1] == "rawvideo"
