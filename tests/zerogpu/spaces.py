"""Stands in for the `spaces` package that a ZeroGPU Space brings, where there is no such Space.

As there, what is decorated runs in a thread of a forked process; its arguments and what it yields are pickled; of an
error that is not Gradio's own only the name comes back; whoever closes the generator ends the work at its next piece;
and the duration is asked with the same arguments. As there, "cuda" seems to be there: here it is the CPU. What was lent
for how long is noted in the file that LOANS names, what was put on the GPU at the start as well.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import pickle
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from torch.overrides import TorchFunctionMode

_fork = multiprocessing.get_context("fork")


def _note(text: str) -> None:
    with Path(os.environ["LOANS"]).open("a", encoding="utf-8") as file:
        file.write(text + "\n")


class _Cuda(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if str(kwargs.get("device")) == "cuda":
            _note("cuda")
            kwargs["device"] = "cpu"
        return func(*args, **kwargs)


_Cuda().__enter__()


def gradio_auto_wrap(task: Any) -> Any:
    """Gradio asks this of every function."""
    return task


def GPU(duration: Callable[..., int]) -> Callable[..., Any]:
    return functools.partial(_lent, duration=duration)


def _lent(task: Callable[..., Iterator[Any]], duration: Callable[..., int]) -> Callable[..., Iterator[Any]]:
    def run(*args: Any, **kwargs: Any) -> Iterator[Any]:
        seconds = duration(*args, **kwargs)
        pieces, stop, sent = _fork.SimpleQueue(), _fork.Event(), pickle.dumps((args, kwargs))
        process = _fork.Process(target=_work, args=(task, sent, pieces, stop), daemon=True)
        process.start()
        _note(f"{seconds} s, {process.pid}")
        try:
            while True:
                kind, value = pieces.get()
                if kind == "end":
                    return
                if kind == "error":
                    raise value if isinstance(value, Exception) else RuntimeError(f"ZeroGPU worker error: {value}")
                yield value
        except GeneratorExit:
            stop.set()
            raise

    return run


def _work(task: Callable[..., Iterator[Any]], sent: bytes, pieces: Any, stop: Any) -> None:
    thread = threading.Thread(target=_iterate, args=(task, sent, pieces, stop))
    thread.start()
    thread.join()


def _iterate(task: Callable[..., Iterator[Any]], sent: bytes, pieces: Any, stop: Any) -> None:
    args, kwargs = pickle.loads(sent)
    steps = task(*args, **kwargs)
    try:
        for value in steps:
            if stop.is_set():
                break
            pieces.put(("piece", value))
    except Exception as error:
        pieces.put(("error", error if type(error).__module__.startswith("gradio") else type(error).__name__))
    pieces.put(("end", None))
