"""Runs of *Remove noise*: sampling for a page, frame by frame, and what is saved of it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from playground.core.data import images
from playground.render.export.npz import npz
from playground.render.films.film_format import RunEnd
from playground.render.films.sampling import image_grid
from playground.ui.components.player import film_update
from playground.ui.components.shared_controls import SharedControls
from playground.ui.export_script import script
from playground.ui.server.film_stream import FilmStream
from playground.ui.server.markdown_escape import plain
from playground.ui.server.run_limiter import RunLimiter
from playground.ui.server.run_requests import MAX_NUMBER, Runs, number_of
from playground.ui.server.zerogpu import ZERO, max_network_calls, on_zerogpu
from playground.ui.state import sampling
from playground.ui.state.scene import Scene
from playground.ui.state.settings import MAX_FILM
from playground.ui.state.validation import integer
from playground.ui.tabs.remove_noise_views import Pieces, SamplingView

MAX_UNASKED = 2**14
"""Most numbers of a picture for which sampling starts when the tab is opened, without a press of the button. On
ZeroGPU, where a run costs its visitor's quota, it never does."""


@dataclass(frozen=True)
class _Sampled:
    """Source of a film: the scene it was sampled from, and its number of frames after each piece so far."""

    scene: Scene
    ends: list[int]


def warnings_of(scene: Scene) -> str:
    """Warnings about this sampling; empty where there are none."""
    return f"{scene.warnings()} {scene.unused_picture()}".strip()


def waits_for_a_press(scene: Scene) -> bool:
    """Whether sampling starts only when the button is pressed, because it takes too long.

    That is so for large pictures, on a borrowed GPU, and in a solver comparison, whose reference takes up to 1,000
    steps.
    """
    return ZERO or scene.settings.sampling_view == "solvers" or scene.x0.numel() > MAX_UNASKED


class SamplingRuns:
    """The tab's runs, of all sessions; its methods handle the page's events."""

    def __init__(
        self,
        shared_controls: SharedControls,
        controls: dict[str, Any],
        views: dict[str, SamplingView],
        run_limiter: RunLimiter,
    ) -> None:
        """Prepare the handlers.

        Args:
            shared_controls: the controls beside all tabs.
            controls: the tab's controls by name of the setting.
            views: the views by name.
            run_limiter: limits the runs under way.
        """
        self.shared_controls, self.runs = shared_controls, Runs()
        self._controls, self._views, self._run_limiter = controls, views, run_limiter

        def film_pieces(scene: Scene) -> Pieces:
            return self._views[scene.settings.sampling_view].pieces(scene)

        def npz_file(scene: Scene, pieces: int) -> Iterator[bytes]:
            yield npz(sampling.runs(scene, pieces), scene.schedule)

        self._pieces = on_zerogpu(shared_controls.library, film_pieces, max_network_calls)
        self._npz = on_zerogpu(shared_controls.library, npz_file, max_network_calls)

    def scene(self, *values: Any) -> Scene:
        """Scene for the values of the shared controls, of the tab's controls, and the mask that was painted."""
        count = len(self.shared_controls.inputs)
        own = dict(zip(self._controls, values[count:-1], strict=True))
        return self.shared_controls.scene(*values[:count], painting=values[-1], **own)

    def as_script(self, *values: Any) -> str:
        """The run as a script, in Markdown."""
        try:
            return f"```python\n{script(self.scene(*values))}```"
        except ValueError as error:  # shown in place of the code: that of earlier settings would be misleading
            return plain(str(error))

    def stream_run(self, request: gr.Request, asked: Any, *values: Any) -> Iterator[tuple[Any, Any]]:
        """Sample; or send the frames that the page lacks of a film from the same run.

        For the latter `asked` has {"film": its number, "frames": how many frames the page has}.
        """
        session = str(request.session_hash)
        with self.runs.start(session, number := number_of(asked)) as is_latest:
            if is_latest is None or asked.get("stop"):
                yield gr.skip(), gr.skip()
                return
            film, have = (
                integer("film", asked.get("film", number), 1, number),
                integer("frames", asked.get("frames", 0), 0, MAX_FILM),
            )
            before = self.runs.kept(session, film) if film == self.runs.last_kept(session) else None
            if not before:  # a new run, or the page has lost all of a later film
                film, have = number, 0
            stream = FilmStream(lambda: self.runs.lacking(session))
            mark = RunEnd(request=number, run=film, ended=True, frames=0)
            try:
                if self._run_limiter.is_full("sampling"):
                    yield gr.skip(), "This run starts as soon as one of the many runs under way ends."
                with self._run_limiter.taken("sampling", request, is_latest):
                    known = before or _Sampled(self.scene(*values), [])
                    scene, ends = known.scene, known.ends
                    if asked.get("unasked") and waits_for_a_press(scene):
                        from_noise = (scene.settings.sampling_view, scene.settings.init) == ("trajectory", "noise")
                        x_T = images.data_url(image_grid(sampling.initial_noise(scene), 0)) if from_noise else ""
                        yield film_update({**mark, "x_T": x_T}), warnings_of(scene)
                        return
                    self.runs.keep(session, film, known)
                    settings = sampling.sampled_from(scene)
                    yield gr.skip(), warnings_of(scene)
                    films = 0
                    for piece in self._pieces(scene):
                        if not is_latest():
                            return
                        if isinstance(piece, str):
                            yield stream.update() if stream.is_due else gr.skip(), piece
                            continue
                        films += 1
                        end, stays = piece["start"] + len(piece["labels"]), piece.get("stays", False)
                        mark |= {"frames": end, "stays": stays}
                        if films > len(ends):
                            ends.append(end)
                        if end > have or stays:
                            if piece["start"] == 0:
                                piece["settings"] = settings
                            stream.add({**piece, "request": number, "run": film})
                            if stream.is_due:
                                yield stream.update(), gr.skip()
            except Exception:
                yield stream.end({"request": number, "ended": True}), gr.skip()
                raise
            yield stream.end(mark), gr.skip()

    def export_npz(self, request: gr.Request, film: float, frames: float) -> str:
        """Save the steps of a film's first `frames`: the same run is sampled once more."""
        session = str(request.session_hash)
        if not (shown := self.runs.kept(session, integer("film", film, 0, MAX_NUMBER))):
            raise ValueError("Nothing has been sampled yet: start a run first.")
        scene, pieces = shown.scene, bisect_right(shown.ends, integer("frames", frames, 0, MAX_FILM))
        name = f"steps-{scene.settings.model}-{scene.settings.sampling_view}.npz"
        with self._run_limiter.taken("sampling", request):
            [data] = self._npz(scene, max(1, pieces))
        path: str = save_bytes_to_cache(data, name, get_upload_folder())
        return path

    def leave(self, request: gr.Request) -> None:
        """Forget a session whose page was closed; its runs end."""
        self.runs.leave(str(request.session_hash))
