import base64
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from playground.core.data import images
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
