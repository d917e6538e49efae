"""diffusers' checkpoint format: which files a folder holds, and whether its network is supported. Reads no weights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers import DDPMScheduler, UNet2DModel

from playground.core.data.datasets import distinct_labels
from playground.core.diffusion.parameterizations import EPS_FROM
from playground.core.diffusion.schedules import NoiseSchedule, from_betas

WEIGHTS_FILE = "diffusion_pytorch_model.safetensors"

CONFIG_FILE, SCHEDULER_FILE = "config.json", "scheduler_config.json"

MAX_SIDE = 512

MAX_BLOCKS, MAX_DEPTH, MAX_WEIGHTS, MAX_NUMBER = 8, 24, 250_000_000, 10_000
"""Bounds of a network's config, which are checked before anything is built. The weights are those of 1 GB."""

BETA_KEYS = (
    "num_train_timesteps",
    "beta_start",
    "beta_end",
    "beta_schedule",
    "trained_betas",
    "rescale_betas_zero_snr",
)
"""The keys of a scheduler's config that define β_t; diffusers' other schedulers share them with DDPMScheduler."""

ASSUMED_SCHEDULE_NOTE = (
    "This network came without its schedule: it is taken to be diffusers' default, linear β from 0.0001 to 0.02 over "
    "1,000 steps, and the network to say ε."
)


class CheckpointError(ValueError):
    """A network cannot be loaded; the message gives the reason and what is expected."""


def validate_config(folder: Path, called: str) -> tuple[int, int, int]:
    """Check from the configs and the card in a folder that its network is supported. Its weights may be missing.

    Args:
        folder: the network's folder.
        called: what the network is called in error messages.

    Returns:
        (C, H, W) of the network's pictures.

    Raises:
        CheckpointError: if there is no network, or it is not supported.
    """
    config_file = weights_path(folder).with_name(CONFIG_FILE)
    if not config_file.is_file():
        raise CheckpointError(
            f"There is no network in {called}: unet/{CONFIG_FILE} and unet/{WEIGHTS_FILE} belong there."
        )
    with as_checkpoint_error(called):
        read_schedule(folder)
        return _fitting_shape(json.loads(config_file.read_text(encoding="utf-8")), label_names_of(read_card(folder)))


@contextmanager
def as_checkpoint_error(called: str) -> Iterator[None]:
    """Turn any exception that json, safetensors or diffusers raise on a damaged file into a CheckpointError.

    `called` is what the network is called in the message.
    """
    try:
        yield
    except CheckpointError:
        raise
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"The network in {called} cannot be read: {reason}") from error


def read_card(folder: Path) -> dict[str, Any]:
    """The content of the network's card.json, {} if there is none."""
    file = folder / "card.json"
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}


def label_names_of(card: dict[str, Any]) -> tuple[str, ...]:
    """The label names in a card, () if it has none."""
    return distinct_labels(map(str, card.get("label_names", ())))


def weights_path(folder: Path) -> Path:
    """The path of the weights in a network's folder: in unet/ if that exists, else in the folder itself."""
    return (folder / "unet" if (folder / "unet").is_dir() else folder) / WEIGHTS_FILE


