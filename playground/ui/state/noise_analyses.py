"""Analyses of *Predict noise* for a scene: what its views show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from playground.core.analysis import likelihood, noise_prediction, out_of_distribution
from playground.core.analysis.likelihood import ReverseStep, VariationalBound
from playground.core.analysis.noise_prediction import NoiseCorrelations, NoisePrediction, VarianceDecomposition
from playground.core.analysis.out_of_distribution import OODInput, OODResult, ReferenceErrors
from playground.core.analysis.parameterizations import Parameterizations, parameterize
from playground.core.analysis.training_step import ExecutedLine, execute
from playground.core.data import images
from playground.core.sampling import generate
from playground.ui.state.scene import Scene

OOD_DATASETS = ("digits", "emoji")
OOD_INDEX = -5  # of a held-out picture that can be recognized at 28 × 28 in grey
OOD_NOISE_SCALE = 0.5
HELD_OUT, HELD_OUT_NUMBERS = 100, 2**17
"""Most held-out pictures that are ranked, and most numbers that they may have together."""


def unrelated_noise(scene: Scene) -> Any:
    """Noise of the next seed, (C, H, W): independent of the noise in x_t."""
    return generate.seeded_noise(scene.pictures.shape, scene.other_seed())


def independence(scene: Scene, found: NoisePrediction) -> NoiseCorrelations:
    """Correlations of the predicted noise with the noise in x_t, and with an unrelated noise."""
    return noise_prediction.independence(found, unrelated_noise(scene))


def total_variance(scene: Scene, t: list[int]) -> dict[str, VarianceDecomposition]:
    """Law of total variance: explained and residual variance at the time steps `t`, by predictor.

    The ideal predictor is averaged over its training set, the network over held-out pictures or a substitute
    dataset.
    """
    x0 = {"network": scene.pictures.x0(scene.pictures.testing), "ideal": scene.pictures.x0(scene.pictures.training)}
    known, seed = scene.predictors(), scene.settings.seed
    return {
        who: noise_prediction.total_variance(known[who], x0[who], scene.schedule, t, draws=3, seed=seed)
        for who in averaging_sets(scene)
    }


def averaging_sets(scene: Scene) -> dict[str, str]:
    """The pictures that `total_variance` averages over, in words, by predictor."""
    if scene.pictures.is_substitute:
        return {"network": "over the substitute dataset"}
    return {"network": "over held-out pictures", "ideal": "over the training set"}


def reverse_step(scene: Scene, found: NoisePrediction) -> ReverseStep:
    """Reverse step that follows from the predicted noise, beside the true posterior."""
    before = likelihood.previous_level(scene.schedule, found.t)
    return likelihood.reverse_step(found.x_t, found.x0, found.eps_hat, found.level, before)


def ood_inputs(scene: Scene) -> dict[str, OODInput]:
    """Inputs in and out of distribution, by name.

    The first is a picture of the network's data; then come the user's own picture, if there is one, pictures of
    other datasets, a photograph, and noise of the wrong strength.
    """
    known = scene.pictures
    first = f"{known.name} (substitute)" if known.is_substitute else "its data"
    asked = {first: OODInput(f"№ {scene.settings.image:,}", known.x0(scene.settings.image))}
    if scene.own is not None:
        asked["yours"] = OODInput("your own picture", scene.x0)
    for name in (*OOD_DATASETS, "photo"):
        data = scene.library.shipped_pictures(name)
        if data.source == known.source:
            continue
        index = range(len(data))[OOD_INDEX if name in OOD_DATASETS else -1]
        what = data.names[index] if data.names else f"a {data.label_of(index)}"
        asked[name] = OODInput(what, known.preprocess(images.to_pil(data.x0(index))))
    return asked | {"noise": out_of_distribution.pure_noise_input(known.shape, OOD_NOISE_SCALE)}


def ood_results(scene: Scene, t: list[int]) -> dict[str, OODResult]:
    """Noise predictions of the network for these inputs, with the same noise, at the time steps `t`."""
    network, eps = scene.library.checkpoint(scene.settings.model).predictor, scene.eps()
    return {
        name: out_of_distribution.evaluate_ood(network, each, eps, scene.schedule, t)
        for name, each in ood_inputs(scene).items()
    }


def reference_errors(scene: Scene) -> ReferenceErrors | None:
    """Errors of the network on held-out pictures of its data; None where there are none."""
    return None if scene.pictures.is_substitute else scene.library.reference_errors(scene.settings.model)


def held_out_errors(scene: Scene, t: int) -> Any:
    """MSE of ε̂ on each of the first held-out pictures at step t, with the noise of the seed, (N,)."""
    network = scene.library.checkpoint(scene.settings.model).predictor
    return out_of_distribution.error_per_picture(network, held_out(scene), scene.eps(), scene.schedule, t)


def held_out(scene: Scene) -> Any:
    """First held-out pictures, (N, C, H, W): at most HELD_OUT, and fewer large ones.

    Of a substitute dataset all pictures count as held out.
    """
    most = min(HELD_OUT, max(1, HELD_OUT_NUMBERS // scene.x0.numel()))
    return scene.pictures.x0(scene.pictures.testing)[:most]


def parameterizations(scene: Scene, found: NoisePrediction) -> Parameterizations:
    """Parameterizations of the prediction: noise, picture, velocity and score."""
    return parameterize(found.x_t, found.eps_hat, found.level)


def variational_bound(scene: Scene) -> Iterator[VariationalBound]:
    """Variational bound on the picture's negative log-likelihood, given by the network with this noise.

    It yields the sums so far while the terms are added up.
    """
    return scene.library.run(scene.settings.model, likelihood.variational_bound, scene.x0, scene.eps(), scene.schedule)


def training_step(scene: Scene) -> list[ExecutedLine]:
    """Training step: its four lines, executed."""
    network = scene.library.checkpoint(scene.settings.model).predictor
    return execute(network, scene.x0, scene.schedule, scene.settings.t, scene.settings.seed)
