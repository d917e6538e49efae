"""Checkpoints: load a folder in diffusers' format as a predictor with its schedule, labels and card."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DModel

from playground.core.diffusion.predictors import UNetPredictor
from playground.core.diffusion.schedules import NoiseSchedule
from playground.core.networks.checkpoint_format import (
    WEIGHTS_FILE,
    CheckpointError,
    as_checkpoint_error,
    explain_weights,
    label_names_of,
    read_card,
    read_schedule,
    validate_config,
    weights_path,
)
from playground.core.networks.hub import resolve


@dataclass(frozen=True)
class Checkpoint:
    """A trained network with its schedule, labels and card.

    Attributes:
        name: the network's name.
        predictor: the network as a noise predictor.
        schedule: the noise schedule that it was trained on.
        label_names: the name of each label, () for a network without labels.
        card: the content of its card.json, {} if there is none.
        image_shape: (C, H, W) of its pictures.
        assumed: a sentence for users on what the folder leaves out and had to be assumed, "" if nothing.
    """

    name: str
    predictor: UNetPredictor
    schedule: NoiseSchedule
    label_names: tuple[str, ...]
    card: dict[str, Any]
    image_shape: tuple[int, int, int]
    assumed: str = ""

    @property
    def parameters(self) -> int:
        """The number of learned parameters."""
        return sum(weight.numel() for weight in self.predictor.unet.parameters())


def choose_device(name: str | torch.device | None = None) -> torch.device:
    """The device of that name; by default CUDA if it is available, else MPS, else the CPU.

    Raises:
        ValueError: if the device does not exist. The message is written for users.
    """
    there = ["cuda"] * torch.cuda.is_available() + ["mps"] * torch.backends.mps.is_available() + ["cpu"]
    try:
        return torch.empty(0, device=name or there[0]).device
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"There is no device {str(name)!r} here; there is {', '.join(there)}.") from error


def load_checkpoint(path_or_id: str | Path, device: str | torch.device | None = None) -> Checkpoint:
    """Load a UNet2DModel, with its schedule and its card.json if there is one, from a folder or from the Hub.

    Both of diffusers' layouts are read: unet/ and scheduler/, or config.json and scheduler_config.json in the folder
    itself. The scheduler may be missing. Only safetensors are read: no pickle, no code. In a network with labels, the
    last embedding means 'no label', and the card lists the label names.

    The network runs in half precision on CUDA, where that is fast and its error is far below the network's own, and in
    float32 elsewhere.

    Args:
        path_or_id: a folder, or "owner/name" or the network's address on the Hub.
        device: where the network runs; None for the default of `choose_device`.

    Returns:
        The checkpoint.

    Raises:
        CheckpointError: if there is no network, it is damaged, or it is not supported.
        ValueError: if the device does not exist.
    """
    device = choose_device(device)
    return read_checkpoint(*resolve(path_or_id), device)


def read_checkpoint(name: str, folder: Path, device: torch.device) -> Checkpoint:
    """Load a checkpoint from a local folder; see `load_checkpoint`.

    Args:
        name: the checkpoint's name.
        folder: the network's folder.
        device: where the network runs.

    Returns:
        The checkpoint.

    Raises:
        CheckpointError: if there is no network, it is damaged, or it is not supported.
    """
    weights = weights_path(folder)
    shape = validate_config(folder, name)
    if problem := explain_weights(path.name for path in weights.parent.iterdir()):
        raise CheckpointError(f"The network in {name} cannot be read. {problem}")
    with as_checkpoint_error(name):
        card = read_card(folder)
        if "sha256" in card and card["sha256"] != sha256(weights):
            raise CheckpointError(f"The weights in {name} are damaged: their sha256 is not the one in card.json.")
        schedule, says, assumed = read_schedule(folder)
        # Where a weight is missing, accelerate's loader, diffusers' default, leaves a tensor without storage; this one
        # leaves random numbers and reports the key.
        unet, loading_info = UNet2DModel.from_pretrained(
            weights.parent, use_safetensors=True, low_cpu_mem_usage=False, output_loading_info=True
        )
        if loading_info["missing_keys"]:
            raise ValueError(f"{WEIGHTS_FILE} does not hold {loading_info['missing_keys'][0]}.")
    if not all(weight.isfinite().all() for weight in unet.parameters()):
        raise CheckpointError(f"The weights in {name} are damaged: some of them are not finite numbers.")

    unet = unet.to(device).eval().requires_grad_(False)
    if device.type == "cuda":
        unet = unet.half()
    label_names = label_names_of(card)
    null_label = len(label_names) if label_names else None
    predictor = UNetPredictor(unet, schedule, prediction_type=says, null_label=null_label)
    return Checkpoint(name, predictor, schedule, label_names, card, shape, assumed)


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
