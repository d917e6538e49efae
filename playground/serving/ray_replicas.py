"""Ray Serve replicas that sample, and the registry that sends runs to them.

A replica makes whole runs and sends what its network says in them, step by step, as it says it. The client follows:
the same run, in its own process, with these answers in the network's place. So of each step eps_hat travels alone.
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
"""So many runs a replica makes at a time, a thread each; those of one network may be answered as a batch."""
MAX_RETRIES = 5
"""So often a run is begun elsewhere while nothing new is received of it."""
OBJECT_STORE_BYTES = 2**28
"""How much of the machine's memory Ray sets aside, where it is started here, for what travels; a step is far less."""

T = TypeVar("T")


class SamplingReplica:
    """A library in a process of its own, with a device of its own, for several runs at once."""

    def __init__(self, models: Sequence[str] | None, engine: Runs = batched_and_accelerated) -> None:
        self.library = ModelRegistry(models, engine=engine)
        self.threads = ThreadPoolExecutor(RUNS, "run")

    async def said(
        self, model: str, way: SamplingFunction, known: list[np.ndarray], args: tuple[Any, ...], options: dict[str, Any]
    ) -> AsyncIterator[list[np.ndarray]]:
        """What the network says in a run after what is `known`, as `replay.stream_predictions` tells it.

        When the client leaves, the run ends with the call that is under way.
        """
        before = (torch.from_numpy(each.copy()) for each in known)
        in_thread = asyncio.get_running_loop().run_in_executor
        run = await in_thread(
            self.threads, lambda: self.library.run(model, stream_predictions, way, before, *args, **options)
        )
        while (said := await in_thread(self.threads, next, run, None)) is not None:
            yield [eps_hat.numpy(force=True) for eps_hat in said]

    async def check_health(self) -> None:
        """Raises where the device does not compute any more; then Serve puts another replica in this one's place."""
        torch.zeros(1, device=self.library.device).add(1).item()


class RemoteModelRegistry(ModelRegistry):
    """A library whose runs are made by replicas; all else is computed here, on the CPU."""

    def __init__(
        self, models: Sequence[str] | None, handle: Any, at_once: int, engine: Runs = batched_and_accelerated
    ) -> None:
        """`handle` is Serve's, of a deployment of `SamplingReplica`; `at_once` runs are under way at most."""
        super().__init__(models, "cpu", engine=engine)
        self.at_once = at_once
        self._said = handle.options(stream=True).said

    def run(self, name: str, way: Callable[..., Iterator[T]], *args: Any, **options: Any) -> Iterator[T]:
        """The run that a replica makes, followed here. Raises ValueError where none could; see `ModelRegistry.run`."""
        received = self._received(name, way, args, options)
        return _closing(way(ReplayPredictor(received, self.checkpoint(name).predictor), *args, **options), received)

    def _received(
        self, name: str, way: SamplingFunction, args: tuple[Any, ...], options: dict[str, Any]
    ) -> Iterator[Tensor]:
        """What the network says in the run, one answer after the other, from as many replicas as it takes."""
        known: list[np.ndarray] = []
        tries = 0
        while True:
            response = self._said.remote(name, way, known, args, options)
            try:
                for said in response:
                    tries = 0
                    for eps_hat in said:
                        known.append(np.array(eps_hat))  # what Ray gives lies in shared memory, and stays until let go
                        yield torch.from_numpy(known[-1])
                return
            except RayTaskError as error:
                raise error.cause from None  # the run's own: it would be the same elsewhere
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
    """The records; closing the generator ends the replica's run, too."""
    with closing(received):
        yield from records


@contextmanager
def ray_cluster(address: str | None, most: int) -> Iterator[None]:
    """A Ray that runs already, at its `address`, or one that is started here for `most` replicas and ends with this.

    Raises ConnectionError where there is none at that address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # A replica may wait for its GPU's answers on part of a processor: on one machine there may be more than those.
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
    """A library with `fewest` to `most` replicas on the Ray that is joined, each with so many GPUs, or a part of one.

    Folders among the models must be at the same place on every machine, and this package too. Raises ValueError and
    CheckpointError as `ModelRegistry` does, ValueError where there are too few GPUs, and RuntimeError where a replica
    cannot start.
    """
    models = models and [str(Path(each).resolve()) if Path(each).is_dir() else each for each in models]
    there = ray.cluster_resources().get("GPU", 0)
    if gpus * fewest > there:  # Serve would wait for them
        raise ValueError(f"Replicas: {fewest}, with {gpus:g} GPUs each, need more than the {there:g} that Ray has.")
    serve.start(proxy_location="Disabled", logging_config={"log_level": "WARNING"})
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    handle = serve.run(_deployment(fewest, most, gpus).bind(models, engine), name=NAME, route_prefix=None)
    try:
        yield RemoteModelRegistry(models, handle, RUNS * most, engine)
    finally:
        serve.delete(NAME)


def _deployment(fewest: int, most: int, gpus: float) -> Any:
    """What Serve is to keep alive: as many replicas as that, more of them where each has half of its runs to make."""
    size: dict[str, Any] = {"num_replicas": fewest}
    if most > fewest:
        bounds = {"min_replicas": fewest, "max_replicas": most, "target_ongoing_requests": RUNS / 2}
        size = {"autoscaling_config": bounds}
    return serve.deployment(
        SamplingReplica,
        max_ongoing_requests=RUNS,
        graceful_shutdown_timeout_s=5,  # a run that takes longer goes on elsewhere
        ray_actor_options={
            "num_cpus": 1,
            "num_gpus": gpus,
            "runtime_env": {"env_vars": {"PYTHONPATH": str(ROOT)}},
        },
        **size,
    )
