"""The page: shared controls, four tabs, links, and the events between them."""

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
from playground.ui.components.events import answer_latest
from playground.ui.components.frame import build_frame
from playground.ui.components.hub_download import build_hub_field
from playground.ui.components.lesson import build_lesson
from playground.ui.components.model_card import build_card
from playground.ui.components.picker import taken
from playground.ui.components.share_panel import build_share
from playground.ui.components.shared_controls import build_bench
from playground.ui.server.api import build_api
from playground.ui.server.errors import user_errors
from playground.ui.server.run_limiter import RunLimiter
from playground.ui.server.run_requests import build_request, number_of
from playground.ui.server.zerogpu import lend
from playground.ui.state.links import UNSAID, from_query, to_query
from playground.ui.state.scene import Scene, fingerprint
from playground.ui.state.settings import TABS, Settings, checked
from playground.ui.tabs import add_noise, predict_noise
from playground.ui.tabs.add_noise import build_forward
from playground.ui.tabs.hardest_pictures import calls_of_rankings, shown_ranking
from playground.ui.tabs.predict_noise import build_prediction
from playground.ui.tabs.predict_noise_views import LOOKS, first_film_of
from playground.ui.tabs.remove_noise import build_reverse
from playground.ui.tabs.train import build_training

TITLE = "<h1>Diffusion <span>Playground</span></h1>"
MAX_FIRST = 2**14


