"""The scene: settings resolved to picture, noise, schedule and network, and the analyses of them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator
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
from playground.core.sampling.samplers import Step
from playground.core.sampling.timesteps import num_steps_above
from playground.ui.state.links import sampling_query
from playground.ui.state.settings import ANY_LABEL, MAX_SEED, SAME_LABEL, Settings

T = TypeVar("T")

PREDICTION_FRAMES = 51
WALK_FRAMES = 101
OOD_DATASETS = ("digits", "emoji")
OOD_INDEX = -5  # which of their pictures: held out, and bold enough to be made out at 28 × 28 in grey
OOD_NOISE_SCALE = 0.5
HELD_OUT, HELD_OUT_NUMBERS = 100, 2**17
"""How many held-out pictures are ranked at most, and how many numbers they may have together."""
FEWEST_FRAMES = 6
MAX_LAYER = 2**21
"""How many bytes a layer of a film may have that comes all at once: 51 frames of 100 × 100 pixels in colour."""


def fingerprint(drawing: Image.Image | None) -> str:
    """Twelve characters that tell one picture from another; empty for none."""
    return "" if drawing is None else hashlib.sha256(drawing.tobytes()).hexdigest()[:12]


class Scene:
    """One person's settings, and the questions that can be asked of them.

    `own` is a picture of theirs, which then takes the place of the numbered one; in `painting`, what they have painted
    over of it.
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
        self.x0 = self.pictures.x0(settings.picture) if own is None else self.pictures.preprocess(own)

    def describe_image(self) -> str:
        """What the picture is, and whether the network was trained on it."""
        if self.own is not None:
            return "your own picture, as the network gets it"
        index, label = self.settings.picture, self.pictures.label_of(self.settings.picture)
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
        """Whether the picture is in the training set of the network."""
        return (
            self.own is None and not self.pictures.is_substitute and self.settings.picture < self.pictures.training.stop
        )

    def forward_process(self) -> ForwardProcess:
        """The picture on its way into noise, at every t."""
        return forward_process.forward_process(self.x0, self.eps(), self.schedule)

    def markov_chain(self) -> MarkovChainForward:
        """The same way in small steps, at steps that cover the schedule evenly."""
        t = noise_prediction.evenly_spaced_steps(self.schedule, self._frames(WALK_FRAMES))
        return forward_process.simulate_markov_chain(self.x0, self.schedule, t, seed=self.settings.seed)

    def predictors(self) -> dict[str, NoisePredictor]:
        """Who can be asked for the noise, by the name on its badge."""
        model = self.settings.model
        ideal = {} if self.pictures.is_substitute else {"ideal": self.library.ideal(model)}
        network = self.library.checkpoint(model).predictor
        return {"network": network, **ideal, "blind": ZeroPredictor(), "copycat": IdentityPredictor()}

    def steps(self, count: int = PREDICTION_FRAMES) -> list[int]:
        """So many steps that cover the schedule evenly, and the one that the settings name; of large pictures fewer."""
        return sorted({*noise_prediction.evenly_spaced_steps(self.schedule, self._frames(count)), self.settings.t})

    def _frames(self, count: int) -> int:
        return max(FEWEST_FRAMES, min(count, MAX_LAYER // self.x0.numel()))

    def prediction(self, who: str, t: list[int]) -> NoisePrediction:
        """What one of the predictors finds in x_t, at the steps t. Raises ValueError for a name that is none."""
        known = self.predictors()
        if who not in list(known):  # which may be anything
            raise ValueError(f"predictor must be one of {', '.join(known)}; it was {who!r}.")
        return noise_prediction.predict_noise(known[who], self.x0, self.eps(), self.schedule, t)

    def unrelated_noise(self) -> Any:
        """A noise that is in no picture here: that of the next seed."""
        return generate.seeded_noise(self.pictures.shape, self.other_seed())

    def other_seed(self) -> int:
        """The next one."""
        return (self.settings.seed + 1) % (MAX_SEED + 1)

    def independence(self, found: NoisePrediction) -> NoiseCorrelations:
        """What the found noise follows: the noise in x_t, or the other one."""
        return noise_prediction.independence(found, self.unrelated_noise())

    def total_variance(self, t: list[int]) -> dict[str, VarianceDecomposition]:
        """What is found and missed at the steps t on average: by the ideal predictor over the pictures that it knows,
        by the network over some that it has never seen, or that stand in.
        """
        x0 = {"network": self.pictures.x0(self.pictures.testing), "ideal": self.pictures.x0(self.pictures.training)}
        known, seed = self.predictors(), self.settings.seed
        return {
            who: noise_prediction.total_variance(known[who], x0[who], self.schedule, t, draws=3, seed=seed)
            for who in self.averaging_sets()
        }

    def averaging_sets(self) -> dict[str, str]:
        """Over which pictures each of those means is taken, in words."""
        if self.pictures.is_substitute:
            return {"network": "over the substitute dataset"}
        return {"network": "over held-out pictures", "ideal": "over the training set"}

    def reverse_step(self, found: NoisePrediction) -> ReverseStep:
        """The reverse step that follows from the found noise, beside the true one."""
        before = likelihood.previous_level(self.schedule, found.t)
        return likelihood.reverse_step(found.x_t, found.x0, found.eps_hat, found.level, before)

    def ood_inputs(self) -> dict[str, OODInput]:
        """What the network can be asked about that it knows, and that it does not, by the name of its column."""
        known = self.pictures
        first = f"{known.name} (substitute)" if known.is_substitute else "its data"
        asked = {first: OODInput(f"№ {self.settings.picture:,}", known.x0(self.settings.picture))}
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
        """What the network says of each of them, with the same noise, at the steps t."""
        network, eps = self.library.checkpoint(self.settings.model).predictor, self.eps()
        return {
            name: out_of_distribution.evaluate_ood(network, each, eps, self.schedule, t)
            for name, each in self.ood_inputs().items()
        }

    def reference_errors(self) -> ReferenceErrors | None:
        """How far the network errs on pictures of its data that it has never seen; None where there are none."""
        return None if self.pictures.is_substitute else self.library.reference_errors(self.settings.model)

    def held_out_errors(self, t: int) -> Any:
        """The error on each of the first held-out pictures at step t, with the noise of the seed."""
        network = self.library.checkpoint(self.settings.model).predictor
        return out_of_distribution.error_per_picture(network, self.held_out(), self.eps(), self.schedule, t)

    def held_out(self) -> Any:
        """The first pictures of the network's data that it was not trained on; none where these are unknown."""
        most = min(HELD_OUT, max(1, HELD_OUT_NUMBERS // self.x0.numel()))
        return self.pictures.x0(self.pictures.testing)[:most]

    def parameterizations(self, found: NoisePrediction) -> Parameterizations:
        """The found noise as picture, velocity and score."""
        return parameterizations.four_names(found.x_t, found.eps_hat, found.level)

    def variational_bound(self) -> Iterator[VariationalBound]:
        """The bound on the likelihood of this picture that the network gives with this noise, while it is added up."""
        return self.library.run(self.settings.model, likelihood.variational_bound, self.x0, self.eps(), self.schedule)

    def training_step(self) -> list[ExecutedLine]:
        """The four lines of training, executed."""
        network = self.library.checkpoint(self.settings.model).predictor
        return execute(network, self.x0, self.schedule, self.settings.t, self.settings.seed)

    def trajectory(self) -> Iterator[Step]:
        """Sampling from noise, step by step."""
        return self._run(generate.generate, **self._sampling_options())

    def initial_noise(self) -> Any:
        """The x_T that sampling from noise starts with; the network is not needed for it."""
        return generate.seeded_noise((self.count(), *self.pictures.shape), self.settings.seed)

    def guidance_trace(self) -> Iterator[GuidanceStep]:
        """The same, and in each step what is found with the label and what without."""
        return self._run(generate_with_guidance_trace, **self._sampling_options())

    def single_steps(self) -> Iterator[StepDecomposition]:
        """The same, each step taken apart. Raises ValueError for what cannot be."""
        s = self.settings
        if s.keep != "nothing":
            raise ValueError("keep must be nothing to show a single step.")
        return (decompose_step(step, s.sampler, eta=s.eta, variance=s.variance) for step in self.trajectory())

    def runs(self, most: int | None = None) -> dict[str, Iterable[Step]]:
        """The first `most` steps of what is watched: of one run, or by name of those in the race."""
        if self.settings.view != "race":
            return {"": islice(self.trajectory(), most)}
        *_, runners = islice(self.solver_comparison(), most)
        return {runner.sampler: runner.taken for runner in runners}

    def sampled_from(self) -> dict[str, str]:
        """The settings that a film of sampling was made from, as a link has them, and fingerprints of drawings."""
        s = self.settings
        said = sampling_query(s)
        own = {"own": fingerprint(self.own)} if "picture" in said else {}
        painting = {"painting": fingerprint(self.painting)} if said.get("keep") == "painted" else {}
        return {**said, **own, **painting}

    def solver_comparison(self) -> Iterator[list[SolverRun]]:
        """Several solvers from one noise, call by call."""
        s = self.settings
        spaced = {"spacing": s.spacing, "karras": s.karras}
        return self._run(compare_solvers, s.solvers.split(","), s.calls, **spaced, **self._label_options())

    def reference_trajectory(self) -> Iterator[Step]:
        """The long run that they are compared with."""
        return self._run(reference_trajectory, **self._label_options())

    def network_beside_ideal(self) -> Iterator[dict[str, StepWithNeighbors]]:
        """The same, beside sampling that the ideal predictor drives, which knows the training pictures of the label."""
        training, asked = self.pictures.x0(self.pictures.training), self._sampling_options()
        label = asked["label"]
        ideal = self.library.ideal(self.settings.model)
        if label is not None:
            ideal = IdealPredictor(training[self.pictures.labels[self.pictures.training] == label])
        beside = generate.generate(ideal, self.pictures.shape, self.schedule, **asked)
        return run_side_by_side({"network": self.trajectory(), "ideal": beside}, training)

    def _run(self, way: Callable[..., Iterator[T]], *args: Any, **options: Any) -> Iterator[T]:
        """A run that the network drives, wherever the library has it."""
        return self.library.run(self.settings.model, way, self.pictures.shape, self.schedule, *args, **options)

    def labels(self) -> tuple[int | None, int | None]:
        """Which label is asked for, and which from half way on; None for any and for the same."""
        names = self.pictures.label_names
        label, then = self.settings.label, self.settings.then
        return None if label == ANY_LABEL else names.index(label), None if then == SAME_LABEL else names.index(then)

    def label_switch_log_snr(self) -> float:
        """ᾱ about T / 2, from which on the label is another."""
        return 1 / (1 + math.exp(-generate.label_switch_log_snr(self.schedule)))

    def count(self) -> int:
        """How many pictures are sampled: one where each would make a large film."""
        return 1 if self.settings.view in ("slow", "guidance") else self.settings.count

    def _label_options(self) -> dict[str, Any]:
        """Which pictures are asked for."""
        s = self.settings
        label, then = self.labels()
        return {"label": label, "then": then, "guidance": s.guidance, "seed": s.seed}

    def _sampling_options(self) -> dict[str, Any]:
        """How they are sampled, too."""
        s = self.settings
        way = {name: getattr(s, name) for name in ("sampler", "steps", "eta", "variance", "spacing", "karras")}
        walk_to = self.other_seed() if s.start == "walk" else None
        return {**self._label_options(), **way, "count": self.count(), "walk_to": walk_to, "given": self.conditioning()}

    def conditioning(self) -> Conditioning:
        """The picture that sampling starts from, or keeps a part of."""
        s = self.settings
        if s.keep == "painted" and self.painting is None:
            raise ValueError("Nothing is painted over yet: paint over the part of the picture that is to be filled in.")
        height, width = self.pictures.shape[1:]
        kept = None
        if s.keep == "painted" and self.painting is not None:
            kept = mask_from_drawing(self.painting, height, width)
        elif s.keep != "nothing":
            kept = MASKS[s.keep](height, width)
        begin = round(s.start_at * (s.T - 1))
        skip = num_steps_above(self.schedule, s.steps, begin, s.spacing) if s.start == "picture" else 0
        return UNCONDITIONED if kept is None and not skip else Conditioning(self.x0, skip, kept)

    def in_training_range(self, t: int) -> bool:
        """Whether the network was trained at this step's level."""
        return self.library.checkpoint(self.settings.model).predictor.in_training_range(self.schedule.level(t))

    def in_training_range_throughout(self) -> bool:
        """Whether the network was trained at every level of the schedule."""
        return self.in_training_range(0) and self.in_training_range(self.schedule.num_steps - 1)

    def warnings(self) -> str:
        """A sentence where the network was not, and one where its schedule had to be assumed; else nothing."""
        assumed = self.library.checkpoint(self.settings.model).assumed
        if self.in_training_range_throughout():
            return assumed
        clamped = (
            "This schedule has noise levels outside the network's training range; "
            "there the network is evaluated at the nearest level of that range."
        )
        return f"{assumed} {clamped}".strip()

    def unused_picture(self) -> str:
        """A sentence for a picture of a person's own that sampling does not use; else nothing."""
        if self.own is None or "picture" in sampling_query(self.settings):
            return ""
        return "Your picture is not used: choose it under “Start from”, or keep a part of it."

    def eps(self) -> Any:
        """The noise that the seed stands for."""
        return generate.seeded_noise(self.pictures.shape, self.settings.seed)
