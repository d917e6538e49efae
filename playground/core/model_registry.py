"""Model registry: networks by name, each loaded on first use, with its dataset and its ideal predictor."""

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
from playground.core.inference.memory import free_memory, out_of_memory
from playground.core.networks.checkpoint_format import CheckpointError
from playground.core.networks.checkpoints import Checkpoint, choose_device, read_checkpoint
from playground.core.networks.hub import ProgressCallback, download, normalize_repo_id, resolve

LOADED = 8
"""How many networks stay in memory; the least recently used one is dropped, and loaded again when needed."""

MAX_ADDED = 8

USUAL_PICTURES = 20

T = TypeVar("T")

Runs = Callable[[nn.Module], nn.Module]
"""Wraps a network in a module that is called like it: `batching.batched_and_accelerated`, or the identity."""


class ModelRegistry:
    """A registry of checkpoints and their datasets, by name.

    A checkpoint whose folder cannot be read raises on every access, until the folder is repaired.
    """

    max_concurrent_runs = 64
    """The most runs at a time; further ones wait in a queue."""

    def __init__(
        self,
        models: Sequence[str | Path] | None = None,
        device: str | torch.device | None = None,
        progress: ProgressCallback = lambda done, total: None,
        engine: Runs = lambda unet: unet,
    ) -> None:
        """Register the networks; those from the Hub are downloaded.

        Args:
            models: folders, each a network named after it, and names of networks on the Hub; None for all in weights/.
            device: where the networks run; None for the default of `choose_device`.
            progress: called with the bytes of a download received so far, and in all.
            engine: wraps each network to run it, such as `batching.batched_and_accelerated`; by default there is none.

        Raises:
            ValueError: if there is no network, two have the same name, or the device does not exist.
            CheckpointError: if a model is not a folder and cannot be downloaded.
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
        self._pictures, self._shipped = cache(self._find_pictures), cache(load_pictures)
        self._ideal = lru_cache(LOADED)(
            lambda name: IdealPredictor(self._pictures(name).x0(self._pictures(name).training))
        )
        self._measuring = threading.Lock()  # a lock of its own: it takes seconds, which no other call should wait for
        self._usual = lru_cache(LOADED)(self._measured)

    def to(self, device: str | torch.device) -> ModelRegistry:
        """The initial networks, on another device. Raises ValueError if that device does not exist."""
        return ModelRegistry(self._models, device)

    def download(self, name: str, progress: ProgressCallback) -> str:
        """Download a public network from the Hub and register it; one download runs at a time.

        Visitors ask for it, so the host's token is not used.

        Args:
            name: "owner/name", or the network's address on the Hub.
            progress: called with the bytes received so far, and in all.

        Returns:
            The name under which the network is registered.

        Raises:
            CheckpointError: if the network cannot be downloaded or read, or MAX_ADDED have been added already. The
                message is written for users.
        """
        name = normalize_repo_id(name)
        with self._adding:
            if name in self.folders:
                return name
            if len(self.folders) - self._given >= MAX_ADDED:
                raise CheckpointError(
                    f"{MAX_ADDED} networks from the Hub are here already, and more have no room: choose one of them."
                )
            folder = download(name, progress, token=False)
            read_checkpoint(name, folder, self.device)  # raises here, before it is registered, if it cannot be read
            self.folders[name] = folder
        return name

    @property
    def names(self) -> list[str]:
        """The names of the registered networks, the default first."""
        return list(self.folders)

    def checkpoint(self, name: str) -> Checkpoint:
        """The checkpoint of that name. Raises CheckpointError if its folder cannot be read, or there is no memory."""
        with self._lock:  # so that two concurrent calls do not load it twice
            try:
                return self._checkpoint(name)
            except Exception as error:
                if not out_of_memory(error):
                    raise
            self._checkpoint.cache_clear()
            free_memory()
            try:
                return self._checkpoint(name)
            except Exception as error:
                if not out_of_memory(error):
                    raise
                raise CheckpointError(
                    f"There is no memory for {name} on the device at present: try again in a minute, or choose "
                    "a smaller network."
                ) from error

    def run(self, name: str, sampling_function: Callable[..., Iterator[T]], *args: Any) -> Iterator[T]:
        """Run a sampling function with a network: `sampling_function(predictor, *args)`.

        All sampling goes through this method, so a registry whose networks are on other machines can run it there.

        Args:
            name: name of the network.
            sampling_function: the sampling function, such as `generate.generate`.
            args: its arguments after the predictor.

        Returns:
            An iterator over the records that `sampling_function` yields.

        Raises:
            CheckpointError: if the network cannot be read. Errors that `sampling_function` raises pass through.
        """
        return sampling_function(self.checkpoint(name).predictor, *args)

    def pictures(self, name: str) -> ImageDataset:
        """The network's dataset, training and held-out set; a substitute if the network came without one.

        Raises:
            KeyError: if there is no network of that name.
        """
        with self._lock:
            return self._pictures(name)

    def shipped_pictures(self, name: str) -> ImageDataset:
        """A dataset in weights/, whatever the registered networks are called.

        Raises:
            FileNotFoundError: if there is none of that name.
        """
        with self._lock:
            return self._shipped(name)

    def ideal(self, name: str) -> IdealPredictor:
        """The ideal predictor E[eps | x_t] over the network's training set.

        Raises:
            ValueError: if the network came without its training set.
        """
        if self.pictures(name).is_substitute:
            raise ValueError(f"There is no ideal predictor for {name}: it came without its training pictures.")
        with self._lock:
            return self._ideal(name)

    def reference_errors(self, name: str) -> ReferenceErrors:
        """The network's errors on held-out pictures, measured on first use."""
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
        folder = self.folders[name]
        if (folder / "pictures.json").is_file():
            return load_pictures(folder)
        network = self._checkpoint(name)
        return substitute_dataset(network.image_shape, network.label_names)
