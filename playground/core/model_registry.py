"""The model registry: networks by name, each loaded on first use, with their pictures and ideal predictor."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from playground.core.analysis.out_of_distribution import ReferenceErrors, measure_reference_error
from playground.core.data.datasets import WEIGHTS, ImageDataset, load_pictures, substitute_dataset
from playground.core.diffusion.ideal import IdealPredictor
from playground.core.networks.checkpoint_format import CheckpointError
from playground.core.networks.checkpoints import Checkpoint, choose_device, read_checkpoint
from playground.core.networks.hub import ProgressCallback, download, normalize_repo_id, resolve

LOADED = 8
"""So many networks are kept in memory; one that is asked for again after more than that is loaded again."""

MAX_ADDED = 8

USUAL_PICTURES = 20

T = TypeVar("T")

Runs = Callable[[nn.Module], nn.Module]
"""What runs a network, and is called as it is: `batching.batched_and_accelerated`, or the network itself."""


class ModelRegistry:
    """Checkpoints and their pictures. A folder that cannot be read raises each time it is asked for, until mended."""

    max_concurrent_runs = 64
    """So many runs are under way at a time; who comes then waits in line."""

    def __init__(
        self,
        models: Sequence[str | Path] | None = None,
        device: str | torch.device | None = None,
        progress: ProgressCallback = lambda done, total: None,
        engine: Runs = lambda unet: unet,
    ) -> None:
        """`models`: folders, each a network named after it, and names of networks on the Hub, which are downloaded, of
        whose progress goes to `progress`; by default every folder in weights/. `engine` is what runs each
        of them, such as `batching.batched_and_accelerated`; by default it runs itself.

        Raises ValueError where there is none, two have one name, or there is no such device; CheckpointError for what
        is no folder and cannot be downloaded.
        """
        if models is None:
            models = sorted(path for path in WEIGHTS.glob("*") if (path / "unet").is_dir())
        if not models:
            raise ValueError(f"There is no network to show: {WEIGHTS} has no folder with one in it.")
        self._models, self.device = models, choose_device(device)
        self.folders: dict[str, Path] = {}
        for model in models:
            name, folder = resolve(model, progress)
            if name in self.folders:
                raise ValueError(f"Two networks are called {name}: each needs a name of its own.")
            self.folders[name] = folder
        self._given = len(self.folders)
        self._lock, self._adding = threading.Lock(), threading.Lock()
        self._engine = engine
        self._checkpoint = lru_cache(LOADED)(self._load)
        self._pictures = cache(self._find_pictures)
        self._ideal = lru_cache(LOADED)(
            lambda name: IdealPredictor(self._pictures(name).x0(self._pictures(name).training))
        )
        self._measuring = threading.Lock()  # takes seconds, in which no other call should wait
        self._usual = lru_cache(LOADED)(self._measured)

    def to(self, device: str | torch.device) -> ModelRegistry:
        """The networks that were on offer at first, on another device. Raises ValueError where that is not there."""
        return ModelRegistry(self._models, device)

    def download(self, name: str, progress: ProgressCallback) -> str:
        """Download a network from the Hub and put it on offer; return its name. One is downloaded at a time.

        Raises CheckpointError, in a sentence for a person, where that cannot be done or MAX_ADDED are there already.
        """
        name = normalize_repo_id(name)
        with self._adding:
            if name in self.folders:
                return name
            if len(self.folders) - self._given >= MAX_ADDED:
                raise CheckpointError(
                    f"{MAX_ADDED} networks from the Hub are here already, and more have no room: choose one of them."
                )
            folder = download(name, progress)
            read_checkpoint(name, folder, self.device)  # raises now if it cannot be read, and is not put on offer
            self.folders[name] = folder
        return name

    @property
    def names(self) -> list[str]:
        """The names to choose from, the default first."""
        return list(self.folders)

    def checkpoint(self, name: str) -> Checkpoint:
        """The network of that name. Raises CheckpointError where its folder cannot be read."""
        with self._lock:  # so that two people who ask at once do not load it twice
            return self._checkpoint(name)

    def run(self, name: str, way: Callable[..., Iterator[T]], *args: Any, **options: Any) -> Iterator[T]:
        """Let a network drive a run: the records of `way(predictor, *args, **options)`, such as `generate.generate`.

        Everything that samples asks for it here; a library that has its networks elsewhere runs it elsewhere. Raises
        what `way` raises, and CheckpointError.
        """
        return way(self.checkpoint(name).predictor, *args, **options)

    def pictures(self, name: str) -> ImageDataset:
        """The pictures it was trained on and those held out; where it came without, others that stand in for them.

        Those of shipped data can be asked for also where their network is not on offer. Raises FileNotFoundError for
        any other name.
        """
        with self._lock:
            return self._pictures(name)

    def ideal(self, name: str) -> IdealPredictor:
        """E[eps | x_t] over the pictures that it was trained on. Raises ValueError where it came without them."""
        if self.pictures(name).is_substitute:
            raise ValueError(f"There is no ideal predictor for {name}: it came without its training pictures.")
        with self._lock:
            return self._ideal(name)

    def reference_errors(self, name: str) -> ReferenceErrors:
        """How far the network errs on held-out pictures: measured when it is first asked for."""
        with self._measuring:
            return self._usual(name)

    def _measured(self, name: str) -> ReferenceErrors:
        pictures = self.pictures(name)
        return measure_reference_error(self.checkpoint(name).predictor, pictures.x0(pictures.testing)[:USUAL_PICTURES])

    def _load(self, name: str) -> Checkpoint:
        checkpoint = read_checkpoint(name, self.folders[name], self.device)
        predictor = checkpoint.predictor
        return replace(checkpoint, predictor=replace(predictor, unet=self._engine(predictor.unet)))

    def _find_pictures(self, name: str) -> ImageDataset:
        shipped = {path.name: path for path in WEIGHTS.iterdir()}
        if name not in self.folders and name not in shipped:
            raise FileNotFoundError(f"There are no pictures in weights/ for {name!r}.")
        folder = self.folders.get(name) or shipped[name]
        if name not in self.folders or (folder / "pictures.json").is_file():
            return load_pictures(folder)
        network = self._checkpoint(name)
        return substitute_dataset(network.image_shape, network.label_names)
