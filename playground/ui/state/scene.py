"""Scene: settings resolved to picture, noise, schedule and network."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from typing import Any

from PIL import Image

from playground.core.analysis import (
    forward_process,
    noise_prediction,
)
from playground.core.analysis.forward_process import ForwardProcess, MarkovChainForward
from playground.core.analysis.noise_prediction import NoisePrediction
from playground.core.data.datasets import ANY_LABEL, SAME_LABEL
from playground.core.diffusion.predictors import IdentityPredictor, NoisePredictor, ZeroPredictor
from playground.core.model_registry import ModelRegistry
from playground.core.sampling import generate
from playground.core.sampling.inpainting import MASKS, UNCONDITIONED, Conditioning, mask_from_drawing
from playground.core.sampling.options import SamplingOptions
from playground.core.sampling.timesteps import num_steps_above
from playground.ui.state.links import sampling_query
from playground.ui.state.settings import MAX_SEED, Settings

PREDICTION_FRAMES = 51
WALK_FRAMES = 101
FEWEST_FRAMES = 6
MAX_LAYER = 2**21
"""Most bytes that a layer of a film over t may have: enough for 51 frames of 100 × 100 pixels in colour."""


def fingerprint(drawing: Image.Image | None) -> str:
    """Fingerprint of a drawing: twelve hexadecimal digits of its SHA-256; empty for None."""
    return "" if drawing is None else hashlib.sha256(drawing.tobytes()).hexdigest()[:12]


class Scene:
    """Scene: one user's settings resolved to picture, noise, schedule and network.

    `noise_analyses` and `sampling` have what is computed from it.

    Args:
        library: registry of the networks.
        settings: validated settings.
        own: a picture of the user's own, which replaces the numbered one.
        painting: what the user has painted over the picture, dark on white: the part to inpaint.
    """

    def __init__(
        self,
        library: ModelRegistry,
        settings: Settings,
        own: Image.Image | None = None,
        painting: Image.Image | None = None,
    ) -> None:
        self.library, self.settings, self.own, self.painting = library, settings, own, painting
        self.pictures = library.pictures(settings.model)
        self.schedule = settings.noise_schedule()
        self.x0 = self.pictures.x0(settings.image) if own is None else self.pictures.preprocess(own)

    def describe_image(self) -> str:
        """Description of the picture, and whether it is in the network's training set."""
        if self.own is not None:
            return "your own picture, as the network gets it"
        index, label = self.settings.image, self.pictures.label_of(self.settings.image)
        name = f", “{self.pictures.names[index]}”" if self.pictures.names else ""
        labelled = f", label “{label}”" if label else ""
        if self.pictures.is_substitute:
            last = len(self.pictures) - 1
            return (
                f"picture {index:,} of 0 to {last:,}{name}, from the substitute dataset {self.pictures.name}: "
                "the network came without its training set"
            )
        seen = "in the training set" if self.was_trained_on() else "held out: not in the training set"
        return f"picture {index:,} of 0 to {len(self.pictures) - 1:,}{name}{labelled}; {seen}"

    def was_trained_on(self) -> bool:
        """Whether the picture is in the network's training set."""
        return (
            self.own is None and not self.pictures.is_substitute and self.settings.image < self.pictures.training.stop
        )

    def forward_process(self) -> ForwardProcess:
        """Forward process in closed form, at every t."""
        return forward_process.forward_process(self.x0, self.eps(), self.schedule)

    def markov_chain(self) -> MarkovChainForward:
        """Forward process as a Markov chain, at time steps that cover the schedule evenly."""
        t = noise_prediction.evenly_spaced_steps(self.schedule, self._frames(WALK_FRAMES))
        return forward_process.simulate_markov_chain(self.x0, self.schedule, t, seed=self.settings.seed)

    def predictors(self) -> dict[str, NoisePredictor]:
        """Predictors by the name on their badge: network, ideal, blind and copycat.

        The ideal predictor is missing where the network came without its training pictures.
        """
        model = self.settings.model
        ideal = {} if self.pictures.is_substitute else {"ideal": self.library.ideal(model)}
        network = self.library.checkpoint(model).predictor
        return {"network": network, **ideal, "blind": ZeroPredictor(), "copycat": IdentityPredictor()}

    def steps(self, count: int = PREDICTION_FRAMES) -> list[int]:
        """Time steps for a film over t: `count` that cover the schedule evenly, and the t of the settings.

        There are fewer for large pictures.
        """
        return sorted({*noise_prediction.evenly_spaced_steps(self.schedule, self._frames(count)), self.settings.t})

    def _frames(self, count: int) -> int:
        return max(FEWEST_FRAMES, min(count, MAX_LAYER // self.x0.numel()))

    def prediction(self, who: str, t: list[int]) -> NoisePrediction:
        """Noise prediction of one predictor.

        Args:
            who: name of the predictor, as in `predictors`.
            t: time steps, K of them.

        Returns:
            The prediction and its errors at these time steps.

        Raises:
            ValueError: if there is no predictor of that name.
        """
        known = self.predictors()
        if who not in list(known):  # not `in known`: an endpoint may pass what cannot be hashed
            raise ValueError(f"predictor must be one of {', '.join(known)}; it was {who!r}.")
        return noise_prediction.predict_noise(known[who], self.x0, self.eps(), self.schedule, t)

    def other_seed(self) -> int:
        """The next seed; after MAX_SEED it is 0."""
        return (self.settings.seed + 1) % (MAX_SEED + 1)

    def labels(self) -> tuple[int | None, int | None]:
        """Indices of the label and of the label from T / 2 on; None for any label and for the same."""
        names = self.pictures.label_names
        label, second = self.settings.label, self.settings.second_label
        return None if label == ANY_LABEL else names.index(label), None if second == SAME_LABEL else names.index(second)

    def label_switch_alpha_bar(self) -> float:
        """ᾱ at about T / 2, from which on the second label is used."""
        return 1 / (1 + math.exp(-generate.label_switch_log_snr(self.schedule)))

    def count(self) -> int:
        """Number of pictures sampled: one in the views that show many panels of each."""
        return self.settings.num_images if self.settings.sampling_view == "trajectory" else 1

    def sampling_options(self) -> SamplingOptions:
        """Sampling options of the settings. A solver comparison has no controls for some, which keep their defaults."""
        s = self.settings
        label, second_label = self.labels()
        options = SamplingOptions(
            num_images=self.count(),
            label=label,
            second_label=second_label,
            guidance_scale=s.guidance_scale,
            seed=s.seed,
            timestep_spacing=s.timestep_spacing,
            karras_sigmas=s.karras_sigmas,
        )
        if s.sampling_view == "solvers":
            return options
        return replace(
            options,
            sampler=s.sampler,
            steps=s.steps,
            interpolate_to=self.other_seed() if s.init == "interpolation" else None,
            eta=s.eta,
            variance_type=s.variance_type,
            conditioning=self.conditioning(),
        )

    def conditioning(self) -> Conditioning:
        """Conditioning: the picture that sampling starts from (image-to-image), or keeps a part of (inpainting).

        Raises ValueError if the painted part is to be filled in and nothing, or everything, is painted over.
        """
        s = self.settings
        if s.inpaint_mask == "drawn" and self.painting is None:
            raise ValueError("Nothing is painted over yet: paint over the part of the picture that is to be filled in.")
        height, width = self.pictures.shape[1:]
        kept = None
        if s.inpaint_mask == "drawn" and self.painting is not None:
            kept = mask_from_drawing(self.painting, height, width)
        elif s.inpaint_mask != "none":
            kept = MASKS[s.inpaint_mask](height, width)
        begin = round(s.strength * (s.T - 1))
        skip = num_steps_above(self.schedule, s.steps, begin, s.timestep_spacing) if s.init == "image" else 0
        return UNCONDITIONED if kept is None and not skip else Conditioning(self.x0, skip, kept)

    def in_training_range(self, t: int) -> bool:
        """Whether the noise level of step t is in the network's training range."""
        return self.library.checkpoint(self.settings.model).predictor.in_training_range(self.schedule.level(t))

    def in_training_range_throughout(self) -> bool:
        """Whether all noise levels of the schedule are in the network's training range."""
        return self.in_training_range(0) and self.in_training_range(self.schedule.num_steps - 1)

    def warnings(self) -> str:
        """Warnings of this scene; empty where there are none.

        One is that the network's schedule had to be assumed, the other that noise levels are outside its training
        range.
        """
        assumed = self.library.checkpoint(self.settings.model).assumed
        if self.in_training_range_throughout():
            return assumed
        clamped = (
            "This schedule has noise levels outside the network's training range; "
            "there the network is evaluated at the nearest level of that range."
        )
        return f"{assumed} {clamped}".strip()

    def unused_picture(self) -> str:
        """Note that sampling does not use the user's own picture; empty where it does or there is none."""
        if self.own is None or "image" in sampling_query(self.settings):
            return ""
        return "Your picture is not used: choose it under “Start from”, or keep a part of it."

    def eps(self) -> Any:
        """Noise of the seed, (C, H, W)."""
        return generate.seeded_noise(self.pictures.shape, self.settings.seed)
