"""A single-thread executor for small computations of many sessions, first in, first out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import torch


def single_thread_executor(name: str) -> ThreadPoolExecutor:
    """One thread in which torch keeps to one processor: work of this size, shared out between several, takes longer.

    Pieces of work are done in the order in which they were submitted, so the longest-waiting piece is next.
    """
    before = torch.get_num_threads()
    worker = ThreadPoolExecutor(1, name)
    worker.submit(_keep_to_one_processor).result()
    torch.set_num_threads(before)  # what threads begin with that are yet to come
    return worker


def _keep_to_one_processor() -> None:
    torch.get_num_threads()  # what a thread begins with is set when it is first asked for, and would come last
    torch.set_num_threads(1)
