from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import datasets
import numpy as np
import pytest
import torch
from PIL import Image
from torch.testing import assert_close

from playground.core.data import image_folders, images
from playground.core.data.datasets import ImageDataset, load_pictures, save_pictures
from playground.core.data.image_folders import load_hub_dataset, load_image_folder, load_training_images, square

COLOURS = {"red": (200, 0, 0), "blue": (0, 0, 200), "green": (0, 200, 0)}


def paint(file: Path, colour: str | tuple[int, ...], size: tuple[int, int] = (48, 40), mode: str = "RGB") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, COLOURS.get(colour, colour) if isinstance(colour, str) else colour).save(file)


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Twenty pictures in two subfolders, and one beside them."""
    for k in range(10):
        paint(tmp_path / "mine" / "red" / f"{k}.png", "red")
        paint(tmp_path / "mine" / "blue" / "deeper" / f"{k}.PNG", "blue")
    paint(tmp_path / "mine" / "lonely.png", "green")
    return tmp_path / "mine"


def test_subfolders_are_labels_and_go_with_their_pictures(labelled: Path) -> None:
    pictures = load_image_folder(labelled, 16)
    assert (pictures.name, pictures.shape, len(pictures)) == ("mine", (3, 16, 16), 21)
    assert pictures.label_names == ("blue", "red")
    assert (pictures.num_held_out, pictures.source) == (1, "21 pictures of the folder mine")
    for k in range(21):
        colour = pictures.label_of(k) or "green"
        assert_close(pictures.pixels[k, :, 8, 8], torch.tensor(COLOURS[colour], dtype=torch.uint8))
        assert pictures.names[k].partition("/")[0] == (pictures.label_of(k) or "lonely.png")


def test_a_seed_shuffles_and_the_same_seed_alike(labelled: Path) -> None:
    one, same, other = (load_image_folder(labelled, 8, seed) for seed in (0, 0, 1))
    assert one.names == same.names
    assert torch.equal(one.pixels, same.pixels)
    assert one.names != other.names
    assert sorted(one.names) == sorted(other.names)
    assert list(one.names) != sorted(one.names)


@pytest.mark.parametrize("subfolder", ["", "only"])
def test_without_two_subfolders_there_are_no_labels(subfolder: str, tmp_path: Path) -> None:
    for k in range(60):
        paint(tmp_path / "mine" / subfolder / f"{k}.jpg", (k, 0, 255))
    pictures = load_image_folder(tmp_path / "mine", 8)
    assert (pictures.label_names, pictures.num_held_out) == ((), 3)
    assert pictures.labels_at(pictures.training) is None


def test_where_all_are_grey_one_channel_is_enough(tmp_path: Path) -> None:
    for k in range(4):
        paint(tmp_path / f"{k}.png", (50 * k,), mode="L")
        paint(tmp_path / f"{k}.bmp", (50 * k,) * 3)
    assert load_image_folder(tmp_path, 8).shape == (1, 8, 8)
    paint(tmp_path / "one.png", "red")
    assert load_image_folder(tmp_path, 8).shape == (3, 8, 8)


def test_a_picture_is_turned_as_its_camera_held_it_then_cut_to_its_middle(tmp_path: Path) -> None:
    """A photograph on its side, told by its EXIF orientation; beside its pixels, turned and cut by hand."""
    pixels = np.zeros((64, 96, 3), np.uint8)
    pixels[:32, :, 0], pixels[:, :48, 1] = 255, 255
    exif = Image.Exif()
    exif[0x0112] = 6  # its right side is up: turned by a quarter, clockwise
    image = Image.fromarray(pixels)
    image.save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as opened:
        ours = square(opened, 32)
    by_hand = np.rot90(pixels, -1)[16:80].reshape(32, 2, 32, 2, 3).mean((1, 3))
    inner = np.s_[:, 4:-4, 4:-4]
    difference = np.abs(ours.numpy().astype(float) - by_hand.transpose(2, 0, 1))[inner]
    assert np.median(difference) == 0
    assert difference.mean() < 4  # at the edges between its fields the filter is softer than a mean


@pytest.mark.parametrize(
    ("mode", "colour", "seen"),
    [
        ("RGBA", (10, 20, 30, 0), (255, 255, 255)),
        ("RGBA", (10, 20, 30, 255), (10, 20, 30)),
        ("LA", (90, 255), (90, 90, 90)),
        ("L", 90, (90, 90, 90)),
        ("1", 1, (255, 255, 255)),
        ("I;16", 90 * 256, (90, 90, 90)),
        ("P", 0, (0, 0, 0)),
    ],
)
def test_every_kind_of_picture_becomes_rgb_on_white(
    mode: str, colour: int | tuple[int, ...], seen: tuple[int, int, int], tmp_path: Path
) -> None:
    Image.new(mode, (20, 20), colour).save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert square(image, 8)[:, 4, 4].tolist() == list(seen)


def test_what_is_no_picture_is_left_out_and_counted(labelled: Path) -> None:
    (labelled / "broken.png").write_bytes(b"no picture")
    (labelled / "notes.txt").write_text("no picture either")
    (labelled / ".hidden").mkdir()
    paint(labelled / ".hidden" / "a.png", "red")
    assert load_image_folder(labelled, 8).source == "21 pictures of the folder mine; passed over: 1 that cannot be read"


def test_of_more_than_fit_on_a_sheet_some_are_drawn_and_that_is_said(
    labelled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_folders, "MAX_SHEET", 10 * 8 * 8)
    pictures = load_image_folder(labelled, 8)
    assert len(pictures) == 10
    assert pictures.source == "10 pictures, drawn from 21, of the folder mine"


def test_a_folder_without_pictures_is_told(tmp_path: Path) -> None:
    paint(tmp_path / "one.png", "red")
    with pytest.raises(ValueError, match=r"There are 1 pictures in .*, where two at least are needed: PNG, JPEG"):
        load_image_folder(tmp_path, 8)


def test_pictures_that_are_ready_are_taken_as_they_are(tmp_path: Path) -> None:
    ready = ImageDataset(
        "r", torch.zeros(3, 1, 8, 8, dtype=torch.uint8), torch.zeros(3).long(), ("a",), 1, "here", "MIT"
    )
    save_pictures(ready, tmp_path / "ready")
    assert load_training_images(str(tmp_path / "ready"), 8).source == "here"
    assert torch.equal(load_training_images("digits").pixels, load_pictures("digits").pixels)
    with pytest.raises(ValueError, match="have 8 pixels a side already, and keep them"):
        load_training_images(str(tmp_path / "ready"), 32)


def test_a_size_out_of_range_is_told(labelled: Path) -> None:
    assert load_training_images(str(labelled)).shape == (3, 32, 32)
    with pytest.raises(ValueError, match="size must be a whole number from 8 to 512; it was 4"):
        load_training_images(str(labelled), 4)


def test_without_the_library_for_data_sets_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ValueError, match=r"There is no folder no/such here, .* takes `pip install 'datasets>=4'`"):
        load_training_images("no/such")


def test_a_data_set_is_read_with_its_labels(tmp_path: Path) -> None:
    """One as the Hub has them, in Parquet: pictures and classes in columns, one picture without a class."""
    made = [np.full((20, 30, 3), COLOURS[name], np.uint8) for name in ("red", "blue", "green")] * 7
    kind = datasets.Features(
        {"number": datasets.Value("int64"), "img": datasets.Image(), "what": datasets.ClassLabel(names=["r", "b", "g"])}
    )
    columns = {"number": list(range(21)), "img": made, "what": [0, 1, 2] * 6 + [0, 1, None]}
    (tmp_path / "set" / "data").mkdir(parents=True)
    rows = datasets.Dataset.from_dict(columns, features=kind)
    rows.to_parquet(str(tmp_path / "set" / "data" / "train-00000-of-00001.parquet"))
    pictures = load_hub_dataset(str(tmp_path / "set"), 8)
    assert (pictures.shape, len(pictures), pictures.label_names, pictures.num_held_out) == (
        (3, 8, 8),
        21,
        ("r", "b", "g"),
        1,
    )
    colours = {"r": "red", "b": "blue", "g": "green", "": "green"}
    for k in range(21):
        assert_close(
            pictures.pixels[k, :, 4, 4], torch.tensor(COLOURS[colours[pictures.label_of(k)]], dtype=torch.uint8)
        )
    assert [pictures.label_of(k) for k in range(21)].count("") == 1


def test_a_data_set_without_pictures_or_none_at_all_is_told(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "train.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="has no column of pictures; it has a, b"):
        load_hub_dataset(str(tmp_path / "set"), 8)
    with pytest.raises(ValueError, match="There is no folder no/such/set here, and no data set no/such/set to be had"):
        load_training_images("no/such/set")


def test_what_was_read_survives_the_way_to_disk(labelled: Path, tmp_path: Path) -> None:
    pictures = load_image_folder(labelled, 8)
    save_pictures(pictures, tmp_path / "out")
    again = load_pictures(tmp_path / "out")
    assert torch.equal(again.pixels, pictures.pixels)
    assert (again.names, [again.label_of(k) for k in range(21)]) == (
        pictures.names,
        [pictures.label_of(k) for k in range(21)],
    )
    assert images.from_bytes(again.pixels).abs().max() <= 1


def test_load_image_folder_names_what_it_passes_over(labelled: Path) -> None:
    """Formats are told by their first bytes where a name has no suffix."""
    for name in ("a.heic", "b.HEIC", "c.tif"):
        (labelled / name).write_bytes(b"not opened")
    (labelled / "broken.jpg").write_bytes(b"no picture")
    (labelled / "README").write_text("no picture either")
    paint(labelled / "red" / "more.png", "red")
    (labelled / "red" / "more.png").rename(labelled / "red" / "without_a_suffix")
    paint(labelled / "red" / "more.jpg", "red")
    (labelled / "red" / "more.jpg").rename(labelled / "red" / "more.jfif")
    pictures = load_image_folder(labelled, 8)
    assert pictures.source == "23 pictures of the folder mine; passed over: 2 HEIC, 1 TIF, 1 that cannot be read"
    assert {"red/without_a_suffix", "red/more.jfif"} <= set(pictures.names)


@pytest.mark.parametrize(("training", "testing"), [("train", "val"), ("Training", "TEST"), ("train", None)])
def test_load_image_folder_recognizes_splits(training: str, testing: str | None, tmp_path: Path) -> None:
    for k in range(6):
        for colour in ("red", "blue"):
            paint(tmp_path / "mine" / training / colour / f"{k}.png", colour)
            if testing and k < 2:
                paint(tmp_path / "mine" / testing / colour / f"{k}.png", colour)
    pictures = load_image_folder(tmp_path / "mine", 8)
    assert pictures.label_names == ("blue", "red")
    assert pictures.num_held_out == (4 if testing else 1)
    assert all(name.startswith(training) for name in pictures.names[pictures.training])
    assert all(name.startswith(testing or training) for name in pictures.names[pictures.testing])
    for k, name in enumerate(pictures.names):
        assert pictures.label_of(k) in name


def test_load_image_folder_follows_links_once(labelled: Path, tmp_path: Path) -> None:
    paint(tmp_path / "elsewhere" / "a.png", "green")
    (labelled / "green").symlink_to(tmp_path / "elsewhere")
    (labelled / "again").symlink_to(tmp_path / "elsewhere")
    (labelled / "red" / "loop").symlink_to(labelled)
    pictures = load_image_folder(labelled, 8)
    assert len(pictures) == 22
    assert len({*pictures.label_names} & {"again", "green"}) == 1
    assert {"blue", "red"} < {*pictures.label_names}


def test_load_image_folder_holds_out_no_label_s_only_picture(tmp_path: Path) -> None:
    for k in range(12):
        paint(tmp_path / "mine" / f"label {k}" / "a.png", "red")
        if k == 7:
            paint(tmp_path / "mine" / f"label {k}" / "b.png", "red")
    pictures = load_image_folder(tmp_path / "mine", 8)
    assert {*pictures.labels[pictures.training].tolist()} == {*range(12)}
    assert pictures.label_of(12) == "label 7"


def test_load_image_folder_takes_names_that_are_no_utf_8(tmp_path: Path) -> None:
    for k in range(2):
        for folder in (b"caf\xe9", b"plain"):
            file = Path(os.fsdecode(os.fsencode(tmp_path / "mine") + b"/" + folder + b"/%d.png" % k))
            paint(file, "red")
    pictures = load_image_folder(tmp_path / "mine", 8)
    assert pictures.label_names == ("caf\ufffd", "plain")
    save_pictures(pictures, tmp_path / "out")
    assert load_pictures(tmp_path / "out").names == pictures.names


def test_labels_named_as_words_of_the_page_are_renamed(tmp_path: Path) -> None:
    """In a link `label=any` samples without a label, and `second_label=none` without a second one."""
    for folder in ("any", "none", "other"):
        for k in range(3):
            paint(tmp_path / "mine" / folder / f"{k}.png", "red")
    pictures = load_image_folder(tmp_path / "mine", 8)
    assert pictures.label_names == ("any (label)", "none (label)", "other")
    save_pictures(pictures, tmp_path / "out")
    assert load_pictures(tmp_path / "out").label_names == pictures.label_names


def test_save_pictures_leaves_the_earlier_ones_if_it_fails(labelled: Path, tmp_path: Path) -> None:
    pictures = load_image_folder(labelled, 8)
    save_pictures(pictures, tmp_path / "out")
    with pytest.raises(UnicodeEncodeError):
        save_pictures(replace(pictures, source="\udce9"), tmp_path / "out")
    assert load_pictures(tmp_path / "out").source == pictures.source
