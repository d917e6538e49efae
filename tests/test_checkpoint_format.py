"""What does not fit here is told before a weight is read."""

import codecs
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from diffusers import DDPMScheduler, FlowMatchEulerDiscreteScheduler, ScoreSdeVeScheduler, UNet2DModel

from playground.core.networks.checkpoint_format import (
    CONFIG_FILE,
    SCHEDULER_FILE,
    WEIGHTS_FILE,
    CheckpointError,
    validate_config,
)
from playground.core.networks.checkpoints import load_checkpoint
from tests.conftest import unlabelled

NOT_FITTING = [
    ({"_class_name": "UNet2DConditionModel"}, "it is a UNet2DConditionModel, where a UNet2DModel"),
    ({"in_channels": 4}, "its pictures have 4 channels, where 1 .grey. or 3 .colour. are needed"),
    ({"out_channels": 3}, "it says 3 channels of 1, where as many or twice are needed"),
    ({"sample_size": None}, "does not say how large its pictures are"),
    ({"sample_size": 1024}, "1024 × 1024, where 512 a side are allowed"),
    ({"sample_size": 9}, "its pictures are 9 × 9, and a network with 2 levels needs multiples of 2"),
    ({"sample_size": [8, 9]}, "its pictures are 8 × 9"),
    *(({"sample_size": size}, "its sample_size is .*, where a whole number") for size in (8.5, "8", 0, [8, 8, 8], [])),
    ({"time_embedding_type": "fourier"}, "another kind of noise"),
    (
        {"time_embedding_type": "learned", "num_train_timesteps": 100},
        "its time embedding is learned, where a",
    ),
    ({"class_embed_type": "timestep"}, "asks for labels in a form that is not known"),
    ({"num_class_embeds": 10}, "trained with 10 labels, and its card.json names none"),
    ({"down_block_types": ["NoSuchBlock", "DownBlock2D"]}, r"its parts do not fit together \(NoSuchBlock"),
    ({"norm_num_groups": 7}, r"its parts do not fit together \(num_channels"),
]


@pytest.mark.parametrize(("change", "sentence"), NOT_FITTING)
def test_a_network_that_does_not_fit_is_told(change: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    unlabelled(tmp_path)
    config = json.loads((tmp_path / CONFIG_FILE).read_text())
    (tmp_path / CONFIG_FILE).write_text(json.dumps({**config, **change}))
    for read in (load_checkpoint, lambda folder: validate_config(folder, "this")):
        with pytest.raises(CheckpointError, match=sentence):
            read(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"layers_per_block": 800},
        {"block_out_channels": [100_000, 8]},
        {"block_out_channels": [8] * 200},
        {"down_block_types": ["DownBlock2D"] * 200},
        {"num_class_embeds": 10**9},
        {"attention_head_dim": float("nan")},
        {"layers_per_block": "2"},
    ],
)
def test_validate_config_refuses_a_large_network_before_it_builds_one(
    change: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`layers_per_block: 800` took 27 seconds to build."""
    unlabelled(tmp_path)
    config = json.loads((tmp_path / CONFIG_FILE).read_text())
    (tmp_path / CONFIG_FILE).write_text(json.dumps({**config, **change}))
    monkeypatch.setattr(UNet2DModel, "from_config", lambda config: pytest.fail("it was built"))
    with pytest.raises(CheckpointError, match="at most 8 blocks, 24 layers"):
        validate_config(tmp_path, "this")


@pytest.mark.parametrize(
    ("scheduler", "sentence"),
    [
        (ScoreSdeVeScheduler(), "its ScoreSdeVeScheduler has no β_t"),
        (FlowMatchEulerDiscreteScheduler(), "its FlowMatchEulerDiscreteScheduler has no β_t"),
        (DDPMScheduler(prediction_type="score"), "it says score, where epsilon, sample, v_prediction are known"),
    ],
)
def test_a_schedule_that_does_not_fit_is_told(scheduler: Any, sentence: str, tmp_path: Path) -> None:
    unlabelled(tmp_path)
    scheduler.save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=sentence):
        load_checkpoint(tmp_path, "cpu")


@pytest.mark.parametrize("folder", ["vae", "vqvae"])
def test_validate_config_refuses_networks_of_latents(folder: str, tmp_path: Path) -> None:
    """Their latents may well have 3 channels, as pictures have."""
    unlabelled(tmp_path / "unet")
    (tmp_path / folder).mkdir()
    with pytest.raises(CheckpointError, match=rf"predicts the noise in latents, .* beside it \({folder}/\)"):
        load_checkpoint(tmp_path, "cpu")


@pytest.mark.parametrize("file", [CONFIG_FILE, SCHEDULER_FILE, "card.json"])
def test_a_byte_order_mark_is_told(file: str, tmp_path: Path) -> None:
    unlabelled(tmp_path)
    text = (tmp_path / file).read_bytes() if (tmp_path / file).is_file() else b"{}"
    (tmp_path / file).write_bytes(codecs.BOM_UTF8 + text)
    with pytest.raises(CheckpointError, match=f"{file} begins with a byte-order mark"):
        load_checkpoint(tmp_path, "cpu")


def test_explain_weights_names_shards_variants_and_both(tmp_path: Path) -> None:
    unet = unlabelled(tmp_path / "single")
    unet.save_pretrained(tmp_path / "shards", max_shard_size="20KB")
    unet.save_pretrained(tmp_path / "variant", variant="fp16")
    shutil.copytree(tmp_path / "shards", tmp_path / "both")
    shutil.copy(tmp_path / "single" / WEIGHTS_FILE, tmp_path / "both")
    assert load_checkpoint(tmp_path / "single", "cpu").parameters
    for folder, sentence in (
        ("shards", "Its weights are in shards: save them as one file"),
        ("variant", r"Its weights are a variant, diffusion_pytorch_model\.fp16\.safetensors"),
        ("both", "It has its weights twice, .* in shards: remove the older ones"),
    ):
        with pytest.raises(CheckpointError, match=sentence):
            load_checkpoint(tmp_path / folder, "cpu")


def test_a_training_s_checkpoint_has_the_scheduler_next_door(tmp_path: Path) -> None:
    """As diffusers' scripts leave it: run/scheduler, run/unet and run/checkpoint-500/unet."""
    DDPMScheduler(prediction_type="v_prediction").save_pretrained(tmp_path / "run" / "scheduler")
    for folder in ("unet", "checkpoint-500/unet"):
        unlabelled(tmp_path / "run" / folder)
    for path, name in (
        ("run", "run"),
        ("run/unet", "run"),
        (f"run/unet/{WEIGHTS_FILE}", "run"),
        ("run/checkpoint-500", "checkpoint-500"),
        ("run/checkpoint-500/unet", "checkpoint-500"),
    ):
        checkpoint = load_checkpoint(tmp_path / path, "cpu")
        assert (checkpoint.name, checkpoint.predictor.prediction_type) == (name, "v_prediction")


def test_load_checkpoint_expands_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unlabelled(tmp_path / "net")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_checkpoint("~/net", "cpu").name == "net"
