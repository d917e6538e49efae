"""User errors: a ValueError of core becomes a message on the page."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

DISK_FULL = "The disk of the machine that runs this page is full: nothing can be saved there until somebody clears it."


@contextmanager
def user_errors() -> Iterator[None]:
    """Context manager that turns ValueErrors, missing files and a full disk into messages.

    The message appears on the page, or in an endpoint's answer. Use it as a decorator of a handler, `@user_errors()`; a
    generator runs only later, so its body stands in `with user_errors():`.
    """
    try:
        yield
    except (ValueError, FileNotFoundError) as error:
        raise gr.Error(str(error), duration=6, print_exception=False) from error
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise gr.Error(DISK_FULL, duration=6, print_exception=False) from error