def build_app(library: ModelRegistry, hub_field: bool = False) -> gr.Blocks:
    """The page and its public endpoints, over the networks of a library; with or without a field for more of them."""
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "trigger_mode": "always_last"}
    app: gr.Blocks
    with gr.Blocks(
        title="Diffusion Playground", analytics_enabled=False, delete_cache=(3600, 3600), fill_width=True
    ) as app:
        frame = build_frame()
        first, turns = Scene(library, checked(library, model=library.names[0])), RunLimiter()
        with frame.head:
            gr.HTML(TITLE, apply_default_css=False, elem_id="title")
            build_share()
        bench = build_bench(library, first, frame)
        with frame.groups["network"]:
            build_card(bench)
            fetched = [build_hub_field(bench)] if hub_field else []
        with frame.stage:
            gr.HTML('<p id="link-note" class="note" role="status" hidden></p>', apply_default_css=False)
            with gr.Tabs(selected=TABS[0]) as tabs:
                with gr.Tab("Add noise", id="forward", elem_id="tab-forward") as add_tab:
                    player_forward, way, formula = build_forward(bench, add_noise.film_of(first))
                with gr.Tab("Predict noise", id="prediction", elem_id="tab-prediction") as find_tab:
                    finding = build_prediction(_film_of_the_network(first))
                with gr.Tab("Remove noise", id="reverse", elem_id="tab-reverse") as remove_tab:
                    reverse = build_reverse(bench, first, turns, frame)
                with gr.Tab("Train", id="training", elem_id="tab-training") as train_tab:
                    training = build_training(bench, first, frame)
        link = gr.Textbox(visible="hidden", label="What the link says")
        go_there = build_request("state")
        asked = gr.Number(0, visible="hidden", label="How often the open tab was asked for its film")
        open_tab = gr.Textbox(visible="hidden", label="The tab that is open")
        moved_to = gr.Number(visible="hidden", label="The t that films over t stand at")
        for leave in (training.leave, reverse.leave):
            app.unload(leave)
        build_lesson()
        build_api(library)

        # While somebody types, a field may be empty: that is no error yet.
        @user_errors()
        def show_forward(way: str, *values: Any) -> tuple[Any, ...]:
            return add_noise.show(bench.scene(*values, way=way)) if bench.filled(*values) else (gr.skip(),) * 3

        def finding_scene(look: str, t: float | None, *values: Any) -> Scene:
            more: dict[str, Any] = {} if t is None else {"t": t}
            return bench.scene(*values, look=look, **more)

        @user_errors()
        def show_prediction(tab_name: str, *values: Any) -> tuple[Any, ...]:
            # Only while the tab is open: a hidden film costs no evaluation of the network.
            wanted = tab_name == "prediction" and bench.filled(*values[2:])
            return predict_noise.show(finding_scene(*values)) if wanted else (gr.skip(),) * len(finding.shown)

        @user_errors()
        def run_lines(*values: Any) -> str:
            return predict_noise.run_lines(finding_scene(*values))

        sums_there = lend(library, predict_noise.sums, lambda scene: scene.schedule.num_steps)

        def add_up(request: gr.Request, *values: Any) -> Iterator[str]:
            with user_errors(), turns.taken(str(request.session_hash)):
                yield from sums_there(finding_scene(*values))

        ranked_there = lend(library, predict_noise.ranked, calls_of_rankings)

        def rank(request: gr.Request, *values: Any) -> Iterator[Any]:
            with user_errors(), turns.taken(str(request.session_hash)):
                yield from ranked_there(finding_scene(*values))

        of_forward: dict[str, Any] = {
            "inputs": [way, *bench.inputs],
            "outputs": [player_forward, bench.about, formula],
        }
        # Which tab is open, and where the films stand, the browser knows first: it fills them in.
        T = list(bench.controls).index("T")
        of_finding: dict[str, Any] = {
            "inputs": [finding.look, moved_to, *bench.inputs],
            "js": f"(look, t, ...bench) => [look, playground.step(bench[{T}], look), ...bench]",
            **quiet,
        }
        of_prediction: dict[str, Any] = {
            "inputs": [open_tab, *of_finding["inputs"]],
            "outputs": finding.shown,
            "js": f"(tab, look, t, ...bench) => [playground.tab(), look, playground.step(bench[{T}], look), ...bench]",
        }

        def look_again(listen: Callable[..., Any]) -> None:
            """Whatever asks for the film of the open tab, one event brings it: so the last who asks is answered."""
            listen(None, None, asked, js="() => playground.asked()", api_visibility="private")

        @user_errors()
        def show_model(way: str, *values: Any) -> tuple[Any, ...]:
            """One answer brings everything that a network has of its own: a picture, its range, labels and film."""
            scene = bench.of_new_model(*values, way=way)
            of_reverse = reverse.of_model(scene.settings).values()
            return next(renewals), scene.settings.picture, *of_reverse, *add_noise.show(scene)

        following = [reverse.controls[name] for name in reverse.of_model(first.settings)]
        renewals = itertools.count(1)
        of_model = [bench.renewed, bench.controls["picture"], *following, *of_forward["outputs"]]
        # Not always_last: see `build_bench` on the `input` of a dropdown.
        each_choice = {**quiet, "trigger_mode": "multiple"}
        of_another_model = [bench.controls["model"].input, *fetched]
        for chosen in of_another_model:
            look_again(chosen(show_model, of_forward["inputs"], of_model, **each_choice).then)
        answer_latest([*bench.changed, way.input], show_forward, **of_forward)
        look_again(partial(gr.on, [*bench.changed, finding.look.input]))
        answer_latest([asked.change], show_prediction, **of_prediction)
        answer_latest(
            [asked.change],
            training.prepare,
            [open_tab, *training.inputs],
            training.shown,
            js="(tab, ...rest) => [playground.tab(), ...rest]",
        )
        look_again(partial(gr.on, training.changed))
        running = finding.run.click(run_lines, outputs=finding.listing, **of_finding)
        sampling: dict[str, Any] = {"concurrency_id": "sampling", "concurrency_limit": library.at_once, **of_finding}
        adding = finding.add_up.click(add_up, outputs=finding.sums, **sampling)
        ranking = finding.rank.click(rank, outputs=finding.hardest, **sampling)
        chosen = finding.hardest.input(
            user_errors()(taken), finding.hardest, [bench.controls["picture"], bench.own], **quiet
        )
        drawn = [*bench.drawn, chosen]
        others = [*bench.changed, *(each.then for each in drawn), *of_another_model, go_there.input]
        for listen in [*others, finding.look.input]:
            listen(
                predict_noise.not_run, None, [finding.sums, finding.listing], cancels=[running, adding], **each_choice
            )
        for listen in [*of_another_model, go_there.input]:
            listen(lambda: shown_ranking(""), None, finding.hardest, cancels=[ranking], **each_choice)
        for event in drawn:
            event.then(show_forward, **of_forward, **quiet)
            look_again(event.then)

        # A film says from which drawings it was made, and the page which it has now.
        drawings = {"own": bench.own, "painting": reverse.painting, "world_drawing": training.own}
        fingerprints = gr.Textbox(visible="hidden", label="Fingerprints of what was drawn")
        gr.on(
            [each.change for each in drawings.values()],
            lambda *images: json.dumps(dict(zip(drawings, map(fingerprint, images), strict=True))),
            list(drawings.values()),
            fingerprints,
            **quiet,
        ).success(None, fingerprints, None, js="(text) => playground.draw(text)", api_visibility="private")

        # The address bar follows; no request is needed for that.
        for controls in ({**bench.controls, "way": way, "look": finding.look, **reverse.controls}, training.controls):
            gr.on(
                [each.change for each in controls.values()],
                None,
                list(controls.values()),
                js=f"(...values) => playground.follow({json.dumps(list(controls))}, values)",
                api_visibility="private",
            )
        for each, name in zip((add_tab, find_tab, remove_tab, train_tab), TABS, strict=True):
            chosen = each.select(None, js=f"() => playground.set({{ tab: {name!r} }})", api_visibility="private")
            if name in ("prediction", "training"):
                look_again(chosen.then)

        def opened(query: dict[str, str], number: int) -> tuple[str, Settings]:
            """What the browser keeps of a link, with the number of the request for it, and the settings it names."""
            settings, notes = from_query(library, query)
            state = {"number": number, "state": to_query(settings), "unsaid": UNSAID, "notes": notes}
            return json.dumps(state), settings

        def brought_to(query: dict[str, str], number: int = 0) -> list[Any]:
            """What brings the page to what a link says."""
            state, settings = opened(query, number)
            shared = [getattr(settings, name) for name in bench.controls]
            scene = bench.scene(*shared, None, way=settings.way, t=settings.t)
            look = LOOKS[settings.look]
            page = [state, next(renewals), gr.update(selected=settings.tab), None]
            tabs = [*bench.updates(settings), *reverse.updates(settings), *training.updates(settings)]
            return [*page, settings.look, look.claim.markdown(), look.seen, settings.way, *add_noise.show(scene), *tabs]

        of_page = [
            link,
            bench.renewed,
            tabs,
            bench.own,
            finding.look,
            finding.question,
            finding.seen,
            way,
            player_forward,
            bench.about,
            formula,
        ]
        model = bench.controls["model"]
        restored = [*of_page, *bench.controls.values(), *reverse.outputs, *training.outputs]

        @user_errors()
        def restore(request: gr.Request) -> list[Any]:
            query = dict(request.query_params)
            if all(name.startswith("__") for name in query):  # without a link it is there already, but for new networks
                offered = (bench.offered() if each is model else gr.skip() for each in restored[1:])
                return [opened(query, 0)[0], *offered]
            return brought_to(query)

        @user_errors()
        def go(asked: Any) -> list[Any]:
            return brought_to(dict(parse_qsl(str(asked.get("query", "")))), number_of(asked))

        there = go_there.submit(go, go_there, restored, **{**quiet, "trigger_mode": "multiple"})
        for arrived in (app.load(restore, None, restored, **quiet), there):
            begun = arrived.then(None, link, js="(text) => playground.begin(text)", api_visibility="private")
            look_again(begun.then)  # once its tab is there
    app.queue(default_concurrency_limit=8, max_size=256)
    return app


def _film_of_the_network(first: Scene) -> Film | None:
    """What *Predict noise* shows before the first answer comes; None for a network that cannot be read.

    Of large pictures it would be megabytes, and a network for them slow: there the page comes first.
    """
    if first.x0.numel() > MAX_FIRST:
        return None
    try:
        return first_film_of(first)
    except CheckpointError:
        return None
