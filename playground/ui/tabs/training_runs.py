"""Runs of *Train*: one training per page session, advanced in turns, and its snapshots as a film."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr
from PIL import Image

from playground.core.inference.processors import single_thread_executor
from playground.core.toy2d.datasets import dataset_from_drawing, load_toy_dataset
from playground.core.toy2d.diagnostics import build_reference, evaluate_snapshot
from playground.core.toy2d.network import TrainingConfig
from playground.core.toy2d.trainer import TOTAL_STEPS, Trainer, snapshot_steps
from playground.render.films.film_format import Film, RunEnd
from playground.render.films.toy2d import toy2d_film
from playground.ui.components.player import film_update
from playground.ui.components.shared_controls import SharedControls
from playground.ui.server.film_stream import FilmStream
from playground.ui.server.run_limiter import RunLimiter, address_of
from playground.ui.server.run_requests import Runs, number_of
from playground.ui.state.links import training_query
from playground.ui.state.scene import fingerprint
from playground.ui.state.settings import TRAINING_FIELDS, Settings
from playground.ui.state.training_sessions import TrainingSession, TrainingSessionStore
from playground.ui.state.validation import integer

SLICE = 25
"""Training steps in one turn: few, so that no session waits long."""
MAX_SNAPSHOTS = 200
"""Most snapshots of a training that single steps may add to."""
MAX_FRAMES = MAX_SNAPSHOTS + len(snapshot_steps())
"""Most frames of its film: the training that follows adds its own."""


class TrainingService:
    """Training service: the trainings of all sessions, one each, and one worker thread that advances them in turns.

    The session that has waited longest is next.
    """

    def __init__(self, device: Any) -> None:
        self.device, self.sessions, self._worker = device, TrainingSessionStore(), single_thread_executor("training")

    def prepared(
        self, session_id: str, own: Image.Image | None, settings: Settings, address: str = ""
    ) -> tuple[TrainingSession, bool]:
        """Training session for these settings: the present one if it fits, else a new one.

        Args:
            session_id: id of the browser session.
            own: the user's drawing as dataset, or None.
            settings: settings of data and network.
            address: network address of the browser.

        Returns:
            The session, and whether it is new.
        """
        return self._worker.submit(self._prepared, session_id, own, settings, address).result()

    def _prepared(
        self, session_id: str, own: Image.Image | None, settings: Settings, address: str
    ) -> tuple[TrainingSession, bool]:
        names = (*TRAINING_FIELDS[:-1], "seed", "schedule", "T", "zero_terminal_snr")
        choices = (own and own.tobytes(), *(getattr(settings, name) for name in names))
        session = self.sessions.get(session_id)
        if session and session.choices == choices:
            return session, False
        config = TrainingConfig(
            load_toy_dataset(settings.toy_dataset) if own is None else dataset_from_drawing(own),
            settings.noise_schedule(),
            settings.prediction_type,
            settings.input_x_t,
            settings.input_t,
            settings.hidden_width,
            settings.hidden_layers,
            settings.lr,
            settings.seed,
        )
        made_from = {**training_query(settings), "world_drawing": fingerprint(own)}
        session = TrainingSession(choices, build_reference(config), Trainer(config, self.device), made_from, address)
        session.trainer.save_snapshot()
        self.sessions.put(session_id, session)
        return session, True

    def film(self, session: TrainingSession, index: int, total: int, toy_sampler: str) -> Film:
        """Film piece of a stored snapshot.

        Args:
            session: the training session.
            index: index of the snapshot.
            total: number of frames of the film.
            toy_sampler: sampler of the particles, one of TOY_SAMPLERS.

        Returns:
            The piece, with one frame.
        """
        return self._piece(session, session.film, index, total, toy_sampler)

    def _piece(self, session: TrainingSession, number: int, index: int, total: int, toy_sampler: str) -> Film:
        film = self._worker.submit(_film, session, index, total, toy_sampler).result()
        film["run"] = number
        if index == 0:
            film["settings"] = {**session.made_from, "toy_sampler": toy_sampler}
        return film

    def stored_film(self, session: TrainingSession, have: int, total: int, toy_sampler: str) -> Iterator[Film]:
        """Film pieces of the stored snapshots that the page lacks.

        Args:
            session: the training session.
            have: number of frames that the page has.
            total: number of frames of the film.
            toy_sampler: sampler of the particles, one of TOY_SAMPLERS.

        Yields:
            The pieces, with one frame each.
        """
        number = session.film
        for index in range(have, len(session.trainer.snapshots)):
            yield self._piece(session, number, index, total, toy_sampler)

    def train(
        self,
        session: TrainingSession,
        have: int,
        goals: list[int],
        more: int,
        toy_sampler: str,
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
            toy_sampler: sampler of the particles, one of TOY_SAMPLERS.
            goes_on: returns whether the training may go on.

        Yields:
            The pieces that the page lacks, then one for each goal.
        """
        trainer, run, number = session.trainer, session.halt(), session.film
        total = len(trainer.snapshots) + len(goals) + more
        session.going = True
        try:
            yield from self.stored_film(session, have, total, toy_sampler)
            for goal in goals:
                while trainer.step < goal and session.run == run and goes_on() and not session.left:
                    self._worker.submit(trainer.train_steps, min(SLICE, goal - trainer.step)).result()
                known_frames = len(trainer.snapshots)
                index = self._worker.submit(_store_snapshot, trainer).result()
                if session.left or index < known_frames:  # nothing was trained since the last snapshot
                    return
                yield self._piece(session, number, index, total, toy_sampler)
                if session.run != run or not goes_on():
                    return
        finally:
            if session.run == run:
                session.going = False


