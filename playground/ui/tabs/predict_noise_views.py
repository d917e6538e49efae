"""Views of *Predict noise*: claim, film and takeaway of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from playground.render.films import noise_prediction
from playground.render.films.film_format import Film
from playground.render.films.out_of_distribution import out_of_distribution_film
from playground.render.films.parameterizations import parameterizations_film
from playground.render.films.reverse_step import reverse_step_film
from playground.ui.components.claim import Claim
from playground.ui.state import noise_analyses
from playground.ui.state.scene import PREDICTION_FRAMES, Scene

FIRST_FRAMES = 6
DEPTH_FRAMES = 26  # the network is evaluated on four or five pictures in each


@dataclass(frozen=True)
class AnalysisView:
    """View of *Predict noise*.

    Attributes:
        name: text on its button.
        claim: question, formula and explanation above the film.
        film: makes the film of a scene at these time steps.
        takeaway: takeaway below the film, Markdown.
        without_training_pictures: what its film lacks for a network that came without its training pictures.
        frames: about how many frames the film has.
        skeleton: columns and rows of the film, as in `build_player`.
    """

    name: str
    claim: Claim
    film: Callable[[Scene, list[int]], Film]
    takeaway: str
    without_training_pictures: str = ""
    frames: int = PREDICTION_FRAMES
    skeleton: str = "5x1"


UNSEEN = "This picture is not in the training set. The ideal predictor knows only the pictures that are."


def _predictors(scene: Scene, t: list[int]) -> Film:
    film = noise_prediction.predictors_film(
        {who: scene.prediction(who, t) for who in scene.predictors()}, scene.settings.t
    )
    return {**film, "remark": UNSEEN} if "ideal" in scene.predictors() and not scene.was_trained_on() else film


def _independence(scene: Scene, t: list[int]) -> Film:
    found = scene.prediction("network", t)
    return noise_prediction.independence_film(found, noise_analyses.independence(scene, found), scene.settings.t)


def _shrinkage(scene: Scene, t: list[int]) -> Film:
    found = {who: scene.prediction(who, t) for who in scene.predictors()}
    return noise_prediction.shrinkage_film(
        found, noise_analyses.total_variance(scene, t), noise_analyses.averaging_sets(scene), scene.settings.t
    )


def _reverse_step(scene: Scene, t: list[int]) -> Film:
    found = scene.prediction("network", t)
    return reverse_step_film(
        found, noise_analyses.reverse_step(scene, found), noise_analyses.unrelated_noise(scene), scene.settings.t
    )


def _parameterizations(scene: Scene, t: list[int]) -> Film:
    found = scene.prediction("network", t)
    return parameterizations_film(
        found, noise_analyses.parameterizations(scene, found), noise_analyses.unrelated_noise(scene), scene.settings.t
    )


def _training(scene: Scene, t: list[int]) -> Film:
    return noise_prediction.training_film(scene.prediction("network", t), scene.settings.t)


def _out_of_distribution(scene: Scene, t: list[int]) -> Film:
    return out_of_distribution_film(
        noise_analyses.ood_results(scene, t), noise_analyses.reference_errors(scene), scene.settings.t
    )


X_0 = '<span class="picture">x<sub>0</sub></span>'
X_T = '<span class="mixture">x<sub>t</sub></span>'
EPS = '<span class="noise">ε</span>'
EPS_HAT = '<span class="prediction">ε̂</span>'
X0_HAT = '<span class="picture">x̂<sub>0</sub></span>'
V_HAT = '<span class="mixture">v̂</span>'
ALPHA, SIGMA = "√ᾱ<sub>t</sub>", "√(1−ᾱ<sub>t</sub>)"

ANALYSIS_VIEWS = {
    "predictors": AnalysisView(
        "Predictors",
        Claim(
            "How can random noise be predicted?",
            f"{EPS_HAT} = ε<sub>θ</sub>({X_T}, t) ≈ E[{EPS} | {X_T}],&ensp;"
            f"{X0_HAT} = ({X_T} − {SIGMA} {EPS_HAT}) / {ALPHA}",
            """Four predictors estimate the noise in the same x<sub>t</sub>. x̂<sub>0</sub> is the clean picture that
follows from ε̂.

- **network**: the trained network. Its inputs are x<sub>t</sub> and t. It gets no label, no x<sub>0</sub> and no ε.
- **ideal**: the exact posterior mean E[ε | x<sub>t</sub>] over the training set (the optimal denoiser). It is computed,
not trained: each training picture is weighted by its probability given x<sub>t</sub>. On training pictures no predictor
has a smaller expected error.
- **blind**: the zero baseline, ε̂ = 0. It ignores x<sub>t</sub>.
- **copycat**: the identity baseline, ε̂ = x<sub>t</sub>.

Drag t and compare the columns.""",
        ),
        _predictors,
        """**Takeaway.** The zero baseline ignores x<sub>t</sub>, so it explains none of the noise. The network's task
