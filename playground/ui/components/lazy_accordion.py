"""Lazy accordion: it is filled when it is opened, and updated while it is open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from playground.ui.components.events import PRIVATE_LATEST, on_latest


def load_when_open(
    part: Any, triggers: Sequence[Any], fill: Callable[..., Any], inputs: list[Any], outputs: list[Any]
) -> None:
    """Lazy loading: fill a part when it is opened, and again after each trigger while it is open.

    Args:
        part: the accordion or other component that opens.
        triggers: events after which an open part is filled again.
        fill: handler that fills it.
        inputs: components whose values `fill` gets.
        outputs: components that its results update.
    """
    is_open = gr.State(False)

    def filled(wanted: bool, *values: Any) -> Any:
        if wanted:
            return fill(*values)
        return [gr.skip()] * len(outputs) if len(outputs) > 1 else gr.skip()

    part.expand(lambda: True, None, is_open, **PRIVATE_LATEST)
    part.collapse(lambda: False, None, is_open, **PRIVATE_LATEST)
    on_latest([is_open.change, *triggers], filled, [is_open, *inputs], outputs)