def _film(session: TrainingSession, index: int, total: int, toy_sampler: str) -> Film:
    snapshot = session.trainer.snapshots[index]
    seen = evaluate_snapshot(session.ground, snapshot, session.trainer.predictor(snapshot), toy_sampler)
    return toy2d_film(session.ground, seen, index, total)


def _snapshots_ahead(trainer: Trainer, until: Any) -> list[int]:
    """Training steps of the snapshots ahead: the usual ones, or those before `until` and `until` itself."""
    goals = [step for step in snapshot_steps() if step > trainer.step]
    if until is None:
        return goals
    last = integer("until", until, 0, TOTAL_STEPS)
    return sorted({*(step for step in goals if step < last), last} - set(range(trainer.step + 1)))


def _store_snapshot(trainer: Trainer) -> int:
    """Store a snapshot, unless there is one of this step; return its index."""
    if trainer.step != trainer.snapshots[-1].step:
        trainer.save_snapshot()
    return len(trainer.snapshots) - 1


class TrainingRuns:
    """The tab's trainings, of all sessions; its methods handle the page's events."""

    def __init__(self, shared_controls: SharedControls, controls: dict[str, Any], run_limiter: RunLimiter) -> None:
        """Prepare the handlers.

        Args:
            shared_controls: the controls beside all tabs.
            controls: the tab's controls by name of the setting.
            run_limiter: limits the trainings under way.
        """
        self._run_limiter = run_limiter
        self.runs, self._shared_controls, self._controls = Runs(), shared_controls, controls
        self._service = TrainingService(shared_controls.library.device)

    def _session_of(self, request: gr.Request, values: tuple[Any, ...]) -> tuple[TrainingSession, bool, str]:
        """Training session of the page, whether it is new, and the sampler of the particles."""
        common, mine, chosen = (
            values[: len(self._shared_controls.inputs)],
            values[len(self._shared_controls.inputs)],
            values[len(self._shared_controls.inputs) + 1 :],
        )
        settings = self._shared_controls.scene(*common, **dict(zip(self._controls, chosen, strict=True))).settings
        session, new = self._service.prepared(str(request.session_hash), mine, settings, address_of(request))
        return session, new, settings.toy_sampler

    @staticmethod
    def _progress_text(session: TrainingSession) -> str:
        """Progress of the training, in words."""
        step, own = (
            session.trainer.step,
            " The world is your drawing; choose another to leave it." if session.choices[0] else "",
        )
        if session.trainer.finished:
            return f"All {TOTAL_STEPS:,} steps are done. Drag both sliders, or press Train to begin again.{own}"
        if session.going:
            return f"Training: {step:,} of {TOTAL_STEPS:,} steps.{own}"
        return (
            f"{step:,} of {TOTAL_STEPS:,} steps are done.{own}" if step else f"Not trained yet: ε̂ is 0 everywhere.{own}"
        )

    def prepare(self, tab: str, request: gr.Request, *values: Any) -> tuple[Any, Any]:
        if tab != "training" or None in (
            *values[: len(self._shared_controls.controls)],
            *values[len(self._shared_controls.inputs) + 1 :],
        ):
            return gr.skip(), gr.skip()
        before = self._service.sessions.get(str(request.session_hash))
        session, new, toy_sampler = self._session_of(request, values)
        again = (
            "The settings of the network or its data have changed, so training starts again. "
            if before and before.trainer.step
            else ""
        )
        film = self._service.film(session, 0, len(snapshot_steps()), toy_sampler) if new else None
        return (film_update(film), again + self._progress_text(session)) if film else (gr.skip(), gr.skip())

    def train(self, request: gr.Request, asked: Any, *values: Any) -> Iterator[tuple[Any, Any]]:
        """Train, and send the frames that the page lacks of a film.

        `asked` names the film, {"film": its number, "frames": how many frames the page has}. With "again" a finished
        training starts from the first step. With "new_film" the snapshots are sent anew, for another sampler; with
        "train" false only those that there are.
        """
        session_id = str(request.session_hash)
        with self.runs.start(session_id, number := number_of(asked)) as is_latest:
            if is_latest is None or asked.get("stop"):
                yield gr.skip(), gr.skip()
                return
            stream = FilmStream(lambda: self.runs.lacking(session_id))
            try:
                session, _, toy_sampler = self._session_of(request, values)
                until = asked.get("until")
                if until is not None and session.trainer.step > integer(
                    "until", until, 0, TOTAL_STEPS
                ):  # training goes only forward
                    self._service.sessions.remove(session_id)
                    session, _, toy_sampler = self._session_of(request, values)
                if asked.get("again") and session.trainer.finished:
                    self._service.sessions.remove(session_id)
                    session, _, toy_sampler = self._session_of(request, values)
                if asked.get("new_film"):
                    session.halt()
                    session.new_film()
                have = (
                    integer("frames", asked.get("frames", 0), 0, MAX_FRAMES)
                    if str(session.film) == str(asked.get("film"))
                    else 0
                )
                goals, more = _snapshots_ahead(session.trainer, until), 0
                if not asked.get("train", True):
                    goals, more = [], len(goals)
                if self._run_limiter.is_full("training"):
                    yield gr.skip(), "This training starts as soon as one of the many trainings under way ends."
                with self._run_limiter.taken("training", request, is_latest):
                    for k, film in enumerate(self._service.train(session, have, goals, more, toy_sampler, is_latest)):
                        stream.add({**film, "request": number, "follow": k == 0})
                        if stream.is_due:
                            yield stream.update(), self._progress_text(session)
            except Exception:
                yield stream.end({"request": number, "ended": True}), gr.skip()
                raise
            frames = len(session.trainer.snapshots)
            mark = RunEnd(request=number, run=session.film, ended=True, frames=frames)
            yield stream.end(mark), gr.skip() if session.left else self._progress_text(session)

    def one_step(self, have: float, request: gr.Request, *values: Any) -> tuple[Any, Any]:
        session, new, toy_sampler = self._session_of(request, values)
        step = session.trainer.step + 1
        if step > TOTAL_STEPS:
            raise ValueError(f"All {TOTAL_STEPS:,} steps are done: reset to begin again.")
        if len(session.trainer.snapshots) >= MAX_SNAPSHOTS:
            raise ValueError(f"{MAX_SNAPSHOTS} snapshots are kept at most: press Train to go on, or reset.")
        more = [goal for goal in _snapshots_ahead(session.trainer, None) if goal != step]
        frames = 0 if new else integer("have", have, 0, MAX_FRAMES)
        films = list(self._service.train(session, frames, [step], len(more), toy_sampler))
        for k, film in enumerate(films):
            film["follow"] = k == 0
        return film_update(*films), self._progress_text(session)

    def begin_again(self, request: gr.Request, *values: Any) -> tuple[Any, Any]:
        self._service.sessions.remove(str(request.session_hash))
        session, _, toy_sampler = self._session_of(request, values)
        return film_update(self._service.film(session, 0, len(snapshot_steps()), toy_sampler)), self._progress_text(
            session
        )

    def leave(self, request: gr.Request) -> None:
        """Forget a session whose page was closed; its training ends."""
        self.runs.leave(str(request.session_hash))
        self._service.sessions.remove(str(request.session_hash))
