"""The model card: architecture, data, training history and measured quality of a network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from playground.core.analysis.noise_prediction import mean_squared_error
from playground.core.data.datasets import ImageDataset
from playground.core.diffusion.predictors import IdentityPredictor, NoisePredictor, ZeroPredictor
from playground.core.diffusion.schedules import linear
from playground.core.networks.checkpoint_format import weights_path
from playground.core.networks.checkpoints import load_checkpoint, sha256

# The entries of a starting network's card that the new card keeps.
LINEAGE = ("command", "pictures_seen", "sha256", "started_from")


def write_card(
    folder: Path, pictures: ImageDataset, command: str, pictures_seen: int, started_from: dict[str, Any] | None = None
) -> None:
    """Write the model card: measure the network in a folder on the held-out set, and save card.json there.

    Args:
        folder: the network's folder.
        pictures: the dataset that the network was trained on.
        command: the command line of the training run.
        pictures_seen: how many pictures this run has seen; the card adds those of `started_from`.
        started_from: the LINEAGE of the network that the run started from; None for a new network.
    """
    # An existing card describes the previous weights; only the label names are known of the present ones.
    labelled = {"label_names": list(pictures.label_names)}
    (folder / "card.json").write_text(json.dumps(labelled), encoding="utf-8")
    checkpoint, schedule = load_checkpoint(folder), linear(1000)
    predictor = checkpoint.predictor
    with FlopCounterMode(display=False) as counter:
        predictor(torch.zeros(1, *pictures.shape), schedule.level(0))
    draws = max(4, 2000 // pictures.num_held_out)  # more draws if there are few pictures, for a stable figure
    held_out = pictures.x0(pictures.testing), pictures.labels_at(pictures.testing)
    predictors: dict[str, NoisePredictor] = {
        "network": predictor,
        "zero": ZeroPredictor(),
        "copycat": IdentityPredictor(),
    }
    card = {
        "name": folder.name,
        "data": pictures.source,
        "licence": pictures.licence,
        "label_names": list(pictures.label_names),
        "command": command,
        "started_from": started_from,
        "pictures_seen": pictures_seen + (started_from["pictures_seen"] if started_from else 0),
        "parameters": checkpoint.parameters,
        "gflop_per_call": round(counter.get_total_flops() / 1e9, 3),
        "held_out_error": {
            **{
                name: round(mean_squared_error(each, *held_out, schedule, draws=draws), 4)
                for name, each in predictors.items()
            },
            "of": "mean of (eps - eps_hat)² over pixels, t even over the linear schedule, T = 1000; "
            f"{pictures.num_held_out:,} held-out pictures, {draws} draws of noise each, seed 0",
        },
        "sha256": sha256(weights_path(folder)),
    }
    (folder / "card.json").write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
