"""The UNet to train: a new one for a dataset, or a trained one to continue from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diffusers import UNet2DModel

from playground.core.data.datasets import ImageDataset
from playground.core.networks.checkpoint_format import CheckpointError
from playground.core.networks.checkpoints import load_checkpoint
from playground.training.model_card import LINEAGE


def new_network(pictures: ImageDataset, channels: list[int], layers: int) -> Any:
    """Create a UNet for a dataset: one level for each channel count, with attention in the last.

    If the dataset has labels, the network has one label embedding more than these, for 'no label'.

    Args:
        pictures: the dataset.
        channels: channels of each level, multiples of 8, the last a multiple of 32.
        layers: residual blocks in each level.

    Returns:
        A UNet2DModel with random weights.

    Raises:
        ValueError: if the pictures cannot be halved from level to level, or a channel count is not such a multiple.
    """
    plain = len(channels) - 1
    if pictures.shape[1] % 2**plain:
        raise ValueError(
            f"A network with {len(channels)} levels halves a picture {plain} times; {pictures.shape[1]} pixels a side "
            f"cannot be: they must be a multiple of {2**plain}."
        )
    if any(count % 8 for count in channels) or channels[-1] % 32:
        raise ValueError(f"Channels must be multiples of 8, the last of 32; they were {', '.join(map(str, channels))}.")
    return UNet2DModel(
        sample_size=pictures.shape[1],
        in_channels=pictures.shape[0],
        out_channels=pictures.shape[0],
        block_out_channels=tuple(channels),
        layers_per_block=layers,
        down_block_types=("DownBlock2D",) * plain + ("AttnDownBlock2D",),
        up_block_types=("AttnUpBlock2D",) + ("UpBlock2D",) * plain,
        num_class_embeds=len(pictures.label_names) + 1 if pictures.label_names else None,
        attention_head_dim=32,
        norm_num_groups=8,
        resnet_time_scale_shift="scale_shift",
    )


def load_network(folder: Path, pictures: ImageDataset) -> tuple[Any, dict[str, Any]]:
    """Load a trained network, to train it further.

    Args:
        folder: the network's folder.
        pictures: the dataset to train it on.

    Returns:
        The network in training mode, and the LINEAGE entries of its card.

    Raises:
        CheckpointError: if the network cannot be loaded, or the dataset has another shape or other label names.
    """
    checkpoint = load_checkpoint(folder, "cpu")
    if (checkpoint.image_shape, checkpoint.label_names) != (pictures.shape, pictures.label_names):
        raise CheckpointError(f"The network in {folder} is for other pictures: shape or label names differ.")
    unet: Any = checkpoint.predictor.unet.requires_grad_(True).train()
    unet.register_to_config(_name_or_path=folder.name)  # the saved config must not hold the local path
    return unet, {name: checkpoint.card.get(name) for name in LINEAGE}
