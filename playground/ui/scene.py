"""From settings to what the experiments take: the picture, the noise, the schedule and the network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from PIL import Image

from playground.core import experiments, images, likelihood, names
from playground.core.experiments import Forward, Independence, Prediction, TotalVariance, Walk
from playground.core.library import Library
from playground.core.likelihood import Bound, LearnedStep
from playground.core.memorising import Driven, side_by_side
from playground.core.names import FourNames
from playground.core.predictors import BlindPredictor, CopycatPredictor, IdealPredictor, NoisePredictor
from playground.core.samplers import Step
from playground.core.training_step import Executed, execute
from playground.ui.settings import ANY_LABEL, MAX_SEED, Settings

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
        return experiments.forward(self.x0, self.eps(), self.schedule)

    def walk(self) -> Walk:
        """The same way in small steps, at steps that cover the schedule evenly."""
        t = experiments.even_steps(self.schedule, WALK_FRAMES)
        return experiments.walk(self.x0, self.schedule, t, seed=self.settings.seed)

    def predictors(self) -> dict[str, NoisePredictor]:
        """Who can be asked for the noise, by the name on its badge."""
        model = self.settings.model
        return {
            "network": self.library.checkpoint(model).predictor,
            "ideal": self.library.ideal(model),
            "blind": BlindPredictor(),
            "copycat": CopycatPredictor(),
        }

    def steps(self, count: int = PREDICTION_FRAMES) -> list[int]:
        """So many steps that cover the schedule evenly, and the one that the settings name."""
        return sorted({*experiments.even_steps(self.schedule, count), self.settings.t})

    def prediction(self, who: str, t: list[int]) -> Prediction:
        """What one of the predictors finds in x_t, at the steps t. Raises ValueError for a name that is none."""
        known = self.predictors()
        if who not in known:
            raise ValueError(f"predictor must be one of {', '.join(known)}; it was {who!r}.")
        return experiments.prediction(known[who], self.x0, self.eps(), self.schedule, t)

    def other_noise(self) -> Any:
        """A noise that is in no picture here: that of the next seed."""
        return experiments.gaussian(self.pictures.shape, (self.settings.seed + 1) % (MAX_SEED + 1))

    def independence(self, found: Prediction) -> Independence:
        """What the found noise follows: the noise in x_t, or the other one."""
        return experiments.independence(found, self.other_noise())

    def total_variance(self, t: list[int]) -> dict[str, TotalVariance]:
        """What is found and missed at the steps t on average: by the ideal predictor over the pictures that it knows,
        by the network over some that it has never seen.
        """
        x0 = {"network": self.pictures.x0(self.pictures.testing), "ideal": self.pictures.x0(self.pictures.training)}
        known, seed = self.predictors(), self.settings.seed
        return {
            who: experiments.total_variance(known[who], pictures, self.schedule, t, draws=3, seed=seed)
            for who, pictures in x0.items()
        }

    def learned_step(self, found: Prediction) -> LearnedStep:
        """The reverse step that follows from the found noise, beside the true one."""
        before = likelihood.previous_level(self.schedule, found.t)
        return likelihood.learned_step(found.x_t, found.x0, found.eps_hat, found.level, before)

    def four_names(self, found: Prediction) -> FourNames:
        """The found noise as picture, velocity and score."""
        return names.four_names(found.x_t, found.eps_hat, found.level)

    def bound(self) -> Iterator[Bound]:
        """The bound on the likelihood of this picture that the network gives with this noise, while it is added up."""
        return likelihood.bound(self.predictors()["network"], self.x0, self.eps(), self.schedule)

    def training_step(self) -> list[Executed]:
        """The four lines of training, executed."""
        network = self.library.checkpoint(self.settings.model).predictor
        return execute(network, self.x0, self.schedule, self.settings.t, self.settings.seed)

    def reverse(self) -> Iterator[Step]:
        """Sampling from noise, step by step."""
        network = self.library.checkpoint(self.settings.model).predictor
        return experiments.reverse(network, self.pictures.shape, self.schedule, **self._sampling())

    def side_by_side(self) -> Iterator[dict[str, Driven]]:
        """The same, beside sampling that the ideal predictor drives, which knows the training pictures of the label."""
        training = self.pictures.x0(self.pictures.training)
        label = self._sampling()["label"]
        ideal = self.library.ideal(self.settings.model)
        if label is not None:
            ideal = IdealPredictor(training[self.pictures.labels[self.pictures.training] == label])
        network = self.library.checkpoint(self.settings.model).predictor
        return side_by_side({"network": network, "ideal": ideal}, training, self.schedule, **self._sampling())

    def _sampling(self) -> dict[str, Any]:
        s = self.settings
        label = None if s.label == ANY_LABEL else self.pictures.label_names.index(s.label)
        asked = {"count": s.count, "label": label, "guidance": s.guidance, "seed": s.seed}
        return {**asked, "sampler": s.sampler, "steps": s.steps, "eta": s.eta, "variance": s.variance}

    def covers(self, t: int) -> bool:
        """Whether the network was trained at this step's level."""
        return self.library.checkpoint(self.settings.model).predictor.covers(self.schedule.level(t))

    def covered(self) -> bool:
        """Whether the network was trained at every level of the schedule."""
        return self.covers(0) and self.covers(self.schedule.num_steps - 1)

    def clamp_note(self) -> str:
        """A sentence where the network was not, else nothing."""
        if self.covered():
            return ""
        return (
            "This schedule has noise levels that the network was never trained at; "
            "there it is asked at the nearest level that it knows."
        )

    def eps(self) -> Any:
        """The noise that the seed stands for."""
        return experiments.gaussian(self.pictures.shape, self.settings.seed)
