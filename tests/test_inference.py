"""The fast path says what the plain network says, whatever the batch, and where there is none the plain one serves."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from diffusers import UNet2DModel
from torch import Tensor
from torch.testing import assert_close

from playground.core.diffusion.predictors import UNetPredictor
from playground.core.diffusion.schedules import linear
from playground.core.inference import openvino
from playground.core.inference.backends import accelerate, try_enable
from playground.core.inference.engine import Engine, example_inputs, plan_batches
from playground.core.inference.openvino import enable_openvino
from playground.core.sampling.options import SamplingOptions
from playground.core.sampling.samplers import sample
from tests.conftest import small_unet, unlabelled

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what is converted and compiled once is there for all of these tests, and for nobody else."""
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(openvino, "CACHE", home / "cache")


@pytest.fixture
def engine() -> Engine:
    """A small network whose fast path is ready."""
    engine = Engine(small_unet().eval())
    enable_openvino(engine)
    return engine


@torch.no_grad()
def test_every_batch_has_the_plain_networks_answer(engine: Engine) -> None:
    generator = torch.Generator().manual_seed(0)
    for count in (1, 2, 3, 16, 31, 32, 33, 70):
        x = torch.randn(count, 1, 8, 8, generator=generator)
        t, labels = torch.rand(count, generator=generator) * 999, torch.arange(count) % 4
        assert_close(engine(x, t, labels).sample, engine.unet(x, t, labels).sample, atol=2e-5, rtol=0)
    assert list(engine.compiled) == [1, 2, 4, 8, 16, 32]


def test_answers_do_not_share_memory(engine: Engine) -> None:
    x, t, labels = torch.zeros(2, 1, 8, 8), torch.zeros(2), torch.zeros(2, dtype=torch.long)
    first = engine(x, t, labels).sample
    kept = first.clone()
    engine(x + 1, t, labels)
    assert torch.equal(first, kept)


def test_fast_and_plain_agree_after_fifty_steps(engine: Engine) -> None:
    schedule, x_T = linear(1000), torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    ends = [
        list(sample(UNetPredictor(network, schedule, null_label=3), x_T, schedule, SamplingOptions(steps=50)))[
            -1
        ].x_next
        for network in (engine, engine.unet)
    ]
    assert_close(*ends, atol=1e-4, rtol=0)


def test_a_network_that_was_here_before_is_not_converted_again(
    engine: Engine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openvino, "_in_a_process_of_its_own", lambda arguments: pytest.fail("converted again"))
    again = Engine(engine.unet)
    enable_openvino(again)
    assert list(again.compiled) == [1, 2, 4, 8, 16, 32]
    assert len(list((home / "cache").iterdir())) == 1


