"""Player: the component that shows every film."""

from __future__ import annotations

import base64
import html
import itertools
import json
import threading
from collections.abc import Callable
from typing import Any

import gradio as gr
from PIL import Image

from playground.core.data import images
from playground.render.export.gif import gif
from playground.render.export.mp4 import ffmpeg, mp4
from playground.render.films.film import colour_scale
from playground.render.films.film_format import Film, RunEnd
from playground.ui.assets import mount, text_beside
from playground.ui.server.errors import sentence

MAX_SIDE, MAX_PIXELS = 16_000, 12_000_000
"""Bounds of a sheet of frames: the player makes its frames as small as they allow."""

MAX_WAIT = 20
"""Most seconds that the saving of a film waits for others."""

_encoding = threading.BoundedSemaphore(2)
_serial = itertools.count()


def build_player(
    film: Film | None = None, *, elem_id: str, label: str, skeletons: dict[str, str], prompt: str = "", runs: str = ""
) -> gr.HTML:
    """Player component: it plays, steps and scrubs through a film in the browser.

    An event brings a new film, or pieces of one, with `film_update(…)`. A piece whose `start` is 0 begins a film that
    replaces the one on show; any other is added to its end. Films with `sync` stand at the same t.

    The film is a prop, not the value, which would be sent back with every event. It is one text, because Gradio copies
    props, number by number, at every event.

    Args:
        film: film to show at first, or None.
        elem_id: id of the element.
        label: label of the component.
        skeletons: columns and rows of the films to come by view, such as "5x3", with an h where columns have names.
            Empty boxes are drawn until a film comes.
        prompt: text shown before the first film.
        runs: kind of requests that make its films, "sampling" or "training"; empty for films over t.

    Returns:
        The component.
    """
    # Colours and prompt are in the markup: Gradio loses the props of a player in a tab that was never shown.
    markup = (
        text_beside(__file__, "player.html")
        .replace("COLOURS", colour_scale())
        .replace("PROMPT", prompt)
        .replace("RUNS", runs)
    )
    markup = markup.replace("SKELETONS", html.escape(json.dumps(skeletons)))
    markup = markup.replace("MOVING", "".join(map(_export_button, export_formats())))
    return gr.HTML(
        html_template=markup,
        css_template=text_beside(__file__, "player.css"),
        js_on_load=mount("Player"),
        apply_default_css=False,
        elem_id=elem_id,
        label=label,
        film=film and _text(film),
        server_functions=[encode],
    )


def film_update(*pieces: Film | RunEnd) -> Any:
    """Update that brings a film, or pieces of one, to a player."""
    return gr.update(film=_text(*pieces))


def export_formats() -> dict[str, Callable[[Image.Image, int], bytes]]:
    """Encoders of a frame sheet by file extension: MP4 only where ffmpeg is installed."""
    return {"gif": gif, "mp4": mp4} if ffmpeg() else {"gif": gif}


def encode(sent: Any) -> dict[str, str]:
    """Encode a film that the player saves.

    Two films are encoded at a time; others wait, MAX_WAIT seconds at most.

    `sent` is {"kind": one of `export_formats`, "sheet": the frames below each other, "frames": their number}. Returns
    {"file": base64 text} or {"error": a sentence for the user}.
    """
    try:
        match sent:
            case {"kind": str(kind), "sheet": str(sheet), "frames": int(frames)} if kind in export_formats():
                return {"file": base64.b64encode(_encoded(kind, sheet, frames)).decode("ascii")}
        raise ValueError(f"A film is sent as a sheet of its frames, their number and {' or '.join(export_formats())}.")
    except Exception as error:
        return {"error": sentence(error)}


def _encoded(kind: str, sheet: str, frames: int) -> bytes:
    data = images.decode_base64(sheet)
    if not _encoding.acquire(timeout=MAX_WAIT):
        raise ValueError("Other films are being saved here: try again in a moment.")
    try:
        return export_formats()[kind](images.load_upload(data, MAX_SIDE, MAX_PIXELS), frames)
    finally:
        _encoding.release()


def _export_button(kind: str) -> str:
    return f'<button type="button" data-kind="{kind}" title="Up to 40 frames, moving">{kind.upper()}</button>'


def _text(*pieces: Film | RunEnd) -> str:
    """Text of the pieces for the player, with a number: Gradio would drop an update that equals the one before."""
    film = {"serial": next(_serial), "pieces": pieces}
    return json.dumps(film, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
