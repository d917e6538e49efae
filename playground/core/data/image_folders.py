"""Image folders and Hub datasets as training data, preprocessed to one size."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from playground.core.data import images
from playground.core.data.datasets import WEIGHTS, ImageDataset, distinct_labels, load_pictures

HELD_OUT = 0.05

MAX_SHEET = 80_000_000
"""The most pixels of all pictures together, so that their sheet can be opened: 78,125 pictures of 32 × 32."""

SIDES = (8, 512)

SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif", ".bmp")

OTHER_SUFFIXES = (".heic", ".heif", ".avif", ".tif", ".tiff", ".jxl", ".psd", ".svg", ".dng", ".cr2", ".nef", ".arw")
"""Pictures that are not read here: they are counted."""

SPLITS = {
    "train": False,
    "training": False,
    "val": True,
    "valid": True,
    "validation": True,
    "test": True,
    "testing": True,
}
"""Folders that are splits of the data and no labels: whether their pictures are held out."""


@dataclass(frozen=True)
class LazyImage:
    """A picture that is not opened yet.

    Attributes:
        name: its display name.
        label: its index into the label names, or their number for no label.
        open: opens it.
        is_held_out: whether it is in a split for validation or testing.
    """

    name: str
    label: int
    open: Callable[[], Image.Image]
    is_held_out: bool = False


def load_training_images(data: str, size: int | None = None, seed: int = 0) -> ImageDataset:
    """Load training images from a folder, from a dataset in weights/, or from a dataset on the Hub.

    A folder with pictures.json is loaded unchanged. Other pictures are preprocessed: cropped to squares, resized and
    shuffled.

    Args:
        data: a folder, the bare name of a folder in weights/, or the name of a dataset on the Hub.
        size: side of the squares in pixels, 8 to 512; None for 32, or for the size of a dataset with pictures.json.
        seed: seed of the shuffle.

    Returns:
        The dataset.

    Raises:
        ValueError: if `size` is out of range or is not that of a dataset with pictures.json, or if there are no
            pictures that can be read. The message is written for users.
        FileNotFoundError: if a dataset's files do not exist.
    """
    folder = Path(data)
    ready = next((path for path in (folder, WEIGHTS / data) if (path / "pictures.json").is_file()), None)
    if ready:
        pictures = load_pictures(ready.resolve())
        if size not in (None, pictures.shape[1]):
            raise ValueError(f"The pictures in {data} have {pictures.shape[1]} pixels a side already, and keep them.")
        return pictures
    side = 32 if size is None else size
    if not SIDES[0] <= side <= SIDES[1]:
        raise ValueError(f"The size must be a whole number from {SIDES[0]} to {SIDES[1]}; it was {side}.")
    return load_image_folder(folder, side, seed) if folder.is_dir() else load_hub_dataset(data, side, seed)


def load_image_folder(folder: Path, size: int, seed: int = 0) -> ImageDataset:
    """Load all pictures in a folder and its subfolders, at any depth, as a dataset.

    If two or more of the folder's direct subfolders hold pictures, these are the labels; otherwise there are none. If
    all of them are splits, such as train and val, the labels are the folders in them, and the pictures of val and test
    are held out. Links to folders are followed, but no folder is read twice. Files and folders whose names begin with
    "." or "__" are skipped.

    Args:
        folder: the folder.
        size: side of the squares that pictures are cropped and resized to, in pixels.
        seed: seed of the shuffle.

    Returns:
        The dataset, (N, C, size, size), with C = 1 if all pictures are grey, else 3; without splits 5 % are held
        out.

    Raises:
        ValueError: if fewer than two pictures can be read.
    """
    files, passed_over = _pictures_in(folder)
    splits = {path.parts[0].lower() for path in files if len(path.parts) > 1}
    level = int(bool(splits) and splits <= SPLITS.keys() and not all(SPLITS[name] for name in splits))
    names = sorted({path.parts[level] for path in files if len(path.parts) > level + 1})
    label_names = distinct_labels(map(_printable, names)) if len(names) > 1 else ()

    def entry(path: Path) -> LazyImage:
        label = names.index(path.parts[level]) if label_names and len(path.parts) > level + 1 else len(label_names)
        held_out = level == 1 and len(path.parts) > 1 and SPLITS[path.parts[0].lower()]
        name = _printable(path.as_posix())
        return LazyImage(name, label, lambda: Image.open(folder / path, formats=images.KINDS), held_out)

    entries = [entry(path) for path in files]
    return _preprocess(_printable(folder.resolve().name), "folder", entries, label_names, size, seed, passed_over)


def _pictures_in(folder: Path) -> tuple[list[Path], Counter[str]]:
    """The picture files in a folder, relative to it, and how many pictures of formats that are not read.

    Each folder is read once; real ones come first, then the links to others.
    """
    found, passed_over = list[Path](), Counter[str]()
    seen, folders = set[Path](), deque([folder])
    while folders:
        here = folders.popleft()
        if (real := here.resolve()) in seen:
            continue
        seen.add(real)
        for path in sorted(here.iterdir()):
            if path.name.startswith((".", "__")):
                continue
            if path.is_dir():
                (folders.append if path.is_symlink() else folders.appendleft)(path)
            elif path.suffix.lower() in SUFFIXES or (not path.suffix and _format_of(path) in images.KINDS):
                found.append(path.relative_to(folder))
            elif path.suffix.lower() in OTHER_SUFFIXES:
                passed_over[path.suffix[1:].upper()] += 1
    return sorted(found), passed_over


def _format_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return images.format_of(file.read(16))
    except OSError:
        return ""


def _printable(name: str) -> str:
    """A file's name without the bytes that are no UTF-8, which cannot be written anywhere."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def load_hub_dataset(name: str, size: int, seed: int = 0) -> ImageDataset:
    """Load a dataset from the Hub, or from any other source that `datasets.load_dataset` accepts.

    The pictures are the first image column of its "train" split; the labels are its first column of classes, if there
    is one with two classes or more.

    Args:
        name: name of the dataset.
        size: side of the squares that pictures are cropped and resized to, in pixels.
        seed: seed of the shuffle.

    Returns:
        The dataset, (N, C, size, size), with C = 1 if all pictures are grey, else 3; 5 % are held out.

    Raises:
        ValueError: if the `datasets` library is missing or older than version 4, if the dataset cannot be loaded or has
            no image column, or if fewer than two pictures can be read.
    """
    try:
        import datasets
    except ImportError as error:
        raise ValueError(
            f"There is no folder {name} here, and a data set of that name on the Hub takes `pip install 'datasets>=4'`."
        ) from error
    if int(datasets.__version__.partition(".")[0]) < 4:  # older versions run code that comes with a data set
        raise ValueError("Data sets on the Hub take version 4 or newer of the library: `pip install 'datasets>=4'`.")
    try:
        rows: Any = datasets.load_dataset(name, split="train")
    except Exception as error:  # many types: no connection, no such data set, no such split
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"There is no folder {name} here, and no data set {name} to be had: {reason}") from error
    columns = rows.features
    pictures = next((column for column, kind in columns.items() if isinstance(kind, datasets.Image)), None)
    if pictures is None:
        raise ValueError(f"The data set {name} has no column of pictures; it has {', '.join(columns)}.")
    classes = next((column for column, kind in columns.items() if isinstance(kind, datasets.ClassLabel)), None)
    label_names = distinct_labels(columns[classes].names) if classes and len(columns[classes].names) > 1 else ()
    labels = rows[classes][:] if label_names else [None] * len(rows)

    def entry(row: int, label: int | None) -> LazyImage:
        known = len(label_names) if label is None or label < 0 else label
        return LazyImage(f"row {row:,}", known, lambda: rows[row][pictures])

    entries = [entry(row, label) for row, label in enumerate(labels)]
    return _preprocess(name, "data set", entries, label_names, size, seed, Counter())


