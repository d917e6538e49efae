"""Hardest held-out pictures, ranked by error, in the view *Out of distribution*."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from playground.core.analysis.noise_prediction import evenly_spaced_steps
from playground.core.analysis.out_of_distribution import hardest
from playground.render.films.hardest_pictures import ranking
from playground.ui.assets import mount
from playground.ui.state import noise_analyses
from playground.ui.state.scene import Scene

SHOWN, STEPS_OVER_T = 8, 8


def build_hardest() -> gr.HTML:
    """Component with the ranking, whose value is the chosen picture, {"picture": index}."""
    return gr.HTML(
        html_template='<div class="hardest" aria-live="polite">${listing}</div>',
        js_on_load=mount("PictureRanking"),
        apply_default_css=False,
        elem_id="hardest-pictures",
        label="Hardest held-out pictures",
        listing="",
    )


def rankings(scene: Scene) -> Iterator[str]:
    """Rankings of the hardest held-out pictures, at the scene's t and over t, as HTML.

    Intermediate results are yielded while the errors are measured.
    """
    if scene.pictures.is_substitute:
        yield '<p class="note">This network comes without pictures of its own data, so none of them is held out.</p>'
        return
    s, pictures, first = scene.settings, noise_analyses.held_out(scene), scene.pictures.testing.start
    t = s.t
    at_t = noise_analyses.held_out_errors(scene, t)
    rows = [ranking(f"At t = {t}", hardest(at_t, SHOWN), pictures, first)]
    about = (
        f'<p class="note">MSE(ε, ε̂) of {len(pictures)} held-out pictures under the {s.schedule} schedule, all with the '
        f"noise of seed {s.seed}; {at_t.mean().item():.4f} on average at t = {t}. Press a picture to choose it.</p>"
    )
    steps = evenly_spaced_steps(scene.schedule, STEPS_OVER_T)
    over_t = 0 * at_t
    for k, step in enumerate(steps):
        yield f'{about}{rows[0]}<p class="note">Mean over t: step {k + 1} of {len(steps)}.</p>'
        over_t += noise_analyses.held_out_errors(scene, step)
    rows.append(ranking(f"Mean over t ({len(steps)} steps)", hardest(over_t / len(steps), SHOWN), pictures, first))
    yield about + "".join(rows)


def network_calls_of_rankings(scene: Scene) -> int:
    """Most network calls that the rankings take."""
    return (STEPS_OVER_T + 1) * len(noise_analyses.held_out(scene))


def shown_ranking(html: str) -> Any:
    """Update of the component with the HTML of the rankings."""
    return gr.update(listing=html)
