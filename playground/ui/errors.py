"""What a person reads when something cannot be done."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import gradio as gr

Handler = TypeVar("Handler", bound=Callable[..., Any])


def told(handler: Handler) -> Handler:
    """The handler, plain or a generator, with core's ValueErrors and missing files made a sentence on the page."""
    if inspect.isgeneratorfunction(handler):

        @functools.wraps(handler)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            try:
                yield from handler(*args, **kwargs)
            except (ValueError, FileNotFoundError) as error:
                raise gr.Error(str(error), duration=6, print_exception=False) from error
    else:

        @functools.wraps(handler)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            try:
                return handler(*args, **kwargs)
            except (ValueError, FileNotFoundError) as error:
                raise gr.Error(str(error), duration=6, print_exception=False) from error

    return wrapper  # type: ignore[return-value]  # functools.wraps keeps the signature, which mypy cannot see
