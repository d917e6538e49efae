"""The page: one bench, three tabs, and the events that keep them together."""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground.core.library import Library
from playground.render.frames import Film
from playground.render.palette import css_variables
from playground.ui import forward, prediction
from playground.ui.api import build_api
from playground.ui.bench import Bench, build_bench
from playground.ui.errors import told
from playground.ui.forward import build_forward
from playground.ui.prediction import build_prediction
from playground.ui.reverse import build_reverse

TITLE = """# Diffusion Playground
The noise is random and independent of the picture. How can a network *learn* it, and why is that enough to run the
whole process backwards?"""

CSS = """
.gradio-container { width: 100%; max-width: 1360px !important; margin: 0 auto !important; }
footer { opacity: .8; }
.formula { font-size: 1.25rem; font-family: "STIX Two Math", "Cambria Math", Georgia, serif; font-style: italic;
  margin: .3rem 0; }
.formula span { font-weight: 600; }
.picture { color: var(--picture); } .noise { color: var(--noise); } .prediction { color: var(--prediction); }
.mixture { color: var(--mixture); }
.block.seen { border-left: 4px solid var(--picture); padding-left: .8rem !important; }
#bench button { min-height: 32px; }
.note { min-height: 1.4rem; font-size: .9rem; }
h1 { margin-bottom: .2rem !important; }
#about-picture { font-size: .9rem; min-height: 1.5rem; }
.run { justify-content: flex-end; }
.run button { white-space: nowrap; font-size: 1rem; padding-inline: .6rem; }
@media (max-width: 640px) { .tab-container button { padding: 0 7px !important; font-size: .86rem !important; } }
"""


def build_app(library: Library) -> gr.Blocks:
    """The page and its public endpoints, over the networks of a library."""
    app: gr.Blocks
    with gr.Blocks(title="Diffusion Playground", analytics_enabled=False, delete_cache=(3600, 3600)) as app:
        gr.Markdown(TITLE)
        bench = build_bench(library)
        tab = gr.State("forward")
        with gr.Tabs():
            with gr.Tab("Add noise") as add_tab:
                player_forward = build_forward(bench, _first_film(bench))
            with gr.Tab("Find the noise") as find_tab:
                player_prediction, note = build_prediction(bench)
            with gr.Tab("Remove noise") as remove_tab:
                build_reverse(bench)
        build_api(library)

        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "trigger_mode": "always_last"}

        # While somebody types, a field may be empty: that is waited for, not told.
        @told()
        def show_forward(*values: Any) -> tuple[Any, Any]:
            return forward.show(bench, *values) if bench.filled(*values) else (gr.skip(), gr.skip())

        gr.on(
            [*bench.changed, app.load],
            show_forward,
            bench.inputs,
            [player_forward, bench.about],
            **quiet,
        )

        @told()
        def show_prediction(tab_name: str, *values: Any) -> tuple[Any, Any]:
            # Only while the tab is open: the network is not asked for what nobody sees.
            wanted = tab_name == "prediction" and bench.filled(*values)
            return prediction.show(bench, *values) if wanted else (gr.skip(), gr.skip())

        gr.on(bench.changed, show_prediction, [tab, *bench.inputs], [player_prediction, note], **quiet)
        for each, name in ((add_tab, "forward"), (find_tab, "prediction"), (remove_tab, "reverse")):
            chosen = each.select(lambda name=name: name, None, tab, **quiet)
            if name == "prediction":
                chosen.then(show_prediction, [tab, *bench.inputs], [player_prediction, note], **quiet)
    app.queue(default_concurrency_limit=8, max_size=256)
    return app


def launch_options() -> dict[str, Any]:
    """What the page needs of `launch`: its look, no request to other machines, uploads of a bounded size."""
    fonts = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
    theme = gr.themes.Default(
        primary_hue="blue", neutral_hue="slate", font=fonts, font_mono=("ui-monospace", "monospace")
    )
    return {
        "theme": theme,
        "css": css_variables() + CSS,
        "footer_links": ["api"],
        "run_history": False,
        "max_file_size": "10mb",
        "ssr_mode": False,
    }


def _first_film(bench: Bench) -> Film:
    """What the page shows before the first answer comes."""
    values = [*(control.value for control in bench.controls), None]
    return forward.film_of(bench.scene(*values))
