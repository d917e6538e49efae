"""Tab *Add noise*: the forward process, x_t for every t."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.render.films.film_format import Film
from playground.render.films.forward_process import forward_film, markov_chain_film
from playground.render.plotly_figures import schedules_figure
from playground.ui.components.claim import Claim
from playground.ui.components.control import control_arguments
from playground.ui.components.lazy_accordion import load_when_open
from playground.ui.components.player import build_player, film_update
from playground.ui.components.shared_controls import SharedControls
from playground.ui.server.markdown_escape import plain
from playground.ui.state.scene import Scene
from playground.ui.state.settings import Settings

CLAIMS = {
    "closed_form": Claim(
        "How does a picture become noise?",
        '<span class="mixture">x<sub>t</sub></span> = √ᾱ<sub>t</sub> · <span class="picture">x<sub>0</sub></span> + '
        '√(1−ᾱ<sub>t</sub>) · <span class="noise">ε</span>,&ensp;<span class="noise">ε</span> ~ N(0, I)',
        """The **forward process** in closed form: one jump from x<sub>0</sub> to x<sub>t</sub>. Drag t. The picture
fades out and the noise, always the same ε, fades in.

ᾱ<sub>t</sub> is the share of the picture's variance that is left in x<sub>t</sub>. The noise schedule defines it: step
s adds noise of variance β<sub>s</sub>, and ᾱ<sub>t</sub> = (1−β<sub>0</sub>) (1−β<sub>1</sub>) ⋯ (1−β<sub>t</sub>). It
falls from almost 1 to almost 0. The squares of the two factors in the formula add up to 1. As in diffusers, t counts
from 0: t = 0 is the first noisy step, t = 1 in Ho et al.""",
    ),
    "markov_chain": Claim(
        "How does a picture become noise?",
        '<span class="mixture">x<sub>t</sub></span> = √(1−β<sub>t</sub>) · '
        '<span class="mixture">x<sub>t−1</sub></span> + √β<sub>t</sub> · '
        '<span class="noise">z<sub>t</sub></span>,&ensp;<span class="noise">z<sub>t</sub></span> ~ N(0, I)',
        """The **forward process** as a Markov chain of small steps. Drag t. Step t multiplies the picture by
√(1−β<sub>t</sub>) and adds a little fresh noise z<sub>t</sub> of variance β<sub>t</sub>, so the noise keeps changing.

x<sub>t</sub> has the same distribution as in closed form, where the picture is multiplied by √ᾱ<sub>t</sub> and the
noise by √(1−ᾱ<sub>t</sub>), with ᾱ<sub>t</sub> = (1−β<sub>0</sub>) (1−β<sub>1</sub>) ⋯ (1−β<sub>t</sub>). The
histogram shows it: at every t the bars (simulated chains) agree with the line (closed form).""",
    ),
}

TAKEAWAY = """**Takeaway.** Every x<sub>t</sub> can be computed from x<sub>0</sub> in one jump. The noise is drawn
independently of the picture, but x<sub>t</sub> contains both. That is why the noise in x<sub>t</sub> can be
predicted."""


def film_of(scene: Scene) -> Film:
    """Forward-process film of a scene, in closed form or as a Markov chain."""
    settings = scene.settings
    if settings.forward_process == "markov_chain":
        return markov_chain_film(scene.markov_chain(), scene.schedule, settings.t)
    return forward_film(scene.forward_process(), settings.all_schedules(), settings.t)


@dataclass(frozen=True)
class AddNoiseTab:
    """The tab's player, the choice of closed form or Markov chain, and the formula."""

    player: gr.HTML
    forward_process: gr.Radio
    formula: gr.Markdown


def build_add_noise(shared_controls: SharedControls, first: Film | None) -> AddNoiseTab:
    """Lay out the tab.

    Args:
        shared_controls: the controls beside all tabs.
        first: film to show at first, or None.

    Returns:
        The tab's parts, which the page's events fill.
    """
    with gr.Row(elem_classes="claim-row"):
        forward_process = gr.Radio(
            [("closed form", "closed_form"), ("Markov chain", "markov_chain")],
            **control_arguments("forward_process", Settings()),
            show_label=False,
            container=False,
            elem_classes="segments",
        )
        formula = gr.Markdown(CLAIMS["closed_form"].markdown(), elem_classes="question")
    player = build_player(first, elem_id="player-forward", label="Adding noise", skeletons={"": "3x1"})
    gr.Markdown(TAKEAWAY, elem_classes="takeaway")
    with gr.Accordion("Compare the schedules", open=False, elem_id="schedules") as details:
        figure = gr.Plot(show_label=False)

    def compare(*values: Any) -> Any:
        return (
            schedules_figure(shared_controls.scene(*values).settings.all_schedules())
            if shared_controls.filled(*values)
            else gr.skip()
        )

    load_when_open(details, shared_controls.changed, compare, shared_controls.inputs, [figure])
    return AddNoiseTab(player, forward_process, formula)


def show(scene: Scene) -> tuple[Any, str, str]:
    """Film of a scene, description of its picture, and formula."""
    return film_update(film_of(scene)), plain(scene.describe_image()), CLAIMS[scene.settings.forward_process].markdown()
