"""Processors of threads: how many torch uses in each; its own setting also holds for threads that start later."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import torch

PROCESSORS = torch.get_num_threads()
PER_REQUEST = 2
"""Most processors that torch uses in the thread of a request. Its own work is small; the networks run in others."""

_changing = threading.Lock()


def limit_processors_per_request() -> None:
    """Let torch use at most PER_REQUEST processors in each thread that starts from now on.

    By default each thread that computes starts one more for every processor and keeps them: on a large machine, with
    hundreds of requests, too many for the operating system.
    """
    torch.set_num_threads(min(PROCESSORS, PER_REQUEST))


def use_processors(count: int) -> None:
    """Let torch use `count` processors in the calling thread only. Call it first in a new thread."""
    with _changing:
        default = torch.get_num_threads()  # is applied to a thread when it is first read
        torch.set_num_threads(count)
        restoring = threading.Thread(target=torch.set_num_threads, args=(default,))
        restoring.start()
        restoring.join()


def single_thread_executor(name: str) -> ThreadPoolExecutor:
    """An executor with one thread, for small computations of many sessions: first in, first out.

    In that thread torch uses one processor: for work this small, several would take longer. `name` is the prefix of
    the thread's name.
    """
    return ThreadPoolExecutor(1, name, initializer=use_processors, initargs=(1,))
