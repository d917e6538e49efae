"""Image datasets: a sheet of pictures with labels and names, stored beside the weights."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from playground.core.data import images

_PACKAGE = Path(__file__).parents[2]
WEIGHTS = _PACKAGE / "weights" if (_PACKAGE / "weights").is_dir() else _PACKAGE.parent / "weights"
"""The shipped networks: beside the package in the repository, inside it where it was installed."""


@dataclass(frozen=True)
class ImageDataset:
    """N pictures, uint8 (N, C, H, W), and their labels, int64 (N,); the last `num_held_out` are never trained on.

    A picture without a label has the number after the last of `label_names`, which networks here take for 'no label'.
    Where a picture has a name of its own, `names` holds N of them; where labels fall into `categories`, one each.
    `flippable_labels` are the labels whose pictures mean the same when they are flipped. A substitute dataset
    (`is_substitute`) stands in for a network's own: all of it is held out, and whether the network was trained on it
    is unknown.
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
        """The name of a picture's label, "" where it has none."""
        return (*self.label_names, "")[int(self.labels[index])]

    def labels_at(self, index: slice | Tensor) -> Tensor | None:
        """The labels at `index` as their network takes them, (K,); None where no picture has one."""
        return self.labels[index] if self.label_names else None

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of each picture."""
        channels, height, width = self.pixels.shape[1:]
        return channels, height, width

    @property
    def can_flip(self) -> Tensor:
        """Whether a picture may be mirrored, bool (N,)."""
        return torch.tensor([name in self.flippable_labels for name in (*self.label_names, "")])[self.labels]

    def preprocess(self, image: Image.Image) -> Tensor:
        """A picture of somebody's own as the network gets it, float32 (C, H, W): its middle square, scaled.

        Where these are light strokes on black, one that is light at its border is turned round.
        """
        x0 = images.center_crop_resize(image, self.shape)
        on_black = self.shape[0] == 1 and images.border_mean(self.x0(slice(0, 100))) < -0.9
        return -x0 if on_black and images.border_mean(x0) > 0 else x0

    @property
    def training(self) -> slice:
        """Where the pictures are that networks are trained on."""
        return slice(0, len(self) - self.num_held_out)

    @property
    def testing(self) -> slice:
        """Where the held-out pictures are."""
        return slice(len(self) - self.num_held_out, len(self))


def save_pictures(pictures: ImageDataset, folder: Path, columns: int = 100) -> None:
    """Write pictures.png (the sheet) and pictures.json (shape, labels, names, number held out) into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    images.tile(pictures.pixels, columns).save(folder / "pictures.png", optimize=True)
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
    (folder / "pictures.json").write_text(json.dumps(about, ensure_ascii=False) + "\n", encoding="utf-8")


def save_if_changed(pictures: ImageDataset, folder: Path) -> None:
    """`save_pictures`, where these are not what is in `folder` already."""
    with suppress(FileNotFoundError, ValueError):
        there = load_pictures(folder.resolve())
        same = torch.equal(there.pixels, pictures.pixels) and torch.equal(there.labels, pictures.labels)
        if same and (there.label_names, there.num_held_out) == (pictures.label_names, pictures.num_held_out):
            return
    save_pictures(pictures, folder)


def load_pictures(folder: str | Path) -> ImageDataset:
    """The pictures in a folder that `save_pictures` wrote; a bare name stands for a folder in weights/.

    Raises FileNotFoundError where there are none, ValueError where they are damaged.
    """
    path = WEIGHTS / folder
    if not (path / "pictures.json").is_file():
        raise FileNotFoundError(f"There are no pictures in {path}: pictures.json and pictures.png belong there.")
    try:
        about = json.loads((path / "pictures.json").read_text(encoding="utf-8"))
        with Image.open(path / "pictures.png") as image:
            pixels = images.split_sheet(image, tuple(about["shape"]), len(about["labels"]))
        labels = torch.tensor(about["labels"])
        return ImageDataset(
            path.name,
            pixels,
            labels,
            tuple(about["label_names"]),
            about["held_out"],
            about["source"],
            about["licence"],
            tuple(about.get("names", ())),
            tuple(about.get("categories", ())),
            tuple(about.get("mirrors", ())),
        )
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, Image.DecompressionBombError) as error:
        raise ValueError(f"The pictures in {path} cannot be read: pictures.json or pictures.png is damaged.") from error


STAND_INS = 100


def substitute_dataset(shape: tuple[int, int, int], label_names: tuple[str, ...] = ()) -> ImageDataset:
    """Shipped pictures for a network of `shape` (C, H, W) whose own are not there: emoji in colour, or grey digits.

    They are scaled to its shape, and have none of its labels. Raises FileNotFoundError where they are not there.
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
