import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DDPMPipeline,
    DDPMScheduler,
    UNet2DModel,
)
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

from playground.core.diffusion.parameterizations import x0_from_eps
from playground.core.diffusion.schedules import linear
from playground.core.networks.checkpoint_format import SCHEDULER_FILE, WEIGHTS_FILE, CheckpointError
from playground.core.networks.checkpoints import load_checkpoint
from tests.conftest import small_unet, unlabelled


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    small_unet().save_pretrained(tmp_path / "net" / "unet")
    DDPMScheduler().save_pretrained(tmp_path / "net" / "scheduler")
    (tmp_path / "net" / "card.json").write_text(json.dumps({"label_names": ["a", "b", "c"]}))
    return tmp_path / "net"


def test_a_folder_in_diffusers_format_becomes_a_predictor(folder: Path) -> None:
    checkpoint = load_checkpoint(folder, "cpu")
    assert (checkpoint.name, checkpoint.image_shape, checkpoint.assumed) == ("net", (1, 8, 8), "")
    assert checkpoint.label_names == ("a", "b", "c")
    assert checkpoint.predictor.null_label == 3
    assert_close(checkpoint.schedule.alpha_bar, linear(1000).alpha_bar, atol=1e-7, rtol=1e-4)
    x, level = torch.randn(2, 1, 8, 8), linear(1000).level(100)
    theirs = small_unet()(x, torch.tensor(100.0), class_labels=torch.tensor([3, 3])).sample
    assert_close(checkpoint.predictor(x, level), theirs, atol=1e-4, rtol=1e-4)


def in_two_folders(unet: UNet2DModel, scheduler: Any, folder: Path) -> None:
    unet.save_pretrained(folder / "unet")
    scheduler.save_pretrained(folder / "scheduler")


def in_one_folder(unet: UNet2DModel, scheduler: Any, folder: Path) -> None:
    unet.save_pretrained(folder)
    scheduler.save_pretrained(folder)


def as_a_pipeline(unet: UNet2DModel, scheduler: Any, folder: Path) -> None:
    DDPMPipeline(unet, scheduler).save_pretrained(folder)


SCHEDULERS = {
    "linear": DDPMScheduler(clip_sample=False),
    "scaled": DDIMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, clip_sample=False),
    "cosine": DDPMScheduler(beta_schedule="squaredcos_cap_v2", num_train_timesteps=200, clip_sample=False),
    "conditioning": DDPMScheduler(
        trained_betas=[0.001 * k for k in range(1, 101)], num_train_timesteps=100, clip_sample=False
    ),
    "to_pure_noise": DDPMScheduler(rescale_betas_zero_snr=True, clip_sample=False),
}


KINDS = [
    *((says, twice, "linear", in_two_folders) for says in ("epsilon", "sample", "v_prediction") for twice in (1, 2)),
    *(("v_prediction", 1, schedule, in_two_folders) for schedule in SCHEDULERS if schedule != "linear"),
    ("sample", 2, "scaled", in_one_folder),
    ("epsilon", 1, "cosine", as_a_pipeline),
]


