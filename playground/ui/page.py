"""The page: one bench, three tabs, the link to what they show, and the events that keep them together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gradio as gr

from playground.core.checkpoints import CheckpointError
from playground.core.library import Library
from playground.render.frames import Film
from playground.render.palette import css_variables
from playground.ui import forward, prediction
from playground.ui.api import build_api
from playground.ui.bench import build_bench
from playground.ui.card import build_card
from playground.ui.errors import told
from playground.ui.forward import build_forward
from playground.ui.prediction import build_prediction
from playground.ui.reverse import build_reverse
from playground.ui.scene import Scene
from playground.ui.settings import TABS, checked, from_query, to_query
from playground.ui.share import build_share

TITLE = """# Diffusion Playground
The noise is random and independent of the picture. How can a network *learn* it, and why is that enough to run the
whole process backwards?"""


def build_app(library: Library) -> gr.Blocks:
    """The page and its public endpoints, over the networks of a library."""
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "trigger_mode": "always_last"}
    app: gr.Blocks
    with gr.Blocks(title="Diffusion Playground", analytics_enabled=False, delete_cache=(3600, 3600)) as app:
        with gr.Row(elem_classes="stacks"):
            gr.Markdown(TITLE)
            build_share()
        first = Scene(library, checked(library, model=library.names[0]))
        bench = build_bench(library, first)
        tab = gr.State(TABS[0])
        link = gr.Textbox(visible="hidden", label="What the link says")
        gr.HTML('<p id="link-note" class="note" role="status" hidden></p>', apply_default_css=False)
        with gr.Tabs(selected=TABS[0]) as tabs:
            with gr.Tab("Add noise", id="forward", elem_id="tab-forward") as add_tab:
                player_forward, way, formula = build_forward(bench, forward.film_of(first))
            with gr.Tab("Find the noise", id="prediction", elem_id="tab-prediction") as find_tab:
                player_prediction, note = build_prediction(_film_of_the_network(first))
            with gr.Tab("Remove noise", id="reverse", elem_id="tab-reverse") as remove_tab:
                reverse = build_reverse(bench, first)
        build_card(bench)
        build_api(library)

        # While somebody types, a field may be empty: that is waited for, not told.
        @told()
        def show_forward(way: str, *values: Any) -> tuple[Any, ...]:
            return forward.show(bench.scene(*values, way=way)) if bench.filled(*values) else (gr.skip(),) * 3

        @told()
        def show_prediction(tab_name: str, *values: Any) -> tuple[Any, Any]:
            # Only while the tab is open: the network is not asked for what nobody sees.
            wanted = tab_name == "prediction" and bench.filled(*values)
            return prediction.show(bench.scene(*values)) if wanted else (gr.skip(), gr.skip())

        of_forward: dict[str, Any] = {
            "inputs": [way, *bench.inputs],
            "outputs": [player_forward, bench.about, formula],
            **quiet,
        }
        of_prediction: dict[str, Any] = {
            "inputs": [tab, *bench.inputs],
            "outputs": [player_prediction, note],
            **quiet,
        }

        @told()
        def show_model(way: str, *values: Any) -> tuple[Any, ...]:
            """One answer brings everything that a network has of its own: a picture, its range, labels and film."""
            scene = bench.of_new_model(*values, way=way)
            return bench.numbered(scene.settings), reverse.labelled(scene.settings), *forward.show(scene)

        of_model = [bench.controls["picture"], reverse.controls["label"], *of_forward["outputs"]]
        # Not always_last: see the bench on the `input` of a dropdown.
        each_choice = {**quiet, "trigger_mode": "multiple"}
        model_shown = bench.controls["model"].input(show_model, of_forward["inputs"], of_model, **each_choice)
        model_shown.then(show_prediction, **of_prediction)
        gr.on([*bench.changed, way.input], show_forward, **of_forward)
        gr.on(bench.changed, show_prediction, **of_prediction)
        for drawn in bench.drawn:
            drawn.then(show_forward, **of_forward)
            drawn.then(show_prediction, **of_prediction)

        # The address bar follows; no request is needed for that.
        controls = {**bench.controls, "way": way, **reverse.controls}
        gr.on(
            [each.change for each in controls.values()],
            None,
            list(controls.values()),
            js=f"(...values) => playground.follow({json.dumps(list(controls))}, values)",
            api_visibility="private",
        )
        for each, name in zip((add_tab, find_tab, remove_tab), TABS, strict=True):
            each.select(None, js=f"() => playground.set({{ tab: {name!r} }})", api_visibility="private")
            chosen = each.select(lambda name=name: name, None, tab, **quiet)
            if name == "prediction":
                chosen.then(show_prediction, **of_prediction)

        @told()
        def restore(request: gr.Request) -> list[Any]:
            """Bring the page to what its link says; without one it is there already."""
            query = dict(request.query_params)
            settings, notes = from_query(library, query)
            state = json.dumps({"state": to_query(settings), "notes": notes})
            if all(name.startswith("__") for name in query):
                return [state, *[gr.skip()] * (len(restored) - 1)]
            shared = [getattr(settings, name) for name in bench.controls]
            scene = bench.scene(*shared, None, way=settings.way, t=settings.t)
            page = [state, gr.update(selected=settings.tab), settings.tab, settings.way]
            return [*page, *forward.show(scene), *bench.updates(settings), *reverse.updates(settings)]

        of_page = [link, tabs, tab, way, player_forward, bench.about, formula]
        restored = [*of_page, *bench.controls.values(), *reverse.outputs]
        opened = app.load(restore, None, restored, **quiet)
        opened.then(None, link, js="(text) => playground.begin(text)", api_visibility="private")
        opened.then(show_prediction, **of_prediction)  # once its tab is there
    app.queue(default_concurrency_limit=8, max_size=256)
    return app


def launch_options() -> dict[str, Any]:
    """What the page needs of `launch`: its look, no request to other machines, uploads of a bounded size."""
    fonts = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
    theme = gr.themes.Default(
        primary_hue="blue", neutral_hue="slate", font=fonts, font_mono=("ui-monospace", "monospace")
    )
    # The theme's own grey for small print and its red are too pale to read well on white.
    theme.set(
        body_text_color_subdued="*neutral_500",
        block_info_text_color="*neutral_500",
        button_cancel_background_fill="#b91c1c",
        button_cancel_background_fill_dark="#b91c1c",
    )
    return {
        "theme": theme,
        "css": css_variables() + _read("page.css"),
        "head": f"<script>{_read('page.js')}</script>",
        "footer_links": ["api"],
        "run_history": False,
        "max_file_size": "10mb",
        "ssr_mode": False,
    }


def _film_of_the_network(first: Scene) -> Film | None:
    """What *Find the noise* shows before the first answer comes; a network that cannot be read is told when asked."""
    try:
        return prediction.film_of(first)
    except CheckpointError:
        return None


def _read(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")
