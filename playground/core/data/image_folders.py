"""Image folders and Hub datasets as training data, preprocessed to one size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from playground.core.data import images
from playground.core.data.datasets import WEIGHTS, ImageDataset, load_pictures

HELD_OUT = 0.05

MAX_SHEET = 80_000_000
"""The most pixels of all pictures together, so that their sheet can be opened: 78,125 pictures of 32 × 32."""

SIDES = (8, 512)

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")


@dataclass(frozen=True)
class LazyImage:
    """A picture that is not opened yet.

    `name` is its display name, `label` its index into the label names (their number for no label), and `open` opens it.
    """

    name: str
    label: int
    open: Callable[[], Image.Image]


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

    If two or more of the folder's direct subfolders hold pictures, these are the labels; otherwise there are none.
    Files and folders whose names begin with "." or "__" are skipped.

    Args:
        folder: the folder.
        size: side of the squares that pictures are cropped and resized to, in pixels.
        seed: seed of the shuffle.

    Returns:
        The dataset, (N, C, size, size), with C = 1 if all pictures are grey, else 3; 5 % are held out.

    Raises:
        ValueError: if fewer than two pictures can be read.
    """
    files = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES]
    files = [path for path in files if not any(part.startswith((".", "__")) for part in path.parts)]
    names = sorted({path.parts[0] for path in files if len(path.parts) > 1})
    label_names = tuple(names) if len(names) > 1 else ()

    def entry(path: Path) -> LazyImage:
        label = label_names.index(path.parts[0]) if label_names and len(path.parts) > 1 else len(label_names)
        return LazyImage(path.as_posix(), label, lambda: Image.open(folder / path, formats=images.KINDS))

    return _preprocess(folder.resolve().name, "folder", [entry(path) for path in files], label_names, size, seed)


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
    label_names = tuple(columns[classes].names) if classes and len(columns[classes].names) > 1 else ()
    labels = rows[classes][:] if label_names else [None] * len(rows)

    def entry(row: int, label: int | None) -> LazyImage:
        known = len(label_names) if label is None or label < 0 else label
        return LazyImage(f"row {row:,}", known, lambda: rows[row][pictures])

    entries = [entry(row, label) for row, label in enumerate(labels)]
    return _preprocess(name, "data set", entries, label_names, size, seed)


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
    name: str, kind: str, entries: Sequence[LazyImage], label_names: tuple[str, ...], size: int, seed: int
) -> ImageDataset:
    """Shuffle, read and preprocess the pictures; hold out 5 %; make them grey if all are grey.

    Files that cannot be read are skipped and counted.
    """
    kept, pixels, unreadable = list[LazyImage](), list[Tensor](), 0
    order = torch.randperm(len(entries), generator=torch.Generator().manual_seed(seed)).tolist()
    for index in tqdm(order, desc=f"reading {name}", unit=" pictures"):
        if len(kept) == MAX_SHEET // size**2:
            break
        try:
            with entries[index].open() as image:
                pixels.append(square(image, size))
        except Exception:  # Pillow raises many types for damaged files
            unreadable += 1
        else:
            kept.append(entries[index])
    if len(kept) < 2:
        kinds = "PNG, JPEG, WebP, GIF and BMP"
        raise ValueError(f"There are {len(kept)} pictures in {name}, where two at least are needed: {kinds} are read.")
    together = torch.stack(pixels)
    grey = bool((together == together[:, :1]).all())
    of = "" if len(kept) + unreadable == len(entries) else f", drawn from {len(entries):,},"
    bad = f"; {unreadable:,} could not be read" if unreadable else ""
    return ImageDataset(
        name,
        together[:, :1].clone() if grey else together,
        torch.tensor([entry.label for entry in kept]),
        label_names,
        max(1, round(HELD_OUT * len(kept))),
        source=f"{len(kept):,} pictures{of} of the {kind} {name}{bad}",
        licence="",
        names=tuple(entry.name for entry in kept),
    )
