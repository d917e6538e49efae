"""Launch options of the page for Gradio's `launch`: theme, styles and script, request limits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from playground.core.data.images import MAX_BYTES
from playground.render.palette import css_variables
from playground.ui import assets
from playground.ui.assets import text_beside
from playground.ui.assets.bundle import bundle
from playground.ui.assets.fonts import fonts_css
from playground.ui.components.control import visibility_css
from playground.ui.components.dataset_thumbnails import thumbnails_css
from playground.ui.components.tooltips import TOOLTIPS
from playground.ui.server.allowed_routes import AllowedRoutesMiddleware
from playground.ui.server.request_limits import EXCEPTION_HANDLERS, MaxBodySizeMiddleware, QueueShareMiddleware


def launch_options() -> dict[str, Any]:
    """Launch options: the page's look, no requests to other machines, uploads of limited size."""
    fonts = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
    theme = gr.themes.Default(
        primary_hue="slate", neutral_hue="slate", font=fonts, font_mono=("ui-monospace", "monospace")
    )
    theme.set(
        body_text_color_subdued="*neutral_500",
        block_info_text_color="*neutral_500",
        color_accent="*neutral_900",
        slider_color="*neutral_900",
        slider_color_dark="*neutral_200",
        checkbox_background_color_selected="*neutral_900",
        checkbox_border_color_selected="*neutral_900",
    )
    styles = (
        css_variables()
        + text_beside(assets.__file__, "page.css")
        + text_beside(assets.__file__, "gradio.css")
        + thumbnails_css()
        + fonts_css()
        + visibility_css()
    )
    script = bundle(Path(assets.__file__).with_name("main.js"))
    return {
        "theme": theme,
        # In the head, since Gradio prefixes each rule of `css`, which then no longer reaches body or an @media.
        "head": f"<style>{styles}</style><script>{script}playground.showTooltips({json.dumps(TOOLTIPS)});</script>",
        "footer_links": ["api"],
        "run_history": False,
        "max_file_size": MAX_BYTES,
        # Gradio compresses its own scripts and styles, but not the page, which is 0.9 MB.
        "app_kwargs": {
            "middleware": [
                Middleware(AllowedRoutesMiddleware),
                Middleware(QueueShareMiddleware),
                Middleware(MaxBodySizeMiddleware),
                Middleware(GZipMiddleware, minimum_size=10_000, compresslevel=5),
            ],
            "exception_handlers": EXCEPTION_HANDLERS,
        },
        "ssr_mode": False,
        # Sessions whose state is kept, 0.4 MB each; Gradio's default is ten thousand.
        "state_session_capacity": 256,
        # Each run and training holds a thread, also while it waits; one network address may have half of them.
        "max_threads": 320,
    }
