"""Image datasets: a sheet of pictures with labels and names, stored beside the weights."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from playground.core.data import images

_PACKAGE = Path(__file__).parents[2]
WEIGHTS = _PACKAGE / "weights" if (_PACKAGE / "weights").is_dir() else _PACKAGE.parent / "weights"
"""The folder of the shipped networks: next to the package in the repository, inside the package once installed."""


@dataclass(frozen=True)
class ImageDataset:
    """An image dataset with labels and a held-out set: its last `num_held_out` pictures, which are never trained on.

    A picture without a label has the number len(label_names), which networks here read as 'no label'.

    Attributes:
        name: the dataset's name.
        pixels: N pictures, uint8 (N, C, H, W).
        labels: the label of each picture, int64 (N,), from 0 to len(label_names).
        label_names: the name of each label.
        num_held_out: how many pictures are held out.
        source: where the pictures come from, as a phrase for the model card.
        licence: their licence, "" if none is given.
        names: a name for each picture, N of them, or () if they have none.
        categories: the category of each label, one per label, or () if there are none.
        flippable_labels: the labels whose pictures keep their meaning when they are mirrored.
        is_substitute: True if this dataset stands in for a network's own. All of it is held out, and it is unknown
            whether the network was trained on it.
    """

    name: str
    pixels: Tensor
    labels: Tensor
    label_names: tuple[str, ...]
    num_held_out: int
    source: str
    licence: str
    names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    flippable_labels: tuple[str, ...] = ()
    is_substitute: bool = False

    def __len__(self) -> int:
        return len(self.pixels)

    def x0(self, index: int | slice | Tensor) -> Tensor:
        """The pictures at `index`, float32 in [-1, 1]."""
        return images.from_bytes(self.pixels[index])

    def label_of(self, index: int) -> str:
        """The name of a picture's label, "" if it has none."""
        return (*self.label_names, "")[int(self.labels[index])]

    def labels_at(self, index: slice | Tensor) -> Tensor | None:
        """The labels at `index` as the network takes them, (K,), or None if the dataset has no labels."""
        return self.labels[index] if self.label_names else None

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of each picture."""
        channels, height, width = self.pixels.shape[1:]
        return channels, height, width

    @property
    def can_flip(self) -> Tensor:
        """Whether each picture may be mirrored, bool (N,)."""
        return torch.tensor([name in self.flippable_labels for name in (*self.label_names, "")])[self.labels]

    def preprocess(self, image: Image.Image) -> Tensor:
        """Preprocess a user's image for the network: center-crop and resize it to float32 (C, H, W) in [-1, 1].

        If this dataset has light strokes on black, an image with a light border is inverted.
        """
        x0 = images.center_crop_resize(image, self.shape)
        on_black = self.shape[0] == 1 and images.border_mean(self.x0(slice(0, 100))) < -0.9
        return -x0 if on_black and images.border_mean(x0) > 0 else x0

    @property
    def training(self) -> slice:
        """The slice of the training set."""
        return slice(0, len(self) - self.num_held_out)

    @property
    def testing(self) -> slice:
        """The slice of the held-out set."""
        return slice(len(self) - self.num_held_out, len(self))


ANY_LABEL = "any"
"""In links and in the API: no label."""
SAME_LABEL = "none"
"""In links, as second label: no second label."""


def distinct_labels(names: Iterable[str]) -> tuple[str, ...]:
    """Names of labels as the page has them: "any (label)" for a label that is called as one of the constants above."""
    return tuple(f"{name} (label)" if name in (ANY_LABEL, SAME_LABEL) else name for name in names)


def save_pictures(pictures: ImageDataset, folder: Path, columns: int = 100) -> None:
    """Write a dataset into a folder: pictures.png (the sheet), pictures.json (shape, labels, names, number held out).

    Args:
        pictures: the dataset.
        folder: where to write; it is created if it does not exist.
        columns: pictures in each row of the sheet.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sheet = folder / "pictures.partial"
    images.tile(pictures.pixels, columns).save(sheet, "PNG", optimize=True)
    about = {
        "shape": list(pictures.pixels.shape[1:]),
        "held_out": pictures.num_held_out,
        "source": pictures.source,
        "licence": pictures.licence,
        "label_names": pictures.label_names,
        "labels": pictures.labels.tolist(),
        "names": pictures.names,
        "categories": pictures.categories,
        "mirrors": pictures.flippable_labels,
    }
    text = folder / "pictures.json.partial"
    text.write_text(json.dumps(about, ensure_ascii=False) + "\n", encoding="utf-8")
    sheet.replace(folder / "pictures.png")  # both are whole before either takes the place of an earlier one
    text.replace(folder / "pictures.json")


