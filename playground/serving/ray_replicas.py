"""Ray Serve replicas that sample, and the registry that sends runs to them.

A replica makes whole runs and streams the network's predictions, step by step. The client repeats the same run in its
own process, with these predictions in place of its network's. So only eps_hat is transferred for each step.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import ray
import torch
from ray import serve
from ray.exceptions import RayError, RayTaskError
from ray.serve.exceptions import RayServeException
from torch import Tensor

from playground.core.inference.batching import batched_and_accelerated
from playground.core.model_registry import ModelRegistry, Runs
from playground.core.sampling.replay import ReplayPredictor, SamplingFunction, stream_predictions

NAME = "diffusion-playground"
ROOT = Path(__file__).parents[2]
RUNS = 32
"""The most concurrent runs of a replica, one thread each; runs of the same network may share batches."""
MAX_RETRIES = 5
"""The number of failed attempts in a row, without a new prediction, after which a run is given up."""
OBJECT_STORE_BYTES = 2**28
"""Memory that Ray reserves for transfers if it is started here; a step needs far less."""

T = TypeVar("T")


class SamplingReplica:
    """A Ray Serve replica: a model registry with its own process and device, for several concurrent runs.

    Args:
        models: folders and names on the Hub, as for `ModelRegistry`.
        engine: wraps each network to run it.
    """

    def __init__(self, models: Sequence[str] | None, engine: Runs = batched_and_accelerated) -> None:
        self.library = ModelRegistry(models, engine=engine)
        self.threads = ThreadPoolExecutor(RUNS, "run")

    async def stream_predictions(
        self, model: str, sampling_function: SamplingFunction, known: list[np.ndarray], args: tuple[Any, ...]
    ) -> AsyncIterator[list[np.ndarray]]:
        """Stream the network's predictions in a run, without those that are known; see `replay.stream_predictions`.

        If the client disconnects, the run ends after the current call of the network.

        Args:
            model: name of the network.
            sampling_function: the sampling function.
            known: the run's first predictions, each (B, C, H, W), which are not computed again.
            args: arguments of `sampling_function` after the predictor.

        Yields:
            The new predictions eps_hat behind a record of the run, as arrays, each (B, C, H, W).
        """
        before = (torch.from_numpy(each.copy()) for each in known)
        in_thread = asyncio.get_running_loop().run_in_executor
        run = await in_thread(
            self.threads, lambda: self.library.run(model, stream_predictions, sampling_function, before, *args)
        )
        while (predictions := await in_thread(self.threads, next, run, None)) is not None:
            yield [eps_hat.numpy(force=True) for eps_hat in predictions]

    async def check_health(self) -> None:
        """Raises an error if the device no longer computes; Ray Serve then replaces this replica."""
        torch.zeros(1, device=self.library.device).add(1).item()


class RemoteModelRegistry(ModelRegistry):
    """A model registry whose runs are made by replicas; all else is computed here, on the CPU."""

    def __init__(
        self,
        models: Sequence[str] | None,
        handle: Any,
        max_concurrent_runs: int,
        engine: Runs = batched_and_accelerated,
    ) -> None:
        """Register networks that run on replicas.

        Args:
            models: folders and names on the Hub, as for `ModelRegistry`.
            handle: Ray Serve's handle of a deployment of `SamplingReplica`.
            max_concurrent_runs: the most runs that are under way at a time.
            engine: wraps each network to run it.
        """
        super().__init__(models, "cpu", engine=engine)
        self.max_concurrent_runs = max_concurrent_runs
        self._predictions = handle.options(stream=True).stream_predictions

    def run(self, name: str, sampling_function: Callable[..., Iterator[T]], *args: Any) -> Iterator[T]:
        """Run a sampling function on a replica, and repeat it here with the replica's predictions.

        See `ModelRegistry.run`.

        Args:
            name: name of the network.
            sampling_function: the sampling function.
            args: its arguments after the predictor.

        Returns:
            An iterator over the records that `sampling_function` yields; closing it also ends the replica's run.

        Raises:
            CheckpointError: if the network cannot be read.
            ValueError: during iteration, if no replica could continue the run.
        """
        received = self._received(name, sampling_function, args)
        return _closing(sampling_function(ReplayPredictor(received, self.checkpoint(name).predictor), *args), received)

    def _received(self, name: str, sampling_function: SamplingFunction, args: tuple[Any, ...]) -> Iterator[Tensor]:
        """The network's predictions in the run, one after the other, from as many replicas as it takes."""
        known: list[np.ndarray] = []
        tries = 0
        while True:
            response = self._predictions.remote(name, sampling_function, known, args)
            try:
                for predictions in response:
                    tries = 0
                    for eps_hat in predictions:
                        known.append(np.array(eps_hat))  # a copy, since Ray's arrays keep shared memory occupied
                        yield torch.from_numpy(known[-1])
                return
            except RayTaskError as error:
                raise error.cause from None  # the run's own error: it would be the same on any replica
            except (RayError, RayServeException) as error:
                tries += 1
                if tries == MAX_RETRIES:
                    raise ValueError(
                        "The machines that sample do not answer: the run got no further, however often it was begun "
                        "elsewhere. Try again in a minute."
                    ) from error
                time.sleep(0.05 * 2**tries)
            finally:
                response.cancel()


