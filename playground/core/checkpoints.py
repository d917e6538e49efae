"""From a folder in diffusers' format to a network that predicts noise, with its schedule, labels and card."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import DDPMScheduler, UNet2DModel

from playground.core.predictors import UNetPredictor
from playground.core.schedules import NoiseSchedule, from_betas

WEIGHTS_FILE = "diffusion_pytorch_model.safetensors"


class CheckpointError(ValueError):
    """A network that cannot be loaded; the message says why and what is expected."""


@dataclass(frozen=True)
class Checkpoint:
    """A trained network. `image_shape` is (C, H, W); `card` is what its card.json says, {} where it has none."""

    name: str
    predictor: UNetPredictor
    schedule: NoiseSchedule
    label_names: tuple[str, ...]
    card: dict[str, Any]
    image_shape: tuple[int, int, int]


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
    """Load unet/ (or the folder itself), scheduler/ and card.json, where there is one, from a local folder.

    The network runs in half precision on CUDA, where that is fast and its error is far below the network's own, and in
    float32 elsewhere. Raises CheckpointError for a folder that is missing, damaged or not of this kind.
    """
    folder = Path(path_or_id)
    device = choose_device(device)
    unet_folder = folder / "unet" if (folder / "unet").is_dir() else folder
    if not (unet_folder / "config.json").is_file() or not (unet_folder / WEIGHTS_FILE).is_file():
        raise CheckpointError(
            f"There is no network in {folder}: unet/config.json and unet/{WEIGHTS_FILE} belong there."
        )
    try:
        card_file = folder / "card.json"
        card = json.loads(card_file.read_text(encoding="utf-8")) if card_file.is_file() else {}
        if card and card["sha256"] != sha256(unet_folder / WEIGHTS_FILE):
            raise CheckpointError(f"The weights in {folder} are damaged: their sha256 is not the one in card.json.")
        # accelerate's loader, diffusers' default, leaves tensors without storage where a weight is missing.
        unet = UNet2DModel.from_pretrained(unet_folder, use_safetensors=True, low_cpu_mem_usage=False)
        scheduler = DDPMScheduler.from_pretrained(folder, subfolder="scheduler" if unet_folder != folder else None)
    except CheckpointError:
        raise
    except Exception as error:  # whatever a damaged file makes json, safetensors or diffusers raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"The network in {folder} cannot be read: {reason}") from error
    if not all(weight.isfinite().all() for weight in unet.parameters()):
        raise CheckpointError(f"The weights in {folder} are damaged: some of them are not finite numbers.")

    schedule = from_betas(scheduler.config.beta_schedule, scheduler.betas)
    embeddings = unet.config.num_class_embeds  # the last of them means 'no label'
    null_label = None if embeddings is None else embeddings - 1
    unet = unet.to(device).eval().requires_grad_(False)
    if device.type == "cuda":
        unet = unet.half()
    predictor = UNetPredictor(unet, schedule, prediction_type=scheduler.config.prediction_type, null_label=null_label)
    size = unet.config.sample_size
    height, width = (size, size) if isinstance(size, int) else size
    label_names = tuple(card.get("label_names", map(str, range(null_label or 0))))
    return Checkpoint(folder.name, predictor, schedule, label_names, card, (unet.config.in_channels, height, width))


def sha256(file: Path) -> str:
    """The file's SHA-256, in hexadecimal."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
