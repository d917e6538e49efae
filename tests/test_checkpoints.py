import json
import shutil
from pathlib import Path

import pytest
import torch
from diffusers import DDPMScheduler
from torch.testing import assert_close

from playground.core.checkpoints import WEIGHTS_FILE, CheckpointError, load_checkpoint
from playground.core.schedules import SCHEDULES, linear
from tests.conftest import small_unet


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    small_unet().save_pretrained(tmp_path / "net" / "unet")
    DDPMScheduler().save_pretrained(tmp_path / "net" / "scheduler")
    return tmp_path / "net"


def test_a_folder_in_diffusers_format_becomes_a_predictor(folder: Path) -> None:
    checkpoint = load_checkpoint(folder, "cpu")
    assert (checkpoint.name, checkpoint.image_shape, checkpoint.card) == ("net", (1, 8, 8), {})
    assert checkpoint.label_names == ("0", "1", "2")
    assert checkpoint.predictor.null_label == 3
    assert_close(checkpoint.schedule.alpha_bar, linear(1000).alpha_bar, atol=1e-7, rtol=1e-4)
    x, level = torch.randn(2, 1, 8, 8), linear(1000).level(100)
    theirs = small_unet()(x, torch.tensor(100.0), class_labels=torch.tensor([3, 3])).sample
    assert_close(checkpoint.predictor(x, level), theirs, atol=1e-4, rtol=1e-4)


def test_the_old_layout_has_everything_in_the_folder_itself(tmp_path: Path) -> None:
    small_unet(labels=None).save_pretrained(tmp_path)
    DDPMScheduler(beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction").save_pretrained(tmp_path)
    checkpoint = load_checkpoint(tmp_path, "cpu")
    assert checkpoint.predictor.null_label is None
    assert checkpoint.label_names == ()
    assert checkpoint.predictor.prediction_type == "v_prediction"
    assert_close(checkpoint.schedule.betas, SCHEDULES["cosine"](1000).betas, atol=1e-6, rtol=1e-5)


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"There is no network in .*unet/config.json .* belong there"):
        load_checkpoint(tmp_path / "nothing", "cpu")


def test_a_missing_weights_file_is_told(folder: Path) -> None:
    (folder / "unet" / WEIGHTS_FILE).unlink()
    with pytest.raises(CheckpointError, match="There is no network in"):
        load_checkpoint(folder, "cpu")


def test_truncated_weights_are_told(folder: Path) -> None:
    weights = folder / "unet" / WEIGHTS_FILE
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(folder, "cpu")


def test_weights_of_another_shape_are_told(folder: Path) -> None:
    config = folder / "unet" / "config.json"
    config.write_text(config.read_text().replace('"num_class_embeds": 4', '"num_class_embeds": 9'))
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(folder, "cpu")


def test_weights_that_are_not_numbers_are_told(folder: Path) -> None:
    unet = small_unet()
    next(unet.parameters()).data.fill_(float("nan"))
    unet.save_pretrained(folder / "unet")
    with pytest.raises(CheckpointError, match="not finite"):
        load_checkpoint(folder, "cpu")


def test_weights_that_are_not_those_of_the_card_are_told(folder: Path) -> None:
    (folder / "card.json").write_text(json.dumps({"sha256": "0" * 64}))
    with pytest.raises(CheckpointError, match="are damaged: their sha256 is not the one in"):
        load_checkpoint(folder, "cpu")


def test_a_damaged_card_or_scheduler_is_told(folder: Path) -> None:
    shutil.copytree(folder, folder.with_name("other"))
    (folder / "card.json").write_text("{")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(folder, "cpu")
    shutil.rmtree(folder.with_name("other") / "scheduler")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(folder.with_name("other"), "cpu")
