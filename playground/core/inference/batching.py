"""Dynamic batching: concurrent requests to one network are answered in shared batches.

Knows no noise level and no sampler: each person's sampling stays a plain generator, in a thread of its own.
"""

from __future__ import annotations

import threading
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

MOST_AT_ONCE = 32

MOST_WAITING = 4096
"""How many pictures may wait. At 32 a batch that is as many as a slow machine answers in half a minute."""

WORKER_IDLE_TIMEOUT = 10.0
"""For so many seconds the worker waits for work; then it ends, and the next request starts another."""

HANDOUT_TIMEOUT = 0.1
"""For so many seconds at most an answer is kept for somebody who did not come back."""


class QueueFullError(ValueError):
    """Too much is asked at once, in a sentence for a person."""


@dataclass(eq=False)
class Request:
    """What one call asks: inputs with one row for each picture, of which `taken` are on their way or answered.

    `results` are its answers, some rows each, in their order, or in place of one the error that ends it. `kind` is what
    rows must have in common to be in one batch.
    """

    inputs: tuple[Tensor, ...]
    taken: int = 0
    results: SimpleQueue[Tensor | BaseException] = field(default_factory=SimpleQueue)
    kind: tuple[Any, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.kind = tuple((each.shape[1:], each.dtype) for each in self.inputs)

    def __len__(self) -> int:
        return len(self.inputs[0])

    def take(self, count: int) -> tuple[Tensor, ...]:
        """Its next rows."""
        self.taken += count
        if count == len(self):
            return self.inputs
        return tuple(each[self.taken - count : self.taken] for each in self.inputs)


def fair_share(waiting: Iterable[Request], room: int) -> dict[Request, int]:
    """How many rows of each request go into a batch with so much room: the same for all, as far as they have them.

    So a request of sixteen pictures does not delay one of a single picture. Where not all have room, the first come
    first.
    """
    granted: dict[Request, int] = {}
    wanting = list(waiting)
    while wanting and room:
        for request in wanting[:room]:
            granted[request] = granted.get(request, 0) + 1
        room -= len(wanting[:room])
        wanting = [request for request in wanting if granted.get(request, 0) < len(request) - request.taken]
    return granted


Batch = list[tuple[Request, tuple[Tensor, ...]]]
"""Requests, and rows of their inputs."""


class DynamicBatcher(nn.Module):
    """A UNet2DModel, or its engine, that many threads call and one worker serves; it is called as the UNet is.

    There is no timer: while a batch is under way, requests gather for the next one; a caller with an answer gets ready
    meanwhile, so an engine's batches are no larger than makes them faster. The answers are handed out one after
    the other: who comes back with the next request lets the next one go. All at once, threads would take Python's lock
    from each other at every operation, which takes longer than what they do. An error in a batch is raised in those
    alone whose rows, asked for by themselves, raise it.
    """

    def __init__(self, network: nn.Module, most_at_once: int = MOST_AT_ONCE, most_waiting: int = MOST_WAITING) -> None:
        super().__init__()
        self.network, self.most_at_once, self.most_waiting = network, most_at_once, most_waiting
        self._waiting: deque[Request] = deque()
        self._answered: deque[tuple[Request, Tensor]] = deque()
        self._change = threading.Condition()
        self._worker: threading.Thread | None = None

    def forward(self, sample: Tensor, timestep: Tensor, class_labels: Tensor | None = None) -> UNet2DOutput:
        """As UNet2DModel's, for timesteps (B,). Raises BusyError where too much waits already."""
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
            self.cancel(request)  # of one who was interrupted nothing is left waiting
            raise
        return UNet2DOutput(sample=answers[0] if len(answers) == 1 else torch.cat(answers))

    def _answers(self, request: Request) -> list[Tensor]:
        """Wait for all of them."""
        answers: list[Tensor] = []
        while sum(map(len, answers)) < len(request):
            try:
                said = request.results.get(timeout=HANDOUT_TIMEOUT)
            except Empty:
                with self._change:
                    self._release_results(len(self._answered))
                    self._keep_worker()
                continue
            if isinstance(said, BaseException):
                raise said
            answers.append(said)
        return answers

    def cancel(self, request: Request) -> None:
        """Let a request wait no longer; of its rows that are under way the answers are left aside."""
        with self._change:
            if request in self._waiting:
                self._waiting.remove(request)

    def _release_results(self, count: int) -> None:
        """Give so many of the answers to those who wait for them. Called with `_change` held."""
        for request, rows in [self._answered.popleft() for _ in range(min(count, len(self._answered)))]:
            request.results.put(rows)

    def _keep_worker(self) -> None:
        """See that there is one: also where the last one died. Called with `_change` held."""
        if self._worker is None or not self._worker.is_alive():
            self._worker = threading.Thread(target=self._serve, name="network", daemon=True)
            self._worker.start()

    def _serve(self) -> None:
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
        """Rows of the waiting requests; nothing once none has come for a while."""
        with self._change:
            if not self._waiting:
                self._release_results(len(self._answered))
            if not self._change.wait_for(lambda: self._waiting, WORKER_IDLE_TIMEOUT):
                self._worker = None
                return []
            kind = self._waiting[0].kind
            wanted = self.network.best_batch if isinstance(self.network, Engine) else self.most_at_once
            granted = fair_share(
                (request for request in self._waiting if request.kind == kind), min(wanted, self.most_at_once)
            )
            batch = [(request, request.take(count)) for request, count in granted.items()]
            for request in granted:  # who has rows left waits behind those who got none
                self._waiting.remove(request)
                if request.taken < len(request):
                    self._waiting.append(request)
        return batch

    def _answer_batch(self, batch: Batch) -> None:
        """Ask the network for all of it; where that fails, for each request alone, so that it fails for no other."""
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
        """The network's answer; half as much at once, from now on, where the device has no memory for so much."""
        answers: list[Tensor] = []
        while (done := sum(map(len, answers))) < len(inputs[0]):
            part = [each[done : done + self.most_at_once] for each in inputs]
            try:
                answers.append(self.network(*part).sample)
            except RuntimeError as error:
                if not out_of_memory(error):
                    raise
                if len(part[0]) == 1:
                    raise QueueFullError(
                        "The device has no memory left for one picture: try again in a minute."
                    ) from error
                self.most_at_once = len(part[0]) // 2
        return torch.cat(answers)


def out_of_memory(error: RuntimeError) -> bool:
    """Whether that is what it says: of accelerators by its class, of a CPU in words alone."""
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


def batched_and_accelerated(unet: nn.Module) -> DynamicBatcher:
    """A network on its device's fast path, for many people."""
    return DynamicBatcher(accelerate(unet))
