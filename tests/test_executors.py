import threading
import time
from collections.abc import Iterator

import pytest
import torch

from playground.core.inference.executors import single_thread_executor


@pytest.fixture
def two_processors() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_processors")
def test_it_keeps_to_one_processor_and_leaves_the_others_alone() -> None:
    before = torch.get_num_threads()
    assert before == 2
    worker, other = single_thread_executor("test"), single_thread_executor("other")
    try:
        weights = torch.randn(8, 8, requires_grad=True)
        worker.submit(lambda: (weights @ weights).sum().backward()).result()
        assert worker.submit(torch.get_num_threads).result() == 1
        assert torch.get_num_threads() == before
        seen: list[int] = []
        thread = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        assert seen == [before]
    finally:
        worker.shutdown()
        other.shutdown()


def test_whoever_waits_longest_is_next() -> None:
    worker, done = single_thread_executor("test"), list[int]()

    def work(k: int) -> None:
        time.sleep(0.005)
        done.append(k)

    people = [worker.submit(work, k) for k in (1, 2, 3, 1, 2, 3)]
    for person in people:
        person.result()
    worker.shutdown()
    assert done == [1, 2, 3, 1, 2, 3]
