"""diffusers' checkpoint format: which files a folder holds, and whether its network is supported. Reads no weights."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator
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

AUTOENCODERS = ("vae", "vqvae", "movq")
NETWORK_OF_LATENTS = (
    "The network in {} predicts the noise in latents, since an autoencoder lies beside it ({}/). One of pictures "
    "is needed here."
)

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
    if beside := next((name for name in AUTOENCODERS if (folder / name).is_dir()), ""):
        raise CheckpointError(NETWORK_OF_LATENTS.format(called, beside))
    with as_checkpoint_error(called):
        read_schedule(folder)
        return _fitting_shape(read_json(config_file), label_names_of(read_card(folder)))


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
    return read_json(file) if file.is_file() else {}


def read_json(file: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises CheckpointError for a byte-order mark, with which diffusers cannot read it."""
    data = file.read_bytes()
    if data.startswith(codecs.BOM_UTF8):
        raise CheckpointError(f"{file.name} begins with a byte-order mark: save it as UTF-8 without one.")
    return dict(json.loads(data))


def label_names_of(card: dict[str, Any]) -> tuple[str, ...]:
    """The label names in a card, () if it has none."""
    return distinct_labels(map(str, card.get("label_names", ())))


def weights_path(folder: Path) -> Path:
    """The path of the weights in a network's folder: in unet/ if that exists, else in the folder itself."""
    return (folder / "unet" if (folder / "unet").is_dir() else folder) / WEIGHTS_FILE


def explain_weights(files: Iterable[str], unet: str = "") -> str:
    """Why the weights among these files are not read; "" if they are.

    Args:
        files: paths of the network's files.
        unet: the folder of the weights, "unet/" or "".

    Returns:
        A sentence for users.
    """
    there, weights = set(files), unet + WEIGHTS_FILE
    shards = weights + ".index.json" in there
    if weights in there:
        # diffusers would read the shards, although only the single file is checked here.
        return f"It has its weights twice, in {WEIGHTS_FILE} and in shards: remove the older ones." if shards else ""
    if shards:
        return f"Its weights are in shards: save them as one file, {WEIGHTS_FILE} (save_pretrained, max_shard_size)."
    stem, _, suffix = WEIGHTS_FILE.partition(".")
    if variant := next((file for file in there if file.startswith(f"{unet}{stem}.") and file.endswith(suffix)), ""):
        return f"Its weights are a variant, {variant}: rename the file to {WEIGHTS_FILE}."
    return f"It has no {weights}, and weights in any other file, such as a pickle, are never opened."


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
    with torch.device("meta"), _as_misfit():
        unet: Any = UNet2DModel.from_config(config)
    network = unet.config
    channels, out, size = network.in_channels, network.out_channels, network.sample_size
    expect(channels in (1, 3), f"its pictures have {channels} channels, where 1 (grey) or 3 (colour) are needed")
    expect(out in (channels, 2 * channels), f"it says {out} channels of {channels}, where as many or twice are needed")
    expect(size is not None, f"its {CONFIG_FILE} does not say how large its pictures are (sample_size)")
    sides = [size, size] if isinstance(size, int) else size
    is_size = isinstance(sides, list) and len(sides) == 2 and all(type(side) is int and side > 0 for side in sides)
    expect(is_size, f"its sample_size is {size}, where a whole number, or height and width, are needed")
    height, width = sides
    expect(max(height, width) <= MAX_SIDE, f"its pictures are {height} × {width}, where {MAX_SIDE} a side are allowed")
    expect(network.time_embedding_type != "fourier", "it was trained on another kind of noise, which only grows")
    kind = network.time_embedding_type
    expect(kind == "positional", f"its time embedding is {kind}, where a positional one is needed")
    expect(network.class_embed_type is None, "it asks for labels in a form that is not known here")
    embeddings = network.num_class_embeds
    expect(
        embeddings == (len(label_names) + 1 if label_names else None),
        f"it was trained with {embeddings or 'no'} labels, and its card.json names {len(label_names) or 'none'}, where "
        "one label fewer than it has is needed: the last means 'no label'",
    )
    shape = (channels, height, width)
    factor = 2 ** (len(network.down_block_types) - 1)
    expect(
        height % factor == width % factor == 0,
        f"its pictures are {height} × {width}, and a network with {len(network.down_block_types)} levels needs "
        f"multiples of {factor}",
    )
    with torch.device("meta"), _as_misfit():
        labels = None if embeddings is None else torch.zeros(1, dtype=torch.int64)
        output = unet(torch.zeros(1, *shape), torch.zeros(1), class_labels=labels).sample
    expect(
        output.shape == (1, out, height, width),
        f"to {height} × {width} pixels it answers with {tuple(output.shape[2:])}",
    )
    return shape


@contextmanager
def _as_misfit() -> Iterator[None]:
    """Turn any exception of a network whose parts do not fit together into a CheckpointError."""
    try:
        yield
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(f"This network does not fit here: its parts do not fit together ({reason}).") from error


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
    folders = [folder / "scheduler", folder]
    if folder.name.startswith("checkpoint-"):  # as diffusers' training scripts leave them in the folder of a pipeline
        folders.append(folder.parent / "scheduler")
    files = (each / SCHEDULER_FILE for each in folders)
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
    config = read_json(file)
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
