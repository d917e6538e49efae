"""User errors: every error of a handler ends in a sentence on the page, or in an endpoint's answer."""

from __future__ import annotations

import errno
import functools
import inspect
import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr

DISK_FULL = "The disk of the machine that runs this page is full: nothing can be saved there until somebody clears it."
UNEXPECTED = "Something went wrong here ({}). It has been logged on the machine that runs this page."
LOG = logging.getLogger(__name__)
SERVER = Path(__file__).parent  # whose middleware every request goes through
PACKAGE = SERVER.parents[1]


@contextmanager
def user_errors() -> Iterator[None]:
    """Context manager that turns every error into a `gr.Error` with a sentence for the user.

    The sentence is the message of a ValueError or a missing file. Any other error is unexpected: it is logged with its
    traceback, and the sentence says so.
    """
    try:
        yield
    except gr.Error:
        raise
    except Exception as error:
        raise gr.Error(sentence(error), duration=6, print_exception=False) from error


def sentence(error: Exception) -> str:
    """Sentence for the user about an error; an unexpected error is logged."""
    if isinstance(error, ValueError | FileNotFoundError):
        return str(error)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return DISK_FULL
    LOG.error("An unexpected error", exc_info=error)
    return UNEXPECTED.format(type(error).__name__)


def is_ours(error: BaseException) -> bool:
    """Whether an error was raised by this package or below it, and not by Gradio before it called this package."""
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    return any(PACKAGE in Path(file).parents and Path(file).parent != SERVER for file in files)


def guard_handlers(app: gr.Blocks) -> None:
    """Wrap every handler of an app in `user_errors`.

    Args:
        app: the app, with all its events and endpoints; changed in place.
    """
    for event in app.fns.values():
        if event.fn is not None:
            event.fn = _guarded(event.fn)


def _guarded(handler: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.isgeneratorfunction(handler):

        @functools.wraps(handler)
        def stream(*args: Any, **kwargs: Any) -> Iterator[Any]:
            with user_errors():
                yield from handler(*args, **kwargs)

        return stream
    return functools.wraps(handler)(user_errors()(handler))
