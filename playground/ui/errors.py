"""What a person reads when something cannot be done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr


@contextmanager
def told() -> Iterator[None]:
    """Core's ValueErrors and missing files become a sentence on the page and for the caller of an endpoint.

    A handler takes it as a decorator, `@told()`; a generator, which runs only later, has its body in `with told():`.
    """
    try:
        yield
    except (ValueError, FileNotFoundError) as error:
        raise gr.Error(str(error), duration=6, print_exception=False) from error
