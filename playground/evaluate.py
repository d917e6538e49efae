"""Evaluate a network: held-out error, likelihood bound and sample quality, written into its card.

    python -m playground.evaluate weights/digits

Measures the error and the variational bound on held-out pictures; whether samples for a label match that label; whether
the network copies its training pictures; and how far the distribution of samples is from the real one. Also writes a
sheet of unselected samples, one row for each label.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from playground.command_line import in_range, replace_unprintable
from playground.core.analysis.likelihood import prior_bits, vlb_terms
from playground.core.analysis.noise_prediction import evenly_spaced_steps, mean_squared_error
from playground.core.analysis.sample_quality import frechet_distance, nearest, principal_components
from playground.core.data import images
from playground.core.data.datasets import ImageDataset, load_pictures
from playground.core.diffusion.ideal import IdealPredictor
from playground.core.diffusion.predictors import IdentityPredictor, NoisePredictor, ZeroPredictor
from playground.core.diffusion.schedules import linear
from playground.core.networks.checkpoints import Checkpoint, load_checkpoint
from playground.core.sampling.generate import generate
from playground.core.sampling.options import SamplingOptions

STEPS, GUIDANCE, COMPONENTS, BOUND_DRAWS = 50, 1.5, 64, 8


def held_out_error(checkpoint: Checkpoint, pictures: ImageDataset, seed: int) -> dict[str, Any]:
    """Noise prediction error E[(eps - eps_hat)²] per pixel on the held-out set, for four predictors.

    These are the network, the ideal predictor, and the zero and the identity baseline.

    Args:
        checkpoint: the network.
        pictures: its dataset.
        seed: seed of the noise.

    Returns:
        Each predictor's error, averaged over t and at 11 values of t, with how it was measured.
    """
    schedule = linear(1000)
    x0, labels = pictures.x0(pictures.testing), pictures.labels_at(pictures.testing)
    predictors: dict[str, NoisePredictor] = {
        "network": checkpoint.predictor,
        "ideal": IdealPredictor(pictures.x0(pictures.training)),
        "zero": ZeroPredictor(),
        "copycat": IdentityPredictor(),
    }
    t = evenly_spaced_steps(schedule, 11)
    errors: dict[str, Any] = {
        name: {
            "average": round(mean_squared_error(predictor, x0, labels, schedule, draws=4, seed=seed), 4),
            "over_t": [
                round(
                    mean_squared_error(predictor, x0, labels, schedule, t=torch.tensor([step]), draws=1, seed=seed), 4
                )
                for step in t
            ],
        }
        for name, predictor in predictors.items()
    }
    return {"schedule": "linear, T = 1000, t uniform", "pictures": len(x0), "seed": seed, "t": t, **errors}


def bits(checkpoint: Checkpoint, pictures: ImageDataset, seed: int, draws: int) -> dict[str, Any]:
    """Variational bound on the negative log-likelihood of held-out pictures, without a label, in bits per dimension.

    In each draw every step has one picture and fresh noise; L_0, by far the largest term, is taken over all pictures.

    Args:
        checkpoint: the network.
        pictures: its dataset.
        seed: seed of the noise and of the pictures' order.
        draws: number of draws, at least two.

    Returns:
        L_0, L_T, the bound for each variance in POSTERIOR_VARIANCES and its standard error, with how it was measured.
    """
    schedule, generator = linear(1000), torch.Generator().manual_seed(seed)
    x0 = pictures.x0(pictures.testing)

    def terms(index: Tensor, t: Tensor) -> dict[str, Tensor]:
        parts = []
        for part in torch.arange(len(t)).split(50):
            some = x0[index[part]]
            eps = torch.randn(some.shape, generator=generator)
            parts.append(vlb_terms(checkpoint.predictor, some, eps, schedule, t[part]))
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    decoder = terms(torch.arange(len(x0)), torch.zeros(len(x0), dtype=torch.int64))["fixed_large"]
    prior = prior_bits(x0, schedule)
    steps = torch.arange(1, schedule.num_steps)
    sums: dict[str, list[float]] = {}
    for _ in tqdm(range(draws), desc="bound", unit=" draws"):
        index = torch.randperm(len(steps), generator=generator) % len(x0)
        for name, found in terms(index, steps).items():
            sums.setdefault(name, []).append(found.sum().item())
    ends = decoder.mean().item() + prior.mean().item()
    return {
        "of": "L_0 + Σ L_{t-1} + L_T, bits a dimension, linear, T = 1000, no label",
        "pictures": len(x0),
        "draws": draws,
        "seed": seed,
        "L_0": round(decoder.mean().item(), 4),
        "L_T": float(f"{prior.mean().item():.2g}"),
        **{name: round(ends + sum(each) / draws, 4) for name, each in sums.items()},
        "standard_error": round(max(torch.tensor(each).std().item() for each in sums.values()) / draws**0.5, 4),
    }


def sampled(checkpoint: Checkpoint, labels: Sequence[int | None], each: int, seed: int) -> Tensor:
    """Sample pictures for each label by DDIM, with classifier-free guidance.

    Args:
        checkpoint: the network.
        labels: the labels; None samples without one.
        each: pictures for each label.
        seed: seed of the first label; each further label has the next seed.

    Returns:
        Pictures, (len(labels) * each, C, H, W), label by label.
    """
    pictures = []
    for k, label in enumerate(tqdm(labels, desc="sampling", unit=" labels")):
        options = SamplingOptions(steps=STEPS, num_images=each, label=label, guidance_scale=GUIDANCE, seed=seed + k)
        *_, step = generate(checkpoint.predictor, checkpoint.image_shape, linear(1000), options)
        pictures.append(step.x_next.float().cpu())
    return torch.cat(pictures)


def label_match(samples: Tensor, each: int, pictures: ImageDataset) -> dict[str, Any]:
    """Label accuracy by nearest neighbour: how often the nearest training picture has the label that was sampled.

    The same share for real held-out pictures is the ceiling.

    Args:
        samples: samples, (N, C, H, W): first those of the first label, then those of the next.
        each: samples for each label.
        pictures: the dataset.

    Returns:
        The share for samples and for held-out pictures, and the ratio of the two, None if the latter is 0.
    """
    labels = torch.arange(len(pictures.label_names)).repeat_interleave(each)
    training, known = pictures.x0(pictures.training), pictures.labels[pictures.training]

    def share(some: Tensor, right: Tensor) -> float:
        return round((known[nearest(some, training).index] == right).double().mean().item(), 4)

    ours = share(samples, labels)
    ceiling = share(pictures.x0(pictures.testing), pictures.labels[pictures.testing])
    return {"samples": ours, "held_out": ceiling, "share_of_ceiling": round(ours / ceiling, 4) if ceiling else None}


def copying(samples: Tensor, pictures: ImageDataset) -> dict[str, Any]:
    """Memorization check: the distance to the nearest training picture, root mean square per pixel.

    Args:
        samples: samples, (N, C, H, W).
        pictures: the dataset.

    Returns:
        The quartiles of that distance, for samples and for held-out pictures.
    """
    training = pictures.x0(pictures.training)
    quartiles = torch.tensor([0.25, 0.5, 0.75])

    def distances(some: Tensor) -> list[float]:
        a_pixel = nearest(some, training).distance / some[0].numel() ** 0.5
        return [round(value, 4) for value in a_pixel.quantile(quartiles).tolist()]

    return {"samples": distances(samples), "held_out": distances(pictures.x0(pictures.testing))}


def spread(samples: Tensor, pictures: ImageDataset) -> dict[str, Any]:
    """Squared Fréchet distance between sets of pictures, in the space of the training set's principal components.

    The distance from training to held-out pictures is the floor.

    Args:
        samples: samples, (N, C, H, W).
        pictures: the dataset.

    Returns:
        The distance from samples to held-out pictures, the floor, and the number of components.
    """
    training = pictures.x0(pictures.training)
    components = principal_components(training, COMPONENTS)
    points = [each.double().flatten(1) @ components for each in (samples, training, pictures.x0(pictures.testing))]
    return {
        "components": COMPONENTS,
        "samples_to_held_out": round(frechet_distance(points[0], points[2]), 3),
        "training_to_held_out": round(frechet_distance(points[1], points[2]), 3),
    }


def evaluate(folder: Path, each: int, seed: int) -> dict[str, Any]:
    """Make all measurements of a network, and write samples.png into its folder.

    samples.png has a row of up to ten samples for each label.

    Args:
        folder: the network's folder, with its dataset.
        each: samples for each label.
        seed: seed of the samples and of the measurements' noise.

    Returns:
        The measurements, for the entry "evaluation" of the model card.

    Raises:
        CheckpointError: if the network cannot be loaded.
        FileNotFoundError: if the folder has no dataset.
        ValueError: if the dataset is damaged.
    """
    checkpoint, pictures = load_checkpoint(folder), load_pictures(folder.resolve())
    asked: list[int | None] = [*range(len(pictures.label_names))] or [None]
    samples = sampled(checkpoint, asked, each, seed)
    rows = samples.unflatten(0, (len(asked), each))[:, :10].flatten(0, 1)
    images.tile(images.to_bytes(rows), min(each, 10)).save(folder / "samples.png", optimize=True)
    return {
        "sampler": f"ddim, {STEPS} steps, guidance {GUIDANCE}, linear, T = 1000",
        "samples": len(samples),
        "seed": seed,
        "held_out_error": held_out_error(checkpoint, pictures, seed),
        "bound": bits(checkpoint, pictures, seed, BOUND_DRAWS),
        **({"label_match": label_match(samples, each, pictures)} if pictures.label_names else {}),
        "copying": copying(samples, pictures),
        "spread": spread(samples, pictures),
    }


def main(argv: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m playground.evaluate", description="Measure a network.")
    parser.add_argument("folder", type=Path, help="a folder with a network, its pictures and its card")
    parser.add_argument("--each", type=in_range(int, 1), default=100, help="samples for each label")
    parser.add_argument("--seed", type=in_range(int, 0, 2**31 - 1), default=0)
    args = parser.parse_args(argv)
    replace_unprintable()
    try:
        found = evaluate(args.folder, args.each, args.seed)
    except (ValueError, FileNotFoundError) as error:
        parser.error(str(error))
    card_file = args.folder / "card.json"
    card = json.loads(card_file.read_text(encoding="utf-8"))
    card["evaluation"] = found
    card_file.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
