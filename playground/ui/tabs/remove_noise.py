"""Tab *Remove noise*: sampling, step by step."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from playground.core.data import images
from playground.core.data.datasets import ImageDataset
from playground.core.model_registry import ModelRegistry
from playground.core.sampling.samplers import SAMPLERS
from playground.render.export.npz import npz
from playground.render.films.film import Film
from playground.render.films.sampling import image_grid
from playground.ui.components.frame import Frame
from playground.ui.components.lazy_accordion import load_when_open
from playground.ui.components.math_text import subscripts
from playground.ui.components.player import build_player, film_update
from playground.ui.components.shared_controls import SharedControls, refuse_when_left
from playground.ui.export_script import script
from playground.ui.server.errors import user_errors
from playground.ui.server.film_stream import FilmStream
from playground.ui.server.markdown_escape import plain
from playground.ui.server.run_limiter import RunLimiter
from playground.ui.server.run_requests import MAX_NUMBER, Runs, build_answers, build_request, number_of
from playground.ui.server.zerogpu import ZERO, max_network_calls, on_zerogpu
from playground.ui.state.scene import Scene
from playground.ui.state.settings import (
    ANY_LABEL,
    MAX_COUNT,
    MAX_FILM,
    MAX_GUIDANCE,
    RACERS,
    SAME_LABEL,
    Settings,
    choice,
    integer,
)
from playground.ui.tabs.remove_noise_views import Pieces, SamplingView, build_views
from playground.ui.tabs.sampling_options import build_sampling_options

FORMULAS = {
    "ddpm": """<span class="mixture">x<sub>t−1</sub></span> = 1/√α<sub>t</sub> ·
(<span class="mixture">x<sub>t</sub></span> − (1−α<sub>t</sub>)/√(1−ᾱ<sub>t</sub>) ·
<span class="prediction">ε̂</span>) + σ<sub>t</sub> · <span class="noise">z</span>,&emsp;
α<sub>t</sub> = ᾱ<sub>t</sub>/ᾱ<sub>t−1</sub>""",
    "ddim": """<span class="mixture">x<sub>t−1</sub></span> = √ᾱ<sub>t−1</sub> ·
<span class="picture">x̂<sub>0</sub></span> + √(1−ᾱ<sub>t−1</sub>−σ<sub>t</sub>²) · <span class="prediction">ε̂</span> +
σ<sub>t</sub> · <span class="noise">z</span>,&emsp; σ<sub>t</sub> = η · √β̃<sub>t</sub>""",
}
"""Formulas of our own samplers; for those of diffusers a sentence is shown."""


MAX_UNASKED = 2**14
"""Most numbers of a picture for which sampling starts when the tab is opened, without a press of the button. On
ZeroGPU, where a run costs its visitor's quota, it never does."""
SKELETONS = {"run": "3x1", "slow": "5x1", "guidance": "6x1", "race": "5x2"}
"""Columns and rows of each view's film, drawn as empty boxes until the film comes."""


@dataclass(frozen=True)
class _Sampled:
    """Source of a film: the scene it was sampled from, and its number of frames after each piece so far."""

    scene: Scene
    ends: list[int]


