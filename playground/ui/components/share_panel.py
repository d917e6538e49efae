"""Share panel, and the buttons Lesson and Present: a link to the state on show, as text and as a QR code."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
import segno

from playground.ui.components.control import full_name
from playground.ui.state.settings import HIDEABLE

MAX_LINK = 2000
OWN_PICTURES = "A picture of your own is not part of the link."


def build_share_panel() -> None:
    """Lay out the buttons and the panel with the link. Call it inside a Blocks context."""
    learn = gr.Button("Lesson", size="sm", min_width=0, elem_id="learn")
    present = gr.Button("Present", size="sm", min_width=0, elem_id="present")
    share = gr.Button("Share", size="sm", min_width=0, elem_id="share")
    with gr.Column(visible=False, elem_id="shared") as panel:
        link = gr.Textbox(label="Link to this state", interactive=False, lines=3, elem_id="share-link")
        gr.HTML('<p id="copied" class="note" role="status"></p>', apply_default_css=False)
        note = gr.Markdown(elem_id="reach")
        code = gr.HTML(elem_id="qr")
        hidden = gr.Dropdown(
            [(full_name(name), name) for name in HIDEABLE],
            value=[],
            multiselect=True,
            label="Hide from the class",
            info="Controls that the link does not show",
            elem_id="share-hides",
        )
        close = gr.Button("Close", size="sm", min_width=0)

    def shown(address: str, names: list[str]) -> tuple[str, str, str, dict[str, object]]:
        return address, "" if is_local(address) else qr_code(address), reach(address), gr.update(visible=True)

    of_link: dict[str, Any] = {
        "fn": shown,
        "inputs": [link, hidden],
        "outputs": [link, code, note, panel],
        "show_progress": "hidden",
        "api_visibility": "private",
    }
    for event in (share.click, hidden.input):
        opened = event(js="async (_, names) => [await playground.share(names), names]", **of_link)
        opened.success(None, js="() => playground.selectLink()", api_visibility="private")
    close.click(lambda: gr.update(visible=False), None, panel, show_progress="hidden", api_visibility="private")
    learn.click(None, js="() => playground.openLesson()", api_visibility="private")
    present.click(None, js="() => playground.present(!playground.presenting)", api_visibility="private")


def is_local(link: str) -> bool:
    """Whether the link opens on this computer only."""
    host = urlsplit(link).hostname or ""
    return host == "localhost" or (host.replace(".", "").isdigit() and ipaddress.ip_address(host).is_loopback)


def reach(link: str) -> str:
    """Note on who can open the link and what is not part of it; for a local link, how to reach others."""
    address = urlsplit(link)
    if not is_local(link):
        return OWN_PICTURES
    port = f":{address.port}" if address.port else ""
    return (
        f"{OWN_PICTURES} This link opens on this computer only. For others in your network, start the app with "
        f"`--host 0.0.0.0` and open `http://{_network_address()}{port}` here; then share."
    )


def _network_address() -> str:
    """This machine's address in its network, found by a UDP socket that sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # reserved for documentation (RFC 5737)
        except OSError:
            return socket.gethostname()
        return str(probe.getsockname()[0])


def qr_code(link: str) -> str:
    """QR code of a link as inline SVG, dark on white.

    Raises ValueError for what is no link of this page or has more than MAX_LINK characters; the message is for the
    user.
    """
    if not str(link).startswith(("http://", "https://")) or len(link) > MAX_LINK:
        raise ValueError(f"A link to share starts with http:// or https:// and has at most {MAX_LINK:,} characters.")
    code: str = segno.make(link, error="m").svg_inline(border=3, light="white", omitsize=True)
    return code
