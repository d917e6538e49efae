"""Find the noise: what a network says the noise in x_t is, beside the noise that is in it."""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground.render.frames import Film, prediction_film
from playground.ui.player import build_player, showing
from playground.ui.scene import Scene

QUESTION = """## How can random noise be found?
<p class="formula"><span class="prediction">ε̂</span> = ε<sub>θ</sub>(<span class="mixture">x<sub>t</sub></span>, t)
&ensp;≈&ensp; E[<span class="noise">ε</span> | <span class="mixture">x<sub>t</sub></span>],&emsp;
<span class="picture">x̂<sub>0</sub></span> = (<span class="mixture">x<sub>t</sub></span> − √(1−ᾱ<sub>t</sub>) ·
<span class="prediction">ε̂</span>) / √ᾱ<sub>t</sub></p>

The network gets x<sub>t</sub> and t, nothing else: no label, no x<sub>0</sub>, no ε. In training x<sub>t</sub> was
made from a picture and an ε that were known, so it could be told how far off it was. Drag t and compare: where
x<sub>t</sub> is almost all noise, the noise is easy to find, yet x̂<sub>0</sub> is poor, since what was missed is
divided by a small √ᾱ<sub>t</sub>."""

SEEN = """**What you saw.** The network is not asked to guess a random number but which noise is *in this
x<sub>t</sub>*: it knows what pictures look like, and what it cannot know it averages, so ε̂ is the mean of every noise
that could be there, and an error stays wherever x<sub>t</sub> leaves a doubt."""


def film_of(scene: Scene) -> Film:
    """The film of this tab for a scene."""
    return prediction_film(scene.prediction(), scene.settings.t)


def build_prediction(first: Film | None) -> tuple[gr.HTML, gr.Markdown]:
    """Lay out the tab: its player and the line for a word on the network's range."""
    gr.Markdown(QUESTION, elem_classes="question")
    player = build_player(
        first, elem_id="player-prediction", label="Finding the noise", prompt="The network is looking…"
    )
    note = gr.Markdown(elem_classes="note")
    gr.Markdown(SEEN, elem_classes="seen")
    return player, note


def show(scene: Scene) -> tuple[Any, str]:
    """The film of a scene, and a word on the network's range."""
    return showing(film_of(scene)), scene.clamp_note()
