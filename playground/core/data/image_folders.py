"""Image folders and Hub datasets as training data, brought to one size."""

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
"""How many pixels all pictures may have together, so that their sheet can be opened: 78,125 pictures of 32 × 32."""

SIDES = (8, 512)

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")


@dataclass(frozen=True)
class LazyImage:
    """A picture that is not opened yet: its name, and its label's place among the names, or after them for none."""

    name: str
    label: int
    open: Callable[[], Image.Image]


def load_training_images(data: str, size: int | None = None, seed: int = 0) -> ImageDataset:
    """The pictures that `data` names: a folder, one of weights/ by its bare name, or a data set on the Hub.

    A folder with pictures.json has them ready. Others are made ready: squares of `size`, or 32, pixels a side, shuffled
    by the seed. Raises ValueError or FileNotFoundError, in a sentence for a person, where there are none.
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
    """All pictures in a folder and the folders below it, (N, C, size, size).

    Where pictures lie in two folders or more right below it, these are their labels; else they have none.
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
    """The pictures of a data set on the Hub, or of what else `datasets.load_dataset` takes, (N, C, size, size).

    They are its first column of pictures, in its part for training; its first column of classes has their labels.
    """
    try:
        import datasets
    except ImportError as error:
        raise ValueError(
            f"There is no folder {name} here, and a data set of that name on the Hub takes `pip install 'datasets>=4'`."
        ) from error
    if int(datasets.__version__.partition(".")[0]) < 4:  # before, a data set could bring code of its own, and run it
        raise ValueError("Data sets on the Hub take version 4 or newer of the library: `pip install 'datasets>=4'`.")
    try:
        rows: Any = datasets.load_dataset(name, split="train")
    except Exception as error:  # of many kinds: no connection, no such data set, no such part
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
    """A picture's middle square as its network gets it, uint8 (3, size, size)."""
    return images.to_bytes(images.center_crop_resize(images.to_rgb_upright(image), (3, size, size)))


def _preprocess(
    name: str, kind: str, entries: Sequence[LazyImage], label_names: tuple[str, ...], size: int, seed: int
) -> ImageDataset:
    """Shuffled, read, 5 % of them held out, in grey where all are grey; what is no picture is left out, and counted."""
    kept, pixels, unreadable = list[LazyImage](), list[Tensor](), 0
    order = torch.randperm(len(entries), generator=torch.Generator().manual_seed(seed)).tolist()
    for index in tqdm(order, desc=f"reading {name}", unit=" pictures"):
        if len(kept) == MAX_SHEET // size**2:
            break
        try:
            with entries[index].open() as image:
                pixels.append(square(image, size))
        except (OSError, SyntaxError, ValueError, TypeError, Image.DecompressionBombError):
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
