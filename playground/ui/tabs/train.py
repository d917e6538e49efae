"""The tab *Train*: a small network learns a toy dataset in two dimensions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
from PIL import Image

from playground.core.inference.executors import lone_worker
from playground.core.toy2d.datasets import TOY_DATASETS, drawn, world
from playground.core.toy2d.diagnostics import ground, view
from playground.core.toy2d.network import TrainingConfig
from playground.core.toy2d.trainer import STEPS, Trainer, milestones
from playground.render.films.film import Film
from playground.render.films.toy2d import world_film
from playground.ui.components.claim import Claim
from playground.ui.components.frame import Frame
from playground.ui.components.picker import build_pad, ink
from playground.ui.components.player import build_player, showing
from playground.ui.components.shared_controls import SharedControls
from playground.ui.server.errors import user_errors
from playground.ui.server.film_stream import FilmStream
from playground.ui.server.run_requests import Runs, build_answers, build_request, number_of
from playground.ui.state.links import training_query
from playground.ui.state.scene import Scene, fingerprint
from playground.ui.state.settings import DEPTHS, LEARNING, RATES, WIDTHS, Settings, whole
from playground.ui.state.training_sessions import TrainingSession, TrainingSessionStore

SLICE = 25
"""Steps of training in a turn: little work at a time, so that no session waits long."""
MAX_MOMENTS = 200

CLAIM = Claim(
    "Can random noise be learned?",
    'min<sub>θ</sub> E ‖<span class="noise">ε</span> − ε<sub>θ</sub>(<span class="mixture">x<sub>t</sub></span>, t)‖²',
    """Here every picture has two pixels, so it is a point in the plane. A small network is trained on 2,000 points
with the four lines of *Training step*. The particles start in noise, and the sampler moves them, step by step, against
the arrows of ε̂. Before training ε̂ is 0.

Remove x<sub>t</sub> or t from the network's inputs and train again. Without x<sub>t</sub> the network would have to
predict noise that is independent of its input.

