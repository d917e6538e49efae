"""User errors: a ValueError of core becomes a sentence on the page."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

DISK_FULL = "The disk of the machine that runs this page is full: nothing can be saved there until somebody clears it."


@contextmanager
def user_errors() -> Iterator[None]:
    """Core's ValueErrors, missing files and a full disk become a sentence on the page and in an endpoint's answer.

    A handler takes it as a decorator, `@user_errors()`; a generator, which runs only later, has its body in
    `with user_errors():`.
    """
    try:
        yield
    except (ValueError, FileNotFoundError) as error:
        raise gr.Error(str(error), duration=6, print_exception=False) from error
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise gr.Error(DISK_FULL, duration=6, print_exception=False) from error
