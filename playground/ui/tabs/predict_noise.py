"""Tab *Predict noise*: predictors of the noise in x_t, and what follows from their prediction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.core.analysis.likelihood import VariationalBound
from playground.core.analysis.training_step import LINES
from playground.render.code_listing import code, executed_lines
from playground.render.films.film_format import Film
from playground.ui.components.control import control_arguments
from playground.ui.components.player import build_player, film_update
from playground.ui.state import noise_analyses
from playground.ui.state.scene import Scene
from playground.ui.state.settings import Settings
from playground.ui.tabs.hardest_pictures import build_hardest, rankings, shown_ranking
from playground.ui.tabs.predict_noise_views import ANALYSIS_VIEWS, claim_of, film_of


@dataclass(frozen=True)
class PredictNoiseTab:
    """Parts of the tab.

    Attributes:
        analysis: choice of the view.
        question: claim of the view.
        player: player of its film.
        note: warnings.
        run_bound: button that adds up the variational bound.
        bound_table: table of its terms.
        run_listing: button that executes the four lines of training.
        listing: these lines and their results.
        rank: button that ranks the held-out pictures.
        hardest: the rankings.
        takeaway: takeaway of the view.
    """

    analysis: gr.Radio
    question: gr.Markdown
    player: gr.HTML
    note: gr.Markdown
    run_bound: gr.Button
    bound_table: gr.Markdown
    run_listing: gr.Button
    listing: gr.HTML
    rank: gr.Button
    hardest: gr.HTML
    takeaway: gr.Markdown

    @property
    def shown(self) -> list[Any]:
        """Components that `show` updates."""
        return [self.player, self.note, self.question, self.takeaway]


def build_predict_noise(first: Film | None) -> PredictNoiseTab:
    """Lay out the tab, with the film to show at first."""
    analysis = gr.Radio(
        [(each.name, name) for name, each in ANALYSIS_VIEWS.items()],
        **control_arguments("analysis", Settings()),
        show_label=False,
        container=False,
        elem_classes="segments",
    )
    opening = ANALYSIS_VIEWS[Settings.analysis]
    question = gr.Markdown(opening.claim.markdown(), elem_classes="question")
    player = build_player(
        first,
        elem_id="player-prediction",
        label="Predicting the noise",
        prompt="The network is predicting…",
        skeletons={name: each.skeleton for name, each in ANALYSIS_VIEWS.items()},
    )
    note = gr.Markdown(elem_classes="note")
    with gr.Column(elem_classes="only-training"):
        run_listing = gr.Button("Run these four lines", size="sm", min_width=0, elem_id="run-training")
        listing = gr.HTML(code(LINES), elem_id="listing")
    with gr.Column(elem_classes="only-reverse_step"):
        run_bound = gr.Button("Add up the bound over all T steps", size="sm", min_width=0, elem_id="bound")
        bound_table = gr.Markdown(elem_id="bound-table")
    with gr.Column(elem_classes="only-out_of_distribution"):
        rank = gr.Button("Rank the held-out pictures by error", size="sm", min_width=0, elem_id="rank-pictures")
        hardest = build_hardest()
    takeaway = gr.Markdown(opening.takeaway, elem_classes="takeaway")
    return PredictNoiseTab(
        analysis, question, player, note, run_bound, bound_table, run_listing, listing, rank, hardest, takeaway
    )


def show(scene: Scene) -> tuple[Any, ...]:
    """Film, warnings, claim and takeaway of a scene."""
    view = ANALYSIS_VIEWS[scene.settings.analysis]
    return film_update(film_of(scene)), scene.warnings(), claim_of(scene), view.takeaway


def clear_results() -> tuple[str, str]:
    """Empty table and lines without results: those of another scene would mislead."""
    return "", code(LINES)


def execute_listing(scene: Scene) -> str:
    """The four lines of training, executed, with the results of each."""
    return executed_lines(noise_analyses.training_step(scene), scene.settings.t)


def ranked(scene: Scene) -> Iterator[Any]:
    """Rankings of the hardest held-out pictures, while they are measured."""
    yield from map(shown_ranking, rankings(scene))


def stream_bound(scene: Scene) -> Iterator[str]:
    """Table of the variational bound on the picture's NLL, while its terms are added up."""
    for so_far in noise_analyses.variational_bound(scene):
        yield _bound_table(so_far, scene.schedule.num_steps)


def _bound_table(found: VariationalBound, total: int) -> str:
    whole = found.terms_done == total
    rows = [
        ("L<sub>0</sub>: the last step, into 256 values a dimension", found.decoder, found.decoder),
        ("Σ L<sub>t−1</sub>: the steps between", found.steps["fixed_small"], found.steps["fixed_large"]),
        ("L<sub>T</sub>: what is left of the picture in x<sub>T</sub>", found.prior, found.prior),
        (
            "**their sum: upper bound on the NLL**" if whole else "their sum so far",
            found.bits("fixed_small"),
            found.bits("fixed_large"),
        ),
    ]
    done = "all" if whole else f"so far {found.terms_done:,} of"
    lines = [f"| bits/dimension, {done} {total:,} steps | σ² = β̃ₜ | σ² = βₜ |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {name} | {tilde:.4f} | {beta:.4f} |" for name, tilde, beta in rows)])