@dataclass(frozen=True)
class RemoveNoiseTab:
    """Parts of the tab, and the updates that follow a choice.

    Attributes:
        library: registry of the networks.
        views: the views by name.
        controls: the controls by name of the setting.
        of_sampler: components that follow the choice of a sampler.
        of_view: components that follow the choice of a view.
        painting: what the user has painted over the picture, or None.
        leave: handler for a page that is closed.
    """

    library: ModelRegistry
    views: dict[str, SamplingView]
    controls: dict[str, Any]
    of_sampler: list[Any]
    of_view: list[Any]
    painting: gr.State
    leave: Callable[[gr.Request], None]

    @property
    def outputs(self) -> list[Any]:
        """Components that `updates` updates."""
        return [*self.controls.values(), *self.of_sampler, *self.of_view, self.painting]

    def updates(self, settings: Settings) -> list[Any]:
        """Updates that bring the tab to these settings; what was painted is removed."""
        following = self.updates_for_model(settings) | {
            "solvers": gr.update(value=settings.solvers.split(",")),
            "sampler": gr.update(choices=samplers_of(settings.view), value=settings.sampler),
        }
        values = [{"value": getattr(settings, name), **following.get(name, gr.update())} for name in self.controls]
        return [*values, *_of_sampler(settings.sampler), *self.texts_for_view(settings.view), None]

    def updates_for_model(self, settings: Settings) -> dict[str, Any]:
        """Updates of the controls that follow the choice of a network, by name.

        Controls that the network does not support are hidden; large pictures are sampled fewer at a time.
        """
        pictures = self.library.pictures(settings.model)
        named, knows_labels = _label_choices(pictures), bool(pictures.label_names)
        label, then = (
            gr.update(choices=[(first, first), *named], value=value, visible=knows_labels)
            for first, value in ((ANY_LABEL, settings.label), (SAME_LABEL, settings.then))
        )
        return {
            "label": label,
            "then": then,
            "guidance": gr.update(visible=knows_labels),
            "count": gr.update(value=settings.count) if settings.count < Settings.count else gr.update(),
            "driver": gr.update(choices=predictor_choices(pictures), value=settings.driver),
        }

    def texts_for_view(self, view: str) -> tuple[str, str, str]:
        """Claim and takeaway of a view, and the text of its button."""
        chosen = self.views[choice("view", view, self.views)]
        return chosen.claim.markdown(), chosen.seen, _button_text(view)

    def updates_for_view(self, view: str, model: str, label: str, borrowed_label: str, sampler: str) -> tuple[Any, ...]:
        """Updates that follow the choice of a view: its texts, its samplers, and a label where it needs one.

        Such a label is borrowed: the next view that needs none resets it.

        Args:
            view: the chosen view.
            model: name of the network.
            label: label that is set.
            borrowed_label: label that an earlier view has set; empty for none.
            sampler: sampler that is set.

        Returns:
            Claim, takeaway, text of the button, label, borrowed label, and update of the samplers.
        """
        pictures = self.library.pictures(choice("model", model, self.library.names))
        if view != "guidance":
            label, borrowed_label = ANY_LABEL if label == borrowed_label else label, ""
        elif label == ANY_LABEL and pictures.label_names:
            label = borrowed_label = pictures.label_names[0]
        shown = samplers_of(view)
        of_sampler = gr.update(choices=shown, value=sampler if sampler in shown else "ddim")
        return *self.texts_for_view(view), label, borrowed_label, of_sampler


def _label_choices(pictures: ImageDataset) -> list[tuple[str, str]]:
    """Labels to choose from, each with its category where it has one."""
    categories = pictures.categories or ("",) * len(pictures.label_names)
    named = zip(categories, pictures.label_names, strict=True)
    return [(f"{name} · {category}" if category else name, name) for category, name in named]


def predictor_choices(pictures: ImageDataset) -> list[tuple[str, str]]:
    """Predictors to sample with: the ideal one only where the network's training pictures are there."""
    both = [] if pictures.is_substitute else [("network and ideal", "both")]
    return [("network", "network"), *both]


def samplers_of(view: str) -> list[str]:
    """Samplers that a view can show: a single step can be decomposed for DDPM and DDIM only."""
    return ["ddpm", "ddim"] if view == "slow" else list(SAMPLERS)


def warnings_of(scene: Scene) -> str:
    """Warnings about this sampling; empty where there are none."""
    return f"{scene.warnings()} {scene.unused_picture()}".strip()


def waits_for_a_press(scene: Scene) -> bool:
    """Whether sampling starts only when the button is pressed, because it takes too long.

    That is so for large pictures, on a borrowed GPU, and in a solver comparison, whose reference takes up to 1,000
    steps.
    """
    return ZERO or scene.settings.view == "race" or scene.x0.numel() > MAX_UNASKED


def _button_text(view: str) -> str:
    return "Race" if view == "race" else "Remove the noise"


def _of_sampler(name: str) -> tuple[Any, Any, str]:
    formula = _formula(choice("sampler", name, SAMPLERS))
    return gr.update(visible=name == "ddim"), gr.update(visible=name == "ddpm"), formula


def _formula(sampler: str) -> str:
    return f'<p class="formula">{FORMULAS.get(sampler) or subscripts(SAMPLERS[sampler].about)}</p>'


