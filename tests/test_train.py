import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from diffusers import UNet2DModel
from PIL import Image

from playground import train
from playground.core.data.datasets import ImageDataset, save_pictures
from playground.core.diffusion.schedules import linear
from playground.core.model_registry import ModelRegistry
from playground.core.networks.checkpoints import load_checkpoint
from tests.conftest import small_unet
from tests.server import ROOT

pytestmark = pytest.mark.slow

SMALL = ["--channels", "16", "32", "--batch", "4", "--device", "cpu", "--seed", "3", "--lr", "2e-3"]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    pixels = torch.randint(0, 256, (12, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    save_pictures(
        ImageDataset("tiny", pixels, torch.arange(12) % 3, ("a", "b", "c"), 4, "made here", "MIT"), tmp_path / "tiny"
    )
    return tmp_path


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return UNet2DModel.from_pretrained(folder / "unet", low_cpu_mem_usage=False).state_dict()


def run(data: Path, out: str, pictures: int, *more: str) -> None:
    train.main(["--data", str(data / "tiny"), "--out", str(data / out), "--num-images", str(pictures), *SMALL, *more])


def test_two_runs_with_one_seed_agree_and_the_card_says_what_was_done(data: Path) -> None:
    run(data, "one", 24)
    run(data, "two", 24)
    one, two = weights(data / "one"), weights(data / "two")
    assert all(torch.equal(one[name], two[name]) for name in one)
    card = json.loads((data / "one" / "card.json").read_text())
    assert card["pictures_seen"] == 24
    assert card["label_names"] == ["a", "b", "c"]
    checkpoint = load_checkpoint(data / "one", "cpu")
    assert checkpoint.predictor.null_label == 3
    assert 0 < card["held_out_error"]["network"] < 2


def test_resume_continues_the_run(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is stopped after three steps of six and resumed ends in the weights of one that never stopped."""
    run(data, "whole", 24)
    train_step = train.TrainingRun.train_step

    def three_steps(self: train.TrainingRun) -> float:
        if self.step == 3:
            self.save()
            raise KeyboardInterrupt
        return train_step(self)

    with monkeypatch.context() as patch:
        patch.setattr(train.TrainingRun, "train_step", three_steps)
        with pytest.raises(KeyboardInterrupt):
            run(data, "parts", 24)
    run(data, "parts", 24, "--resume")
    whole, parts = weights(data / "whole"), weights(data / "parts")
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_a_run_starts_from_a_network_and_counts_its_pictures(data: Path) -> None:
    run(data, "first", 24)
    run(data, "second", 12, "--init-from", str(data / "first"), "--lr", "0")
    first, second = weights(data / "first"), weights(data / "second")
    # At a learning rate of 0 it stays the network it started from, to the rounding of half precision.
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert str(data) not in (data / "second" / "unet" / "config.json").read_text()  # nobody else's machine has it
    card = json.loads((data / "second" / "card.json").read_text())
    assert card["pictures_seen"] == 36
    assert card["started_from"]["sha256"] == json.loads((data / "first" / "card.json").read_text())["sha256"]
    run(data, "second", 12, "--init-from", str(data / "second"))
    assert json.loads((data / "second" / "card.json").read_text())["pictures_seen"] == 48


def test_a_network_for_other_pictures_is_told(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(data, "first", 4)
    pixels = torch.zeros(12, 1, 8, 8, dtype=torch.uint8)
    save_pictures(ImageDataset("tiny", pixels, torch.zeros(12).long(), ("other",), 4, "", ""), data / "tiny")
    with pytest.raises(SystemExit):
        run(data, "second", 4, "--init-from", str(data / "first"))
    assert "is for other pictures" in capsys.readouterr().err


@pytest.mark.parametrize("labelled", [False, True])
def test_a_folder_of_pictures_becomes_a_network_with_its_pictures_beside_it(labelled: bool, data: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    for k in range(12):
        folder = data / "mine" / ("ab"[k % 2] if labelled else "")
        folder.mkdir(parents=True, exist_ok=True)
        image = torch.randint(0, 256, (20, 24, 3), dtype=torch.uint8, generator=generator)
        Image.fromarray(image.numpy()).save(folder / f"{k}.png")
    train.main(["--data", "mine", "--size", "8", "--out", str(data / "out"), "--num-images", "12", *SMALL])
    library = ModelRegistry([data / "out"], "cpu")
    network, pictures = library.checkpoint("out"), library.pictures("out")
    assert network.image_shape == pictures.shape == (3, 8, 8)
    assert network.label_names == pictures.label_names == (("a", "b") if labelled else ())
    assert network.predictor.null_label == (2 if labelled else None)
    assert (len(pictures), pictures.num_held_out, pictures.is_substitute) == (12, 1, False)
    assert network.card["data"] == "12 pictures of the folder mine"
    x_t, level = pictures.x0(slice(0, 2)), network.schedule.level(300)
    assert library.ideal("out")(x_t, level).isfinite().all()
    assert network.predictor(x_t, level).isfinite().all()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--size", "10", "--channels", "8", "16", "32"], "a multiple of 4"),
        (["--size", "9000"], "from 8 to 512"),
        (["--channels", "12", "32"], "multiples of 8, the last of 32; they were 12, 32"),
        (["--batch", "0"], "--batch: it must be a whole number of at least 1; it was 0"),
        (["--num-images", "many"], "it must be a whole number of at least 1; it was many"),
        (["--ema", "nan"], "--ema: it must be a number from 0 to 1; it was nan"),
        (["--out", "0.png/out"], "Nothing can be written into 0.png/out: Not a directory."),
    ],
)
def test_what_cannot_be_trained_is_told(
    options: list[str], sentence: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for k in range(3):
        Image.new("RGB", (9, 9), (k, k, 9)).save(data / f"{k}.png")
    with pytest.raises(SystemExit):
        train.main(["--data", str(data), "--out", str(data / "out"), "--device", "cpu", *options])
    assert sentence in capsys.readouterr().err


def test_a_few_steps_on_one_picture_overfit_it(data: Path) -> None:
    one = torch.randint(0, 256, (1, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    save_pictures(
        ImageDataset("tiny", one.repeat(60, 1, 1, 1), torch.zeros(60).long(), ("a",), 50, "", ""), data / "tiny"
    )
    run(data, "one", 2400, "--batch", "8", "--ema", "0.9")
    card = json.loads((data / "one" / "card.json").read_text())
    assert card["held_out_error"]["network"] < 0.3 * card["held_out_error"]["copycat"]


def test_the_loss_is_that_of_algorithm_1() -> None:
    """Beside the same four lines written out for each picture, from the same seed."""
    unet, schedule = small_unet(), linear(1000)
    x0, labels = torch.randn(3, 1, 8, 8), torch.tensor([0, 1, 2])
    torch.manual_seed(9)
    ours = train.loss(unet, schedule, x0, labels)
    torch.manual_seed(9)
    t, eps = torch.randint(1000, (3,)), torch.randn_like(x0)
    total = torch.zeros(())
    for k in range(3):
        alpha_bar = schedule.alpha_bar[t[k]].float()
        x_t = alpha_bar.sqrt() * x0[k : k + 1] + (1 - alpha_bar).sqrt() * eps[k : k + 1]
        total = total + (eps[k : k + 1] - unet(x_t, t[k], class_labels=labels[k : k + 1]).sample).square().mean() / 3
    torch.testing.assert_close(ours, total, atol=1e-5, rtol=1e-5)


def test_labels_are_dropped_as_often_as_asked() -> None:
    labels = torch.zeros(10_000).long()
    torch.manual_seed(0)
    dropped = train.drop_labels(labels, 9, 0.1)
    assert set(dropped.tolist()) == {0, 9}
    assert 0.08 < (dropped == 9).float().mean() < 0.12


def test_the_learning_rate_warms_up_and_falls_to_nothing() -> None:
    rates = [train.learning_rate(step, 10_000, 1e-3) for step in range(10_000)]
    assert rates[0] < 1e-5
    assert max(rates) <= 1e-3
    assert rates[-1] < 1e-9


def test_a_tilted_loss_weighs_each_picture_by_its_noise() -> None:
    """max(1, SNR^-tilt) for each: 1 where the picture prevails, √(1/SNR) at a half where the noise does."""
    unet, schedule = small_unet(), linear(1000)
    x0, labels = torch.randn(6, 1, 8, 8), torch.arange(6) % 3
    torch.manual_seed(9)
    ours = train.loss(unet, schedule, x0, labels, tilt=0.5)
    torch.manual_seed(9)
    t, eps = torch.randint(1000, (6,)), torch.randn_like(x0)
    snr = (schedule.alpha_bar[t] / (1 - schedule.alpha_bar[t])).float()
    assert snr.min() < 1 < snr.max()
    x_t = snr.div(1 + snr).sqrt()[:, None, None, None] * x0 + (1 / (1 + snr)).sqrt()[:, None, None, None] * eps
    error = (eps - unet(x_t, t, class_labels=labels).sample).square().mean((1, 2, 3))
    torch.testing.assert_close(ours, (error * snr.rsqrt().clamp(min=1)).mean(), atol=1e-5, rtol=1e-5)


def test_resume_refuses_the_state_of_another_run(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each run keeps its state in its own folder, also if two folders have the same last name."""
    run(data, "first/mine", 24, "--seed", "1")
    with pytest.raises(SystemExit):
        run(data, "second/mine", 24, "--resume")
    assert "There is nothing to resume" in capsys.readouterr().err
    for option, value, reason in (
        ("--seed", "2", "its seed was 1, and here it is 2"),
        ("--layers", "2", "its layers was"),
    ):
        with pytest.raises(SystemExit):
            run(data, "first/mine", 24, "--seed", "1", option, value, "--resume")
        assert reason in capsys.readouterr().err
    (data / "first" / "mine" / train.STATE_FILE).write_bytes(b"damaged")
    with pytest.raises(SystemExit):
        run(data, "first/mine", 24, "--seed", "1", "--resume")
    assert "is damaged or of an older version" in capsys.readouterr().err


def test_labels_that_the_terminal_cannot_print_are_no_error(data: Path) -> None:
    for label in ("猫", "dog"):
        for k in range(3):
            (data / "mine" / label).mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (9, 9), (k, k, 9)).save(data / "mine" / label / f"{k}.png")
    command = [sys.executable, "-m", "playground.train", "--data", str(data / "mine"), "--out", str(data / "out")]
    ended = subprocess.run(
        [*command, "--size", "8", "--num-images", "4", *SMALL],
        capture_output=True,
        text=True,
        encoding="cp1252",
        timeout=120,
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "cp1252"},
    )
    assert ended.returncode == 0, ended.stderr
    assert "labels: dog, ?" in ended.stdout
    assert load_checkpoint(data / "out", "cpu").label_names == ("dog", "猫")
