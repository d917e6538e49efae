"""The one component for everything that moves: it shows a film from `render.frames`."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from playground.render.frames import Film, colour_scale


def build_player(film: Film | None = None, *, elem_id: str, label: str, prompt: str = "") -> gr.HTML:
    """A component that plays, steps and scrubs through a film in the browser; `prompt` stands there before the first.

    An event gives it a new film with `gr.update(film=…)`. The film travels as a prop, not as the value, which would be
    posted back with every event. A film whose `start` is 0 takes the place of the one on show; any other is added to
    its end. Films with `sync` share their place in t.
    """
    # Colours and prompt stand in the markup: the props of a player in a tab that was never shown get lost.
    markup = _read("player.html").replace("COLOURS", colour_scale()).replace("PROMPT", prompt)
    return gr.HTML(
        html_template=markup,
        css_template=_read("player.css"),
        js_on_load=_read("player.js"),
        apply_default_css=False,
        elem_id=elem_id,
        label=label,
        film=film,
    )


def _read(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")
