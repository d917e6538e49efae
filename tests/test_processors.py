import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
import torch

from playground.core.inference.processors import single_thread_executor


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


LARGE_MACHINE = """import threading, torch
torch.set_num_threads(16)
from playground.core.inference.processors import PROCESSORS, limit_processors_per_request, use_processors

def in_a_thread(*before):
    found = []
    def run():
        for each in before:
            each(PROCESSORS)
        torch.randn(10 ** 6).exp()
        found.append(torch.get_num_threads())
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]

print(in_a_thread())
limit_processors_per_request()
print(in_a_thread(), in_a_thread(use_processors), in_a_thread())
"""


def test_limit_processors_per_request_is_for_requests_and_not_for_networks() -> None:
    command = [sys.executable, "-c", LARGE_MACHINE]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert answer.stdout.split() == ["16", "2", "16", "2"]
