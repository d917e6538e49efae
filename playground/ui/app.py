"""Page: shared controls, four tabs, lesson and endpoints, laid out."""

from __future__ import annotations

import gradio as gr

from playground.core.inference.processors import limit_processors_per_request
from playground.core.model_registry import ModelRegistry
from playground.core.networks.checkpoint_format import CheckpointError
from playground.render.films.film_format import Film
from playground.ui.components.frame import build_frame
from playground.ui.components.hub_download import build_hub_download
from playground.ui.components.lesson import build_lesson
from playground.ui.components.model_card import build_model_card
from playground.ui.components.share_panel import build_share_panel
from playground.ui.components.shared_controls import build_shared_controls
from playground.ui.page_events import (
    Page,
    connect_address,
    connect_drawings,
    connect_films,
    connect_links,
    connect_results,
)
from playground.ui.server.api import build_api
from playground.ui.server.errors import guard_handlers
from playground.ui.server.request_limits import MAX_QUEUE
from playground.ui.server.run_limiter import AT_ONCE, Lane, RunLimiter
from playground.ui.server.run_requests import build_request
from playground.ui.state.scene import Scene
from playground.ui.state.settings import TABS, validate
from playground.ui.tabs.add_noise import build_add_noise, film_of
from playground.ui.tabs.predict_noise import build_predict_noise
from playground.ui.tabs.predict_noise_views import first_film_of
from playground.ui.tabs.remove_noise import build_remove_noise
from playground.ui.tabs.train import build_train

TITLE = "<h1>Diffusion <span>Playground</span></h1>"
MAX_FIRST = 2**14


def build_app(library: ModelRegistry, hub_field: bool = False) -> gr.Blocks:
    """Build the page and its public endpoints.

    Args:
        library: registry of the networks.
        hub_field: whether the page has a field that downloads more networks from the Hub.

    Returns:
        The Gradio app.
    """
    limit_processors_per_request()
    app: gr.Blocks
    with gr.Blocks(
        title="Diffusion Playground", analytics_enabled=False, delete_cache=(3600, 3600), fill_width=True
    ) as app:
        page = _build_page(library, hub_field)
        for leave in (page.train.leave, page.remove.leave):
            app.unload(leave)
        build_lesson()
        build_api(library, page.run_limiter)
        connect_films(page)
        chosen = connect_results(page)
        connect_drawings(page, chosen)
        connect_address(page)
        connect_links(page, app)
    guard_handlers(app)
    app.queue(default_concurrency_limit=8, max_size=MAX_QUEUE)
    return app


def _build_page(library: ModelRegistry, hub_field: bool) -> Page:
    """Lay out the page's parts."""
    frame = build_frame()
    first = Scene(library, validate(library, model=library.names[0]))
    run_limiter = RunLimiter(
        {
            "sampling": Lane(library.max_concurrent_runs, AT_ONCE),
            "training": Lane(64),
            # Scripts have slots of their own, so that they do not delay runs on the page.
            "scripts": Lane(max(1, library.max_concurrent_runs // 4)),
        }
    )
    with frame.head:
        gr.HTML(TITLE, apply_default_css=False, elem_id="title")
        build_share_panel()
    shared = build_shared_controls(library, first, frame)
    with frame.groups["network"]:
        build_model_card(shared)
        downloaded = [build_hub_download(shared)] if hub_field else []
    with frame.stage:
        gr.HTML('<p id="link-note" class="note" role="status" hidden></p>', apply_default_css=False)
        with gr.Tabs(selected=first.settings.tab) as tabs:
            with gr.Tab(TABS["forward"], id="forward", elem_id="tab-forward") as add_pane:
                add = build_add_noise(shared, film_of(first))
            with gr.Tab(TABS["prediction"], id="prediction", elem_id="tab-prediction") as predict_pane:
                predict = build_predict_noise(_first_prediction_film(first))
            with gr.Tab(TABS["sampling"], id="sampling", elem_id="tab-sampling") as remove_pane:
                remove = build_remove_noise(shared, first, run_limiter, frame)
            with gr.Tab(TABS["training"], id="training", elem_id="tab-training") as train_pane:
                train = build_train(shared, first, run_limiter, frame)
    return Page(
        first=first,
        shared=shared,
        add=add,
        predict=predict,
        remove=remove,
        train=train,
        tabs=tabs,
        panes=[add_pane, predict_pane, remove_pane, train_pane],
        downloaded=downloaded,
        link=gr.Textbox(visible="hidden", label="What the link says"),
        link_request=build_request("state"),
        film_request=gr.Number(0, visible="hidden", label="How often the open tab was asked for its film"),
        open_tab=gr.Textbox(visible="hidden", label="The tab that is open"),
        moved_to=gr.Number(visible="hidden", label="The t that films over t stand at"),
        run_limiter=run_limiter,
    )


def _first_prediction_film(first: Scene) -> Film | None:
    """Film that *Predict noise* shows before the first request; None for a network that cannot be read.

    It is None for large pictures, too: the film would be megabytes and take long, and the page should come first.
    """
    if first.x0.numel() > MAX_FIRST:
        return None
    try:
        return first_film_of(first)
    except CheckpointError:
        return None
