"""What several test modules share: small pictures, a small network, the shipped checkpoint."""

from __future__ import annotations

import fcntl
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNet2DModel
from hypothesis import settings

from playground.core.data.datasets import WEIGHTS
from playground.core.model_registry import ModelRegistry
from playground.core.networks.checkpoint_format import WEIGHTS_FILE
from playground.core.networks.checkpoints import Checkpoint
from tests.server import ROOT, running, running_app

# Most of what is computed here is tiny: shared out between threads it takes longer, and ten times as long where another
# program has one of the processors, since each thread waits for the other after every operation.
torch.set_num_threads(1)

# How long an example takes depends on what else is at work.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")


SERVERS = {"address", "space", "damaged", "browser"}
"""Fixtures that start a program."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        starts = SERVERS.intersection(getattr(item, "fixturenames", ())) or "browser" in item.path.parts
        if not starts and item.get_closest_marker("slow") is None:
            item.add_marker("fast")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """A test that measures time is alone on the machine: it holds a lock for itself that all others share."""
    alone = item.get_closest_marker("alone") is not None
    with Path(__file__).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        return (yield)


@pytest.fixture(scope="session")
def library() -> ModelRegistry:
    return ModelRegistry([WEIGHTS / "digits"], device="cpu")


@pytest.fixture(scope="session")
def digits(library: ModelRegistry) -> Checkpoint:
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


def unlabelled(folder: Path, **network: Any) -> UNet2DModel:
    """A network without labels, saved in `folder` itself, without a scheduler; `network` overrides its config."""
    torch.manual_seed(1)
    unet = UNet2DModel(**{**small_unet(labels=None).config, **network})
    unet.save_pretrained(folder)
    return unet


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """Where the app runs, with the shipped weights."""
    with running_app() as address:
        yield address


HARM = """<img src="/x" onerror="harmed=1"></script><script>harmed=1</script>{{1+1}}${harmed=1}![](/x)|\n```\n\"""#"""
HOSTILE_NAME = "{{1+1}}${harmed=1}<img src=x onerror=harmed=1>"
PREFIX = "/proxy/7860"


@dataclass(frozen=True)
class Space:
    """The app as a ZeroGPU Space runs it, told that it is reached at PREFIX, and what was lent to it."""

    address: str
    notes: Path

    def loans(self) -> list[tuple[int, int]]:
        """Of each loan its seconds, and the process that it was for."""
        lines = self.notes.read_text(encoding="utf-8").splitlines()
        return [(int(s), int(pid)) for line in lines for s, pid in re.findall(r"(\d+) s, (\d+)", line)]


@pytest.fixture(scope="session")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    notes = tmp_path_factory.mktemp("space") / "notes"
    variables = {
        "SPACES_ZERO_GPU": "true",
        "PYTHONPATH": str(ROOT / "tests" / "zerogpu"),
        "LOANS": str(notes),
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_ROOT_PATH": PREFIX,
    }
    with running("app.py", "--model", str(WEIGHTS / "digits"), **variables) as server:
        assert notes.read_text(encoding="utf-8") == "cuda\n"  # the networks are on the GPU before anybody comes
        yield Space(server.address, notes)


@pytest.fixture(scope="session")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where an app runs with three networks: one whose weights are cut short, one whose weights are missing, and one
    that says things in its folder's name, its card and its pictures which would harm if they were not taken as text."""
    folder = tmp_path_factory.mktemp("weights")
    for name in ("short", "missing"):
        shutil.copytree(WEIGHTS / "digits", folder / name)
    weights = Path("unet", WEIGHTS_FILE)
    (folder / "short" / weights).write_bytes((WEIGHTS / "digits" / weights).read_bytes()[:5000])
    (folder / "missing" / weights).unlink()
    hostile = shutil.copytree(WEIGHTS / "digits", folder / HOSTILE_NAME)
    card = json.loads((hostile / "card.json").read_text(encoding="utf-8"))
    labels = [f"{HARM} {label}" for label in card["label_names"]]
    saying = {"label_names": labels, "data": HARM, "licence": HARM, "command": f"`{HARM}"}
    (hostile / "card.json").write_text(json.dumps(card | saying), encoding="utf-8")
    pictures = json.loads((hostile / "pictures.json").read_text(encoding="utf-8"))
    names = {"label_names": labels, "names": [f"{HARM} {i}" for i in range(len(pictures["labels"]))]}
    (hostile / "pictures.json").write_text(json.dumps(pictures | names), encoding="utf-8")
    models = (folder / "short", folder / "missing", hostile)
    with running_app("--mcp", *(part for model in models for part in ("--model", str(model)))) as address:
        yield address
