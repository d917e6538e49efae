"""The ways to watch sampling: of each its question, its films, and what one saw."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from playground.core.race import Runner
from playground.render.film import Film
from playground.render.race_film import race_film
from playground.render.sampling import guided_film, reverse_film, side_by_side_film, slow_film
from playground.ui.scene import Scene

Pieces = Iterator[Film | str]
"""Pieces of a film, and notes, each in the place of the one before."""


@dataclass(frozen=True)
class View:
    """`name` stands on its button; `question` and `seen`, Markdown, stand above and below the film."""

    name: str
    question: str
    pieces: Callable[[Scene], Pieces]
    seen: str


def _run(scene: Scene) -> Pieces:
    if scene.settings.driver == "network":
        for step in scene.reverse():
            yield reverse_film(step, scene.schedule)
    else:
        for driven in scene.side_by_side():
            yield side_by_side_film(driven, scene.pictures, scene.schedule)


def _slow(scene: Scene) -> Pieces:
    for slow in scene.slowly():
        yield slow_film(slow, scene.schedule)


def _guidance(scene: Scene) -> Pieces:
    for guided in scene.guided():
        yield guided_film(guided, scene.settings.guidance, scene.schedule)


class References:
    """The pictures that long runs have ended in, for those who ask again: a class races from the same seeds."""

    def __init__(self, most: int = 128) -> None:
        self.most = most
        self.known: OrderedDict[tuple[Any, ...], Any] = OrderedDict()

    def pieces(self, scene: Scene) -> Pieces:
        """The race, call by call; then the reference, and the race again with the distances to it."""
        calls, runners = scene.settings.calls, list[Runner]()
        for call, runners in enumerate(scene.race()):
            last = call == calls - 1
            yield race_film(runners, range(call, call + 1 + last), calls)
        s = scene.settings
        key = (s.model, s.label, s.then, s.guidance, s.seed, s.schedule, s.T, s.zero_terminal)
        if key not in self.known:
            for step in scene.race_reference():
                if step.index % 50 == 0:
                    yield f"The reference is on its way: {step.index:,} of {step.total:,} calls of the network."
                end = step.x_next
            self.known[key] = end
            if len(self.known) > self.most:
                self.known.popitem(last=False)
        yield scene.caveats()
        yield {**race_film(runners, range(calls + 1), calls, self.known[key]), "stays": True}


RUN = View(
    "the run",
    """## How does noise become a picture?

Start from noise alone: the picture above plays no part here, unless you start elsewhere. At every step the network says
which noise it finds, and a little of it is taken out; σ<sub>t</sub>z is fresh noise. With fewer steps than T, t − 1
stands for the next step's t.""",
    _run,
    """**What you saw.** No picture was stored in the noise: each step only removed what the network found, and
x̂<sub>0</sub>, at first a blurred mean of many pictures, became one as fewer of them remained possible. (Let the ideal
predictor run beside it: that one can only end in one of its own pictures, it has memorised. From the same noise the
network makes one that is in no list, since it has learned what such pictures are like: it has generalised.)""",
)

SLOW = View(
    "a step in slow motion",
    """## What happens in one step?

Three things, a frame each: the network **predicts** the noise in x<sub>t</sub>; a part of it is **subtracted**, which
leaves the mean μ of the step; and **fresh noise** is added: x<sub>t−1</sub> = a · x<sub>t</sub> − b · ε̂ +
σ<sub>t</sub> · z, with this step's numbers above the pictures. Step through it with ‹ and ›.""",
    _slow,
    """**What you saw.** A step takes out only a little of what the network found, since one answer is a mean, not
the truth; at the next, less noisy x<sub>t</sub> it is asked again. DDPM adds fresh noise, so that x<sub>t−1</sub> is as
noisy as its level says; DDIM with η = 0 adds none, and takes out less. x̂<sub>0</sub> is cut to the range of pictures
first: where that changes it, ε̂ is the noise that goes with the cut one.""",
)

GUIDANCE = View(
    "what guidance adds",
    """## How does a label steer?

The network is asked twice about the same x<sub>t</sub>: with the label, ε̂(c), and without one, ε̂(∅). Their
difference is what the label changes. Guidance s takes ε̂(∅) and goes s times that difference: 0 follows no label, 1 the
label as it was learned, more than 1 exaggerates.""",
    _guidance,
    """**What you saw.** In ε̂ the label changes little, least where t is large. But there so little of the picture is in
x<sub>t</sub> that a small change of ε̂ is a large one of x̂<sub>0</sub>: what shape it becomes is decided early. Much
guidance makes pictures clearer, bolder and more alike than those of the data.""",
)

RACE = """## Who comes closest with few calls?

All start from the same x<sub>T</sub> and may call the network equally often. Where does each end? The reference is DDIM
in as many steps as the schedule has, 1,000 at most: with steps so small, the ways without fresh noise all end there."""

RACED = """**What you saw.** They ask the same network the same question, and differ in what they make of the answers:
DDIM goes straight on, DPM-Solver++ bends by the last two answers, Heun's method asks twice a step, but for its last,
and so takes half as many. DDPM adds fresh noise in every step and ends elsewhere; that is no mistake, its picture is as
good a sample, of another noise. Near the end of a race the distance is that of pictures that look alike: try other
seeds, and fewer calls."""


def build_views() -> dict[str, View]:
    """All of them, by name."""
    return {
        "run": RUN,
        "slow": SLOW,
        "guidance": GUIDANCE,
        "race": View("a race of solvers", RACE, References().pieces, RACED),
    }