For this test choose ε as the target. With x<sub>0</sub> or v the conversion of the output to ε̂ uses x<sub>t</sub>;
only with ε is ε̂ then independent of x<sub>t</sub>.""",
)

SEEN = """**Takeaway.** Noise that is independent of the input cannot be predicted: without x<sub>t</sub> the loss stays
at the level of predicting the mean. The noise *in x<sub>t</sub>* can be predicted: with x<sub>t</sub> the
loss falls to a floor, that of the exact posterior mean E[ε | x<sub>t</sub>], and the arrows approach the
exact field. The particles, which start from the same x<sub>T</sub>, then end in the data. Without t one
prediction must serve all noise levels, and the result is blurred."""

TARGET_NAMES = [("ε", "epsilon"), ("x₀", "sample"), ("v", "v_prediction")]
PATH_NAMES = [("probability-flow ODE", "flow"), ("DDIM", "ddim"), ("DDPM", "ddpm")]


@dataclass(frozen=True)
class TrainTab:
    """The tab's controls by name, a person's own drawing, if there is one, and the events that begin anew.

    `prepare` takes the name of the open tab and the values of `inputs` to `shown`; `leave` is for who goes away.
    """

    controls: dict[str, Any]
    own: gr.State
    changed: list[Any]
    inputs: list[Any]
    shown: list[Any]
    prepare: Callable[..., Any]
    leave: Callable[[gr.Request], None]

    @property
    def outputs(self) -> list[Any]:
        """What `updates` brings to settings."""
        return [*self.controls.values(), self.own]

    def updates(self, settings: Settings) -> list[Any]:
        """What brings the tab to these settings."""
        return [*(getattr(settings, name) for name in LEARNING), None]


class TrainingService:
    """All trainings on this server: one for each session, and one worker thread that advances them in turns.

    The session that has waited longest is next.
    """

    def __init__(self, device: Any) -> None:
        self.device, self.desks, self._worker = device, TrainingSessionStore(), lone_worker("training")

    def prepared(self, session: str, own: Image.Image | None, settings: Settings) -> tuple[TrainingSession, bool]:
        """The training session for these settings, and whether it is a new one."""
        return self._worker.submit(self._prepared, session, own, settings).result()

    def _prepared(self, session: str, own: Image.Image | None, settings: Settings) -> tuple[TrainingSession, bool]:
        names = (*LEARNING[:-1], "seed", "schedule", "T", "zero_terminal")
        choices = (own and own.tobytes(), *(getattr(settings, name) for name in names))
        desk = self.desks.at(session)
        if desk and desk.choices == choices:
            return desk, False
        recipe = TrainingConfig(
            world(settings.world) if own is None else drawn(own),
            settings.noise_schedule(),
            settings.target,
            settings.sees_x_t,
            settings.sees_t,
            settings.width,
            settings.depth,
            settings.lr,
            settings.seed,
        )
        made_from = {**training_query(settings), "world_drawing": fingerprint(own)}
        desk = TrainingSession(choices, ground(recipe), Trainer(recipe, self.device), made_from)
        desk.learner.keep()
        self.desks.take(session, desk)
        return desk, True

    def film(self, desk: TrainingSession, index: int, total: int, paths: str) -> Film:
        """The piece of a moment that was kept."""
        return self._piece(desk, desk.film, index, total, paths)

    def _piece(self, desk: TrainingSession, number: int, index: int, total: int, paths: str) -> Film:
        film = self._worker.submit(_film, desk, index, total, paths).result()
        return {**film, "run": number, **({} if index else {"settings": {**desk.made_from, "paths": paths}})}

    def kept(self, desk: TrainingSession, have: int, total: int, paths: str) -> Iterator[Film]:
        """The pieces that the page does not have yet, from `have` on."""
        number = desk.film
        for index in range(have, len(desk.learner.moments)):
            yield self._piece(desk, number, index, total, paths)

    def train(
        self,
        desk: TrainingSession,
        have: int,
        goals: list[int],
        more: int,
        paths: str,
        goes_on: Callable[[], bool] = lambda: True,
    ) -> Iterator[Film]:
        """Train up to each of the goals in turn, with a piece of film for each; `more` are still to come later.

        A training that is halted, or that no longer `goes_on`, stops within a slice, where the network then is.
        """
        learner, run, number = desk.learner, desk.halt(), desk.film
        total = len(learner.moments) + len(goals) + more
        desk.going = True
        try:
            yield from self.kept(desk, have, total, paths)
            for goal in goals:
                while learner.step < goal and desk.run == run and goes_on() and not desk.left:
                    self._worker.submit(learner.advance, min(SLICE, goal - learner.step)).result()
                known = len(learner.moments)
                index = self._worker.submit(_keep, learner).result()
                if desk.left or index < known:  # nothing was done since
                    return
                yield self._piece(desk, number, index, total, paths)
                if desk.run != run or not goes_on():
                    return
        finally:
            if desk.run == run:
                desk.going = False


def _film(desk: TrainingSession, index: int, total: int, paths: str) -> Film:
    moment = desk.learner.moments[index]
    seen = view(desk.ground, moment, desk.learner.predictor(moment), paths)
    return world_film(desk.ground, seen, index, total)


def _goals(learner: Trainer, until: Any) -> list[int]:
    """The steps ahead at which a training keeps a snapshot: the usual ones, or those up to `until` and that itself."""
    goals = [step for step in milestones() if step > learner.step]
    if until is None:
        return goals
    last = whole("until", until, 0, STEPS)
    return sorted({*(step for step in goals if step < last), last} - set(range(learner.step + 1)))


def _keep(learner: Trainer) -> int:
    """Keep this moment, unless it is kept; which one it is."""
    if learner.step != learner.moments[-1].step:
        learner.keep()
    return len(learner.moments) - 1


def build_training(bench: SharedControls, first: Scene, frame: Frame) -> TrainTab:
    """Lay out the tab, its controls in the rail, at the settings of the first scene, and listen to its buttons."""
    default, workshop, own = first.settings, TrainingService(bench.library.device), gr.State(None)
    with gr.Row(elem_classes="claim-row"):
        gr.Markdown(CLAIM.markdown(), elem_classes="question")
        note = gr.Markdown(elem_classes="note", elem_id="training-note")
    player = build_player(elem_id="player-training", label="Training", runs="training", skeletons={"": "4x1"})
    asked, runs = build_request("training"), Runs()
    gr.Markdown(SEEN, elem_classes="seen")
    with frame.groups["dataset"]:
        controls: dict[str, Any] = {
            "world": gr.Radio(
                [(name.replace("_", " "), name) for name in TOY_DATASETS],
                value=default.world,
                label="Dataset",
                show_label=False,
                container=False,
                elem_id="control-world",
            )
        }
        pad = build_pad()
    with frame.groups["toy-network"]:
        controls |= {
            "target": gr.Radio(TARGET_NAMES, value=default.target, label="Predicts", elem_id="control-target"),
            "sees_x_t": gr.Checkbox(
                default.sees_x_t, label="input xₜ, the noisy point", container=False, elem_id="control-sees_x_t"
            ),
            "sees_t": gr.Checkbox(
                default.sees_t, label="input t, the noise level", container=False, elem_id="control-sees_t"
            ),
            "width": gr.Slider(*WIDTHS, default.width, step=16, label="Width", min_width=0, elem_id="control-width"),
            "depth": gr.Slider(*DEPTHS, default.depth, step=1, label="Layers", min_width=0, elem_id="control-depth"),
            "lr": gr.Dropdown(
                [(f"{rate:g}", rate) for rate in RATES],
                value=default.lr,
                label="Learning rate",
                min_width=0,
                elem_id="control-lr",
            ),
        }
    with frame.groups["toy-sampler"]:
        controls["paths"] = gr.Radio(
            PATH_NAMES, value=default.paths, label="Sampler", show_label=False, container=False, elem_id="control-paths"
        )
    with frame.foot:
        start = gr.Button("Train", variant="primary", min_width=0, elem_id="train", elem_classes="on-training")
        halt = gr.Button("Pause", min_width=0, elem_id="pause-training", elem_classes="on-training")
        once = gr.Button("+1", size="sm", min_width=0, elem_id="one-step", elem_classes="on-training")
        reset = gr.Button("Reset", size="sm", min_width=0, elem_id="reset-training", elem_classes="on-training")
    pad.input(user_errors()(ink), pad, own, api_visibility="private", show_progress="hidden")

    have = gr.Number(visible="hidden")
    inputs = [*bench.inputs, own, *controls.values()]

    def at_desk(request: gr.Request, values: tuple[Any, ...]) -> tuple[TrainingSession, bool, str]:
        """The person's desk, whether it is new, and how particles go."""
        shared, mine, chosen = values[: len(bench.inputs)], values[len(bench.inputs)], values[len(bench.inputs) + 1 :]
        settings = bench.scene(*shared, **dict(zip(controls, chosen, strict=True))).settings
        desk, new = workshop.prepared(str(request.session_hash), mine, settings)
        return desk, new, settings.paths

    def said(desk: TrainingSession) -> str:
        """How far the training is, in words."""
        step, own = (
            desk.learner.step,
            " The world is your drawing; choose another to leave it." if desk.choices[0] else "",
        )
        if desk.learner.finished:
            return f"All {STEPS:,} steps are done. Drag both sliders, or press Train to begin again.{own}"
        if desk.going:
            return f"Training: {step:,} of {STEPS:,} steps.{own}"
        return f"{step:,} of {STEPS:,} steps are done.{own}" if step else f"Not trained yet: ε̂ is 0 everywhere.{own}"

    @user_errors()
    def prepare(tab: str, request: gr.Request, *values: Any) -> tuple[Any, Any]:
        if tab != "training" or None in (*values[: len(bench.controls)], *values[len(bench.inputs) + 1 :]):
            return gr.skip(), gr.skip()
        before = workshop.desks.at(str(request.session_hash))
        desk, new, paths = at_desk(request, values)
        again = (
            "The settings of the network or its data have changed, so training starts again. "
            if before and before.learner.step
            else ""
        )
        film = workshop.film(desk, 0, len(milestones()), paths) if new else None
        return (showing(film), again + said(desk)) if film else (gr.skip(), gr.skip())

    def known(have: float) -> int:
        """How many pieces of the film the page has already."""
        return whole("have", have, 0, MAX_MOMENTS)

    def train(request: gr.Request, asked: Any, *values: Any) -> Iterator[tuple[Any, Any]]:
        """Train, and send what the film lacks: {"film": its number, "frames": how many it has}.

        With "again" a training that has done all its steps starts from the first. With "new_film" the snapshots come
        anew, for another sampler; without "train" only those that there are.
        """
        session = str(request.session_hash)
        with user_errors(), runs.start(session, number := number_of(asked)) as is_latest:
            if is_latest is None or asked.get("stop"):
                yield gr.skip(), gr.skip()
                return
            stream = FilmStream(lambda: runs.lacking(session))
            try:
                desk, _, paths = at_desk(request, values)
                until = asked.get("until")
                if until is not None and desk.learner.step > whole("until", until, 0, STEPS):  # it goes only forward
                    workshop.desks.clear(session)
                    desk, _, paths = at_desk(request, values)
                if asked.get("again") and desk.learner.finished:
                    workshop.desks.clear(session)
                    desk, _, paths = at_desk(request, values)
                if asked.get("new_film"):
                    desk.halt()
                    desk.new_film()
                have = known(asked.get("frames", 0)) if str(desk.film) == str(asked.get("film")) else 0
                goals, more = _goals(desk.learner, until), 0
                if not asked.get("train", True):
                    goals, more = [], len(goals)
                for k, film in enumerate(workshop.train(desk, have, goals, more, paths, is_latest)):
                    stream.add({**film, "request": number, "follow": k == 0})
                    if stream.is_due:
                        yield stream.update(), said(desk)
            except Exception:
                yield stream.end({"request": number, "ended": True}), gr.skip()
                raise
            mark = {"request": number, "run": desk.film, "ended": True, "frames": len(desk.learner.moments)}
            yield stream.end(mark), gr.skip() if desk.left else said(desk)

    def one_step(have: float, request: gr.Request, *values: Any) -> tuple[Any, Any]:
        with user_errors():
            desk, new, paths = at_desk(request, values)
            step = desk.learner.step + 1
            if step > STEPS:
                raise ValueError(f"All {STEPS:,} steps are done: reset to begin again.")
            if len(desk.learner.moments) >= MAX_MOMENTS:
                raise ValueError(f"{MAX_MOMENTS} moments are kept at most: press Train to go on, or reset.")
            more = [goal for goal in _goals(desk.learner, None) if goal != step]
            films = list(workshop.train(desk, 0 if new else known(have), [step], len(more), paths))
            return showing(*({**film, "follow": k == 0} for k, film in enumerate(films))), said(desk)

    def begin_again(request: gr.Request, *values: Any) -> tuple[Any, Any]:
        with user_errors():
            workshop.desks.clear(str(request.session_hash))
            desk, _, paths = at_desk(request, values)
            return showing(workshop.film(desk, 0, len(milestones()), paths)), said(desk)

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    of_film: dict[str, Any] = {"outputs": [player, note], **quiet}
    running: dict[str, Any] = {**of_film, "concurrency_id": "training", "concurrency_limit": 64}
    # A press that comes while the one before is shown would be dropped.
    each_time: dict[str, Any] = {"trigger_mode": "multiple", **running}
    asked.submit(train, [asked, *inputs], **each_time)
    build_answers(runs, asked, "training")
    start.click(None, js="() => playground.train()", api_visibility="private")
    halt.click(None, js="() => playground.requests.training.stop()", api_visibility="private")
    controls["paths"].input(None, js="() => playground.replay()", api_visibility="private")
    # How many frames the page has, the browser knows: it fills that in.
    frames = "document.querySelector('#player-training .player').dataset.frames ?? 0"
    once.click(one_step, [have, *inputs], js=f"(have, ...rest) => [+({frames}), ...rest]", **each_time)
    reset.click(begin_again, inputs, **of_film)
    controls["world"].input(lambda: None, None, own, **{**quiet, "trigger_mode": "multiple"})
    changed = [each.change for name, each in controls.items() if name != "paths"] + [own.change]

    def leave(request: gr.Request) -> None:
        runs.leave(str(request.session_hash))
        workshop.desks.clear(str(request.session_hash))

    return TrainTab(controls, own, changed, inputs, [player, note], prepare, leave)