def _fitting_shape(config: dict[str, Any], label_names: tuple[str, ...]) -> tuple[int, int, int]:
    """The (C, H, W) of the pictures of a UNet2DModel with this config.

    Raises CheckpointError if the network is not supported.
    """

    def expect(holds: bool, what: str) -> None:
        if not holds:
            raise CheckpointError(f"This network does not fit here: {what}.")

    kind = config.get("_class_name")
    expect(kind == "UNet2DModel", f"it is a {kind}, where a UNet2DModel, without text, is needed")
    _check_size(config)
    # On the meta device, which stores no values, a network costs nothing and shows whether its parts fit together.
    with torch.device("meta"):
        unet: Any = UNet2DModel.from_config(config)
    network = unet.config
    channels, out, size = network.in_channels, network.out_channels, network.sample_size
    expect(channels in (1, 3), f"its pictures have {channels} channels, where 1 (grey) or 3 (colour) are needed")
    expect(out in (channels, 2 * channels), f"it says {out} channels of {channels}, where as many or twice are needed")
    expect(size is not None, f"its {CONFIG_FILE} does not say how large its pictures are (sample_size)")
    height, width = (size, size) if isinstance(size, int) else size
    expect(max(height, width) <= MAX_SIDE, f"its pictures are {height} × {width}, where {MAX_SIDE} a side are allowed")
    expect(network.time_embedding_type != "fourier", "it was trained on another kind of noise, which only grows")
    expect(network.class_embed_type is None, "it asks for labels in a form that is not known here")
    embeddings = network.num_class_embeds
    expect(
        embeddings == (len(label_names) + 1 if label_names else None),
        f"it was trained with {embeddings or 'no'} labels, and its card.json names {len(label_names) or 'none'}, where "
        "one label fewer than it has is needed: the last means 'no label'",
    )
    shape = (channels, height, width)
    with torch.device("meta"):
        labels = None if embeddings is None else torch.zeros(1, dtype=torch.int64)
        output = unet(torch.zeros(1, *shape), torch.zeros(1), class_labels=labels).sample
    expect(
        output.shape == (1, out, height, width),
        f"to {height} × {width} pixels it answers with {tuple(output.shape[2:])}",
    )
    return shape


def _check_size(config: dict[str, Any]) -> None:
    """Raise CheckpointError for a UNet2DModel that would take long to build, from the numbers in its config alone."""
    channels, layers = config.get("block_out_channels", ()), config.get("layers_per_block", 1)
    lists = [value for value in config.values() if isinstance(value, list)]
    numbers = [each for value in config.values() for each in (value if isinstance(value, list) else [value])]
    if (
        any(len(values) > MAX_BLOCKS for values in lists)
        or any(isinstance(number, int | float) and not abs(number) <= MAX_NUMBER for number in numbers)
        or not all(isinstance(number, int) and number > 0 for number in (layers, *channels))
        # Each layer of the way down has two convolutions of 3 × 3.
        or 18 * layers * sum(width**2 for width in channels) > MAX_WEIGHTS
        or layers * len(channels) > MAX_DEPTH
    ):
        raise CheckpointError(
            f"This network does not fit here: at most {MAX_BLOCKS} blocks, {MAX_DEPTH} layers in all of them, "
            f"{MAX_WEIGHTS // 10**6} million weights and no number above {MAX_NUMBER:,} are allowed."
        )


def scheduler_path(folder: Path) -> Path | None:
    """The path of the scheduler's config in a network's folder, or None."""
    files = (folder / "scheduler" / SCHEDULER_FILE, folder / SCHEDULER_FILE)
    return next((file for file in files if file.is_file()), None)


def read_schedule(folder: Path) -> tuple[NoiseSchedule, str, str]:
    """Read a network's training schedule and its parameterization from its scheduler's config.

    Without a config, diffusers' default schedule and noise prediction ("epsilon") are assumed.

    Returns:
        The schedule, the prediction type (one of EPS_FROM), and a note on what was assumed, "" if nothing was.

    Raises:
        CheckpointError: if the scheduler has no β_t, or the prediction type is unknown.
    """
    file = scheduler_path(folder)
    if file is None:
        default: Any = DDPMScheduler()
        return from_betas("linear", default.betas), "epsilon", ASSUMED_SCHEDULE_NOTE
    config = json.loads(file.read_text(encoding="utf-8"))
    if "beta_schedule" not in config:
        raise CheckpointError(
            f"This network does not fit here: its {config.get('_class_name', 'scheduler')} has no β_t, where a "
            "schedule as of DDPM is needed, in which the picture fades while the noise grows."
        )
    # Older configs of diffusers have `predict_epsilon` instead.
    says = config.get("prediction_type", "epsilon" if config.get("predict_epsilon", True) else "sample")
    if says not in EPS_FROM:
        raise CheckpointError(f"This network does not fit here: it says {says}, where {', '.join(EPS_FROM)} are known.")
    scheduler: Any = DDPMScheduler(**{name: config[name] for name in BETA_KEYS if name in config})
    return from_betas(config["beta_schedule"], scheduler.betas), says, ""
