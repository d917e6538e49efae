"""Remove noise: sampling, step by step, while one watches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.core.datasets import Pictures
from playground.core.library import Library
from playground.core.samplers import SAMPLERS
from playground.render.film import Film
from playground.render.frames import reverse_film, side_by_side_film
from playground.ui.bench import Bench
from playground.ui.errors import told
from playground.ui.player import build_player, showing
from playground.ui.scene import Scene
from playground.ui.settings import ANY_LABEL, MAX_COUNT, MAX_GUIDANCE, Settings

QUESTION = """## How does noise become a picture?

Start from noise alone: the picture above plays no part here. At every step the network says which noise it finds, and a
little of it is taken out; σ<sub>t</sub> · z is fresh noise."""

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

SEEN = """**What you saw.** No picture was stored in the noise: each step only removed what the network found, and
x̂<sub>0</sub>, at first a blurred mean of many pictures, became one as fewer of them remained possible. Driven by
the ideal predictor, the process can only end in one of its own pictures: it has memorised. From the same noise the
network makes one that is in no list, since it has learned what such pictures are like: it has generalised."""


@dataclass(frozen=True)
class Reverse:
    """The tab's controls by name, and what follows the choice of a sampler."""

    library: Library
    controls: dict[str, Any]
    of_sampler: list[Any]

    @property
    def outputs(self) -> list[Any]:
        """What `updates` brings to settings."""
        return [*self.controls.values(), *self.of_sampler]

    def updates(self, settings: Settings) -> list[Any]:
        """What brings the tab to these settings."""
        values: dict[str, Any] = {name: getattr(settings, name) for name in self.controls}
        values["label"] = self.labelled(settings)
        return [*values.values(), *_of_sampler(settings.sampler)]

    def labelled(self, settings: Settings) -> Any:
        """What brings the label, and those that can be asked for, to these settings."""
        return gr.update(choices=label_choices(self.library.pictures(settings.model)), value=settings.label)


def label_choices(pictures: Pictures) -> list[tuple[str, str]]:
    """What can be asked for, each label with its category where there is one."""
    categories = pictures.categories or ("",) * len(pictures.label_names)
    named = zip(categories, pictures.label_names, strict=True)
    return [(ANY_LABEL, ANY_LABEL), *((f"{name} · {category}" if category else name, name) for category, name in named)]


def _of_sampler(name: str) -> tuple[Any, Any, str]:
    return gr.update(visible=name == "ddim"), gr.update(visible=name == "ddpm"), FORMULAS[name]


def films(scene: Scene) -> Iterator[Film]:
    """The film of a sampling, piece by piece while it runs."""
    if scene.settings.driver == "network":
        for step in scene.reverse():
            yield reverse_film(step, scene.schedule)
    else:
        for driven in scene.side_by_side():
            yield side_by_side_film(driven, scene.pictures, scene.schedule)


def build_reverse(bench: Bench, first: Scene) -> Reverse:
    """Lay out the tab, at the settings of the first scene, and listen to its buttons."""
    default, labels = first.settings, label_choices(first.pictures)
    gr.Markdown(QUESTION, elem_classes="question")
    formula = gr.Markdown(FORMULAS[default.sampler])
    with gr.Row(equal_height=True, elem_classes="controls"):
        label = gr.Dropdown(
            labels, value=default.label, label="Label", info="what to ask for", min_width=190, elem_id="control-label"
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
        guidance = gr.Slider(
            0,
            MAX_GUIDANCE,
            default.guidance,
            step=0.1,
            label="Guidance",
            info="pull towards the label",
            min_width=150,
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
            stop = gr.Button("Stop", variant="stop", elem_id="stop")
    with gr.Row(equal_height=True):
        driver = gr.Radio(
            [("the network", "network"), ("the network, and the ideal predictor beside it", "both")],
            value=default.driver,
            label="Driven by",
            info="both start from the same noise; the ideal predictor knows the training pictures, one by one",
            elem_id="control-driver",
        )
    player = build_player(
        elem_id="player-reverse", label="Removing noise", prompt="Press “Remove the noise” and watch."
    )
    note = gr.Markdown(elem_classes="note")
    gr.Markdown(SEEN, elem_classes="seen")

    controls = {
        "label": label,
        "count": count,
        "sampler": sampler,
        "steps": steps,
        "guidance": guidance,
        "eta": eta,
        "variance": variance,
        "driver": driver,
    }

    def watch(*values: Any) -> Iterator[tuple[Any, Any]]:
        shared, own = values[: len(bench.inputs)], values[len(bench.inputs) :]
        with told():
            scene = bench.scene(*shared, **dict(zip(controls, own, strict=True)))
            yield gr.skip(), scene.clamp_note()
            for film in films(scene):
                yield showing(film), gr.skip()

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    running = run.click(
        watch,
        [*bench.inputs, *controls.values()],
        [player, note],
        concurrency_id="sampling",
        concurrency_limit=8,
        **quiet,
    )
    stop.click(lambda: "Stopped: the steps so far stay.", None, note, cancels=[running], **quiet)
    of_sampler = [only_ddim, only_ddpm, formula]
    sampler.input(_of_sampler, sampler, of_sampler, **quiet)
    return Reverse(bench.library, controls, of_sampler)
