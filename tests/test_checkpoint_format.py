"""What does not fit here is told before a weight is read."""

import json
from pathlib import Path
from typing import Any

import pytest
from diffusers import DDPMScheduler, FlowMatchEulerDiscreteScheduler, ScoreSdeVeScheduler, UNet2DModel

from playground.core.networks.checkpoint_format import CONFIG_FILE, CheckpointError, validate_config
from playground.core.networks.checkpoints import load_checkpoint
from tests.conftest import unlabelled

NOT_FITTING = [
    ({"_class_name": "UNet2DConditionModel"}, "it is a UNet2DConditionModel, where a UNet2DModel"),
    ({"in_channels": 4}, "its pictures have 4 channels, where 1 .grey. or 3 .colour. are needed"),
    ({"out_channels": 3}, "it says 3 channels of 1, where as many or twice are needed"),
    ({"sample_size": None}, "does not say how large its pictures are"),
    ({"sample_size": 1024}, "1024 × 1024, where 512 a side are allowed"),
    ({"sample_size": 9}, "cannot be read"),
    ({"time_embedding_type": "fourier"}, "another kind of noise"),
    ({"class_embed_type": "timestep"}, "asks for labels in a form that is not known"),
    ({"num_class_embeds": 10}, "trained with 10 labels, and its card.json names none"),
    ({"down_block_types": ["NoSuchBlock", "DownBlock2D"]}, "cannot be read"),
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
