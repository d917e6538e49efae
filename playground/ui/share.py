"""Lesson, Present and Share: a link to what is on the screen, as text and as a QR code."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
import segno

from playground.ui.errors import told
from playground.ui.settings import HIDEABLE

MAX_LINK = 2000


def build_share() -> None:
    """Lay out the buttons and the panel with the link; call it inside a Blocks context."""
    learn = gr.Button("Lesson", size="sm", min_width=0, elem_id="learn")
    present = gr.Button("Present", size="sm", min_width=0, elem_id="present")
    share = gr.Button("Share", size="sm", min_width=0, elem_id="share")
    with gr.Column(visible=False, elem_id="shared") as panel:
        link = gr.Textbox(label="Link to this state, copied", interactive=False, lines=3)
        note = gr.Markdown(elem_id="reach")
        code = gr.HTML(elem_id="qr")
        hidden = gr.Dropdown(
            list(HIDEABLE), value=[], multiselect=True, label="Hide from the class", elem_id="share-hides"
        )
        close = gr.Button("Close", size="sm", min_width=0)

    @told()
    def shown(address: str, names: list[str]) -> tuple[str, str, str, dict[str, object]]:
        return address, qr_code(address), reach(address), gr.update(visible=True)

    of_link: dict[str, Any] = {
        "fn": shown,
        "inputs": [link, hidden],
        "outputs": [link, code, note, panel],
        "show_progress": "hidden",
        "api_visibility": "private",
    }
    share.click(js="async (_, names) => [await playground.share(names), names]", **of_link)
    hidden.input(js="async (_, names) => [await playground.share(names), names]", **of_link)
    close.click(lambda: gr.update(visible=False), None, panel, show_progress="hidden", api_visibility="private")
    learn.click(None, js="() => playground.learn(1)", api_visibility="private")
    present.click(None, js="() => playground.present(!playground.presenting)", api_visibility="private")


def reach(link: str) -> str:
    """Who can open the link: for one to this computer alone, how others get there; else that own pictures stay."""
    address = urlsplit(link)
    host = address.hostname or ""
    loopback = host == "localhost" or (host.replace(".", "").isdigit() and ipaddress.ip_address(host).is_loopback)
    if not loopback:
        return "A picture of your own is not part of the link."
    port = f":{address.port}" if address.port else ""
    return (
        "This link opens on this computer only. For others in your network, start the app with "
        f"`--host 0.0.0.0` and open `http://{_network_address()}{port}` here; then share."
    )


def _network_address() -> str:
    """This machine's address in its network; a UDP socket tells it without sending anything."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # reserved for documentation (RFC 5737)
        except OSError:
            return socket.gethostname()
        return str(probe.getsockname()[0])


def qr_code(link: str) -> str:
    """An inline SVG with the link as a QR code, dark on white. Raises ValueError for what is no link of this page."""
    if not str(link).startswith(("http://", "https://")) or len(link) > MAX_LINK:
        raise ValueError(f"A link to share starts with http:// or https:// and has at most {MAX_LINK:,} characters.")
    code: str = segno.make(link, error="m").svg_inline(border=3, light="white", omitsize=True)
    return code
