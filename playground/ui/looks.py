"""The ways to look at the noise that was found: of each its question, its film, and what one saw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playground.render import looks
from playground.render.depth_look import depth_film
from playground.render.film import Film
from playground.render.names_look import names_film
from playground.render.step_look import step_film
from playground.ui.scene import PREDICTION_FRAMES, Scene

FIRST_FRAMES = 6
DEPTH_FRAMES = 26  # each asks the network about four or five pictures


@dataclass(frozen=True)
class Look:
    """`name` stands on its button; `question` and `seen`, Markdown, stand above and below the film.

    Then: what is missing from the film of a network that came without its training pictures, and about how many frames
    there are.
    """

    name: str
    question: str
    film: Callable[[Scene, list[int]], Film]
    seen: str
    without_training_pictures: str = ""
    frames: int = PREDICTION_FRAMES


def _predictors(scene: Scene, t: list[int]) -> Film:
    return looks.predictors_film({who: scene.prediction(who, t) for who in scene.predictors()}, scene.settings.t)


def _independence(scene: Scene, t: list[int]) -> Film:
    found = scene.prediction("network", t)
    return looks.independence_film(found, scene.independence(found), scene.settings.t)


def _shrinkage(scene: Scene, t: list[int]) -> Film:
    found = {who: scene.prediction(who, t) for who in scene.predictors()}
    return looks.shrinkage_film(found, scene.total_variance(t), scene.averaged_over(), scene.settings.t)


def _step(scene: Scene, t: list[int]) -> Film:
    found = scene.prediction("network", t)
    return step_film(found, scene.learned_step(found), scene.other_noise(), scene.settings.t)


def _names(scene: Scene, t: list[int]) -> Film:
    found = scene.prediction("network", t)
    return names_film(found, scene.four_names(found), scene.other_noise(), scene.settings.t)


def _training(scene: Scene, t: list[int]) -> Film:
    return looks.training_film(scene.prediction("network", t), scene.settings.t)


def _depth(scene: Scene, t: list[int]) -> Film:
    return depth_film(scene.trials(t), scene.usual_error(), scene.settings.t)


X_0 = '<span class="picture">x<sub>0</sub></span>'
X_T = '<span class="mixture">x<sub>t</sub></span>'
EPS = '<span class="noise">ε</span>'
EPS_HAT = '<span class="prediction">ε̂</span>'
X0_HAT = '<span class="picture">x̂<sub>0</sub></span>'
V_HAT = '<span class="mixture">v̂</span>'

LOOKS = {
    "predictors": Look(
        "Four predictors",
        f"""## How can random noise be found?
<p class="formula">{EPS_HAT} = ε<sub>θ</sub>({X_T}, t) &ensp;≈&ensp; E[{EPS} | {X_T}],&emsp;
{X0_HAT} = ({X_T} − √(1−ᾱ<sub>t</sub>) · {EPS_HAT}) / √ᾱ<sub>t</sub></p>

Four predictors are asked for the noise in the same x<sub>t</sub>. The **network** was trained for it: it gets
x<sub>t</sub> and t, no label, no x<sub>0</sub>, no ε. The **ideal** one is no network: it goes through all the
training pictures, weighs each by how well it explains this x<sub>t</sub>, and says the exact mean; nobody does better
*on one of these pictures*. The **blind** one never sees x<sub>t</sub>; the best it can say is 0. The **copycat** says
x<sub>t</sub> itself. Drag t and compare.""",
        _predictors,
        """**What you saw.** Who does not see x<sub>t</sub> finds nothing: random numbers cannot be learned, and
nobody is asked for them. The question is which noise is *in this x<sub>t</sub>*, and whoever knows what
pictures look like can answer it. What cannot be known is averaged, so an error stays wherever
x<sub>t</sub> leaves a doubt. The ideal one knows only the pictures that it has: on one that was held
out it is sure, and wrong, where t is small; the network is not.""",
        "The ideal predictor is missing here: this network came without the training pictures that it goes through.",
    ),
    "independence": Look(
        "Is it independent?",
        f"""## Is the noise independent of the picture?
<p class="formula">{EPS} ~ N(0, I), drawn without a look at {X_0};&emsp;
{X_T} = √ᾱ<sub>t</sub> · {X_0} + √(1−ᾱ<sub>t</sub>) · {EPS}</p>

ε′ is the noise of the next seed. It is as good a noise as ε, but it is not in this x<sub>t</sub>. In the plots every
pixel is a dot: a cloud without a direction means that one says nothing about the other.""",
        _independence,
        """**What you saw.** ε̂ follows ε and not ε′: the network has not learned to draw noise, it has looked for
it. ε is independent of x<sub>0</sub>, and yet not of x<sub>t</sub>, which was made with it. That is all
that learning needs.""",
    ),
    "shrinkage": Look(
        "Shrinkage",
        f"""## Why is the found noise too small?
<p class="formula">E[{EPS_HAT}²] + E[({EPS} − {EPS_HAT})²] = E[{EPS}²] = 1&emsp; for {EPS_HAT} = E[{EPS} | {X_T}]</p>

Where the picture is strong, x<sub>t</sub> holds so little noise that a faint speckle may as well be the picture's
own: ε̂, the mean of all the noises that could be there, is then smaller than each of them, so std(ε̂) falls below
1, and what the mean leaves out stays as an error that no training takes away. (Watch the network; the ideal predictor
is asked about a picture that may not be among its own, and then errs wildly at small t.)""",
        _shrinkage,
        """**What you saw.** Shrinkage is not a bug: it is what a mean does. What is found and what is missed add
