"""Page: shared controls, four tabs, links, and the events between them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import gradio as gr

from playground.core.model_registry import ModelRegistry
from playground.core.networks.checkpoint_format import CheckpointError
from playground.render.films.film import Film
from playground.ui.components.events import on_latest
from playground.ui.components.frame import build_frame
from playground.ui.components.hub_download import build_hub_download
from playground.ui.components.lesson import build_lesson
from playground.ui.components.model_card import build_model_card
from playground.ui.components.picker import parse_choice
from playground.ui.components.share_panel import build_share_panel
from playground.ui.components.shared_controls import build_shared_controls
from playground.ui.server.api import build_api
from playground.ui.server.errors import user_errors
from playground.ui.server.run_limiter import RunLimiter
from playground.ui.server.run_requests import build_request, number_of
from playground.ui.server.zerogpu import on_zerogpu
from playground.ui.state.links import QUERY_DEFAULTS, from_query, to_query
from playground.ui.state.scene import Scene, fingerprint
from playground.ui.state.settings import TABS, Settings, validate
from playground.ui.tabs import add_noise, predict_noise
from playground.ui.tabs.add_noise import build_add_noise
from playground.ui.tabs.hardest_pictures import network_calls_of_rankings, shown_ranking
from playground.ui.tabs.predict_noise import build_predict_noise
from playground.ui.tabs.predict_noise_views import LOOKS, first_film_of
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
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "trigger_mode": "always_last"}
    app: gr.Blocks
    with gr.Blocks(
        title="Diffusion Playground", analytics_enabled=False, delete_cache=(3600, 3600), fill_width=True
    ) as app:
        frame = build_frame()
        first, run_limiter = Scene(library, validate(library, model=library.names[0])), RunLimiter()
        with frame.head:
            gr.HTML(TITLE, apply_default_css=False, elem_id="title")
            build_share_panel()
        shared_controls = build_shared_controls(library, first, frame)
        with frame.groups["network"]:
            build_model_card(shared_controls)
            fetched = [build_hub_download(shared_controls)] if hub_field else []
        with frame.stage:
            gr.HTML('<p id="link-note" class="note" role="status" hidden></p>', apply_default_css=False)
            with gr.Tabs(selected=TABS[0]) as tabs:
                with gr.Tab("Add noise", id="forward", elem_id="tab-forward") as add_pane:
                    player_forward, way, formula = build_add_noise(shared_controls, add_noise.film_of(first))
                with gr.Tab("Predict noise", id="prediction", elem_id="tab-prediction") as predict_pane:
                    predict_tab = build_predict_noise(_first_prediction_film(first))
                with gr.Tab("Remove noise", id="reverse", elem_id="tab-reverse") as remove_pane:
                    remove_tab = build_remove_noise(shared_controls, first, run_limiter, frame)
                with gr.Tab("Train", id="training", elem_id="tab-training") as train_pane:
                    train_tab = build_train(shared_controls, first, frame)
        link = gr.Textbox(visible="hidden", label="What the link says")
        link_request = build_request("state")
        asked = gr.Number(0, visible="hidden", label="How often the open tab was asked for its film")
        open_tab = gr.Textbox(visible="hidden", label="The tab that is open")
        moved_to = gr.Number(visible="hidden", label="The t that films over t stand at")
        for leave in (train_tab.leave, remove_tab.leave):
            app.unload(leave)
        build_lesson()
        build_api(library)

        # A field may be empty while it is typed into: that is no error yet.
        @user_errors()
        def show_forward(way: str, *values: Any) -> tuple[Any, ...]:
            return (
                add_noise.show(shared_controls.scene(*values, way=way))
                if shared_controls.filled(*values)
                else (gr.skip(),) * 3
            )

        def prediction_scene(look: str, t: float | None, *values: Any) -> Scene:
            more: dict[str, Any] = {} if t is None else {"t": t}
            return shared_controls.scene(*values, look=look, **more)

        @user_errors()
        def show_prediction(tab_name: str, *values: Any) -> tuple[Any, ...]:
            # Only while the tab is open: a hidden film costs no evaluation of the network.
            wanted = tab_name == "prediction" and shared_controls.filled(*values[2:])
            return predict_noise.show(prediction_scene(*values)) if wanted else (gr.skip(),) * len(predict_tab.shown)

        @user_errors()
        def execute_listing(*values: Any) -> str:
            return predict_noise.execute_listing(prediction_scene(*values))

        bound_on_gpu = on_zerogpu(library, predict_noise.stream_bound, lambda scene: scene.schedule.num_steps)

        def stream_bound(request: gr.Request, *values: Any) -> Iterator[str]:
            with user_errors(), run_limiter.taken(str(request.session_hash)):
                yield from bound_on_gpu(prediction_scene(*values))

        ranked_on_gpu = on_zerogpu(library, predict_noise.ranked, network_calls_of_rankings)

        def rank(request: gr.Request, *values: Any) -> Iterator[Any]:
            with user_errors(), run_limiter.taken(str(request.session_hash)):
                yield from ranked_on_gpu(prediction_scene(*values))

        of_forward: dict[str, Any] = {
            "inputs": [way, *shared_controls.inputs],
            "outputs": [player_forward, shared_controls.about, formula],
        }
        # The browser knows first which tab is open and at which t the films stand: it fills them in.
        T = list(shared_controls.controls).index("T")
        of_settings: dict[str, Any] = {
            "inputs": [predict_tab.look, moved_to, *shared_controls.inputs],
            "js": f"(look, t, ...rest) => [look, playground.step(rest[{T}], look), ...rest]",
            **quiet,
        }
        of_prediction: dict[str, Any] = {
            "inputs": [open_tab, *of_settings["inputs"]],
            "outputs": predict_tab.shown,
            "js": f"(tab, look, t, ...rest) => [playground.tab(), look, playground.step(rest[{T}], look), ...rest]",
        }

        def request_film(listen: Callable[..., Any]) -> None:
            """Request the film of the open tab. One event brings it, whatever triggers it, so the last request wins."""
            listen(None, None, asked, js="() => playground.asked()", api_visibility="private")

        @user_errors()
        def show_model(way: str, *values: Any) -> tuple[Any, ...]:
            """One answer updates all that belongs to a network: a picture, its range, labels and film."""
            scene = shared_controls.of_new_model(*values, way=way)
            of_reverse = remove_tab.updates_for_model(scene.settings).values()
            return next(renewals), scene.settings.picture, *of_reverse, *add_noise.show(scene)

        following = [remove_tab.controls[name] for name in remove_tab.updates_for_model(first.settings)]
        renewals = itertools.count(1)
        of_model = [shared_controls.renewed, shared_controls.controls["picture"], *following, *of_forward["outputs"]]
        # Not always_last: see `build_shared_controls` on the `input` of a dropdown.
        each_choice = {**quiet, "trigger_mode": "multiple"}
        of_another_model = [shared_controls.controls["model"].input, *fetched]
        for chosen in of_another_model:
            request_film(chosen(show_model, of_forward["inputs"], of_model, **each_choice).then)
        on_latest([*shared_controls.changed, way.input], show_forward, **of_forward)
        request_film(partial(gr.on, [*shared_controls.changed, predict_tab.look.input]))
        on_latest([asked.change], show_prediction, **of_prediction)
        on_latest(
            [asked.change],
            train_tab.prepare,
            [open_tab, *train_tab.inputs],
            train_tab.shown,
            js="(tab, ...rest) => [playground.tab(), ...rest]",
        )
        request_film(partial(gr.on, train_tab.changed))
        running = predict_tab.run_listing.click(execute_listing, outputs=predict_tab.listing, **of_settings)
        sampling: dict[str, Any] = {
            "concurrency_id": "sampling",
            "concurrency_limit": library.max_concurrent_runs,
            **of_settings,
        }
        adding = predict_tab.run_bound.click(stream_bound, outputs=predict_tab.bound_table, **sampling)
        ranking = predict_tab.rank.click(rank, outputs=predict_tab.hardest, **sampling)
        chosen = predict_tab.hardest.input(
            user_errors()(parse_choice),
            predict_tab.hardest,
            [shared_controls.controls["picture"], shared_controls.own],
            **quiet,
        )
        drawn = [*shared_controls.drawn, chosen]
        others = [*shared_controls.changed, *(each.then for each in drawn), *of_another_model, link_request.input]
        for listen in [*others, predict_tab.look.input]:
            listen(
                predict_noise.clear_results,
                None,
                [predict_tab.bound_table, predict_tab.listing],
                cancels=[running, adding],
                **each_choice,
            )
        for listen in [*of_another_model, link_request.input]:
            listen(lambda: shown_ranking(""), None, predict_tab.hardest, cancels=[ranking], **each_choice)
        for event in drawn:
            event.then(show_forward, **of_forward, **quiet)
            request_film(event.then)

        # A film names the drawings it was made from; the page compares them with those it has now.
        drawings = {"own": shared_controls.own, "painting": remove_tab.painting, "world_drawing": train_tab.own}
        fingerprints = gr.Textbox(visible="hidden", label="Fingerprints of what was drawn")
        gr.on(
            [each.change for each in drawings.values()],
            lambda *images: json.dumps(dict(zip(drawings, map(fingerprint, images), strict=True))),
            list(drawings.values()),
            fingerprints,
            **quiet,
        ).success(None, fingerprints, None, js="(text) => playground.draw(text)", api_visibility="private")

        # The address bar follows; no request is needed for that.
        for controls in (
            {**shared_controls.controls, "way": way, "look": predict_tab.look, **remove_tab.controls},
            train_tab.controls,
        ):
            gr.on(
                [each.change for each in controls.values()],
                None,
                list(controls.values()),
                js=f"(...values) => playground.follow({json.dumps(list(controls))}, values)",
                api_visibility="private",
            )
        for each, name in zip((add_pane, predict_pane, remove_pane, train_pane), TABS, strict=True):
            chosen = each.select(None, js=f"() => playground.set({{ tab: {name!r} }})", api_visibility="private")
            if name in ("prediction", "training"):
                request_film(chosen.then)

        def opened(query: dict[str, str], number: int) -> tuple[str, Settings]:
            """State of a link for the browser, with the number of its request, and the settings that it names."""
            settings, notes = from_query(library, query)
            state = {"number": number, "state": to_query(settings), "unsaid": QUERY_DEFAULTS, "notes": notes}
            return json.dumps(state), settings

        def updates_for_link(query: dict[str, str], number: int = 0) -> list[Any]:
            """Updates that bring the page to the state of a link."""
            state, settings = opened(query, number)
            shared = [getattr(settings, name) for name in shared_controls.controls]
            scene = shared_controls.scene(*shared, None, way=settings.way, t=settings.t)
            look = LOOKS[settings.look]
            page = [state, next(renewals), gr.update(selected=settings.tab), None]
            tabs = [*shared_controls.updates(settings), *remove_tab.updates(settings), *train_tab.updates(settings)]
            return [*page, settings.look, look.claim.markdown(), look.seen, settings.way, *add_noise.show(scene), *tabs]

        of_page = [
            link,
            shared_controls.renewed,
            tabs,
            shared_controls.own,
            predict_tab.look,
            predict_tab.question,
            predict_tab.seen,
            way,
            player_forward,
            shared_controls.about,
            formula,
        ]
        model = shared_controls.controls["model"]
        restored = [*of_page, *shared_controls.controls.values(), *remove_tab.outputs, *train_tab.outputs]

        @user_errors()
        def restore(request: gr.Request) -> list[Any]:
            query = dict(request.query_params)
            if all(name.startswith("__") for name in query):  # without a link it is there already, but for new networks
                offered = (shared_controls.offered() if each is model else gr.skip() for each in restored[1:])
                return [opened(query, 0)[0], *offered]
            return updates_for_link(query)

        @user_errors()
        def open_link(asked: Any) -> list[Any]:
            return updates_for_link(dict(parse_qsl(str(asked.get("query", "")))), number_of(asked))

        there = link_request.submit(open_link, link_request, restored, **{**quiet, "trigger_mode": "multiple"})
        for arrived in (app.load(restore, None, restored, **quiet), there):
            begun = arrived.then(None, link, js="(text) => playground.begin(text)", api_visibility="private")
            request_film(begun.then)  # once its tab is there
    app.queue(default_concurrency_limit=8, max_size=256)
    return app


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
