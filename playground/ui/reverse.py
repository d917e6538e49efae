"""Remove noise: sampling, step by step, while one watches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from playground.core.samplers import SAMPLERS
from playground.render.frames import reverse_film
from playground.ui.bench import Bench
from playground.ui.errors import told
from playground.ui.player import build_player
from playground.ui.settings import ANY_LABEL, MAX_COUNT, MAX_GUIDANCE, Settings

QUESTION = """### How does noise become a picture?

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
}

SEEN = """**What you saw.** No picture was stored in the noise. Each step only removed the noise that the network found;
at first x̂<sub>0</sub> is a blurred mean of many pictures, and with every step fewer of them remain possible."""

CONTROLS = ("label", "count", "sampler", "steps", "guidance", "eta", "variance")


def build_reverse(bench: Bench) -> gr.HTML:
    """Lay out the tab and listen to its buttons."""
    default = Settings()
    labels = [ANY_LABEL, *bench.library.pictures(bench.library.names[0]).label_names]
    gr.Markdown(QUESTION, elem_classes="question")
    formula = gr.Markdown(FORMULAS[default.sampler])
    with gr.Row(equal_height=True, elem_classes="controls"):
        label = gr.Dropdown(labels, value=default.label, label="Label", info="what to ask for", min_width=110)
        count = gr.Slider(1, MAX_COUNT, default.count, step=1, label="Pictures", info="at once", min_width=150)
        sampler = gr.Dropdown(list(SAMPLERS), value=default.sampler, label="Sampler", info="how to step", min_width=110)
        steps = gr.Number(default.steps, label="Steps", info="1 to T", min_width=90)
        guidance = gr.Slider(
            0, MAX_GUIDANCE, default.guidance, step=0.1, label="Guidance", info="pull towards the label", min_width=150
        )
        with gr.Column(min_width=150, visible=default.sampler == "ddim") as only_ddim:
            eta = gr.Slider(0, 1, default.eta, step=0.05, label="η", info="fresh noise a step")
        with gr.Column(min_width=150, visible=default.sampler == "ddpm") as only_ddpm:
            variance = gr.Radio(
                [("β̃ₜ", "beta_tilde"), ("βₜ", "beta")], value=default.variance, label="σₜ²", info="fresh noise a step"
            )
        with gr.Column(min_width=180, elem_classes="run"):
            run = gr.Button("Remove the noise", variant="primary", elem_id="run")
            stop = gr.Button("Stop", variant="stop", elem_id="stop")
    player = build_player(
        elem_id="player-reverse", label="Removing noise", prompt="Press “Remove the noise” and watch."
    )
    note = gr.Markdown(elem_classes="note")
    gr.Markdown(SEEN, elem_classes="seen")

    def watch(*values: Any) -> Iterator[tuple[Any, Any]]:
        shared, own = values[: len(bench.inputs)], values[len(bench.inputs) :]
        with told():
            scene = bench.scene(*shared, **dict(zip(CONTROLS, own, strict=True)))
            yield gr.skip(), scene.clamp_note()
            for step in scene.reverse():
                yield gr.update(film=reverse_film(step, scene.schedule)), gr.skip()

    running = run.click(
        watch,
        [*bench.inputs, label, count, sampler, steps, guidance, eta, variance],
        [player, note],
        show_progress="hidden",
        api_visibility="private",
        concurrency_id="sampling",
        concurrency_limit=8,
    )
    stop.click(
        lambda: "Stopped: the steps so far stay.",
        None,
        note,
        cancels=[running],
        show_progress="hidden",
        api_visibility="private",
    )
    sampler.input(
        lambda name: (gr.update(visible=name == "ddim"), gr.update(visible=name == "ddpm"), FORMULAS[name]),
        sampler,
        [only_ddim, only_ddpm, formula],
        show_progress="hidden",
        api_visibility="private",
    )
    bench.controls[0].change(
        told()(
            lambda model: gr.update(choices=[ANY_LABEL, *bench.library.pictures(model).label_names], value=ANY_LABEL)
        ),
        bench.controls[0],
        label,
        show_progress="hidden",
        api_visibility="private",
    )
    return player