def save_if_changed(pictures: ImageDataset, folder: Path) -> None:
    """Write a dataset into a folder with `save_pictures`, unless the folder holds the same one already.

    Two datasets count as the same if their pixels, labels, label names and number held out are equal.

    Args:
        pictures: the dataset.
        folder: where to write; a damaged dataset in it is replaced.
    """
    with suppress(FileNotFoundError, ValueError):
        there = load_pictures(folder.resolve())
        same = torch.equal(there.pixels, pictures.pixels) and torch.equal(there.labels, pictures.labels)
        if same and (there.label_names, there.num_held_out) == (pictures.label_names, pictures.num_held_out):
            return
    save_pictures(pictures, folder)


def load_pictures(folder: str | Path) -> ImageDataset:
    """Load the dataset that `save_pictures` wrote into a folder; a bare name stands for a folder in weights/.

    Raises:
        FileNotFoundError: if there is no dataset in the folder.
        ValueError: if its files are damaged.
    """
    path = WEIGHTS / folder
    if not (path / "pictures.json").is_file():
        raise FileNotFoundError(f"There are no pictures in {folder}: pictures.json and pictures.png belong there.")
    try:
        about = json.loads((path / "pictures.json").read_text(encoding="utf-8"))
        with Image.open(path / "pictures.png", formats=("PNG",)) as image:
            pixels = images.split_sheet(image, tuple(about["shape"]), len(about["labels"]))
        labels = torch.tensor(about["labels"])
        return ImageDataset(
            path.name,
            pixels,
            labels,
            distinct_labels(about["label_names"]),
            about["held_out"],
            about["source"],
            about["licence"],
            tuple(about.get("names", ())),
            tuple(about.get("categories", ())),
            distinct_labels(about.get("mirrors", ())),
        )
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, Image.DecompressionBombError) as error:
        raise ValueError(
            f"The pictures in {path.name} cannot be read: pictures.json or pictures.png is damaged."
        ) from error


STAND_INS = 100


def substitute_dataset(shape: tuple[int, int, int], label_names: tuple[str, ...] = ()) -> ImageDataset:
    """Substitute dataset for a network that comes without its own: shipped emoji in colour, or grey digits.

    It has the last STAND_INS of the shipped pictures, scaled to the network's shape. All are held out; none has a
    label.

    Args:
        shape: (C, H, W) of the network's pictures; C = 3 selects the emoji.
        label_names: the names of the network's labels.

    Returns:
        The dataset, with `is_substitute` set.

    Raises:
        FileNotFoundError: if the shipped pictures do not exist.
        ValueError: if they are damaged.
    """
    shipped = load_pictures("emoji" if shape[0] == 3 else "digits")
    chosen = range(len(shipped) - STAND_INS, len(shipped))
    pixels = [images.to_bytes(images.center_crop_resize(images.to_pil(shipped.x0(i)), shape)) for i in chosen]
    return ImageDataset(
        shipped.name,
        torch.stack(pixels),
        torch.full((STAND_INS,), len(label_names)),
        label_names,
        STAND_INS,
        shipped.source,
        shipped.licence,
        names=tuple(shipped.names[i] if shipped.names else shipped.label_of(i) for i in chosen),
        is_substitute=True,
    )
