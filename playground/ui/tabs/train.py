"""Tab *Train*: a small network learns a toy dataset in two dimensions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
from PIL import Image

from playground.core.inference.executors import single_thread_executor
from playground.core.toy2d.datasets import TOY_DATASETS, dataset_from_drawing, load_toy_dataset
from playground.core.toy2d.diagnostics import build_reference, evaluate_snapshot
from playground.core.toy2d.network import TrainingConfig
from playground.core.toy2d.trainer import TOTAL_STEPS, Trainer, snapshot_steps
from playground.render.films.film import Film
from playground.render.films.toy2d import toy2d_film
from playground.ui.components.claim import Claim
from playground.ui.components.frame import Frame
from playground.ui.components.picker import build_drawing_pad, parse_drawing
from playground.ui.components.player import build_player, film_update
from playground.ui.components.shared_controls import SharedControls
from playground.ui.server.errors import user_errors
from playground.ui.server.film_stream import FilmStream
from playground.ui.server.run_requests import Runs, build_answers, build_request, number_of
from playground.ui.state.links import training_query
from playground.ui.state.scene import Scene, fingerprint
from playground.ui.state.settings import DEPTHS, RATES, TRAINING_FIELDS, WIDTHS, Settings, integer
from playground.ui.state.training_sessions import TrainingSession, TrainingSessionStore

SLICE = 25
"""Training steps in one turn: few, so that no session waits long."""
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
    """Parts of the tab.

    Attributes:
        controls: the controls by name of the setting.
        own: the user's drawing, or None.
        changed: events after which training begins anew.
        inputs: components whose values the handlers get.
        shown: components that `prepare` updates: player and note.
        prepare: handler that gets the name of the open tab and the values of `inputs`.
        leave: handler for a page that is closed.
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
        """Components that `updates` updates."""
        return [*self.controls.values(), self.own]

    def updates(self, settings: Settings) -> list[Any]:
        """Updates that bring the tab to these settings; a drawing is removed."""
        return [*(getattr(settings, name) for name in TRAINING_FIELDS), None]


