"""Films are made by the ffmpeg that is here, and decoded again; where there is none, that is told."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from playground.render.export import mp4 as module
from playground.render.export.mp4 import mp4
from tests.test_frame_sheet import GREYS, grey_sheet


def decoded(film: bytes, file: Path) -> np.ndarray:
    """Every frame of a film, uint8 (K, H, W, 3)."""
    file.write_bytes(film)
    facts = ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name,pix_fmt,width,height", "-of", "csv=p=0"]
    codec, width, height, pixels = subprocess.check_output([*facts, file], text=True).strip().split(",")
    assert (codec, pixels) == ("h264", "yuv420p")
    command = ["ffmpeg", "-v", "error", "-i", file, "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"]
    data = subprocess.check_output(command)
    return np.frombuffer(data, dtype=np.uint8).reshape(-1, int(height), int(width), 3)


def stand_in(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ffmpeg that does nothing but this."""
    program = folder / "ffmpeg"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_the_frames_of_a_sheet_become_those_of_an_mp4(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of a second each, the last one for a second and a half; an odd side gets a white pixel more."""
    if shutil.which("ffmpeg") is None:
        with pytest.raises(ValueError, match="there is none here"):
            mp4(grey_sheet(), 3)
        return
    (tmp_path / "work").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "work"))
    film = mp4(grey_sheet(width=21), 3)
    assert film.index(b"moov") < film.index(b"mdat")  # its index in front
    frames = decoded(film, tmp_path / "film.mp4").astype(int)
    assert frames.shape == (3 + 14, 10, 22, 3)
    for k, frame in enumerate(frames):
        assert np.abs(frame[:, :20] - GREYS[min(k, 2)]).max() <= 4
    assert list((tmp_path / "work").iterdir()) == []


def test_colours_survive(tmp_path: Path) -> None:
    """The page's own, in fields wide enough for yuv420p."""
    colours = [(29, 78, 216), (180, 83, 9), (126, 34, 206), (190, 18, 60)]
    sheet = Image.new("RGB", (128, 32))
    for k, colour in enumerate(colours):
        sheet.paste(colour, (32 * k, 0, 32 * k + 32, 32))
    if shutil.which("ffmpeg") is None:
        with pytest.raises(ValueError, match="there is none here"):
            mp4(sheet, 1)
        return
    frames = decoded(mp4(sheet, 1), tmp_path / "film.mp4").astype(int)
    for k, colour in enumerate(colours):
        assert np.abs(frames[:, 4:28, 32 * k + 4 : 32 * k + 28] - colour).max() <= 5


@pytest.mark.parametrize("frames", [0, 7, 61])
def test_a_sheet_that_does_not_divide_is_told(frames: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, "exit 1", monkeypatch)
    with pytest.raises(ValueError, match="A film of 1 to 60 frames"):
        mp4(grey_sheet(), frames)


def test_where_there_is_no_ffmpeg_that_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match="An MP4 is made by ffmpeg, and there is none here"):
        mp4(grey_sheet(), 3)


def test_an_ffmpeg_that_fails_is_told_with_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, "echo one >&2; echo \"Unknown encoder 'libx264'\" >&2; exit 1", monkeypatch)
    with pytest.raises(ValueError, match=r"ffmpeg could not make the film.*Unknown encoder 'libx264'"):
        mp4(grey_sheet(), 3)


def test_an_ffmpeg_that_takes_too_long_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, "exec sleep 60", monkeypatch)
    monkeypatch.setattr(module, "SECONDS", 0.3)
    with pytest.raises(ValueError, match="ffmpeg took more than"):
        mp4(grey_sheet(), 3)