def _closing(records: Iterator[T], received: Any) -> Iterator[T]:
    """Yield the records; closing this generator also ends the replica's run."""
    with closing(received):
        yield from records


@contextmanager
def ray_cluster(address: str | None, most: int) -> Iterator[None]:
    """Connect to a running Ray cluster, or start one here that ends with the context.

    Args:
        address: the cluster's address, or "auto" for the one on this machine; None to start one.
        most: the most replicas that will run; a cluster that is started here gets at least as many CPU slots.

    Raises:
        ConnectionError: if there is no cluster at that address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # A replica on a GPU needs only part of a processor, so a machine may have more replicas than processors.
    cpus = max(most, os.cpu_count() or 1)
    new: dict[str, Any] = {"num_cpus": cpus, "object_store_memory": OBJECT_STORE_BYTES, "include_dashboard": False}
    ray.init(address or "local", log_to_driver=False, logging_level=logging.ERROR, **({} if address else new))
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def replicas(
    models: Sequence[str] | None, fewest: int, most: int, gpus: float = 0.0, engine: Runs = batched_and_accelerated
) -> Iterator[ModelRegistry]:
    """Start replicas on the connected Ray cluster, and stop them at the end of the context.

    Folders among the models must have the same path on every machine, and so must this package.

    Args:
        models: folders and names on the Hub, as for `ModelRegistry`.
        fewest: the fewest replicas.
        most: the most replicas; their number follows the load.
        gpus: GPUs for each replica, or a fraction of one.
        engine: wraps each network to run it.

    Yields:
        The registry that sends runs to the replicas.

    Raises:
        ValueError: as `ModelRegistry` does, and if there are too few GPUs.
        CheckpointError: as `ModelRegistry` does.
        RuntimeError: if a replica cannot start.
    """
    models = models and [str(Path(each).resolve()) if Path(each).is_dir() else each for each in models]
    there = ray.cluster_resources().get("GPU", 0)
    if gpus * fewest > there:  # Ray Serve would wait for them instead
        raise ValueError(f"Replicas: {fewest}, with {gpus:g} GPUs each, need more than the {there:g} that Ray has.")
    serve.start(proxy_location="Disabled", logging_config={"log_level": "WARNING"})
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    handle = serve.run(_deployment(fewest, most, gpus).bind(models, engine), name=NAME, route_prefix=None)
    try:
        yield RemoteModelRegistry(models, handle, RUNS * most, engine)
    finally:
        serve.delete(NAME)


def _deployment(fewest: int, most: int, gpus: float) -> Any:
    """The Ray Serve deployment: `fewest` replicas, and up to `most` once each has half of its RUNS to make."""
    size: dict[str, Any] = {"num_replicas": fewest}
    if most > fewest:
        bounds = {"min_replicas": fewest, "max_replicas": most, "target_ongoing_requests": RUNS / 2}
        size = {"autoscaling_config": bounds}
    return serve.deployment(
        SamplingReplica,
        max_ongoing_requests=RUNS,
        graceful_shutdown_timeout_s=5,  # a run that takes longer continues on another replica
        ray_actor_options={
            "num_cpus": 1,
            "num_gpus": gpus,
            "runtime_env": {"env_vars": {"PYTHONPATH": str(ROOT)}},
        },
        **size,
    )
