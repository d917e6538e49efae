"""Checkpoints: a folder in diffusers' format becomes a predictor with its schedule, labels and card."""

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
    label_names_of,
    read_card,
    read_schedule,
    validate_config,
    weights_path,
)
from playground.core.networks.hub import resolve


@dataclass(frozen=True)
class Checkpoint:
    """A trained network. `image_shape` is (C, H, W); `card` is what its card.json says, {} where it has none.

    `assumed` is a sentence for a person on what the folder does not say and had to be assumed, "" where it says all.
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
        """How many numbers were learned."""
        return sum(weight.numel() for weight in self.predictor.unet.parameters())


def choose_device(name: str | torch.device | None = None) -> torch.device:
    """The device of that name; without one CUDA where there is one, else MPS, else the CPU.

    Raises ValueError, in a sentence for a person, for a device that is not there.
    """
    there = ["cuda"] * torch.cuda.is_available() + ["mps"] * torch.backends.mps.is_available() + ["cpu"]
    try:
        return torch.empty(0, device=name or there[0]).device
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"There is no device {str(name)!r} here; there is {', '.join(there)}.") from error


def load_checkpoint(path_or_id: str | Path, device: str | torch.device | None = None) -> Checkpoint:
    """Load a UNet2DModel, with its schedule, and its card.json where there is one, from a folder or from the Hub.

    diffusers' layouts are unet/ and scheduler/, or config.json and scheduler_config.json in the folder itself, where
    the scheduler may be missing. Only safetensors are read: no pickle, no code. A network with labels takes its last
    embedding for 'no label', and its card says their names.

    The network runs in half precision on CUDA, where that is fast and its error is far below the network's own, and in
    float32 elsewhere. Raises CheckpointError where there is none, or it is damaged or not of this kind.
    """
    device = choose_device(device)
    return read_checkpoint(*resolve(path_or_id), device)


def read_checkpoint(name: str, folder: Path, device: torch.device) -> Checkpoint:
    """The same from a folder that is here, under a name of its own."""
    called = str(folder) if name == folder.name else name
    weights = weights_path(folder)
    shape = validate_config(folder, called)
    if not weights.is_file():
        raise CheckpointError(
            f"There is no network in {called} that can be read: unet/{WEIGHTS_FILE} belongs there, and weights in any "
            "other file, such as a pickle, are never opened."
        )
    with as_checkpoint_error(called):
        card = read_card(folder)
        if "sha256" in card and card["sha256"] != sha256(weights):
            raise CheckpointError(f"The weights in {called} are damaged: their sha256 is not the one in card.json.")
        schedule, says, assumed = read_schedule(folder)
        # accelerate's loader, diffusers' default, leaves tensors without storage where a weight is missing; this one
        # leaves random numbers there, and tells.
        unet, loading_info = UNet2DModel.from_pretrained(
            weights.parent, use_safetensors=True, low_cpu_mem_usage=False, output_loading_info=True
        )
        if loading_info["missing_keys"]:
            raise ValueError(f"{WEIGHTS_FILE} does not hold {loading_info['missing_keys'][0]}.")
    if not all(weight.isfinite().all() for weight in unet.parameters()):
        raise CheckpointError(f"The weights in {called} are damaged: some of them are not finite numbers.")

    unet = unet.to(device).eval().requires_grad_(False)
    if device.type == "cuda":
        unet = unet.half()
    label_names = label_names_of(card)
    null_label = len(label_names) if label_names else None
    predictor = UNetPredictor(unet, schedule, prediction_type=says, null_label=null_label)
    return Checkpoint(name, predictor, schedule, label_names, card, shape, assumed)


def sha256(path: Path) -> str:
    """The file's SHA-256, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
