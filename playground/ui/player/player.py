"""The one component for everything that moves: it shows a film from `render.frames`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from playground.render.frames import Film, colour_scale


def _read(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


class Player(gr.HTML):
    """Plays, steps and scrubs through a film in the browser.

    The film travels as a prop, not as the value, which would be posted back with every event. A film whose `start` is
    0 takes the place of the one on show; any other is added to its end. Films with `sync` share their place in t.
    """

    def __init__(self, film: Film | None = None, *, prompt: str = "", **options: Any) -> None:
        """`prompt` stands where the first film will be. `options` are those of gr.HTML.

        Gradio makes a player anew, with all of these, for every update.
        """
        super().__init__(
            # Written into the markup, not given as props: those of a player in a tab that was never shown can be lost.
            html_template=_read("player.html").replace("COLOURS", colour_scale()).replace("PROMPT", prompt),
            css_template=_read("player.css"),
            js_on_load=_read("player.js"),
            apply_default_css=False,
            film=film,
            **options,
        )