is different: it predicts the noise contained in this x<sub>t</sub>. This is possible because it has learned
what pictures look like. The error that remains is what x<sub>t</sub> does not determine. On a held-out
picture the ideal predictor's error is large at small t, because its x̂<sub>0</sub> can only be a mixture of
training pictures.""",
        "The ideal predictor is missing here: this network comes without its training pictures.",
        skeleton="5x3h",
    ),
    "independence": AnalysisView(
        "Independence",
        Claim(
            "Is the noise independent of the picture?",
            f"{EPS} ~ N(0, I), independent of {X_0};&ensp;{X_T} = {ALPHA} {X_0} + {SIGMA} {EPS}",
            """ε is drawn independently of x<sub>0</sub>; x<sub>t</sub> is computed from both. ε′ is a second noise with
the same distribution (that of the next seed). It is not part of this x<sub>t</sub>.

Each dot of a scatter plot is one pixel. The number beside the plot is the Pearson correlation over all pixels. A cloud
without a trend means no correlation. The dashed lines of the last chart enclose 95 % of the correlations that two
unrelated noises have by chance.""",
        ),
        _independence,
        """**Takeaway.** ε̂ is correlated with ε and not with ε′: the network does not produce arbitrary noise, it
estimates the noise in x<sub>t</sub>. ε is independent of x<sub>0</sub>, but not of x<sub>t</sub>, which
contains it. This dependence is all that noise prediction needs.""",
    ),
    "shrinkage": AnalysisView(
        "Shrinkage",
        Claim(
            "Why is the predicted noise too small?",
            f"E[{EPS_HAT}²] + E[({EPS} − {EPS_HAT})²] = E[{EPS}²] = 1&ensp;for {EPS_HAT} = E[{EPS} | {X_T}]",
            """At small t the noise in x<sub>t</sub> is weak, and some of it looks like detail of the picture. The
optimal ε̂ is the posterior mean E[ε | x<sub>t</sub>], the mean of all noises that are compatible with x<sub>t</sub>.
A mean varies less than the values that it averages, so std(ε̂) falls below std(ε). The rest is an irreducible error.
**Move to a small t to see it.**

The averages of *network* are over held-out pictures, those of *ideal* (exact posterior mean) over its training set. If
the picture on show is held out, the ideal predictor's error exceeds the network's at small t.""",
        ),
        _shrinkage,
        """**Takeaway.** Shrinkage is a property of every posterior mean, not a defect. By the law of total variance the
explained and the residual variance add up to 1; the charts check this with fresh draws. On its own training pictures
the ideal predictor's error falls to 0, because a single picture explains x<sub>t</sub>. On any other picture it grows
without bound as ᾱ<sub>t</sub> → 1. A network that memorized its training set would do the same.""",
        "This network comes without its training pictures. The ideal predictor is therefore missing, and the averages "
        "are over a substitute data set. The two parts add up to 1 only as far as it resembles the network's own data.",
        skeleton="6x1",
    ),
    "reverse_step": AnalysisView(
        "Reverse step",
        Claim(
            "How does ε̂ give the reverse step?",
            f'p<sub>θ</sub>(x<sub>t−1</sub> | {X_T}) = N(<span class="prediction">μ<sub>θ</sub></span>, '
            "σ<sub>t</sub>² I),&ensp;σ<sub>t</sub>² = β<sub>t</sub> or β̃<sub>t</sub>",
            """The mean is μ<sub>θ</sub> = (x<sub>t</sub> − β<sub>t</sub>/√(1−ᾱ<sub>t</sub>) · ε̂) / √α<sub>t</sub>,
where α<sub>t</sub> = ᾱ<sub>t</sub>/ᾱ<sub>t−1</sub> and β<sub>t</sub> = 1 − α<sub>t</sub>. It equals the **posterior
mean** μ̃<sub>t</sub> of the true reverse step q(x<sub>t−1</sub> | x<sub>t</sub>, x<sub>0</sub>) with x̂<sub>0</sub> in
place of x<sub>0</sub>.

L<sub>t−1</sub> is the Kullback–Leibler divergence (KL) of the two steps; it is 0 where they are equal. The sum of all
terms is an upper bound on the negative log-likelihood of the picture, in bits per dimension (pixel and colour channel).
Lower is better.

With T = 1,000 one step changes little; T = 40 shows more.""",
        ),
        _reverse_step,
        """**Takeaway.** μ<sub>θ</sub> differs from the true posterior mean only by the error of ε̂ times a known
factor, so noise prediction is enough for the reverse process. The terms near t = 0, where fine detail is decided, cost
the most bits. There the two variances differ most: β̃<sub>t</sub>/β<sub>t</sub> =
(1−ᾱ<sub>t−1</sub>)/(1−ᾱ<sub>t</sub>). With the linear schedule it is 0.86 at t = 10 for T = 1,000 and 0.70 at t = 5
for T = 40; it approaches 1 as t grows.""",
        skeleton="4x2",
    ),
    "parameterizations": AnalysisView(
        "Parameterizations",
        Claim(
            "Predict noise, picture, velocity or score?",
            f"{V_HAT} = {ALPHA} {EPS_HAT} − {SIGMA} {X0_HAT},&ensp;"
            f'<span class="prediction">ŝ</span> = −{EPS_HAT} / {SIGMA} ≈ ∇ ln q({X_T})',
            """Given x<sub>t</sub>, each of the four **parameterizations** (prediction types) determines the others.
