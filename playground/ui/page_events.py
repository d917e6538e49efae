"""Page events: what happens on the page as a whole when a control, a tab, a network or a link changes."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import gradio as gr

from playground.ui.components.events import PRIVATE_EACH, PRIVATE_LATEST, on_latest
from playground.ui.components.picker import parse_choice
from playground.ui.components.shared_controls import SharedControls
from playground.ui.server.run_limiter import RunLimiter
from playground.ui.server.run_requests import number_of
from playground.ui.server.zerogpu import on_zerogpu
from playground.ui.state.links import QUERY_DEFAULTS, from_query, to_query
from playground.ui.state.scene import Scene, fingerprint
from playground.ui.state.settings import TABS, Settings
from playground.ui.tabs import add_noise, predict_noise
from playground.ui.tabs.add_noise import AddNoiseTab
from playground.ui.tabs.hardest_pictures import network_calls_of_rankings, shown_ranking
from playground.ui.tabs.predict_noise import PredictNoiseTab
from playground.ui.tabs.predict_noise_views import ANALYSIS_VIEWS
from playground.ui.tabs.remove_noise import RemoveNoiseTab
from playground.ui.tabs.train import TrainTab


@dataclass(frozen=True)
class Page:
    """The page's parts that are connected with each other.

    Attributes:
        first: scene of the page as it is built.
        shared: the shared controls.
        add, predict, remove, train: the tabs' contents.
        tabs: the choice of a tab; `panes` are its four tabs.
        downloaded: events that end with another network downloaded and chosen.
        link: state of a link, for the browser; `link_request` requests the state of another one.
        film_request: changes whenever the film of the open tab is wanted.
        open_tab, moved_to: the open tab, and the t at which films over t stand; the browser fills them in.
        run_limiter: limits the runs under way.
        renewals: numbers the changes of the network.
    """

    first: Scene
    shared: SharedControls
    add: AddNoiseTab
    predict: PredictNoiseTab
    remove: RemoveNoiseTab
    train: TrainTab
    tabs: gr.Tabs
    panes: list[gr.Tab]
    downloaded: list[Any]
    link: gr.Textbox
    link_request: gr.HTML
    film_request: gr.Number
    open_tab: gr.Textbox
    moved_to: gr.Number
    run_limiter: RunLimiter
    renewals: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def other_network(self) -> list[Any]:
        """Events that choose another network."""
        return [self.shared.controls["model"].input, *self.downloaded]

    @property
    def forward_event(self) -> dict[str, Any]:
        """Arguments of an event that shows *Add noise* at the present controls."""
        outputs = [self.add.player, self.shared.about, self.add.formula]
        return {"fn": self.show_forward, "inputs": [self.add.forward_process, *self.shared.inputs], "outputs": outputs}

    @property
    def prediction_inputs(self) -> list[Any]:
        """Components whose values `prediction_scene` needs."""
        return [self.predict.analysis, self.moved_to, *self.shared.inputs]

    @property
    def prediction_event(self) -> dict[str, Any]:
        """Arguments of an event with `prediction_inputs`; the browser knows at which t the films stand."""
        T = list(self.shared.controls).index("T")
        js = f"(analysis, t, ...rest) => [analysis, playground.currentTimestep(rest[{T}], analysis), ...rest]"
        return {"inputs": self.prediction_inputs, "js": js, **PRIVATE_LATEST}

    def show_forward(self, forward_process: str, *values: Any) -> tuple[Any, ...]:
        """Update *Add noise*. A field may be empty while it is typed into: that is no error yet."""
        if not self.shared.filled(*values):
            return (gr.skip(),) * 3
        return add_noise.show(self.shared.scene(*values, forward_process=forward_process))

    def prediction_scene(self, analysis: str, t: float | None, *values: Any) -> Scene:
        """Scene of *Predict noise* for the values of `prediction_inputs`."""
        more: dict[str, Any] = {} if t is None else {"t": t}
        return self.shared.scene(*values, analysis=analysis, **more)

    def request_film(self, listen: Callable[..., Any]) -> None:
        """Request the film of the open tab. One event brings it, whatever triggers it, so the last request wins."""
        listen(None, None, self.film_request, js="() => playground.nextEventId()", api_visibility="private")


def connect_films(page: Page) -> None:
    """Show the film of the open tab at the present controls, and all that belongs to another network."""
    shared, remove = page.shared, page.remove

    def show_model(forward_process: str, *values: Any) -> tuple[Any, ...]:
        """One answer updates all that belongs to a network: a picture, its range, labels and film."""
        scene = shared.of_new_model(*values, forward_process=forward_process)
        of_reverse = remove.updates_for_model(scene.settings).values()
        return next(page.renewals), scene.settings.image, *of_reverse, *add_noise.show(scene)

    def show_prediction(tab: str, *values: Any) -> tuple[Any, ...]:
        # Only while the tab is open: a hidden film costs no evaluation of the network.
        wanted = tab == "prediction" and shared.filled(*values[2:])
        return predict_noise.show(page.prediction_scene(*values)) if wanted else (gr.skip(),) * len(page.predict.shown)

    forward = page.forward_event
    following = [remove.controls[name] for name in remove.updates_for_model(page.first.settings)]
    of_model = [shared.renewed, shared.controls["image"], *following, *forward["outputs"]]
    # Not the latest only: see `build_shared_controls` on the `input` of a dropdown.
    for chosen in page.other_network:
        page.request_film(chosen(show_model, forward["inputs"], of_model, **PRIVATE_EACH).then)
    on_latest(
        [*shared.changed, page.add.forward_process.input], page.show_forward, forward["inputs"], forward["outputs"]
    )
    page.request_film(partial(gr.on, [*shared.changed, page.predict.analysis.input]))
    T = list(shared.controls).index("T")
    on_latest(
        [page.film_request.change],
        show_prediction,
        [page.open_tab, *page.prediction_inputs],
        page.predict.shown,
        js=f"(tab, view, t, ...rest) => [playground.tab(), view, playground.currentTimestep(rest[{T}], view), ...rest]",
    )
    on_latest(
        [page.film_request.change],
        page.train.prepare,
        [page.open_tab, *page.train.inputs],
        page.train.shown,
        js="(tab, ...rest) => [playground.tab(), ...rest]",
    )
    page.request_film(partial(gr.on, page.train.changed))


def connect_results(page: Page) -> Any:
    """Run the listing, the bound and the ranking of *Predict noise*; remove them where another scene is shown.

    Returns:
        The event that ends with a picture of the ranking chosen.
    """
    shared, predict = page.shared, page.predict
    bound_on_gpu = on_zerogpu(shared.library, predict_noise.stream_bound, lambda scene: scene.schedule.num_steps)
    ranked_on_gpu = on_zerogpu(shared.library, predict_noise.ranked, network_calls_of_rankings)

    def execute_listing(*values: Any) -> str:
        return predict_noise.execute_listing(page.prediction_scene(*values))

    def stream_bound(request: gr.Request, *values: Any) -> Iterator[str]:
        with page.run_limiter.taken("sampling", request):
            yield from bound_on_gpu(page.prediction_scene(*values))

    def rank(request: gr.Request, *values: Any) -> Iterator[Any]:
        with page.run_limiter.taken("sampling", request):
            yield from ranked_on_gpu(page.prediction_scene(*values))

    event = page.prediction_event
    running = predict.run_listing.click(execute_listing, outputs=predict.listing, **event)
    lane: dict[str, Any] = {"concurrency_limit": None}  # the run limiter limits these
    adding = predict.run_bound.click(stream_bound, outputs=predict.bound_table, **lane, **event)
    ranking = predict.rank.click(rank, outputs=predict.hardest, **lane, **event)
    picture = [shared.controls["image"], shared.own]
    chosen = predict.hardest.input(parse_choice, predict.hardest, picture, **PRIVATE_LATEST)
    drawn = (each.then for each in (*shared.drawn, chosen))
    results = [predict.bound_table, predict.listing]
    opened = page.link_request.input
    for listen in [*shared.changed, *drawn, *page.other_network, opened, predict.analysis.input]:
        listen(predict_noise.clear_results, None, results, cancels=[running, adding], **PRIVATE_EACH)
    for listen in [*page.other_network, opened]:
        listen(lambda: shown_ranking(""), None, predict.hardest, cancels=[ranking], **PRIVATE_EACH)
    return chosen


def connect_drawings(page: Page, chosen: Any) -> None:
    """Show what was drawn, uploaded or `chosen`. A film names the drawings it was made from; the page compares them."""
    for event in (*page.shared.drawn, chosen):
        event.then(**page.forward_event, **PRIVATE_LATEST)
        page.request_film(event.then)
    drawings = {"own": page.shared.own, "painting": page.remove.painting, "world_drawing": page.train.own}
    fingerprints = gr.Textbox(visible="hidden", label="Fingerprints of what was drawn")
    gr.on(
        [each.change for each in drawings.values()],
        lambda *images: json.dumps(dict(zip(drawings, map(fingerprint, images), strict=True))),
        list(drawings.values()),
        fingerprints,
        **PRIVATE_LATEST,
    ).success(None, fingerprints, None, js="(text) => playground.draw(text)", api_visibility="private")


def connect_address(page: Page) -> None:
    """Let the address bar follow controls and tabs; the browser does that without a request."""
    settings = {
        **page.shared.controls,
        "forward_process": page.add.forward_process,
        "analysis": page.predict.analysis,
        **page.remove.controls,
    }
    for controls in (settings, page.train.controls):
        gr.on(
            [each.change for each in controls.values()],
            None,
            list(controls.values()),
            js=f"(...values) => playground.syncControls({json.dumps(list(controls))}, values)",
            api_visibility="private",
        )
    for pane, name in zip(page.panes, TABS, strict=True):
        chosen = pane.select(None, js=f"() => playground.updateState({{ tab: {name!r} }})", api_visibility="private")
        if name in ("prediction", "training"):
            page.request_film(chosen.then)


def connect_links(page: Page, app: gr.Blocks) -> None:
    """Bring the page to the state of a link: of the address when it loads, of a request afterwards."""
    shared, predict = page.shared, page.predict

    def opened(query: dict[str, str], number: int) -> tuple[str, Settings]:
        """State of a link for the browser, with the number of its request, and the settings that it names."""
        settings, notes = from_query(shared.library, query)
        state = {"number": number, "state": to_query(settings), "defaults": QUERY_DEFAULTS, "notes": notes}
        return json.dumps(state), settings

    def updates_for_link(query: dict[str, str], number: int = 0) -> list[Any]:
        """Updates that bring the page to the state of a link, for `restored`."""
        state, settings = opened(query, number)
        values = [getattr(settings, name) for name in shared.controls]
        forward_process, view = settings.forward_process, ANALYSIS_VIEWS[settings.analysis]
        scene = shared.scene(*values, None, forward_process=forward_process, t=settings.t)
        of_page = [state, next(page.renewals), gr.update(selected=settings.tab), None]
        tabs = [*shared.updates(settings), *page.remove.updates(settings), *page.train.updates(settings)]
        of_prediction = [settings.analysis, view.claim.markdown(), view.takeaway]
        return [*of_page, *of_prediction, forward_process, *add_noise.show(scene), *tabs]

    of_page = [page.link, shared.renewed, page.tabs, shared.own, predict.analysis, predict.question, predict.takeaway]
    of_tabs = [*shared.controls.values(), *page.remove.outputs, *page.train.outputs]
    restored = [*of_page, page.add.forward_process, *page.forward_event["outputs"], *of_tabs]

    def restore(request: gr.Request) -> list[Any]:
        query = dict(request.query_params)
        if all(name.startswith("__") for name in query):  # without a link it is there already, but for new networks
            model = shared.controls["model"]
            offered = (shared.offered() if each is model else gr.skip() for each in restored[1:])
            return [opened(query, 0)[0], *offered]
        return updates_for_link(query)

    def open_link(asked: Any) -> list[Any]:
        return updates_for_link(dict(parse_qsl(str(asked.get("query", "")))), number_of(asked))

    there = page.link_request.submit(open_link, page.link_request, restored, **PRIVATE_EACH)
    for arrived in (app.load(restore, None, restored, **PRIVATE_LATEST), there):
        begun = arrived.then(
            None, page.link, js="(text) => playground.applyServerState(text)", api_visibility="private"
        )
        page.request_film(begun.then)  # once its tab is there