up to all the noise there is (the law of total variance), checked here with fresh draws for every t. The
ideal predictor has a finite list of pictures: on one of them its error does fall to 0, since one
picture of the list explains x<sub>t</sub> and no other does; on any other picture it grows without
bound. A network that learned the list by heart would do the same.""",
        "This network came without its training pictures: so the ideal predictor is missing, and the means are over "
        "pictures that stand in, for which found and missed add up to 1 only as far as they are like its own.",
    ),
    "step": Look(
        "From ε̂ to the step",
        f"""## How does the found noise become a step back?
<p class="formula">p<sub>θ</sub>(x<sub>t−1</sub> | {X_T}) = N(<span class="prediction">μ<sub>θ</sub></span>,
σ<sub>t</sub>² I),&ensp; σ<sub>t</sub>² = β<sub>t</sub> or β̃<sub>t</sub></p>

With ε̂ everything is there that a step needs. Its mean μ<sub>θ</sub> is x<sub>t</sub> less a part of ε̂, and the
same as the mean of the true step, q(x<sub>t−1</sub> | x<sub>t</sub>, x<sub>0</sub>), with x̂<sub>0</sub> in the
place of x<sub>0</sub>. How far the two steps are from each other is L<sub>t−1</sub>, a Kullback–Leibler divergence
(KL), 0 where they are equal; all of them together bound how many bits, for each pixel and colour, the picture costs:
the fewer, the likelier the network thinks it. One step of a thousand changes little; T = 40 shows more.""",
        _step,
        """**What you saw.** Two roads, one mean: it differs from the true one only by what ε̂ missed, times a
known factor. So a small error in ε is a small error in every step, and learning ε is enough to run the
process backwards. Near t = 0 one step is worth the most bits; that is where the finest grain of the
picture is decided, and only there the two choices of σ² differ.""",
    ),
    "names": Look(
        "Four names",
        f"""## Noise, picture, velocity or score?
<p class="formula">{V_HAT} = √ᾱ<sub>t</sub> · {EPS_HAT} − √(1−ᾱ<sub>t</sub>) · {X0_HAT},&emsp;
<span class="prediction">ŝ</span> = −{EPS_HAT} / √(1−ᾱ<sub>t</sub>) ≈ ∇ ln q({X_T})</p>

Since x<sub>t</sub> is known, whoever says one of the four has said the other three. But not equally well: the
second and the third row show what comes out when each is off by the same faint noise, a tenth of N(0, I).""",
        _names,
        """**What you saw.** One answer, four names. An error in ε̂ (or the score) is blown up in x̂<sub>0</sub>
where little of the picture is left; an error in x̂<sub>0</sub> is blown up in ε̂ where there is little
noise. The velocity v is harmless at both ends, which is why many networks are trained to say it.""",
    ),
    "training": Look(
        "The training step",
        """## What happens in one step of training?

Draw a t and a noise, make x<sub>t</sub>, ask the network, compare. Here t and ε come out as the slider's t and the
seed's ε, so that you know them; in training they are drawn anew for every picture, millions of times. Then the
weights move a little in the direction that makes the loss smaller.""",
        _training,
        """**What you saw.** The answer to the question, ε, is known in training because we have put it there
ourselves. No one ever has to find the noise in a picture that was noisy before. The four lines,
and a nudge to the weights after each run of them, are the whole training.""",
    ),
    "depth": Look(
        "Out of its depth",
        f"""## What does it say of pictures unlike its data?
<p class="formula">{EPS_HAT} = ε<sub>θ</sub>({X_T}, t) &ensp;≈&ensp; E[{EPS} | {X_T}]&emsp; if {X_0} is a picture like
its data</p>

The same noise lies over all pictures. The first is like those that the network learned from. Two are of kinds that it
has never seen: one is of another network's data, one is a photograph (R. Michetti, CC0). A picture of your own gets a
column too. The last has no picture, and the wrong noise: x<sub>t</sub> = ½ √(1−ᾱ<sub>t</sub>) · ε, half as strong as
t says. In the grey band of the charts lie nine in ten of the errors on 20 held-out pictures of the network's data.
Where does ε̂ show more than noise?""",
        _depth,
        """**What you saw.** The network does not know pictures: it knows pictures *like its data*, and of any other
it says what the noise would be if it were one of those. So where t is small to middle, and x<sub>t</sub> shows what
the picture is, the error leaves its usual range: what is unlike the data is taken for noise in part, can be
made out in ε̂ where t is small, and comes out changed in x̂<sub>0</sub>: the more so, the less the data had of its kind.
(The network of the digits, which saw nothing but white strokes, makes strokes of a face and of a cup.)
Where t is large, all pictures come back: x<sub>t</sub> is nearly all noise, and whatever the picture, to say
x<sub>t</sub> itself is right. In the last column it says just that: of noise half as strong, a noise half as large,
which is the farther from the usual the noisier it gets. Nowhere does the network say that it is out of its depth.""",
        "What is usual cannot be said here: this network came without pictures of its own data.",
        DEPTH_FRAMES,
    ),
}


def film_of(scene: Scene) -> Film:
    """The film of the scene's look, over steps that cover the schedule evenly and the one that is asked for."""
    look = LOOKS[scene.settings.look]
    return look.film(scene, scene.steps(look.frames))


def first_film_of(scene: Scene) -> Film:
    """The same with few frames: it comes with the page, for which every byte is waited."""
    return LOOKS[scene.settings.look].film(scene, scene.steps(FIRST_FRAMES))


def question_of(scene: Scene) -> str:
    """The question of the scene's look, and what is missing from its film where the training pictures are."""
    look = LOOKS[scene.settings.look]
    missing = look.without_training_pictures if scene.pictures.stand_in else ""
    return f"{look.question}\n\n{missing}".rstrip()
