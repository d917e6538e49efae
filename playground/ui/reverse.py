"""Remove noise: sampling, step by step, while one watches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from playground.core.datasets import Pictures
from playground.core.library import Library
from playground.core.samplers import SAMPLERS
from playground.render.arrays import npz
from playground.ui.bench import Bench
from playground.ui.elsewhere import build_elsewhere
from playground.ui.errors import told
from playground.ui.folded import fill_while_open
from playground.ui.plain import plain
from playground.ui.player import build_player, showing
from playground.ui.scene import Scene
from playground.ui.script import script
from playground.ui.settings import (
    ANY_LABEL,
    CALLS,
    MAX_COUNT,
    MAX_GUIDANCE,
    RACERS,
    SAME_LABEL,
    Settings,
    one_of,
)
from playground.ui.turns import Turns
from playground.ui.views import Pieces, View, build_views
from playground.ui.zero import calls_of_run, lend

FORMULAS = {
    "ddpm": """<p class="formula"><span class="mixture">x<sub>t−1</sub></span> = 1/√α<sub>t</sub> ·
(<span class="mixture">x<sub>t</sub></span> − (1−α<sub>t</sub>)/√(1−ᾱ<sub>t</sub>) ·
<span class="prediction">ε̂</span>) + σ<sub>t</sub> · <span class="noise">z</span>,&emsp;
α<sub>t</sub> = ᾱ<sub>t</sub>/ᾱ<sub>t−1</sub></p>""",
    "ddim": """<p class="formula"><span class="mixture">x<sub>t−1</sub></span> = √ᾱ<sub>t−1</sub> ·
<span class="picture">x̂<sub>0</sub></span> + √(1−ᾱ<sub>t−1</sub>−σ<sub>t</sub>²) · <span class="prediction">ε̂</span> +
σ<sub>t</sub> · <span class="noise">z</span>,&emsp; σ<sub>t</sub> = η · √β̃<sub>t</sub></p>""",
    "dpmsolver++": "Follows the same path as DDIM in curves, through the last two x̂<sub>0</sub> (Lu et al. 2022).",
    "sde-dpmsolver++": "As DPM-Solver++, with fresh noise in every step (Lu et al. 2022).",
    "unipc": "As DPM-Solver++, and corrects each step by what the next call says (Zhao et al. 2023).",
    "euler": "Straight strides of x<sub>t</sub>/√ᾱ<sub>t</sub> along ε̂: DDIM in other words (Karras et al. 2022).",
    "euler_a": "Euler's strides, each a little too far, and fresh noise to make up for it.",
    "heun": "Two calls a step: a stride, a look at ε̂ there, and the stride again with the mean (Karras et al. 2022).",
    "pndm": "Strides along a mean of the last four ε̂ (Liu et al. 2022).",
    "lms": "Strides along a curve through the last four ε̂ (a linear multistep method).",
    "deis": "Exact strides for a curve through the last two ε̂ (Zhang & Chen 2022).",
}
"""How each sampler steps: ours in full, those of diffusers in a sentence."""

STALE = """<p class="note">The settings have changed since this run: the film is still of those before, the code and the
.npz below are of these.</p>"""


@dataclass(frozen=True)
class Reverse:
    """The tab's controls by name, and what follows their choice."""

    library: Library
    views: dict[str, View]
    controls: dict[str, Any]
    of_sampler: list[Any]
    of_view: list[Any]
    painting: gr.State

    @property
    def outputs(self) -> list[Any]:
        """What `updates` brings to settings."""
        return [*self.controls.values(), *self.of_sampler, *self.of_view, self.painting]

    def updates(self, settings: Settings) -> list[Any]:
        """What brings the tab to these settings; nothing is painted."""
        following = self.of_model(settings) | {"solvers": gr.update(value=settings.solvers.split(","))}
        values = [{"value": getattr(settings, name), **following.get(name, gr.update())} for name in self.controls]
        return [*values, *_of_sampler(settings.sampler), *self.seen_as(settings.view), None]

    def of_model(self, settings: Settings) -> dict[str, Any]:
        """What brings the controls that follow the network to one just chosen, by name.

        What it does not know is hidden; of large pictures there are fewer at once.
        """
        pictures = self.library.pictures(settings.model)
        named, knows_labels = _named(pictures), bool(pictures.label_names)
        label, then = (
            gr.update(choices=[(first, first), *named], value=value, visible=knows_labels)
            for first, value in ((ANY_LABEL, settings.label), (SAME_LABEL, settings.then))
        )
        return {
            "label": label,
            "then": then,
            "guidance": gr.update(visible=knows_labels),
            "count": gr.update(value=settings.count) if settings.count < Settings.count else gr.update(),
            "driver": gr.update(**drivers(pictures), value=settings.driver),
        }

    def seen_as(self, view: str) -> tuple[str, str]:
        """The question and the answer of a view."""
        chosen = self.views[one_of("view", view, self.views)]
        return chosen.question, chosen.seen


