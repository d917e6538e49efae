"""The pictures a network learns from: a sheet, its labels and names, kept beside the weights."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from playground.core import images

WEIGHTS = Path(__file__).parents[2] / "weights"


@dataclass(frozen=True)
class Pictures:
    """N pictures, uint8 (N, C, H, W), and their labels, int64 (N,); the last `held_out` are never trained on.

    Where a picture has a name of its own, `names` holds N of them; where labels fall into `categories`, one each.
    """

    name: str
    pixels: Tensor
    labels: Tensor
    label_names: tuple[str, ...]
    held_out: int
    source: str
    licence: str
    names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.pixels)

    def x0(self, index: int | slice | Tensor) -> Tensor:
        """The pictures at `index`, float32 in [-1, 1]."""
        return images.from_bytes(self.pixels[index])

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of each picture."""
        channels, height, width = self.pixels.shape[1:]
        return channels, height, width

    @property
    def training(self) -> slice:
        """Where the pictures are that networks are trained on."""
        return slice(0, len(self) - self.held_out)

    @property
    def testing(self) -> slice:
        """Where the held-out pictures are."""
        return slice(len(self) - self.held_out, len(self))


def save_pictures(pictures: Pictures, folder: Path, columns: int = 100) -> None:
    """Write pictures.png (the sheet) and pictures.json (shape, labels, names, number held out) into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    images.sheet(pictures.pixels, columns).save(folder / "pictures.png", optimize=True)
    about = {
        "shape": list(pictures.pixels.shape[1:]),
        "held_out": pictures.held_out,
        "source": pictures.source,
        "licence": pictures.licence,
        "label_names": pictures.label_names,
        "labels": pictures.labels.tolist(),
        "names": pictures.names,
        "categories": pictures.categories,
    }
    (folder / "pictures.json").write_text(json.dumps(about, ensure_ascii=False) + "\n", encoding="utf-8")


def load_pictures(folder: str | Path) -> Pictures:
    """The pictures in a folder that `save_pictures` wrote; a bare name stands for a folder in weights/.

    Raises FileNotFoundError where there are none, ValueError where they are damaged.
    """
    path = WEIGHTS / folder
    if not (path / "pictures.json").is_file():
        raise FileNotFoundError(f"There are no pictures in {path}: pictures.json and pictures.png belong there.")
    try:
        about = json.loads((path / "pictures.json").read_text(encoding="utf-8"))
        with Image.open(path / "pictures.png") as image:
            pixels = images.cut(image, tuple(about["shape"]), len(about["labels"]))
        labels = torch.tensor(about["labels"])
        return Pictures(
            path.name,
            pixels,
            labels,
            tuple(about["label_names"]),
            about["held_out"],
            about["source"],
            about["licence"],
            tuple(about.get("names", ())),
            tuple(about.get("categories", ())),
        )
    except (OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"The pictures in {path} cannot be read: pictures.json or pictures.png is damaged.") from error
