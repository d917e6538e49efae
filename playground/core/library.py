"""The networks on offer, by name, each loaded when it is first asked for."""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path

import torch

from playground.core.checkpoints import Checkpoint, choose_device, load_checkpoint
from playground.core.datasets import WEIGHTS, Pictures, load_pictures
from playground.core.predictors import IdealPredictor


class Library:
    """Checkpoints and their pictures. A folder that cannot be read raises each time it is asked for, until mended."""

    def __init__(self, folders: list[Path] | None = None, device: str | torch.device | None = None) -> None:
        """`folders`: one a network, named after its folder; by default every one in weights/.

        Raises ValueError where there is no folder, or no such device.
        """
        if folders is None:
            folders = sorted(path for path in WEIGHTS.glob("*") if (path / "unet").is_dir())
        if not folders:
            raise ValueError(f"There is no network to show: {WEIGHTS} has no folder with one in it.")
        self.folders = {folder.name: folder.resolve() for folder in folders}
        self.device = choose_device(device)
        self._lock = threading.Lock()
        self._checkpoint = cache(lambda name: load_checkpoint(self.folders[name], self.device))
        self._pictures = cache(lambda name: load_pictures(self.folders[name]))
        self._ideal = cache(lambda name: IdealPredictor(self._pictures(name).x0(self._pictures(name).training)))

    @property
    def names(self) -> list[str]:
        """The names to choose from, the default first."""
        return list(self.folders)

    def checkpoint(self, name: str) -> Checkpoint:
        """The network of that name. Raises CheckpointError where its folder cannot be read."""
        with self._lock:  # so that two people who ask at once do not load it twice
            return self._checkpoint(name)

    def pictures(self, name: str) -> Pictures:
        """The pictures it was trained on and those held out. Raises FileNotFoundError where there are none."""
        with self._lock:
            return self._pictures(name)

    def ideal(self, name: str) -> IdealPredictor:
        """E[eps | x_t] over the pictures that the network was trained on."""
        with self._lock:
            return self._ideal(name)
