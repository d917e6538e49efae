"""A single-thread executor for small computations of many sessions, first in, first out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import torch


def single_thread_executor(name: str) -> ThreadPoolExecutor:
    """An executor with one thread, in which torch uses one processor: for work this small, several would take longer.

    Tasks run in the order in which they were submitted. `name` is the prefix of the thread's name.
    """
    before = torch.get_num_threads()
    worker = ThreadPoolExecutor(1, name)
    worker.submit(_keep_to_one_processor).result()
    torch.set_num_threads(before)  # the default of threads that start later
    return worker


def _keep_to_one_processor() -> None:
    torch.get_num_threads()  # a thread's default is applied when it is first read, and would then replace the 1
    torch.set_num_threads(1)
