"""Dynamic batching: concurrent requests to one network are answered in shared batches.

It is independent of noise levels and samplers: each user's sampling stays a plain generator, in a thread of its own.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

import torch
from diffusers.models.unets.unet_2d import UNet2DOutput
from torch import Tensor, nn

from playground.core.inference.backends import accelerate
from playground.core.inference.engine import Engine
from playground.core.inference.memory import out_of_memory
from playground.core.inference.processors import PROCESSORS, use_processors

MOST_AT_ONCE = 32

MOST_WAITING = 4096
"""The most pictures that may wait: in batches of 32, what a slow machine answers in half a minute."""

WORKER_IDLE_TIMEOUT = 10.0
"""Seconds that the worker waits for work before it ends; the next request starts another."""

RECOVERY_TIME = 60.0
"""Seconds after a shortage of memory, or after a larger batch, until the batch size is doubled again."""

HANDOUT_TIMEOUT = 0.1
"""The most seconds that an answer is held back because the caller before did not send another request."""


class QueueFullError(ValueError):
    """Too many pictures are requested at once; the message is written for users."""


@dataclass(eq=False)
class Request:
    """A call of the network that waits in the queue.

    Attributes:
        inputs: the input tensors, with one row for each picture.
        rows_taken: how many rows have been put into batches so far.
        results: the outputs, in order, some rows each, or an exception that ends the request.
        kind: shape and dtype of a row of each input; all requests in a batch have the same kind.
    """

    inputs: tuple[Tensor, ...]
    rows_taken: int = 0
    results: SimpleQueue[Tensor | BaseException] = field(default_factory=SimpleQueue)
    kind: tuple[Any, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.kind = tuple((each.shape[1:], each.dtype) for each in self.inputs)

    def __len__(self) -> int:
        return len(self.inputs[0])

    def take(self, count: int) -> tuple[Tensor, ...]:
        """Take the next `count` rows of the inputs."""
        self.rows_taken += count
        if count == len(self):
            return self.inputs
        return tuple(each[self.rows_taken - count : self.rows_taken] for each in self.inputs)


def fair_share(waiting: Iterable[Request], room: int) -> dict[Request, int]:
    """Share out the rows of a batch fairly: each request gets the same number, as long as it has rows left.

    A request of sixteen pictures therefore does not delay one of a single picture. If there are more requests than
    rows, the earliest requests get them.

    Args:
        waiting: the waiting requests, earliest first.
        room: how many rows the batch can have.

    Returns:
        The number of rows for each request that gets any.
    """
    granted: dict[Request, int] = {}
    wanting = list(waiting)
    while wanting and room:
        for request in wanting[:room]:
            granted[request] = granted.get(request, 0) + 1
        room -= len(wanting[:room])
        wanting = [request for request in wanting if granted.get(request, 0) < len(request) - request.rows_taken]
    return granted


Batch = list[tuple[Request, tuple[Tensor, ...]]]
"""The requests in a batch, each with the rows of its inputs that are in it."""


class DynamicBatcher(nn.Module):
    """A dynamic batcher: many threads call one network, and a worker thread runs it on shared batches.

    It is called as the network is. There is no timer: while one batch runs, requests gather for the next. An engine's
    batches are no larger than its `best_batch`: larger ones are not faster per row, and with smaller ones some callers
    prepare their next requests while the network runs for the others.

    Answers are handed out one at a time: each new request releases the next answer. If they were handed out all at
    once, the threads would compete for Python's global lock at every operation, which takes longer than the operations
    themselves. If a batch fails, each of its requests runs alone, and only those that fail again raise the error.

    Args:
        network: a UNet2DModel, or its engine.
        most_at_once: largest batch size. It is halved for a while if the device runs out of memory.
        most_waiting: most pictures that may wait; an empty queue accepts a request of any size.
    """

    def __init__(self, network: nn.Module, most_at_once: int = MOST_AT_ONCE, most_waiting: int = MOST_WAITING) -> None:
        super().__init__()
        self.network, self.most_at_once, self.most_waiting = network, most_at_once, most_waiting
        self._at_first, self._reduced_at = most_at_once, 0.0
        self._waiting: deque[Request] = deque()
        self._answered: deque[tuple[Request, Tensor]] = deque()
        self._change = threading.Condition()
        self._worker: threading.Thread | None = None

    def forward(self, sample: Tensor, timestep: Tensor, class_labels: Tensor | None = None) -> UNet2DOutput:
        """Queue a request and wait for its answer.

        Args:
            sample: the network's input, (B, C, H, W).
            timestep: timesteps, (B,).
            class_labels: labels, (B,), or None for a network without labels.

        Returns:
            The output of the UNet2DModel.

        Raises:
            QueueFullError: if too many pictures wait already, or the device has no memory for a single one.
        """
        inputs = (sample, timestep) if class_labels is None else (sample, timestep, class_labels)
        request = Request(inputs)
        with self._change:
            if self._waiting and sum(map(len, self._waiting)) + len(request) > self.most_waiting:
                raise QueueFullError("Too many pictures are being made here at once: try again in a minute.")
            self._waiting.append(request)
            self._release_results(1)
            self._keep_worker()
            self._change.notify_all()
        try:
            answers = self._answers(request)
        except BaseException:
            self.cancel(request)  # an interrupted call leaves nothing in the queue
            raise
        return UNet2DOutput(sample=answers[0] if len(answers) == 1 else torch.cat(answers))

    def _answers(self, request: Request) -> list[Tensor]:
        """Wait for all answers to a request."""
        answers: list[Tensor] = []
        while sum(map(len, answers)) < len(request):
            try:
                result = request.results.get(timeout=HANDOUT_TIMEOUT)
            except Empty:
                with self._change:
                    self._release_results(len(self._answered))
                    self._keep_worker()
                continue
            if isinstance(result, BaseException):
                raise result
            answers.append(result)
        return answers

    def cancel(self, request: Request) -> None:
        """Remove a request from the queue; answers to its rows in a running batch are discarded."""
        with self._change:
            if request in self._waiting:
                self._waiting.remove(request)

    def _release_results(self, count: int) -> None:
        """Hand out up to `count` answers to their waiting callers. Called with `_change` held."""
        for request, rows in [self._answered.popleft() for _ in range(min(count, len(self._answered)))]:
            request.results.put(rows)

    def _keep_worker(self) -> None:
        """Start a worker if none is alive, also after one has died. Called with `_change` held."""
        if self._worker is None or not self._worker.is_alive():
            self._worker = threading.Thread(target=self._serve, name="network", daemon=True)
            self._worker.start()

    def _serve(self) -> None:
        use_processors(PROCESSORS)
        with torch.no_grad():
            while batch := self._next_batch():
                try:
                    self._answer_batch(batch)
                except BaseException as error:
                    for request, _ in batch:
                        request.results.put(error)
                    with self._change:
                        self._release_results(len(self._answered))
                    raise

    def _next_batch(self) -> Batch:
        """The next rows of the waiting requests; empty once WORKER_IDLE_TIMEOUT has passed without any."""
        with self._change:
            if not self._waiting:
                self._release_results(len(self._answered))
            if not self._change.wait_for(lambda: self._waiting, WORKER_IDLE_TIMEOUT):
                self._worker = None
                return []
            self._recover()
            kind = self._waiting[0].kind
            wanted = self.network.best_batch if isinstance(self.network, Engine) else self.most_at_once
            granted = fair_share(
                (request for request in self._waiting if request.kind == kind), min(wanted, self.most_at_once)
            )
            batch = [(request, request.take(count)) for request, count in granted.items()]
            for request in granted:  # a request with rows left goes behind those that got none
                self._waiting.remove(request)
                if request.rows_taken < len(request):
                    self._waiting.append(request)
        return batch

    def _recover(self) -> None:
        """Double a reduced batch size once RECOVERY_TIME has passed: other programs may have freed memory."""
        if self.most_at_once < self._at_first and time.monotonic() - self._reduced_at > RECOVERY_TIME:
            self.most_at_once, self._reduced_at = min(2 * self.most_at_once, self._at_first), time.monotonic()

    def _answer_batch(self, batch: Batch) -> None:
        """Run a batch; if it fails, run each of its requests alone, so that no other one fails with it."""
        try:
            answers = self._forward([torch.cat(each) for each in zip(*(rows for _, rows in batch), strict=True)])
        except Exception as error:
            if len(batch) == 1:
                batch[0][0].results.put(error)
            else:
                for alone in batch:
                    self._answer_batch([alone])
            return
        rows = answers.split([len(rows[0]) for _, rows in batch])
        with self._change:
            self._release_results(len(self._answered))
            self._answered.extend(zip((request for request, _ in batch), rows, strict=True))
            self._release_results(1)

    def _forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Run the network; if the device runs out of memory, halve the batch size."""
        answers: list[Tensor] = []
        while (done := sum(map(len, answers))) < len(inputs[0]):
            part = [each[done : done + self.most_at_once] for each in inputs]
            try:
                answers.append(self.network(*part).sample)
            except Exception as error:
                if not out_of_memory(error):
                    raise
                if len(part[0]) == 1:
                    raise QueueFullError(
                        "The device has no memory left for one picture: try again in a minute."
                    ) from error
                self.most_at_once, self._reduced_at = len(part[0]) // 2, time.monotonic()
        return torch.cat(answers)


def batched_and_accelerated(unet: nn.Module) -> DynamicBatcher:
    """A dynamic batcher for a network on the fast path of its device."""
    return DynamicBatcher(accelerate(unet))