Rows 2 and 3 add the same small error, 0.1 · N(0, I), to each of them and convert the result to x̂<sub>0</sub> and to
ε̂.

On what should one *not* train a network?

- **ε and score**: not where ᾱ<sub>t</sub> → 0. There x̂<sub>0</sub> = (x<sub>t</sub> − √(1−ᾱ<sub>t</sub>) ε̂) /
√ᾱ<sub>t</sub> amplifies errors without bound (error × ∞ at ᾱ<sub>t</sub> = 0).
- **x<sub>0</sub>**: not where the picture is nearly clean. There ε̂ = (x<sub>t</sub> − √ᾱ<sub>t</sub> x̂<sub>0</sub>) /
√(1−ᾱ<sub>t</sub>) does the same.
- **v** (velocity): harmless at both ends; no error grows.""",
        ),
        _parameterizations,
        """**Takeaway.** One prediction has four parameterizations. (The score is the direction in which x<sub>t</sub>
becomes more likely.) They differ in how errors grow. An error in ε̂ or in the score is amplified in x̂<sub>0</sub>
where little of the picture is left. An error in x̂<sub>0</sub> is amplified in ε̂ where there is little noise. An error
in v̂ is amplified in neither, so v is a safe training target at both ends, also with zero terminal SNR.""",
        skeleton="4x3",
    ),
    "training": AnalysisView(
        "Training step",
        Claim(
            "What happens in one training step?",
            f"loss = mean of ({EPS} − ε<sub>θ</sub>({X_T}, t))²,&ensp;{X_T} = {ALPHA} {X_0} + {SIGMA} {EPS}",
            """One step of Algorithm 1 (Ho et al. 2020): draw t and ε, compute x<sub>t</sub>, evaluate the network, and
compute the loss. Here t is that of the slider and ε is the noise of the seed, so that you can follow every value. In
training both are drawn anew for every picture. The optimizer then changes the weights a little to make the loss
smaller.""",
        ),
        _training,
        """**Takeaway.** The training target ε is known because the training code has added it. No noisy picture has to
be labelled. These four lines and an update of the weights, repeated many times, are the whole training.""",
    ),
    "out_of_distribution": AnalysisView(
        "Out of distribution",
        Claim(
            "What if the picture is unlike the data?",
            f"ε<sub>θ</sub>({X_T}, t) ≈ E[{EPS} | {X_T}]&ensp;only if {X_0} is like the training data",
            """The noise ε is the same in all columns.

- The first picture is **in distribution**: it is like the network's training data.
- The others are **out of distribution** (OOD): pictures of other data sets and a photograph (R. Michetti, CC0). Your
own picture gets a column, too.
- The last column has no picture and the **wrong noise level**: x<sub>t</sub> = ½ √(1−ᾱ<sub>t</sub>) · ε has half as
much noise as t implies.

The grey band in the charts is the reference: 90 % of the errors on 20 held-out pictures of the network's data lie in
it. At which t does ε̂ show more than noise?""",
        ),
        _out_of_distribution,
        """**Takeaway.** The network has learned E[ε | x<sub>t</sub>] for its training data only. At small and medium t
it predicts part of an unfamiliar picture as noise: the error leaves the reference band, and x̂<sub>0</sub> is altered.
(The digits network turns the face and the cup into strokes.) At large t ε̂ ≈ x<sub>t</sub>, so the error approaches 0
for every picture; with half the noise it stays near 0.25. The network gives no
warning.""",
        "This network comes without pictures of its own data, so there is no reference band.",
        frames=DEPTH_FRAMES,
        skeleton="5x4",
    ),
}


def film_of(scene: Scene) -> Film:
    """Film of the scene's view, at time steps that cover the schedule evenly and at the t of the settings."""
    name = scene.settings.analysis
    return {**ANALYSIS_VIEWS[name].film(scene, scene.steps(ANALYSIS_VIEWS[name].frames)), "analysis": name}


def first_film_of(scene: Scene) -> Film:
    """The same film with few frames: it is part of the page, which must load fast."""
    name = scene.settings.analysis
    return {**ANALYSIS_VIEWS[name].film(scene, scene.steps(FIRST_FRAMES)), "analysis": name}


def claim_of(scene: Scene) -> str:
    """Claim of the scene's view as Markdown.

    For a network without its training pictures the explanation adds what is missing.
    """
    view = ANALYSIS_VIEWS[scene.settings.analysis]
    missing = view.without_training_pictures if scene.pictures.is_substitute else ""
    return replace(view.claim, more=f"{view.claim.more}\n\n{missing}".rstrip()).markdown()
