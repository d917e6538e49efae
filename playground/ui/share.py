"""Learn, present and share: a link to what is on the screen, as text and as a code that a room can scan."""

from __future__ import annotations

import gradio as gr
import segno

from playground.ui.errors import told

MAX_LINK = 2000


def build_share() -> None:
    """Lay out the buttons and the panel with the link; call it inside a Blocks context."""
    learn = gr.Button("Lesson", size="sm", elem_id="learn", min_width=0)
    present = gr.Button("Present", size="sm", elem_id="present", min_width=0)
    share = gr.Button("Share", size="sm", elem_id="share", min_width=0)
    with gr.Column(visible=False, elem_id="shared") as panel:
        link = gr.Textbox(
            label="Link to this state, copied (a picture of your own stays with you)", interactive=False, lines=3
        )
        code = gr.HTML(elem_id="qr")
        close = gr.Button("Close", size="sm", min_width=0)

    @told()
    def shown(address: str) -> tuple[str, str, dict[str, object]]:
        return address, qr_code(address), gr.update(visible=True)

    share.click(
        shown,
        link,
        [link, code, panel],
        js="() => playground.share()",
        show_progress="hidden",
        api_visibility="private",
    )
    close.click(lambda: gr.update(visible=False), None, panel, show_progress="hidden", api_visibility="private")
    learn.click(None, js="() => playground.learn(1)", api_visibility="private")
    present.click(None, js="() => playground.present(!playground.presenting)", api_visibility="private")


def qr_code(link: str) -> str:
    """An inline SVG with the link as a QR code, dark on white. Raises ValueError for what is no link of this page."""
    if not str(link).startswith(("http://", "https://")) or len(link) > MAX_LINK:
        raise ValueError(f"A link to share starts with http:// or https:// and has at most {MAX_LINK:,} characters.")
    code: str = segno.make(link, error="m").svg_inline(border=3, light="white", omitsize=True)
    return code
