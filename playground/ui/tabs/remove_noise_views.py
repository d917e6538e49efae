"""Views of *Remove noise*: claim, films and takeaway of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from playground.core.analysis.solver_comparison import SolverRun
from playground.render.films.film_format import Film
from playground.render.films.sampling import guidance_film, side_by_side_film, single_step_film, trajectory_film
from playground.render.films.solver_comparison import solver_comparison_film
from playground.ui.components.claim import Claim
from playground.ui.state import sampling
from playground.ui.state.reference_cache import ReferenceCache
from playground.ui.state.scene import Scene

Pieces = Iterator[Film | str]
"""Pieces of a film, and notes, each of which replaces the one before."""


@dataclass(frozen=True)
class SamplingView:
    """View of *Remove noise*.

    Attributes:
        name: text on its button.
        claim: question, formula and explanation above the film.
        pieces: samples a scene and yields the pieces of its film.
        takeaway: takeaway below the film, Markdown.
    """

    name: str
    claim: Claim
    pieces: Callable[[Scene], Pieces]
    takeaway: str


def _trajectory(scene: Scene) -> Pieces:
    if scene.settings.compare_ideal:
        for compared in sampling.network_beside_ideal(scene):
            yield side_by_side_film(compared, scene.pictures, scene.schedule)
    else:
        for step in sampling.trajectory(scene):
            yield trajectory_film(step, scene.schedule)


def _single_step(scene: Scene) -> Pieces:
    for step in sampling.single_steps(scene):
        yield single_step_film(step, scene.schedule)


def _guidance(scene: Scene) -> Pieces:
    for guided in sampling.guidance_trace(scene):
        yield guidance_film(guided, scene.settings.guidance_scale, scene.schedule)


def _solver_comparison(references: ReferenceCache, scene: Scene) -> Pieces:
    """Solver-comparison film, call by call; then the reference, and the film once more with the distances to it."""
    calls, runners = scene.settings.nfe, list[SolverRun]()
    for call, runners in enumerate(sampling.solver_comparison(scene)):
        last = call == calls - 1
        yield solver_comparison_film(runners, range(call, call + 1 + last), calls)
    reference = yield from references.reference(scene)
    yield scene.warnings()
    yield {**solver_comparison_film(runners, range(calls + 1), calls, reference), "stays": True}


TRAJECTORY = SamplingView(
    "Trajectory",
    Claim(
        "How does noise become a picture?",
        "",
        """**Sampling**, the reverse process, starts from pure noise x<sub>T</sub>. The chosen picture is not used,
unless sampling starts from it (image-to-image) or keeps a part of it (inpainting).

In each step the network predicts the noise, a part of it is removed, and the sampler may add fresh noise
σ<sub>t</sub> z. x̂<sub>0</sub> is the clean picture that follows from x<sub>t</sub> and ε̂.

In the formulas α<sub>t</sub> = ᾱ<sub>t</sub>/ᾱ<sub>t−1</sub>, β<sub>t</sub> = 1 − α<sub>t</sub> and β̃<sub>t</sub> =
β<sub>t</sub> (1−ᾱ<sub>t−1</sub>)/(1−ᾱ<sub>t</sub>). With fewer steps than T, t − 1 stands for the t of the next
step.""",
    ),
    _trajectory,
    """**Takeaway.** Each step removes only a part of the predicted noise. At first x̂<sub>0</sub> is blurred, because
it is close to the mean of many possible pictures. It becomes sharp as fewer pictures remain compatible with
x<sub>t</sub>. The ideal predictor (exact posterior mean over the training set) ends in a training picture:
memorization. The network turns the same x<sub>T</sub> into a new picture that resembles the data: generalization.""",
)

SINGLE_STEP = SamplingView(
    "Single step",
    Claim(
        "What happens in one step?",
        '<span class="mixture">x<sub>t−1</sub></span> = a · <span class="mixture">x<sub>t</sub></span> − '
        'b · <span class="prediction">ε̂</span> + σ<sub>t</sub> · <span class="noise">z</span>',
        """One reverse step is shown in three frames.

1. **predict**: the network predicts the noise ε̂ in x<sub>t</sub>.
2. **subtract**: the mean of the step is μ = a · x<sub>t</sub> − b · ε̂.
3. **add noise**: x<sub>t−1</sub> = μ + σ<sub>t</sub> · z, with fresh noise z ~ N(0, I).

DDPM (eq. 11): a = 1/√α<sub>t</sub> and b = (1−α<sub>t</sub>)/√(α<sub>t</sub> (1−ᾱ<sub>t</sub>)), with
α<sub>t</sub> = ᾱ<sub>t</sub>/ᾱ<sub>t−1</sub>. With fewer steps than T, t − 1 stands for the t of the next state, which
the slider names. The values in this step stand above the pictures.""",
    ),
    _single_step,
    """**Takeaway.** A step subtracts only a part of ε̂, because ε̂ is the mean of all compatible noises and not the
true noise. At the next, less noisy x<sub>t</sub> the network is evaluated again. DDPM adds fresh noise to reach the
noise level of x<sub>t−1</sub>. DDIM with η = 0 adds none and subtracts less. Before the step x̂<sub>0</sub> is clipped
to [−1, 1]; ε̂ is then recomputed from x<sub>t</sub> and the clipped x̂<sub>0</sub>.""",
)

GUIDANCE = SamplingView(
    "Guidance",
    Claim(
        "How does a label steer sampling?",
        '<span class="prediction">ε̂</span> = <span class="prediction">ε̂(∅)</span> + '
        's · (<span class="prediction">ε̂(c)</span> − <span class="prediction">ε̂(∅)</span>)',
        """**Classifier-free guidance** evaluates the network twice at the same x<sub>t</sub>: with the label, ε̂(c),
and without a label, ε̂(∅). The difference is the effect of the label.

The guidance scale s multiplies this difference: s = 0 is unconditional, s = 1 is conditional, and s > 1 exaggerates the
effect of the label. This view needs a label: choose one first.""",
    ),
    _guidance,
    """**Takeaway.** The label changes ε̂ little, and least at large t. But x̂<sub>0</sub> contains this change
multiplied by √(1−ᾱ<sub>t</sub>)/√ᾱ<sub>t</sub>, which is large there. So the label decides early which shape appears.
A large guidance scale makes pictures clearer, but less varied than the data.""",
)

SOLVERS = Claim(
    "Which solver comes closest at equal NFE?",
    "",
    """**NFE** is the number of function evaluations: how often the network is evaluated. All solvers start from the
same x<sub>T</sub> and may use the same NFE. The error is the RMSE between x̂<sub>0</sub> and a reference.

The reference is DDIM with as many steps as the schedule has, at most 1,000. With steps this small, all solvers
without fresh noise would end in nearly the same picture, since they solve the same ordinary differential equation
(ODE).""",
)

SOLVERS_TAKEAWAY = """**Takeaway.** All solvers use the same network; they combine its predictions differently. DDIM is
a first-order method. DPM-Solver++ extrapolates from the last two predictions (second order). Heun's method evaluates
the network twice per step, except in the last, so it takes half as many steps. DDPM adds fresh noise and ends in a
different picture. Its large distance is no error: the picture is another sample. Try other seeds and a smaller NFE."""


def build_views() -> dict[str, SamplingView]:
    """All views, by name."""
    return {
        "trajectory": TRAJECTORY,
        "single_step": SINGLE_STEP,
        "guidance": GUIDANCE,
        "solvers": SamplingView(
            "Solver comparison", SOLVERS, partial(_solver_comparison, ReferenceCache()), SOLVERS_TAKEAWAY
        ),
    }
