"""One network for many: each gets what it would have got alone, whoever else is there, and nobody is kept waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import torch
from diffusers.models.unets.unet_2d import UNet2DOutput
from torch import Tensor, nn
from torch.testing import assert_close

from playground.core.diffusion.predictors import UNetPredictor
from playground.core.diffusion.schedules import linear
from playground.core.inference import batching
from playground.core.inference.batching import DynamicBatcher, QueueFullError, Request, fair_share
from playground.core.inference.memory import out_of_memory
from playground.core.sampling.options import SamplingOptions
from playground.core.sampling.samplers import sample
from tests.conftest import small_unet


class Watched(nn.Module):
    """Says x + t; notes what it is asked, waits at `gate`, and does `before` each answer."""

    def __init__(self, before: Callable[[Tensor], None] = lambda x: None) -> None:
        super().__init__()
        self.asked: list[list[float]] = []
        self.before, self.gate = before, threading.Event()
        self.gate.set()

    def forward(self, x: Tensor, t: Tensor) -> UNet2DOutput:
        self.asked.append(t.tolist())
        assert self.gate.wait(20)
        self.before(x)
        return UNet2DOutput(sample=x + t[:, None])


def ask(network: DynamicBatcher, t: float, count: int = 1) -> Tensor:
    return network(torch.zeros(count, 1), torch.full((count,), t)).sample


def asked_together(
    network: DynamicBatcher, watched: Watched, *asked: tuple[float, int]
) -> list[Tensor | BaseException]:
    """What each gets who asks while the network is busy with a first request, in the order in which they came."""
    watched.gate.clear()
    with ThreadPoolExecutor() as threads:
        first = threads.submit(ask, network, -1.0)
        until(lambda: len(watched.asked) == 1)
        others = []
        for number, (t, count) in enumerate(asked, start=1):
            others.append(threads.submit(ask, network, t, count))
            until(partial(lambda number: len(network._waiting) == number, number))
        watched.gate.set()
        assert_close(first.result(20), torch.tensor([[-1.0]]))
        return [other.exception(20) or other.result() for other in others]


def until(so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not so():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_whoever_waits_is_in_the_next_batch_whatever_their_t_and_number() -> None:
    watched = Watched()
    answers = asked_together(DynamicBatcher(watched), watched, (1.0, 1), (2.0, 3), (3.0, 2))
    assert sorted(watched.asked[1]) == [1, 2, 2, 2, 3, 3]
    assert len(watched.asked) == 2
    for answer, (t, count) in zip(answers, ((1.0, 1), (2.0, 3), (3.0, 2)), strict=True):
        assert_close(answer, torch.full((count, 1), t))


def test_a_single_picture_does_not_wait_for_somebodys_many() -> None:
    watched = Watched()
    answers = asked_together(DynamicBatcher(watched, most_at_once=4), watched, (1.0, 16), (2.0, 1), (3.0, 1))
    assert sorted(watched.asked[1]) == [1, 1, 2, 3]
    assert [len(answer) for answer in answers] == [16, 1, 1]
    assert all(len(asked) <= 4 for asked in watched.asked)


def test_shares_are_equal_as_far_as_they_are_wanted() -> None:
    many, few, one = (Request((torch.zeros(count, 1),)) for count in (9, 3, 1))
    assert fair_share([many, few, one], 8) == {many: 4, few: 3, one: 1}
    assert fair_share([many, few, one], 2) == {many: 1, few: 1}
    assert fair_share([many], 32) == {many: 9}
    many.take(7)
    assert fair_share([many, few], 32) == {many: 2, few: 3}


def test_no_more_wait_than_there_is_room_for() -> None:
    watched = Watched()
    network = DynamicBatcher(watched, most_waiting=5)
    answers = asked_together(network, watched, (1.0, 5))
    assert_close(answers[0], torch.ones(5, 1))
    watched.asked.clear()
    watched.gate.clear()
    with ThreadPoolExecutor() as threads:
        first = threads.submit(ask, network, 0.0)
        until(lambda: len(watched.asked) == 1)
        second = threads.submit(ask, network, 1.0, 5)
        until(lambda: len(network._waiting) == 1)
        with pytest.raises(QueueFullError, match="Too many pictures"):
            ask(network, 2.0)
        watched.gate.set()
        assert len(first.result(20)) + len(second.result(20)) == 6


def test_who_does_not_come_back_holds_up_nobody() -> None:
    """Neither of two who were answered asks again, and the next batch does not end: both have their answers."""
    both_are_there = threading.Event()

    def last(x: Tensor) -> None:
        assert watched.asked[-1] != [3] or both_are_there.wait(20)

    watched = Watched(last)
    network = DynamicBatcher(watched, most_at_once=2)
    watched.gate.clear()
    with ThreadPoolExecutor() as threads:
        first = threads.submit(ask, network, 0.0)
        until(lambda: len(watched.asked) == 1)
        others = []
        for number in (1, 2, 3):
            others.append(threads.submit(ask, network, float(number)))
            until(partial(lambda number: len(network._waiting) == number, number))
        watched.gate.set()
        assert [other.result(10).item() for other in (first, *others[:2])] == [0, 1, 2]
        assert watched.asked == [[0], [1, 2], [3]]
        both_are_there.set()
        assert others[2].result(10).item() == 3


def test_an_error_is_told_to_whom_it_belongs() -> None:
    def refuse(x: Tensor) -> None:
        if len(x) > 1 and len(set(watched.asked[-1])) == 1:
            raise ValueError("not these")
        if len(x) > 1:
            raise ValueError("one of these")

    watched = Watched(refuse)
    answers = asked_together(DynamicBatcher(watched), watched, (1.0, 1), (2.0, 2), (3.0, 1))
    assert_close(answers[0], torch.tensor([[1.0]]))
    assert isinstance(answers[1], ValueError)
    assert str(answers[1]) == "not these"
    assert_close(answers[2], torch.tensor([[3.0]]))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_worker_that_dies_is_replaced() -> None:
    def die(x: Tensor) -> None:
        if watched.asked[-1] == [7]:
            raise SystemExit

    watched = Watched(die)
    network = DynamicBatcher(watched)
    with pytest.raises(SystemExit):
        ask(network, 7.0)
    assert_close(ask(network, 1.0), torch.tensor([[1.0]]))
    worker = network._worker
    assert worker is not None
    assert worker.is_alive()


def test_a_worker_with_nothing_to_do_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "WORKER_IDLE_TIMEOUT", 0.01)
    network = DynamicBatcher(Watched())
    ask(network, 1.0)
    until(lambda: network._worker is None)
    assert_close(ask(network, 2.0), torch.tensor([[2.0]]))


def test_who_is_interrupted_leaves_nothing_waiting() -> None:
    watched = Watched()
    network = DynamicBatcher(watched)
    watched.gate.clear()
    with ThreadPoolExecutor() as threads:
        first = threads.submit(ask, network, 0.0)
        until(lambda: len(watched.asked) == 1)
        request = Request((torch.zeros(1, 1), torch.ones(1)))
        network._waiting.append(request)
        network.cancel(request)
        watched.gate.set()
        first.result(20)
    ask(network, 2.0)
    assert [1] not in watched.asked


SHORTAGES = [
    torch.OutOfMemoryError("none left"),
    RuntimeError("DefaultCPUAllocator: no memory"),
    RuntimeError("MPS backend out of memory (MPS allocated: 18.1 GB)"),
    RuntimeError("CUDNN_STATUS_ALLOC_FAILED"),
    MemoryError(),
]


@pytest.mark.parametrize("error", SHORTAGES)
def test_a_device_without_memory_gets_smaller_batches_for_a_while(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    too_many = 4

    def too_much(x: Tensor) -> None:
        if len(x) >= too_many:
            raise error

    now = time.monotonic()
    watched = Watched(too_much)
    network = DynamicBatcher(watched)
    assert_close(ask(network, 1.0, 16), torch.ones(16, 1))
    assert_close(ask(network, 2.0, 16), torch.full((16, 1), 2.0))
    assert sum(len(asked) > 3 for asked in watched.asked) <= 3
    assert network.most_at_once == 2
    # The device has memory again. Each minute the batches double, up to the size they had at first.
    too_many = 100
    for minute, most in enumerate((4, 8, 16, 32, 32), 1):
        monkeypatch.setattr(time, "monotonic", lambda minute=minute: now + 90.0 * minute)
        assert_close(ask(network, 3.0, 16), torch.full((16, 1), 3.0))
        assert network.most_at_once == most


def test_out_of_memory_is_no_other_error() -> None:
    assert not any(map(out_of_memory, (RuntimeError("shapes differ"), ValueError("out of memory"), OSError())))


def test_a_device_without_memory_for_one_says_so() -> None:
    def nothing(x: Tensor) -> None:
        raise torch.OutOfMemoryError("none left")

    with pytest.raises(QueueFullError, match="no memory left for one picture"):
        ask(DynamicBatcher(Watched(nothing)), 1.0, 8)


@pytest.mark.slow
def test_people_who_sample_at_once_get_what_each_would_get_alone() -> None:
    unet, schedule = small_unet().eval(), linear(100)
    alone, together = (UNetPredictor(network, schedule, null_label=3) for network in (unet, DynamicBatcher(unet)))

    def run(predictor: UNetPredictor, person: int) -> Tensor:
        generator = torch.Generator().manual_seed(person)
        x_T = torch.randn(1 + person % 3, 1, 8, 8, generator=generator)
        labels = None if person % 2 else torch.full((len(x_T),), person % 4)
        steps = 5 + person
        way = "ddpm" if person % 4 == 1 else "ddim"
        run = sample(
            predictor, x_T, schedule, SamplingOptions(sampler=way, steps=steps), labels=labels, generator=generator
        )
        return list(run)[-1].x_next

    with ThreadPoolExecutor(12) as threads:
        pictures = list(threads.map(lambda person: run(together, person), range(12)))
    for person, picture in enumerate(pictures):
        assert_close(picture, run(alone, person), atol=1e-4, rtol=0)
