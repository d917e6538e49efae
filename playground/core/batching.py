"""One network for many people: whatever they wait for, whatever their t and label, is answered in one batch.

Knows no noise level and no sampler: each person's sampling stays a plain generator, in a thread of its own.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from diffusers.models.unets.unet_2d import UNet2DOutput
from torch import Tensor, nn

from playground.core.engines import Engine, fast

MOST_AT_ONCE = 32
MOST_WAITING = 4096
"""How many pictures may wait. At 32 a batch that is as many as a slow machine answers in half a minute."""
IDLE = 10.0
"""For so many seconds the worker waits for work; then it ends, and whoever comes next starts another."""


class BusyError(ValueError):
    """Too much is asked at once, in a sentence for a person."""


@dataclass(eq=False)
class Request:
    """What one call asks: inputs with one row for each picture, and, row by row, their answers.

    `taken` rows are on their way or answered. `answered` is set at the end, be it with an `error`.
    """

    inputs: tuple[Tensor, ...]
    answers: list[Tensor] = field(default_factory=list)
    taken: int = 0
    error: BaseException | None = None
    answered: threading.Event = field(default_factory=threading.Event)

    def __len__(self) -> int:
        return len(self.inputs[0])

    def take(self, count: int) -> tuple[Tensor, ...]:
        """Its next rows."""
        self.taken += count
        return tuple(each[self.taken - count : self.taken] for each in self.inputs)

    @property
    def kind(self) -> tuple[Any, ...]:
        """What rows must have in common to be in one batch."""
        return tuple((each.shape[1:], each.dtype) for each in self.inputs)

    def fail(self, error: BaseException) -> None:
        self.error = error
        self.answered.set()

    def receive(self, rows: Tensor) -> None:
        self.answers.append(rows)
        if sum(map(len, self.answers)) == len(self):
            self.answered.set()


def shares(waiting: Iterable[Request], room: int) -> dict[Request, int]:
    """How many rows of each request go into a batch with so much room: the same for all, as far as they have them.

    So one person's sixteen pictures hold up nobody's single one. Where not all have room, the first come first.
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


class Batched(nn.Module):
    """A UNet2DModel, or its engine, that many threads call and one worker serves; it is called as the UNet is.

    There is no timer: while a batch is under way, requests gather, and are the next one; whoever has an answer gets
    ready meanwhile, so an engine's batches are no larger than makes them faster. An error in a batch is told to
    those alone whose rows, asked for by themselves, raise it.
    """

    def __init__(self, network: nn.Module, most_at_once: int = MOST_AT_ONCE, most_waiting: int = MOST_WAITING) -> None:
        super().__init__()
        self.network, self.most_at_once, self.most_waiting = network, most_at_once, most_waiting
        self._waiting: deque[Request] = deque()
        self._change = threading.Condition()
        self._worker: threading.Thread | None = None

    def forward(self, sample: Tensor, timestep: Tensor, class_labels: Tensor | None = None) -> UNet2DOutput:
        """As UNet2DModel's, for timesteps (B,). Raises BusyError where too much waits already."""
        inputs = (sample, timestep) if class_labels is None else (sample, timestep, class_labels)
        request = Request(inputs)
        with self._change:
            if self._waiting and sum(map(len, self._waiting)) + len(request) > self.most_waiting:
                raise BusyError("Too many pictures are being made here at once: try again in a minute.")
            self._waiting.append(request)
            self._keep_worker()
            self._change.notify_all()
        try:
            while not request.answered.wait(1):
                with self._change:
                    self._keep_worker()
        finally:
            self.cancel(request)  # of one who was interrupted nothing is left waiting
        if request.error is not None:
            raise request.error
        return UNet2DOutput(sample=torch.cat(request.answers))

    def cancel(self, request: Request) -> None:
        """Let a request wait no longer; of its rows that are under way the answers are left aside."""
        with self._change:
            if request in self._waiting:
                self._waiting.remove(request)

    def _keep_worker(self) -> None:
        """See that there is one: also where the last one died. Called with `_change` held."""
        if self._worker is None or not self._worker.is_alive():
            self._worker = threading.Thread(target=self._serve, name="network", daemon=True)
            self._worker.start()

    def _serve(self) -> None:
        with torch.no_grad():
            while batch := self._next_batch():
                try:
                    self._answer(batch)
                except BaseException as error:
                    for request, _ in batch:
                        request.fail(error)
                    raise

    def _next_batch(self) -> Batch:
        """Rows of whoever waits; nothing once nobody has come for a while."""
        with self._change:
            if not self._change.wait_for(lambda: self._waiting, IDLE):
                self._worker = None
                return []
            kind = self._waiting[0].kind
            wanted = self.network.at_once if isinstance(self.network, Engine) else self.most_at_once
            granted = shares(
                (request for request in self._waiting if request.kind == kind), min(wanted, self.most_at_once)
            )
            batch = [(request, request.take(count)) for request, count in granted.items()]
            for request in granted:  # who has rows left waits behind those who got none
                self._waiting.remove(request)
                if request.taken < len(request):
                    self._waiting.append(request)
        return batch

    def _answer(self, batch: Batch) -> None:
        """Ask the network for all of it; where that fails, for each request alone, so that it fails for no other."""
        try:
            answers = self._asked([torch.cat(each) for each in zip(*(rows for _, rows in batch), strict=True)])
        except Exception as error:
            if len(batch) == 1:
                batch[0][0].fail(error)
            else:
                for alone in batch:
                    self._answer([alone])
            return
        for (request, _), rows in zip(batch, answers.split([len(rows[0]) for _, rows in batch]), strict=True):
            request.receive(rows)

    def _asked(self, inputs: Sequence[Tensor]) -> Tensor:
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
                    raise BusyError("The device has no memory left for one picture: try again in a minute.") from error
                self.most_at_once = len(part[0]) // 2
        return torch.cat(answers)


def out_of_memory(error: RuntimeError) -> bool:
    """Whether that is what it says: of accelerators by its class, of a CPU in words alone."""
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


def shared(unet: nn.Module) -> Batched:
    """A network on its device's fast path, for many people."""
    return Batched(fast(unet))
