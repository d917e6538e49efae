"""What several test modules share: small pictures, a small network, the shipped checkpoint."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from diffusers import UNet2DModel

from playground.core.checkpoints import Checkpoint
from playground.core.datasets import WEIGHTS
from playground.core.library import Library
from tests.server import running_app


@pytest.fixture(scope="session")
def library() -> Library:
    return Library([WEIGHTS / "digits"], device="cpu")


@pytest.fixture(scope="session")
def digits(library: Library) -> Checkpoint:
    return library.checkpoint("digits")


@pytest.fixture
def pictures() -> torch.Tensor:
    """Twenty pictures of random pixels, (20, 1, 8, 8) in [-1, 1]."""
    return torch.rand(20, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1


def small_unet(channels: int = 1, size: int = 8, labels: int | None = 4) -> UNet2DModel:
    """A network that is quick to run; its last label means 'none'."""
    torch.manual_seed(0)
    return UNet2DModel(
        sample_size=size,
        in_channels=channels,
        out_channels=channels,
        block_out_channels=(8, 16),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        norm_num_groups=4,
        num_class_embeds=labels,
    )


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """Where the app runs, with the shipped weights."""
    with running_app() as address:
        yield address
