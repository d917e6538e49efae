"""Event wiring: of requests that overtake each other, only the latest is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

PRIVATE: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""Options of an event of the page's own, which is no endpoint."""
PRIVATE_LATEST: dict[str, Any] = {**PRIVATE, "trigger_mode": "always_last"}
"""While such an event is handled, only the last of those that come is kept."""
PRIVATE_EACH: dict[str, Any] = {**PRIVATE, "trigger_mode": "multiple"}
"""Each such event is handled, even while an earlier one is."""


def on_latest(
    triggers: Sequence[Any],
    answer: Callable[..., Any],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    js: str | None = None,
) -> None:
    """Listen to events; of those that come while the handler runs, only the last is handled.

    This is Gradio's trigger mode always_last. That mode sends an event that had to wait to all its listeners once more,
    so two such listeners to one event would trigger each other without end. Here each call has an event of its own,
    sent in the browser.

    Args:
        triggers: events to listen to.
        answer: the handler.
        inputs: components whose values it gets.
        outputs: components that its results update.
        js: JavaScript function that changes the inputs in the browser first.
    """
    asked = gr.Number(0, visible="hidden", label="How often this was asked for")
    gr.on(triggers, None, None, asked, js="() => playground.nextEventId()", api_visibility="private")
    asked.change(
        answer,
        inputs,
        outputs,
        js=js,
        **PRIVATE_LATEST,
    )
