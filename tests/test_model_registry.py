import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from playground.core import model_registry as module
from playground.core.data.datasets import WEIGHTS
from playground.core.model_registry import ModelRegistry
from playground.core.networks.checkpoint_format import CheckpointError
from playground.ui.state.settings import validate
from tests.conftest import unlabelled


def test_every_folder_of_weights_is_on_offer() -> None:
    assert "digits" in ModelRegistry(device="cpu").names


def test_where_there_is_none_that_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WEIGHTS", tmp_path / "nothing")
    with pytest.raises(ValueError, match="There is no network to show"):
        ModelRegistry()


def test_a_folder_that_is_mended_works_without_a_restart(tmp_path: Path) -> None:
    shutil.copytree(WEIGHTS / "digits", tmp_path / "digits", ignore=shutil.ignore_patterns("unet"))
    library = ModelRegistry([tmp_path / "digits"], device="cpu")
    with pytest.raises(CheckpointError):
        library.checkpoint("digits")
    shutil.copytree(WEIGHTS / "digits" / "unet", tmp_path / "digits" / "unet")
    assert library.checkpoint("digits").image_shape == (1, 28, 28)


def test_a_network_that_came_without_pictures_gets_others_and_no_ideal_predictor(tmp_path: Path) -> None:
    unlabelled(tmp_path / "net", in_channels=3, out_channels=3, sample_size=16)
    library = ModelRegistry([tmp_path / "net"], device="cpu")
    assert library.pictures("net").shape == (3, 16, 16)
    assert library.pictures("net").is_substitute
    with pytest.raises(ValueError, match="no ideal predictor for net: it came without its training pictures"):
        library.ideal("net")


def test_two_who_ask_at_once_get_one_network() -> None:
    library, got = ModelRegistry([WEIGHTS / "digits"], device="cpu"), []
    threads = [threading.Thread(target=lambda: got.append(library.checkpoint("digits"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 8
    assert len(set(map(id, got))) == 1


def test_few_pictures_shorten_the_defaults(library: ModelRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    few = library.pictures("digits")
    short = type(few)(few.name, few.pixels[:30], few.labels[:30], few.label_names, 5, few.source, few.licence)
    monkeypatch.setattr(library, "pictures", lambda name: short)
    assert validate(library).image == 27  # the middle one of the five that are held out


def test_shipped_pictures_are_there_without_their_network(library: ModelRegistry) -> None:
    assert library.names == ["digits"]
    assert library.shipped_pictures("photo").shape == (3, 64, 64)
    with pytest.raises(FileNotFoundError, match="There are no pictures in"):
        library.shipped_pictures("nothing of that name")


def test_shipped_pictures_are_not_those_of_a_network_of_the_same_name(tmp_path: Path) -> None:
    unlabelled(tmp_path / "emoji", in_channels=3, out_channels=3, sample_size=16)
    library = ModelRegistry([tmp_path / "emoji"], "cpu")
    assert library.pictures("emoji").shape != library.shipped_pictures("emoji").shape == (3, 32, 32)


def test_the_usual_error_is_measured_once(library: ModelRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[object] = []

    def measure(predictor: object, pictures: torch.Tensor) -> object:
        measured.append(pictures)
        return object()

    monkeypatch.setattr(module, "measure_reference_error", measure)
    fresh = ModelRegistry([WEIGHTS / "digits"], device="cpu")
    assert fresh.reference_errors("digits") is fresh.reference_errors("digits")
    (pictures,) = measured
    held_out = library.pictures("digits")
    assert torch.equal(pictures, held_out.x0(held_out.testing)[:20])


def test_checkpoint_frees_other_networks_if_the_device_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """If that does not help either, the error is a sentence."""
    library, read = ModelRegistry(device="cpu"), module.read_checkpoint
    room = 1

    def read_if_there_is_room(name: str, *rest: Any) -> Any:
        if library._checkpoint.cache_info().currsize >= room:
            raise torch.OutOfMemoryError("none left")
        return read(name, *rest)

    monkeypatch.setattr(module, "read_checkpoint", read_if_there_is_room)
    first, second = library.names[:2]
    assert library.checkpoint(first).predictor is library.checkpoint(first).predictor
    assert library.checkpoint(second).image_shape == read(second, library.folders[second], library.device).image_shape
    room = 0
    with pytest.raises(CheckpointError, match=f"There is no memory for {first} on the device at present"):
        library.checkpoint(first)
    room = 1
    assert library.checkpoint(first).image_shape == read(first, library.folders[first], library.device).image_shape
