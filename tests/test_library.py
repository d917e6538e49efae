import shutil
import threading
from pathlib import Path

import pytest

from playground.core import library as module
from playground.core.checkpoints import CheckpointError
from playground.core.datasets import WEIGHTS
from playground.core.library import Library
from playground.ui.settings import checked


def test_every_folder_of_weights_is_on_offer() -> None:
    assert "digits" in Library(device="cpu").names


def test_where_there_is_none_that_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WEIGHTS", tmp_path / "nothing")
    with pytest.raises(ValueError, match="There is no network to show"):
        Library()


def test_a_folder_that_is_mended_works_without_a_restart(tmp_path: Path) -> None:
    shutil.copytree(WEIGHTS / "digits", tmp_path / "digits", ignore=shutil.ignore_patterns("unet"))
    library = Library([tmp_path / "digits"], device="cpu")
    with pytest.raises(CheckpointError):
        library.checkpoint("digits")
    shutil.copytree(WEIGHTS / "digits" / "unet", tmp_path / "digits" / "unet")
    assert library.checkpoint("digits").image_shape == (1, 28, 28)


def test_two_who_ask_at_once_get_one_network() -> None:
    library, got = Library([WEIGHTS / "digits"], device="cpu"), []
    threads = [threading.Thread(target=lambda: got.append(library.checkpoint("digits"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 8
    assert len(set(map(id, got))) == 1


def test_few_pictures_shorten_the_defaults(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    few = library.pictures("digits")
    short = type(few)(few.name, few.pixels[:30], few.labels[:30], few.label_names, 5, few.source, few.licence)
    monkeypatch.setattr(library, "pictures", lambda name: short)
    assert checked(library).picture == 27  # the middle one of the five that are held out