def square(image: Image.Image, size: int) -> Tensor:
    """Preprocess an image for a network: center-crop it to a square and resize it.

    Args:
        image: an image in any mode; it is turned upright and put on white first (see `images.to_rgb_upright`).
        size: side of the square in pixels.

    Returns:
        uint8 (3, size, size).
    """
    return images.to_bytes(images.center_crop_resize(images.to_rgb_upright(image), (3, size, size)))


def _preprocess(
    name: str,
    kind: str,
    entries: Sequence[LazyImage],
    label_names: tuple[str, ...],
    size: int,
    seed: int,
    passed_over: Counter[str],
) -> ImageDataset:
    """Shuffle, read and preprocess the pictures; put those held out last; make them grey if all are grey.

    Files that cannot be read are added to those passed over.
    """
    kept, pixels, reasons = list[LazyImage](), list[Tensor](), passed_over.copy()
    order = torch.randperm(len(entries), generator=torch.Generator().manual_seed(seed)).tolist()
    for index in tqdm(order, desc=f"reading {name}", unit=" pictures"):
        if len(kept) == MAX_SHEET // size**2:
            break
        try:
            with entries[index].open() as image:
                pixels.append(square(image, size))
        except Exception:  # Pillow raises many types for damaged files
            reasons["that cannot be read"] += 1
        else:
            kept.append(entries[index])
    counted = ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common())
    if len(kept) < 2:
        kinds = "PNG, JPEG, WebP, GIF and BMP"
        bad = f" Passed over: {counted}." if counted else ""
        raise ValueError(
            f"There are {len(kept)} pictures in {name}, where two at least are needed: {kinds} are read.{bad}"
        )
    is_held_out = _held_out(kept)
    order = sorted(range(len(kept)), key=is_held_out.__getitem__)
    together = torch.stack([pixels[index] for index in order])
    grey = bool((together == together[:, :1]).all())
    of = "" if len(kept) + reasons.total() == len(entries) + passed_over.total() else f", drawn from {len(entries):,},"
    bad = f"; passed over: {counted}" if counted else ""
    return ImageDataset(
        name,
        together[:, :1].clone() if grey else together,
        torch.tensor([kept[index].label for index in order]),
        label_names,
        sum(is_held_out),
        source=f"{len(kept):,} pictures{of} of the {kind} {name}{bad}",
        licence="",
        names=tuple(kept[index].name for index in order),
    )


def _held_out(entries: Sequence[LazyImage]) -> list[bool]:
    """Whether each picture is held out: as the splits say, else the last HELD_OUT of them.

    The only picture of a label is held out if there is no other choice.
    """
    given = [entry.is_held_out for entry in entries]
    if 0 < sum(given) < len(entries):
        return given
    remaining = Counter(entry.label for entry in entries)
    held_out, wanted = [False] * len(entries), max(1, round(HELD_OUT * len(entries)))
    for index in reversed(range(len(entries))):
        if sum(held_out) < wanted and remaining[entries[index].label] > 1:
            held_out[index] = True
            remaining[entries[index].label] -= 1
    held_out[-1] |= not any(held_out)
    return held_out