def build_remove_noise(
    shared_controls: SharedControls, first: Scene, run_limiter: RunLimiter, frame: Frame
) -> RemoveNoiseTab:
    """Lay out the tab, with its controls in the rail.

    Args:
        shared_controls: the controls beside all tabs.
        first: scene whose settings the controls show at first.
        run_limiter: limits the runs of a browser session.
        frame: frame of the page.

    Returns:
        The tab's parts.
    """
    default, labels, views = first.settings, _label_choices(first.pictures), build_views()
    view = gr.Radio(
        [(each.name, name) for name, each in views.items()],
        value=default.view,
        label="View",
        show_label=False,
        container=False,
        elem_id="control-view",
        elem_classes="segments",
    )
    with gr.Row(elem_classes="claim-row"):
        question = gr.Markdown(views[default.view].claim.markdown(), elem_classes="question")
        formula = gr.Markdown(_formula(default.sampler), elem_classes="sampler-formula only-run")
    player = build_player(
        elem_id="player-reverse",
        label="Removing noise",
        prompt="Not sampled yet",
        runs="sampling",
        skeletons=SKELETONS,
    )
    asked = build_request("sampling")
    note = gr.Markdown(elem_classes="note")
    seen = gr.Markdown(views[default.view].seen, elem_classes="seen")
    with gr.Row(elem_classes="take-away"):
        every_step = gr.Button("Save every step (.npz)", size="sm", min_width=0, scale=0, elem_id="every-step")
        steps_file = gr.DownloadButton(visible="hidden", elem_id="steps-file")
        shown_film = gr.Number(visible="hidden", label="The film on show")
        shown_frames = gr.Number(visible="hidden", label="Frames on show")
    with gr.Accordion("Show me the code", open=False, elem_id="show-code") as code_part:
        code = gr.Markdown(elem_id="script")  # gr.Code would load an editor of several hundred kilobytes

    with frame.groups["sampling"]:
        label = gr.Dropdown(
            [(ANY_LABEL, ANY_LABEL), *labels],
            value=default.label,
            label="Label",
            min_width=0,
            visible=bool(labels),
            elem_id="control-label",
        )
        count = gr.Slider(1, MAX_COUNT, default.count, step=1, label="Pictures", min_width=0, elem_id="control-count")
        solvers = gr.Dropdown(
            list(SAMPLERS),
            value=default.solvers.split(","),
            multiselect=True,
            max_choices=RACERS[1],
            label="Samplers",
            min_width=0,
            elem_id="control-solvers",
        )
        calls = gr.Number(default.calls, label="NFE", min_width=0, elem_id="control-calls")
        sampler = gr.Dropdown(
            list(SAMPLERS), value=default.sampler, label="Sampler", min_width=0, elem_id="control-sampler"
        )
        steps = gr.Number(default.steps, label="Steps", min_width=0, elem_id="control-steps")
        guidance = gr.Slider(
            0,
            MAX_GUIDANCE,
            default.guidance,
            step=0.1,
            label="Guidance",
            min_width=0,
            visible=len(labels) > 1,
            elem_id="control-guidance",
        )
        with gr.Column(min_width=0, visible=default.sampler == "ddim", elem_id="control-eta") as only_ddim:
            eta = gr.Slider(0, 1, default.eta, step=0.05, label="η")
        with gr.Column(min_width=0, visible=default.sampler == "ddpm", elem_id="control-variance") as only_ddpm:
            variance = gr.Radio([("β̃ₜ", "beta_tilde"), ("βₜ", "beta")], value=default.variance, label="σₜ²")
        driver = gr.Radio(
            predictor_choices(first.pictures),
            value=default.driver,
            label="Predictor",
            elem_id="control-driver",
            elem_classes="only-run",
        )
    sampling_options = build_sampling_options(shared_controls, default, labels, frame.groups["start"])
    with frame.foot:
        run = gr.Button(
            _button_text(default.view), variant="primary", min_width=0, elem_id="run", elem_classes="on-reverse"
        )
        stop = gr.Button("Stop", min_width=0, elem_id="stop", elem_classes="on-reverse")

    painting = sampling_options.painting
    controls: dict[str, Any] = {
        "label": label,
        "count": count,
        "sampler": sampler,
        "steps": steps,
        "guidance": guidance,
        "eta": eta,
        "variance": variance,
        "driver": driver,
        "view": view,
        "solvers": solvers,
        "calls": calls,
        **sampling_options.controls,
    }

    def scene_of(*values: Any) -> Scene:
        common, own = values[: len(shared_controls.inputs)], values[len(shared_controls.inputs) : -1]
        return shared_controls.scene(*common, painting=values[-1], **dict(zip(controls, own, strict=True)))

    def as_script(*values: Any) -> str:
        try:
            return f"```python\n{script(scene_of(*values))}```"
        except ValueError as error:  # shown in place of the code: that of earlier settings would be misleading
            return plain(str(error))

    def film_pieces(scene: Scene) -> Pieces:
        return views[scene.settings.view].pieces(scene)

    def npz_file(scene: Scene, pieces: int) -> Iterator[bytes]:
        yield npz(scene.runs(pieces), scene.schedule)

    pieces_on_gpu = on_zerogpu(shared_controls.library, film_pieces, max_network_calls)
    npz_on_gpu = on_zerogpu(shared_controls.library, npz_file, max_network_calls)

    runs = Runs()

    def stream_run(request: gr.Request, asked: Any, *values: Any) -> Iterator[tuple[Any, Any]]:
        """Sample; or send the frames that the page lacks of a film from the same run.

        For the latter `asked` has {"film": its number, "frames": how many frames the page has}.
        """
        session = str(request.session_hash)
        with user_errors(), runs.start(session, number := number_of(asked)) as is_latest:
            if is_latest is None or asked.get("stop"):
                yield gr.skip(), gr.skip()
                return
            film, have = (
                integer("film", asked.get("film", number), 1, number),
                integer("frames", asked.get("frames", 0), 0, MAX_FILM),
            )
            before = runs.kept(session, film) if film == runs.last_kept(session) else None
            if not before:  # a new run, or the page has lost all of a later film
                film, have = number, 0
            stream = FilmStream(lambda: runs.lacking(session))
            mark: Film = {"request": number, "run": film, "ended": True, "frames": 0}
            try:
                with run_limiter.taken(session):
                    known = before or _Sampled(scene_of(*values), [])
                    scene, ends = known.scene, known.ends
                    if asked.get("unasked") and waits_for_a_press(scene):
                        from_noise = (scene.settings.view, scene.settings.start) == ("run", "noise")
                        x_T = images.data_url(image_grid(scene.initial_noise(), 0)) if from_noise else ""
                        yield film_update({**mark, "x_T": x_T}), warnings_of(scene)
                        return
                    runs.keep(session, film, known)
                    made_from = {"settings": scene.sampled_from()}
                    yield gr.skip(), warnings_of(scene)
                    films = 0
                    for piece in pieces_on_gpu(scene):
                        if not is_latest():
                            return
                        if isinstance(piece, str):
                            yield stream.update() if stream.is_due else gr.skip(), piece
                            continue
                        films += 1
                        mark |= {"frames": piece["start"] + len(piece["labels"]), "stays": piece.get("stays", False)}
                        if films > len(ends):
                            ends.append(mark["frames"])
                        if mark["frames"] > have or mark["stays"]:
                            first = made_from if piece["start"] == 0 else {}
                            stream.add({**piece, **first, "request": number, "run": film})
                            if stream.is_due:
                                yield stream.update(), gr.skip()
            except Exception:
                yield stream.end({"request": number, "ended": True}), gr.skip()
                raise
            yield stream.end(mark), gr.skip()

    @user_errors()
    def export_npz(request: gr.Request, film: float, frames: float) -> str:
        """Save the steps of a film's first `frames`: the same run is sampled once more."""
        session = str(request.session_hash)
        if not (shown := runs.kept(session, integer("film", film, 0, MAX_NUMBER))):
            raise ValueError("Nothing has been sampled yet: start a run first.")
        scene, pieces = shown.scene, bisect_right(shown.ends, integer("frames", frames, 0, MAX_FILM))
        name = f"steps-{scene.settings.model}-{scene.settings.view}.npz"
        with run_limiter.taken(session):
            [data] = npz_on_gpu(scene, max(1, pieces))
        path: str = save_bytes_to_cache(data, name, steps_file.GRADIO_CACHE)
        return path

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    sampling: dict[str, Any] = {
        "concurrency_id": "sampling",
        "concurrency_limit": shared_controls.library.max_concurrent_runs,
        **quiet,
    }
    chosen = [*shared_controls.inputs, *controls.values(), painting]
    each_time: dict[str, Any] = {"trigger_mode": "multiple", **quiet}
    asked.submit(stream_run, [asked, *chosen], [player, note], **{**sampling, **each_time})
    build_answers(runs, asked, "sampling")
    run.click(None, js="() => playground.sample()", api_visibility="private")
    stop.click(None, js="() => playground.requests.sampling.stop()", api_visibility="private")
    # Only the browser knows which film is on show, and how much of it: the end of a stopped run may never arrive.
    on_show = """() => {
        const { run, frames } = document.querySelector("#player-reverse .player").dataset;
        return [+(run ?? 0), +(frames ?? 0)];
    }"""
    every_step.click(export_npz, [shown_film, shown_frames], steps_file, js=on_show, **sampling).success(
        None, steps_file, None, js="(file) => playground.download(file)", api_visibility="private"
    )
    of_code = [*shared_controls.changed, shared_controls.renewed.change, *(each.change for each in controls.values())]
    load_when_open(code_part, of_code, as_script, chosen, [code])
    of_sampler, of_view = [only_ddim, only_ddpm, formula], [question, seen, run]

    def leave(request: gr.Request) -> None:
        runs.leave(str(request.session_hash))

    reverse = RemoveNoiseTab(shared_controls.library, views, controls, of_sampler, of_view, painting, leave)
    sampler.input(user_errors()(_of_sampler), sampler, of_sampler, **quiet)
    borrowed_label = gr.State("")
    view.input(None, js="() => playground.choose()", api_visibility="private")
    label.input(lambda: "", None, borrowed_label, **quiet)
    view.input(
        user_errors()(reverse.updates_for_view),
        [view, shared_controls.controls["model"], label, borrowed_label, sampler],
        [*of_view, label, borrowed_label, sampler],
        **quiet,
    ).success(None, js="() => playground.watch()", api_visibility="private")
    refuse_when_left(steps, "steps", shared_controls.library, {"T": shared_controls.controls["T"]})
    refuse_when_left(calls, "calls", shared_controls.library, {})
    return reverse