@pytest.mark.parametrize("name", ["network.xml", "network.bin", "tried.json"])
def test_enable_openvino_builds_a_damaged_cache_again(
    name: str, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights that are all 0 load without an error, and answer with other numbers."""
    shutil.copytree(openvino.CACHE, tmp_path / "cache")
    monkeypatch.setattr(openvino, "CACHE", tmp_path / "cache")
    [folder] = (tmp_path / "cache").iterdir()
    for blob in folder.glob("*.blob"):
        blob.unlink()
    (folder / name).write_bytes(bytes((folder / name).stat().st_size))
    again = Engine(engine.unet)
    enable_openvino(again)
    assert again.compiled
    inputs = [each + 0 for each in example_inputs(engine.unet, 4)]
    with torch.no_grad():
        assert_close(again(*inputs).sample, engine.unet(*inputs).sample, atol=2e-5, rtol=0)


@pytest.mark.parametrize("wrong", [lambda answer: 1.01 * answer, lambda answer: answer * torch.nan])
def test_check_agreement_refuses_what_differs_from_pytorch(wrong: Callable[[Tensor], Tensor]) -> None:
    unet = small_unet().eval()
    openvino.check_agreement(unet, lambda *inputs: unet(*inputs).sample, 2)
    with pytest.raises(RuntimeError, match="the compiled network differs from plain PyTorch"):
        openvino.check_agreement(unet, lambda *inputs: wrong(unet(*inputs).sample), 2)


def test_a_network_has_one_cache_wherever_its_folder_is(tmp_path: Path) -> None:
    """Also one whose configuration lacks what later versions of diffusers have."""
    unlabelled(tmp_path / "first")
    config = json.loads((tmp_path / "first" / "config.json").read_text())
    for key in ("dropout", "add_attention", "attn_norm_num_groups"):
        config.pop(key)
    (tmp_path / "first" / "config.json").write_text(json.dumps(config))
    shutil.copytree(tmp_path / "first", tmp_path / "second")
    script = (
        "import sys; from diffusers import UNet2DModel; from playground.core.inference.openvino import _fingerprint; "
        "print(_fingerprint(UNet2DModel.from_pretrained(sys.argv[1])))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script, str(tmp_path / name)],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for name, seed in (("first", "1"), ("second", "2"), ("second", "3"))
    }
    assert len(found) == 1


def test_the_converter_reports_nothing_to_its_makers(engine: Engine, home: Path) -> None:
    """What would be reported is first written down in ~/intel."""
    assert {path.name for path in home.iterdir()} == {"cache"}


def test_a_network_without_labels_has_a_fast_path_too(tmp_path: Path) -> None:
    unlabelled(tmp_path / "network")
    engine = Engine(UNet2DModel.from_pretrained(tmp_path / "network").eval())
    enable_openvino(engine)
    x, t = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.tensor([1.0, 500.0, 900.5])
    with torch.no_grad():
        assert_close(engine(x, t).sample, engine.unet(x, t).sample, atol=2e-5, rtol=0)
    assert engine.compiled


def test_fast_serves_at_once_and_is_faster_later(engine: Engine) -> None:
    served = accelerate(engine.unet)
    x, t, labels = torch.zeros(1, 1, 8, 8), torch.zeros(1), torch.zeros(1, dtype=torch.long)
    with torch.no_grad():
        for _ in range(2000):
            assert_close(served(x, t, labels).sample, engine.unet(x, t, labels).sample, atol=2e-5, rtol=0)
            if len(served.compiled) == 6:
                break
    assert len(served.compiled) == 6


def test_where_there_is_no_fast_path_the_log_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a file").write_text("in the way")
    monkeypatch.setattr(openvino, "CACHE", tmp_path / "a file")
    engine = Engine(small_unet().eval())
    with caplog.at_level(logging.WARNING):
        try_enable(enable_openvino, engine)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("This network runs on plain PyTorch. Its fast path is not there:")
    x, t, labels = torch.zeros(40, 1, 8, 8), torch.zeros(40), torch.zeros(40, dtype=torch.long)
    with torch.no_grad():
        assert_close(engine(x, t, labels).sample, engine.unet(x, t, labels).sample)


def test_a_process_that_crashes_harms_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on processors on which what OpenVINO generates does not run: nothing is tried out, and PyTorch serves."""
    monkeypatch.setattr(openvino, "CACHE", tmp_path)
    monkeypatch.setattr(openvino, "COMMAND", ["-c", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"])
    engine = Engine(small_unet().eval())
    with pytest.raises(RuntimeError, match="ended with code -11"):
        enable_openvino(engine)
    assert not engine.compiled


def test_large_pictures_go_in_smaller_batches() -> None:
    unet = small_unet(channels=3, size=128, labels=None)
    assert Engine(unet).batch_sizes == (1, 2, 4)
    assert Engine(small_unet(channels=3, size=512, labels=None)).batch_sizes == (1,)


def test_a_batch_is_cut_into_those_that_take_least() -> None:
    """Beside every way to cut it, tried out; the last batch may be larger than what is left."""

    def ways(rows: int, sizes: list[int]) -> Iterator[list[int]]:
        if rows <= 0:
            yield []
            return
        for size in sizes:
            yield from ([size, *rest] for rest in ways(rows - size, sizes))

    cpu = {1: 1.3, 2: 2.2, 4: 4.1, 8: 8.0}
    gpu = dict.fromkeys(cpu, 1.0)
    for took in (cpu, gpu):
        found = plan_batches(took)
        for rows in range(1, 9):
            least = min(sum(took[size] for size in way) for way in ways(rows, list(took)))
            assert sum(took[size] for size in found[rows]) == pytest.approx(least)
            assert sum(found[rows][:-1]) < rows <= sum(found[rows])
    assert plan_batches(cpu)[5] == [1, 4] or plan_batches(cpu)[5] == [4, 1]
    assert all(len(sizes) == 1 for rows, sizes in plan_batches(gpu).items() if rows)
