"""Sampling for a scene: its runs, and the settings that they depend on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from playground.core.analysis import solver_comparison as comparison
from playground.core.analysis.guidance_trace import GuidanceStep, generate_with_guidance_trace
from playground.core.analysis.memorization import StepWithNeighbors, run_side_by_side
from playground.core.analysis.solver_comparison import SolverRun
from playground.core.analysis.step_decomposition import StepDecomposition, decompose_step
from playground.core.diffusion.ideal import IdealPredictor
from playground.core.sampling import generate
from playground.core.sampling.steps import Step
from playground.ui.state.links import sampling_query
from playground.ui.state.scene import Scene, fingerprint

T = TypeVar("T")


def trajectory(scene: Scene) -> Iterator[Step]:
    """Trajectory: sampling with the network, step by step."""
    return _run(scene, generate.generate, scene.sampling_options())


def initial_noise(scene: Scene) -> Any:
    """Initial noise x_T of sampling that starts from noise, (B, C, H, W). It does not need the network."""
    return generate.seeded_noise((scene.count(), *scene.pictures.shape), scene.settings.seed)


def guidance_trace(scene: Scene) -> Iterator[GuidanceStep]:
    """Trajectory, with the predictions with and without the label at each step."""
    return _run(scene, generate_with_guidance_trace, scene.sampling_options())


def single_steps(scene: Scene) -> Iterator[StepDecomposition]:
    """Trajectory, with each step decomposed.

    Raises ValueError if a part of the picture is kept and, at the first step, for a sampler other than DDPM and
    DDIM.
    """
    if scene.settings.inpaint_mask != "none":
        raise ValueError("inpaint_mask must be none to show a single step.")
    options = scene.sampling_options()
    return (decompose_step(step, options) for step in trajectory(scene))


def runs(scene: Scene, most: int | None = None) -> dict[str, Iterable[Step]]:
    """Sampled steps by run: the first `most` steps, or network calls in a solver comparison; None for all.

    A solver comparison has one run per sampler, under its name; any other view has one run, under an empty name.
    """
    if scene.settings.sampling_view != "solvers":
        return {"": islice(trajectory(scene), most)}
    *_, runners = islice(solver_comparison(scene), most)
    return {runner.sampler: runner.taken for runner in runners}


def sampled_from(scene: Scene) -> dict[str, str]:
    """Settings that a sampling film depends on, as a link has them, and fingerprints of the drawings."""
    s = scene.settings
    said = sampling_query(s)
    own = {"own": fingerprint(scene.own)} if "image" in said else {}
    painting = {"painting": fingerprint(scene.painting)} if said.get("inpaint_mask") == "drawn" else {}
    return {**said, **own, **painting}


def solver_comparison(scene: Scene) -> Iterator[list[SolverRun]]:
    """Solver comparison: several samplers from the same x_T, network call by network call."""
    s = scene.settings
    return _run(scene, comparison.compare_solvers, s.solvers.split(","), s.nfe, scene.sampling_options())


def reference_trajectory(scene: Scene) -> Iterator[Step]:
    """Reference trajectory of the solver comparison: DDIM in up to 1,000 steps."""
    return _run(scene, comparison.reference_trajectory, scene.sampling_options())


def network_beside_ideal(scene: Scene) -> Iterator[dict[str, StepWithNeighbors]]:
    """Trajectories of the network and of the ideal predictor side by side, with the nearest training pictures.

    With a label the ideal predictor knows only the training pictures that have it.
    """
    training, options = scene.pictures.x0(scene.pictures.training), scene.sampling_options()
    ideal = scene.library.ideal(scene.settings.model)
    if options.label is not None:
        has_label = scene.pictures.labels[scene.pictures.training] == options.label
        if not has_label.any():
            name = scene.pictures.label_names[options.label]
            raise ValueError(f"There is no ideal predictor for the label {name}: no training picture has it.")
        ideal = IdealPredictor(training[has_label])
    beside = generate.generate(ideal, scene.pictures.shape, scene.schedule, options)
    return run_side_by_side({"network": trajectory(scene), "ideal": beside}, training)


def _run(scene: Scene, sampling_function: Callable[..., Iterator[T]], *args: Any) -> Iterator[T]:
    """A run with the network, on the device where the registry has it."""
    return scene.library.run(scene.settings.model, sampling_function, scene.pictures.shape, scene.schedule, *args)