@pytest.mark.parametrize(("says", "twice", "schedule", "save"), KINDS)
def test_every_kind_of_network_points_to_the_picture_that_diffusers_finds(
    says: str, twice: int, schedule: str, save: Callable[..., None], tmp_path: Path
) -> None:
    """Beside diffusers' own network and scheduler: its x̂_0 from the network's answer at some t of its schedule."""
    unet = unlabelled(tmp_path / "made", in_channels=3, out_channels=3 * twice)
    written = type(SCHEDULERS[schedule]).from_config(SCHEDULERS[schedule].config, prediction_type=says)
    save(unet, written, tmp_path / "net")
    checkpoint = load_checkpoint(tmp_path / "net", "cpu")
    assert (checkpoint.image_shape, checkpoint.assumed) == ((3, 8, 8), "")
    oracle = DDPMScheduler.from_config(written.config, variance_type="learned_range" if twice == 2 else "fixed_small")
    x_t = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    last = oracle.config.num_train_timesteps - 1
    for t in (1, last // 2, last - 1):
        theirs = oracle.step(unet(x_t, t).sample.detach(), t, x_t).pred_original_sample
        level = checkpoint.schedule.level(t)
        ours = x0_from_eps(x_t, checkpoint.predictor(x_t, level), level)
        # In pure noise a rounding of x_t is a world of difference in x̂_0: so both are weighed as in x_t.
        alpha = level.alpha.float()
        assert_close(alpha * ours, alpha * theirs, atol=1e-5, rtol=1e-4)


def test_before_there_were_three_answers_a_network_for_the_picture_was_marked_otherwise(tmp_path: Path) -> None:
    unlabelled(tmp_path)
    old = {"_class_name": "DDPMScheduler", "beta_schedule": "linear", "predict_epsilon": False, "timestep_values": None}
    (tmp_path / SCHEDULER_FILE).write_text(json.dumps(old))
    assert load_checkpoint(tmp_path, "cpu").predictor.prediction_type == "sample"


def test_attention_under_the_names_of_old_is_read(tmp_path: Path) -> None:
    """The first networks on the Hub name their attention's weights otherwise; diffusers renames them."""
    unet = unlabelled(tmp_path)
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    renamed = {}
    for name, weight in load_file(tmp_path / WEIGHTS_FILE).items():
        for new_name, old_name in old.items():
            name = name.replace(f".{new_name}.", f".{old_name}.")
        renamed[name] = weight
    assert "mid_block.attentions.0.query.weight" in renamed
    save_file(renamed, tmp_path / WEIGHTS_FILE, {"format": "pt"})
    x, level = torch.randn(1, 1, 8, 8), linear(1000).level(300)
    assert_close(load_checkpoint(tmp_path, "cpu").predictor(x, level), unet(x, 300).sample, atol=1e-4, rtol=1e-4)


def test_without_a_schedule_diffusers_default_is_taken_and_said(tmp_path: Path) -> None:
    unlabelled(tmp_path)
    checkpoint = load_checkpoint(tmp_path, "cpu")
    assert "came without its schedule" in checkpoint.assumed
    assert checkpoint.predictor.prediction_type == "epsilon"
    assert_close(checkpoint.schedule.betas, DDPMScheduler().betas.double(), atol=1e-8, rtol=1e-6)


def test_large_pictures_are_asked_about_in_parts(tmp_path: Path) -> None:
    plain = {"down_block_types": ["DownBlock2D"] * 2, "up_block_types": ["UpBlock2D"] * 2, "add_attention": False}
    unet = unlabelled(tmp_path, sample_size=256, in_channels=3, out_channels=3, **plain)
    x, level = torch.randn(3, 3, 256, 256), linear(1000).level(torch.tensor([5, 300, 900]))
    seen: list[int] = []
    predictor = load_checkpoint(tmp_path, "cpu").predictor
    predictor.unet.register_forward_pre_hook(lambda _, asked: seen.append(len(asked[0])))
    ours = predictor(x, level)
    assert seen == [1, 1, 1]
    with torch.no_grad():
        assert_close(ours, unet(x, torch.tensor([5, 300, 900])).sample, atol=2e-4, rtol=2e-4)


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    """Neither the weights that torch pickles nor any other: whatever is in them would run."""
    unlabelled(tmp_path)
    (tmp_path / WEIGHTS_FILE).rename(tmp_path / "diffusion_pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"cannot be read\. It has no .*safetensors, .* never opened"):
        load_checkpoint(tmp_path, "cpu")


def test_a_weight_that_is_missing_is_told_and_not_made_up(tmp_path: Path) -> None:
    unlabelled(tmp_path)
    weights = load_file(tmp_path / WEIGHTS_FILE)
    del weights["conv_out.weight"]
    save_file(weights, tmp_path / WEIGHTS_FILE, {"format": "pt"})
    with pytest.raises(CheckpointError, match=r"does not hold conv_out\.weight"):
        load_checkpoint(tmp_path, "cpu")


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"There is no folder .*nothing here"):
        load_checkpoint(tmp_path / "nothing", "cpu")
    with pytest.raises(CheckpointError, match=r"There is no network in .*unet/config.json .* belong there"):
        load_checkpoint(tmp_path, "cpu")


def test_a_missing_weights_file_is_told(folder: Path) -> None:
    (folder / "unet" / WEIGHTS_FILE).unlink()
    with pytest.raises(CheckpointError, match="It has no diffusion_pytorch_model"):
        load_checkpoint(folder, "cpu")


def test_truncated_weights_are_told(folder: Path) -> None:
    weights = folder / "unet" / WEIGHTS_FILE
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(folder, "cpu")


def test_weights_of_another_shape_are_told(folder: Path) -> None:
    config = folder / "unet" / "config.json"
    config.write_text(config.read_text().replace('"num_class_embeds": 4', '"num_class_embeds": 9'))
    (folder / "card.json").write_text(json.dumps({"label_names": list("abcdefgh")}))
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(folder, "cpu")


def test_weights_that_are_not_numbers_are_told(folder: Path) -> None:
    unet = small_unet()
    next(unet.parameters()).data.fill_(float("nan"))
    unet.save_pretrained(folder / "unet")
    with pytest.raises(CheckpointError, match="not finite"):
        load_checkpoint(folder, "cpu")


def test_weights_that_are_not_those_of_the_card_are_told(folder: Path) -> None:
    (folder / "card.json").write_text(json.dumps({"sha256": "0" * 64, "label_names": ["a", "b", "c"]}))
    with pytest.raises(CheckpointError, match="are damaged: their sha256 is not the one in"):
        load_checkpoint(folder, "cpu")


@pytest.mark.parametrize("file", ["card.json", "scheduler/scheduler_config.json", "unet/config.json"])
def test_a_damaged_card_or_config_is_told(file: str, folder: Path) -> None:
    (folder / file).write_text("{")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(folder, "cpu")
