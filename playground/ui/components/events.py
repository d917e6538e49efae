"""Event wiring: of requests that overtake each other, only the latest is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr


def on_latest(
    triggers: Sequence[Any],
    answer: Callable[..., Any],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    js: str | None = None,
) -> None:
    """Call `answer` after each of `triggers`; of those that come while it is at work only the last is answered.

    That is Gradio's trigger mode always_last, which sends an event that had to wait to all who listen to it once more:
    of two such listeners each sets off the other, for ever. So each listens to an event of its own, in the browser.
    """
    asked = gr.Number(0, visible="hidden", label="How often this was asked for")
    gr.on(triggers, None, None, asked, js="() => playground.asked()", api_visibility="private")
    asked.change(
        answer,
        inputs,
        outputs,
        js=js,
        trigger_mode="always_last",
        show_progress="hidden",
        api_visibility="private",
    )