class TrainingService:
    """Training service: the trainings of all sessions, one each, and one worker thread that advances them in turns.

    The session that has waited longest is next.
    """

    def __init__(self, device: Any) -> None:
        self.device, self.sessions, self._worker = device, TrainingSessionStore(), single_thread_executor("training")

    def prepared(self, session_id: str, own: Image.Image | None, settings: Settings) -> tuple[TrainingSession, bool]:
        """Training session for these settings: the present one if it fits, else a new one.

        Args:
            session_id: id of the browser session.
            own: the user's drawing as dataset, or None.
            settings: settings of data and network.

        Returns:
            The session, and whether it is new.
        """
        return self._worker.submit(self._prepared, session_id, own, settings).result()

    def _prepared(self, session_id: str, own: Image.Image | None, settings: Settings) -> tuple[TrainingSession, bool]:
        names = (*TRAINING_FIELDS[:-1], "seed", "schedule", "T", "zero_terminal")
        choices = (own and own.tobytes(), *(getattr(settings, name) for name in names))
        session = self.sessions.get(session_id)
        if session and session.choices == choices:
            return session, False
        recipe = TrainingConfig(
            load_toy_dataset(settings.world) if own is None else dataset_from_drawing(own),
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
        session = TrainingSession(choices, build_reference(recipe), Trainer(recipe, self.device), made_from)
        session.learner.save_snapshot()
        self.sessions.put(session_id, session)
        return session, True

    def film(self, session: TrainingSession, index: int, total: int, paths: str) -> Film:
        """Film piece of a stored snapshot.

        Args:
            session: the training session.
            index: index of the snapshot.
            total: number of frames of the film.
            paths: sampler of the particles, one of TOY_SAMPLERS.

        Returns:
            The piece, with one frame.
        """
        return self._piece(session, session.film, index, total, paths)

    def _piece(self, session: TrainingSession, number: int, index: int, total: int, paths: str) -> Film:
        film = self._worker.submit(_film, session, index, total, paths).result()
        return {**film, "run": number, **({} if index else {"settings": {**session.made_from, "paths": paths}})}

    def stored_film(self, session: TrainingSession, have: int, total: int, paths: str) -> Iterator[Film]:
        """Film pieces of the stored snapshots that the page lacks.

        Args:
            session: the training session.
            have: number of frames that the page has.
            total: number of frames of the film.
            paths: sampler of the particles, one of TOY_SAMPLERS.

        Yields:
            The pieces, with one frame each.
        """
        number = session.film
        for index in range(have, len(session.learner.moments)):
            yield self._piece(session, number, index, total, paths)

    def train(
        self,
        session: TrainingSession,
        have: int,
        goals: list[int],
        more: int,
        paths: str,
        goes_on: Callable[[], bool] = lambda: True,
    ) -> Iterator[Film]:
        """Training, with a snapshot and a film piece at each goal.

        A training that is halted, or whose `goes_on` returns False, stops within a slice, with a snapshot of where it
        is.

        Args:
            session: the training session.
            have: number of frames that the page has.
            goals: training steps to stop at, ascending.
            more: number of frames still to come after these.
            paths: sampler of the particles, one of TOY_SAMPLERS.
            goes_on: returns whether the training may go on.

        Yields:
            The pieces that the page lacks, then one for each goal.
        """
        learner, run, number = session.learner, session.halt(), session.film
        total = len(learner.moments) + len(goals) + more
        session.going = True
        try:
            yield from self.stored_film(session, have, total, paths)
            for goal in goals:
                while learner.step < goal and session.run == run and goes_on() and not session.left:
                    self._worker.submit(learner.train_steps, min(SLICE, goal - learner.step)).result()
                known_frames = len(learner.moments)
                index = self._worker.submit(_store_snapshot, learner).result()
                if session.left or index < known_frames:  # nothing was trained since the last snapshot
                    return
                yield self._piece(session, number, index, total, paths)
                if session.run != run or not goes_on():
                    return
        finally:
            if session.run == run:
                session.going = False


def _film(session: TrainingSession, index: int, total: int, paths: str) -> Film:
    moment = session.learner.moments[index]
    seen = evaluate_snapshot(session.ground, moment, session.learner.predictor(moment), paths)
    return toy2d_film(session.ground, seen, index, total)


def _snapshots_ahead(learner: Trainer, until: Any) -> list[int]:
    """Training steps of the snapshots ahead: the usual ones, or those before `until` and `until` itself."""
    goals = [step for step in snapshot_steps() if step > learner.step]
    if until is None:
        return goals
    last = integer("until", until, 0, TOTAL_STEPS)
    return sorted({*(step for step in goals if step < last), last} - set(range(learner.step + 1)))


def _store_snapshot(learner: Trainer) -> int:
    """Store a snapshot, unless there is one of this step; return its index."""
    if learner.step != learner.moments[-1].step:
        learner.save_snapshot()
    return len(learner.moments) - 1


def build_train(shared_controls: SharedControls, first: Scene, frame: Frame) -> TrainTab:
    """Lay out the tab, with its controls in the rail, and listen to its buttons.

    Args:
        shared_controls: the controls beside all tabs.
        first: scene whose settings the controls show at first.
        frame: frame of the page.

    Returns:
        The tab's parts.
    """
    default, service, own = first.settings, TrainingService(shared_controls.library.device), gr.State(None)
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
        pad = build_drawing_pad()
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
    pad.input(user_errors()(parse_drawing), pad, own, api_visibility="private", show_progress="hidden")

    have = gr.Number(visible="hidden")
    inputs = [*shared_controls.inputs, own, *controls.values()]

    def session_of(request: gr.Request, values: tuple[Any, ...]) -> tuple[TrainingSession, bool, str]:
        """Training session of the page, whether it is new, and the sampler of the particles."""
        common, mine, chosen = (
            values[: len(shared_controls.inputs)],
            values[len(shared_controls.inputs)],
            values[len(shared_controls.inputs) + 1 :],
        )
        settings = shared_controls.scene(*common, **dict(zip(controls, chosen, strict=True))).settings
        session, new = service.prepared(str(request.session_hash), mine, settings)
        return session, new, settings.paths

    def progress_text(session: TrainingSession) -> str:
        """Progress of the training, in words."""
        step, own = (
            session.learner.step,
            " The world is your drawing; choose another to leave it." if session.choices[0] else "",
        )
        if session.learner.finished:
            return f"All {TOTAL_STEPS:,} steps are done. Drag both sliders, or press Train to begin again.{own}"
        if session.going:
            return f"Training: {step:,} of {TOTAL_STEPS:,} steps.{own}"
        return (
            f"{step:,} of {TOTAL_STEPS:,} steps are done.{own}" if step else f"Not trained yet: ε̂ is 0 everywhere.{own}"
        )

    @user_errors()
    def prepare(tab: str, request: gr.Request, *values: Any) -> tuple[Any, Any]:
        if tab != "training" or None in (
            *values[: len(shared_controls.controls)],
            *values[len(shared_controls.inputs) + 1 :],
        ):
            return gr.skip(), gr.skip()
        before = service.sessions.get(str(request.session_hash))
        session, new, paths = session_of(request, values)
        again = (
            "The settings of the network or its data have changed, so training starts again. "
            if before and before.learner.step
            else ""
        )
        film = service.film(session, 0, len(snapshot_steps()), paths) if new else None
        return (film_update(film), again + progress_text(session)) if film else (gr.skip(), gr.skip())

    def known_frames(have: float) -> int:
        """Number of frames that the page has already."""
        return integer("have", have, 0, MAX_MOMENTS)

    def train(request: gr.Request, asked: Any, *values: Any) -> Iterator[tuple[Any, Any]]:
        """Train, and send the frames that the page lacks of a film.

        `asked` names the film, {"film": its number, "frames": how many frames the page has}. With "again" a finished
        training starts from the first step. With "new_film" the snapshots are sent anew, for another sampler; with
        "train" false only those that there are.
        """
        session_id = str(request.session_hash)
        with user_errors(), runs.start(session_id, number := number_of(asked)) as is_latest:
            if is_latest is None or asked.get("stop"):
                yield gr.skip(), gr.skip()
                return
            stream = FilmStream(lambda: runs.lacking(session_id))
            try:
                session, _, paths = session_of(request, values)
                until = asked.get("until")
                if until is not None and session.learner.step > integer(
                    "until", until, 0, TOTAL_STEPS
                ):  # training goes only forward
                    service.sessions.remove(session_id)
                    session, _, paths = session_of(request, values)
                if asked.get("again") and session.learner.finished:
                    service.sessions.remove(session_id)
                    session, _, paths = session_of(request, values)
                if asked.get("new_film"):
                    session.halt()
                    session.new_film()
                have = known_frames(asked.get("frames", 0)) if str(session.film) == str(asked.get("film")) else 0
                goals, more = _snapshots_ahead(session.learner, until), 0
                if not asked.get("train", True):
                    goals, more = [], len(goals)
                for k, film in enumerate(service.train(session, have, goals, more, paths, is_latest)):
                    stream.add({**film, "request": number, "follow": k == 0})
                    if stream.is_due:
                        yield stream.update(), progress_text(session)
            except Exception:
                yield stream.end({"request": number, "ended": True}), gr.skip()
                raise
            mark = {"request": number, "run": session.film, "ended": True, "frames": len(session.learner.moments)}
            yield stream.end(mark), gr.skip() if session.left else progress_text(session)

    def one_step(have: float, request: gr.Request, *values: Any) -> tuple[Any, Any]:
        with user_errors():
            session, new, paths = session_of(request, values)
            step = session.learner.step + 1
            if step > TOTAL_STEPS:
                raise ValueError(f"All {TOTAL_STEPS:,} steps are done: reset to begin again.")
            if len(session.learner.moments) >= MAX_MOMENTS:
                raise ValueError(f"{MAX_MOMENTS} moments are kept at most: press Train to go on, or reset.")
            more = [goal for goal in _snapshots_ahead(session.learner, None) if goal != step]
            films = list(service.train(session, 0 if new else known_frames(have), [step], len(more), paths))
            return film_update(*({**film, "follow": k == 0} for k, film in enumerate(films))), progress_text(session)

    def begin_again(request: gr.Request, *values: Any) -> tuple[Any, Any]:
        with user_errors():
            service.sessions.remove(str(request.session_hash))
            session, _, paths = session_of(request, values)
            return film_update(service.film(session, 0, len(snapshot_steps()), paths)), progress_text(session)

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    of_film: dict[str, Any] = {"outputs": [player, note], **quiet}
    running: dict[str, Any] = {**of_film, "concurrency_id": "training", "concurrency_limit": 64}
    # By default Gradio drops a press that comes while the one before is handled.
    each_time: dict[str, Any] = {"trigger_mode": "multiple", **running}
    asked.submit(train, [asked, *inputs], **each_time)
    build_answers(runs, asked, "training")
    start.click(None, js="() => playground.train()", api_visibility="private")
    halt.click(None, js="() => playground.requests.training.stop()", api_visibility="private")
    controls["paths"].input(None, js="() => playground.replay()", api_visibility="private")
    # The browser knows how many frames the page has, and fills that in.
    frames = "document.querySelector('#player-training .player').dataset.frames ?? 0"
    once.click(one_step, [have, *inputs], js=f"(have, ...rest) => [+({frames}), ...rest]", **each_time)
    reset.click(begin_again, inputs, **of_film)
    controls["world"].input(lambda: None, None, own, **{**quiet, "trigger_mode": "multiple"})
    changed = [each.change for name, each in controls.items() if name != "paths"] + [own.change]

    def leave(request: gr.Request) -> None:
        runs.leave(str(request.session_hash))
        service.sessions.remove(str(request.session_hash))

    return TrainTab(controls, own, changed, inputs, [player, note], prepare, leave)
