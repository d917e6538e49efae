"""Scene: settings resolved to picture, noise, schedule and network, and the analyses of them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any, TypeVar

from PIL import Image

from playground.core.analysis import (
    forward_process,
    likelihood,
    noise_prediction,
    out_of_distribution,
    parameterizations,
)
from playground.core.analysis.forward_process import ForwardProcess, MarkovChainForward
from playground.core.analysis.guidance_trace import GuidanceStep, generate_with_guidance_trace
from playground.core.analysis.likelihood import ReverseStep, VariationalBound
from playground.core.analysis.memorization import StepWithNeighbors, run_side_by_side
from playground.core.analysis.noise_prediction import NoiseCorrelations, NoisePrediction, VarianceDecomposition
from playground.core.analysis.out_of_distribution import OODInput, OODResult, ReferenceErrors
from playground.core.analysis.parameterizations import Parameterizations
from playground.core.analysis.solver_comparison import SolverRun, compare_solvers, reference_trajectory
from playground.core.analysis.step_decomposition import StepDecomposition, decompose_step
from playground.core.analysis.training_step import ExecutedLine, execute
from playground.core.data import images
from playground.core.diffusion.ideal import IdealPredictor
from playground.core.diffusion.predictors import IdentityPredictor, NoisePredictor, ZeroPredictor
from playground.core.model_registry import ModelRegistry
from playground.core.sampling import generate
from playground.core.sampling.inpainting import MASKS, UNCONDITIONED, Conditioning, mask_from_drawing
from playground.core.sampling.options import SamplingOptions
from playground.core.sampling.steps import Step
from playground.core.sampling.timesteps import num_steps_above
from playground.ui.state.links import sampling_query
from playground.ui.state.settings import ANY_LABEL, MAX_SEED, SAME_LABEL, Settings

T = TypeVar("T")

PREDICTION_FRAMES = 51
WALK_FRAMES = 101
OOD_DATASETS = ("digits", "emoji")
OOD_INDEX = -5  # of a held-out picture that can be recognized at 28 × 28 in grey
OOD_NOISE_SCALE = 0.5
HELD_OUT, HELD_OUT_NUMBERS = 100, 2**17
"""Most held-out pictures that are ranked, and most numbers that they may have together."""
FEWEST_FRAMES = 6
MAX_LAYER = 2**21
"""Most bytes that a layer of a film over t may have: enough for 51 frames of 100 × 100 pixels in colour."""


def fingerprint(drawing: Image.Image | None) -> str:
    """Fingerprint of a drawing: twelve hexadecimal digits of its SHA-256; empty for None."""
    return "" if drawing is None else hashlib.sha256(drawing.tobytes()).hexdigest()[:12]


class Scene:
    """Scene: one user's settings resolved to picture, noise, schedule and network, and the analyses of them.

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

    def unrelated_noise(self) -> Any:
        """Noise of the next seed, (C, H, W): independent of the noise in x_t."""
        return generate.seeded_noise(self.pictures.shape, self.other_seed())

    def other_seed(self) -> int:
        """The next seed; after MAX_SEED it is 0."""
        return (self.settings.seed + 1) % (MAX_SEED + 1)

    def independence(self, found: NoisePrediction) -> NoiseCorrelations:
        """Correlations of the predicted noise with the noise in x_t, and with an unrelated noise."""
        return noise_prediction.independence(found, self.unrelated_noise())

    def total_variance(self, t: list[int]) -> dict[str, VarianceDecomposition]:
        """Law of total variance: explained and residual variance at the time steps `t`, by predictor.

        The ideal predictor is averaged over its training set, the network over held-out pictures or a substitute
        dataset.
        """
        x0 = {"network": self.pictures.x0(self.pictures.testing), "ideal": self.pictures.x0(self.pictures.training)}
        known, seed = self.predictors(), self.settings.seed
        return {
            who: noise_prediction.total_variance(known[who], x0[who], self.schedule, t, draws=3, seed=seed)
            for who in self.averaging_sets()
        }

    def averaging_sets(self) -> dict[str, str]:
        """The pictures that `total_variance` averages over, in words, by predictor."""
        if self.pictures.is_substitute:
            return {"network": "over the substitute dataset"}
        return {"network": "over held-out pictures", "ideal": "over the training set"}

    def reverse_step(self, found: NoisePrediction) -> ReverseStep:
        """Reverse step that follows from the predicted noise, beside the true posterior."""
        before = likelihood.previous_level(self.schedule, found.t)
        return likelihood.reverse_step(found.x_t, found.x0, found.eps_hat, found.level, before)

    def ood_inputs(self) -> dict[str, OODInput]:
        """Inputs in and out of distribution, by name.

        The first is a picture of the network's data; then come the user's own picture, if there is one, pictures of
        other datasets, a photograph, and noise of the wrong strength.
        """
        known = self.pictures
        first = f"{known.name} (substitute)" if known.is_substitute else "its data"
        asked = {first: OODInput(f"№ {self.settings.image:,}", known.x0(self.settings.image))}
        if self.own is not None:
            asked["yours"] = OODInput("your own picture", self.x0)
        for name in (*OOD_DATASETS, "photo"):
            data = self.library.pictures(name)
            if data.source == known.source:
                continue
            index = range(len(data))[OOD_INDEX if name in OOD_DATASETS else -1]
            what = data.names[index] if data.names else f"a {data.label_names[int(data.labels[index])]}"
            asked[name] = OODInput(what, known.preprocess(images.to_pil(data.x0(index))))
        return asked | {"noise": out_of_distribution.pure_noise_input(known.shape, OOD_NOISE_SCALE)}

    def ood_results(self, t: list[int]) -> dict[str, OODResult]:
        """Noise predictions of the network for these inputs, with the same noise, at the time steps `t`."""
        network, eps = self.library.checkpoint(self.settings.model).predictor, self.eps()
        return {
            name: out_of_distribution.evaluate_ood(network, each, eps, self.schedule, t)
            for name, each in self.ood_inputs().items()
        }

    def reference_errors(self) -> ReferenceErrors | None:
        """Errors of the network on held-out pictures of its data; None where there are none."""
        return None if self.pictures.is_substitute else self.library.reference_errors(self.settings.model)

    def held_out_errors(self, t: int) -> Any:
        """MSE of ε̂ on each of the first held-out pictures at step t, with the noise of the seed, (N,)."""
        network = self.library.checkpoint(self.settings.model).predictor
        return out_of_distribution.error_per_picture(network, self.held_out(), self.eps(), self.schedule, t)

    def held_out(self) -> Any:
        """First held-out pictures, (N, C, H, W): at most HELD_OUT, and fewer large ones.

        Of a substitute dataset all pictures count as held out.
        """
        most = min(HELD_OUT, max(1, HELD_OUT_NUMBERS // self.x0.numel()))
        return self.pictures.x0(self.pictures.testing)[:most]

    def parameterizations(self, found: NoisePrediction) -> Parameterizations:
        """Parameterizations of the prediction: noise, picture, velocity and score."""
        return parameterizations.parameterize(found.x_t, found.eps_hat, found.level)

    def variational_bound(self) -> Iterator[VariationalBound]:
        """Variational bound on the picture's negative log-likelihood, given by the network with this noise.

        It yields the sums so far while the terms are added up.
        """
        return self.library.run(self.settings.model, likelihood.variational_bound, self.x0, self.eps(), self.schedule)

    def training_step(self) -> list[ExecutedLine]:
        """Training step: its four lines, executed."""
        network = self.library.checkpoint(self.settings.model).predictor
        return execute(network, self.x0, self.schedule, self.settings.t, self.settings.seed)

    def trajectory(self) -> Iterator[Step]:
        """Trajectory: sampling with the network, step by step."""
        return self._run(generate.generate, self.sampling_options())

    def initial_noise(self) -> Any:
        """Initial noise x_T of sampling that starts from noise, (B, C, H, W). It does not need the network."""
        return generate.seeded_noise((self.count(), *self.pictures.shape), self.settings.seed)

    def guidance_trace(self) -> Iterator[GuidanceStep]:
        """Trajectory, with the predictions with and without the label at each step."""
        return self._run(generate_with_guidance_trace, self.sampling_options())

    def single_steps(self) -> Iterator[StepDecomposition]:
        """Trajectory, with each step decomposed.

        Raises ValueError if a part of the picture is kept and, at the first step, for a sampler other than DDPM and
        DDIM.
        """
        if self.settings.inpaint_mask != "none":
            raise ValueError("inpaint_mask must be none to show a single step.")
        options = self.sampling_options()
        return (decompose_step(step, options) for step in self.trajectory())

    def runs(self, most: int | None = None) -> dict[str, Iterable[Step]]:
        """Sampled steps by run: the first `most` steps, or network calls in a solver comparison; None for all.

        A solver comparison has one run per sampler, under its name; any other view has one run, under an empty name.
        """
        if self.settings.sampling_view != "solvers":
            return {"": islice(self.trajectory(), most)}
        *_, runners = islice(self.solver_comparison(), most)
        return {runner.sampler: runner.taken for runner in runners}

    def sampled_from(self) -> dict[str, str]:
        """Settings that a sampling film depends on, as a link has them, and fingerprints of the drawings."""
        s = self.settings
        said = sampling_query(s)
        own = {"own": fingerprint(self.own)} if "image" in said else {}
        painting = {"painting": fingerprint(self.painting)} if said.get("inpaint_mask") == "drawn" else {}
        return {**said, **own, **painting}

    def solver_comparison(self) -> Iterator[list[SolverRun]]:
        """Solver comparison: several samplers from the same x_T, network call by network call."""
        s = self.settings
        return self._run(compare_solvers, s.solvers.split(","), s.nfe, self.sampling_options())

    def reference_trajectory(self) -> Iterator[Step]:
        """Reference trajectory of the solver comparison: DDIM in up to 1,000 steps."""
        return self._run(reference_trajectory, self.sampling_options())

    def network_beside_ideal(self) -> Iterator[dict[str, StepWithNeighbors]]:
        """Trajectories of the network and of the ideal predictor side by side, with the nearest training pictures.

        With a label the ideal predictor knows only the training pictures that have it.
        """
        training, options = self.pictures.x0(self.pictures.training), self.sampling_options()
        ideal = self.library.ideal(self.settings.model)
        if options.label is not None:
            ideal = IdealPredictor(training[self.pictures.labels[self.pictures.training] == options.label])
        beside = generate.generate(ideal, self.pictures.shape, self.schedule, options)
        return run_side_by_side({"network": self.trajectory(), "ideal": beside}, training)

    def _run(self, sampling_function: Callable[..., Iterator[T]], *args: Any) -> Iterator[T]:
        """A run with the network, on the device where the registry has it."""
        return self.library.run(self.settings.model, sampling_function, self.pictures.shape, self.schedule, *args)

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