def _named(pictures: Pictures) -> list[tuple[str, str]]:
    """What can be asked for, each label with its category where there is one."""
    categories = pictures.categories or ("",) * len(pictures.label_names)
    named = zip(categories, pictures.label_names, strict=True)
    return [(f"{name} · {category}" if category else name, name) for category, name in named]


def drivers(pictures: Pictures) -> dict[str, Any]:
    """Who can say the noise, as a radio takes it: the ideal predictor only where the training pictures are."""
    network = ("the network", "network")
    if pictures.stand_in:
        return {"choices": [network], "info": "the ideal one needs the training pictures; this network came without"}
    return {
        "choices": [network, ("the network, and the ideal predictor beside it", "both")],
        "info": "both start from the same noise; the ideal predictor knows the training pictures, one by one",
    }


def _of_sampler(name: str) -> tuple[Any, Any, str]:
    formula = FORMULAS[one_of("sampler", name, FORMULAS)]
    return gr.update(visible=name == "ddim"), gr.update(visible=name == "ddpm"), formula


def build_reverse(bench: Bench, first: Scene, turns: Turns) -> Reverse:
    """Lay out the tab, at the settings of the first scene, and listen to its buttons; a run takes a turn."""
    default, labels, views = first.settings, _named(first.pictures), build_views()
    view = gr.Radio(
        [(each.name, name) for name, each in views.items()],
        value=default.view,
        label="Watch",
        show_label=False,
        container=False,
        elem_id="control-view",
    )
    question = gr.Markdown(views[default.view].question, elem_classes="question")
    formula = gr.Markdown(FORMULAS[default.sampler], elem_classes="not-in-race")
    with gr.Row(equal_height=True, elem_classes="controls"):
        label = gr.Dropdown(
            [(ANY_LABEL, ANY_LABEL), *labels],
            value=default.label,
            label="Label",
            info="what to ask for",
            min_width=190,
            visible=bool(labels),
            elem_id="control-label",
        )
        count = gr.Slider(
            1,
            MAX_COUNT,
            default.count,
            step=1,
            label="Pictures",
            info="at once",
            min_width=170,
            elem_id="control-count",
        )
        sampler = gr.Dropdown(
            list(SAMPLERS),
            value=default.sampler,
            label="Sampler",
            info="how to step",
            min_width=110,
            elem_id="control-sampler",
        )
        steps = gr.Number(default.steps, label="Steps", info="1 to T", min_width=90, elem_id="control-steps")
        solvers = gr.Dropdown(
            list(SAMPLERS),
            value=default.solvers.split(","),
            multiselect=True,
            max_choices=RACERS[1],
            label="Solvers",
            info=f"{RACERS[0]} to {RACERS[1]} of them",
            min_width=300,
            elem_id="control-solvers",
        )
        calls = gr.Number(
            default.calls,
            label="Calls",
            info=f"of the network, {CALLS[0]} to {CALLS[1]}",
            min_width=120,
            elem_id="control-calls",
        )
        guidance = gr.Slider(
            0,
            MAX_GUIDANCE,
            default.guidance,
            step=0.1,
            label="Guidance",
            info="the label's pull",
            min_width=150,
            visible=len(labels) > 1,
            elem_id="control-guidance",
        )
        with gr.Column(min_width=150, visible=default.sampler == "ddim", elem_id="control-eta") as only_ddim:
            eta = gr.Slider(0, 1, default.eta, step=0.05, label="η", info="fresh noise a step")
        with gr.Column(min_width=150, visible=default.sampler == "ddpm", elem_id="control-variance") as only_ddpm:
            variance = gr.Radio(
                [("β̃ₜ", "beta_tilde"), ("βₜ", "beta")], value=default.variance, label="σₜ²", info="fresh noise a step"
            )
        with gr.Column(min_width=180, elem_classes="run"):
            run = gr.Button("Remove the noise", variant="primary", elem_id="run")
            stop = gr.Button("Stop", variant="stop", interactive=False, elem_id="stop")
    with gr.Row(equal_height=True, elem_classes="only-run"):
        driver = gr.Radio(**drivers(first.pictures), value=default.driver, label="Driven by", elem_id="control-driver")
    elsewhere = build_elsewhere(bench, default, labels)
    gr.HTML(STALE, apply_default_css=False, elem_id="stale")
    player = build_player(
        elem_id="player-reverse", label="Removing noise", prompt="Press “Remove the noise” and watch."
    )
    note = gr.Markdown(elem_classes="note")
    with gr.Row():
        every_step = gr.Button("Save every step as .npz", size="sm", min_width=220, scale=0, elem_id="every-step")
        steps_file = gr.DownloadButton(visible="hidden", elem_id="steps-file")
    with gr.Accordion("Show me the code", open=False, elem_id="show-code") as code_part:
        code = gr.Markdown(elem_id="script")  # gr.Code would bring an editor of several hundred kilobytes
    seen = gr.Markdown(views[default.view].seen, elem_classes="seen")

    painting = elsewhere.painting
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
        **elsewhere.controls,
    }

    def scene_of(*values: Any) -> Scene:
        shared, own = values[: len(bench.inputs)], values[len(bench.inputs) : -1]
        return bench.scene(*shared, painting=values[-1], **dict(zip(controls, own, strict=True)))

    def in_code(*values: Any) -> str:
        try:
            return f"```python\n{script(scene_of(*values))}```"
        except ValueError as error:  # said here, since code of other settings would be taken for that of these
            return plain(str(error))

    def running_now(runs: bool) -> tuple[Any, Any]:
        return gr.update(interactive=not runs), gr.update(interactive=runs)

    def watched(scene: Scene) -> Pieces:
        return views[scene.settings.view].pieces(scene)

    def every_number(scene: Scene) -> Iterator[bytes]:
        yield npz(scene.runs(), scene.schedule)

    watched_there = lend(bench.library, watched, calls_of_run)
    every_number_there = lend(bench.library, every_number, calls_of_run)

    def watch(request: gr.Request, *values: Any) -> Iterator[tuple[Any, ...]]:
        ended = gr.skip(), gr.skip(), *running_now(False)
        with told(), turns.taken(str(request.session_hash)):
            scene = scene_of(*values)
            yield gr.skip(), scene.caveats(), *running_now(True)
            try:
                for piece in watched_there(scene):
                    shown = (gr.skip(), piece) if isinstance(piece, str) else (showing(piece), gr.skip())
                    yield *shown, gr.skip(), gr.skip()
            except Exception:
                yield ended
                raise
            yield ended

    @told()
    def arrays(request: gr.Request, *values: Any) -> str:
        scene = scene_of(*values)
        name = f"steps-{scene.settings.model}-{scene.settings.view}.npz"
        with turns.taken(str(request.session_hash)):
            [data] = every_number_there(scene)
        path: str = save_bytes_to_cache(data, name, steps_file.GRADIO_CACHE)
        return path

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    sampling: dict[str, Any] = {"concurrency_id": "sampling", "concurrency_limit": bench.library.at_once, **quiet}
    chosen = [*bench.inputs, *controls.values(), painting]
    running = run.click(watch, chosen, [player, note, run, stop], **sampling)
    running.failure(None, None, None, js="() => playground.refused()", api_visibility="private")
    every_step.click(arrays, chosen, steps_file, **sampling).success(
        None, None, None, js="() => document.querySelector('#steps-file').click()", api_visibility="private"
    )
    of_code = [*bench.changed, bench.renewed.change, *(each.change for each in controls.values())]
    fill_while_open(code_part, of_code, in_code, chosen, [code])
    stop.click(
        lambda: ("Stopped: the steps so far stay.", *running_now(False)),
        None,
        [note, run, stop],
        cancels=[running],
        **quiet,
    )
    of_sampler, of_view = [only_ddim, only_ddpm, formula], [question, seen]
    reverse = Reverse(bench.library, views, controls, of_sampler, of_view, painting)
    sampler.input(told()(_of_sampler), sampler, of_sampler, **quiet)
    view.input(told()(reverse.seen_as), view, of_view, **quiet)
    return reverse
