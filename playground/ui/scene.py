"""From settings to what the experiments take: the picture, the noise, the schedule and the network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from PIL import Image

from playground.core import experiments, images
from playground.core.experiments import Forward, Prediction, Walk
from playground.core.library import Library
from playground.core.samplers import Step
from playground.ui.settings import ANY_LABEL, Settings

PREDICTION_FRAMES = 51
WALK_FRAMES = 101


class Scene:
    """One person's settings, and the questions that can be asked of them.

    `own` is a picture of theirs, which then takes the place of the numbered one.
    """

    def __init__(self, library: Library, settings: Settings, own: Image.Image | None = None) -> None:
        self.library, self.settings, self.own = library, settings, own
        self.pictures = library.pictures(settings.model)
        self.schedule = settings.noise_schedule()
        self.x0 = self.pictures.x0(settings.picture) if own is None else images.fit(own, self.pictures.shape)

    def picture_in_words(self) -> str:
        """What the picture is, and whether the network was trained on it."""
        if self.own is not None:
            return "your own picture, as the network gets it"
        label = self.pictures.label_names[int(self.pictures.labels[self.settings.picture])]
        name = f", “{self.pictures.names[self.settings.picture]}”" if self.pictures.names else ""
        trained = self.settings.picture < self.pictures.training.stop
        seen = "one that the network was trained on" if trained else "held out: the network never saw it in training"
        return f"picture {self.settings.picture:,}{name}, labelled “{label}”; {seen}"

    def forward(self) -> Forward:
        """The picture on its way into noise, at every t."""
        return experiments.forward(self.x0, self._eps(), self.schedule)

    def walk(self) -> Walk:
        """The same way in small steps, at steps that cover the schedule evenly."""
        t = experiments.even_steps(self.schedule, WALK_FRAMES)
        return experiments.walk(self.x0, self.schedule, t, seed=self.settings.seed)

    def prediction(self, t: list[int] | None = None) -> Prediction:
        """What the network finds in x_t, at the given steps, or at some that cover the schedule evenly."""
        predictor = self.library.checkpoint(self.settings.model).predictor
        t = t or experiments.even_steps(self.schedule, PREDICTION_FRAMES)
        return experiments.prediction(predictor, self.x0, self._eps(), self.schedule, t)

    def reverse(self) -> Iterator[Step]:
        """Sampling from noise, step by step."""
        s = self.settings
        checkpoint = self.library.checkpoint(s.model)
        options: dict[str, Any] = {"sampler": s.sampler, "steps": s.steps, "eta": s.eta, "variance": s.variance}
        return experiments.reverse(
            checkpoint.predictor,
            self.pictures.shape,
            self.schedule,
            count=s.count,
            label=None if s.label == ANY_LABEL else self.pictures.label_names.index(s.label),
            guidance=s.guidance,
            seed=s.seed,
            **options,
        )

    def covered(self) -> bool:
        """Whether the network was trained at every level of the schedule."""
        predictor = self.library.checkpoint(self.settings.model).predictor
        return all(predictor.covers(self.schedule.level(t)) for t in (0, self.schedule.num_steps - 1))

    def clamp_note(self) -> str:
        """A sentence where the network was not, else nothing."""
        if self.covered():
            return ""
        return (
            "This schedule has noise levels that the network was never trained at; "
            "there it is asked at the nearest level that it knows."
        )

    def _eps(self) -> Any:
        return experiments.gaussian(self.pictures.shape, self.settings.seed)
