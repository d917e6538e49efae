"""The bench measures what it says: the same sampling in both loops, everybody in the room, and a table of it."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from playground import benchmark
from playground.benchmark import PARTS, Benchmark, Result, TimedModule, in_turns, main, room, table
from playground.core.inference.engine import Engine
from playground.core.networks.checkpoints import Checkpoint, load_checkpoint
from tests.conftest import small_unet

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    small_unet(labels=None).save_pretrained(folder / "unet")
    return folder


@pytest.fixture(scope="module")
def small(folder: Path) -> Benchmark:
    """A small network, whose fast path is never ready: what is measured is plain PyTorch, twice."""
    checkpoint = load_checkpoint(folder, "cpu")
    return Benchmark(checkpoint, Engine(checkpoint.predictor.unet), steps=3, persons_steps=2)


def test_both_loops_end_in_the_same_picture(digits: Checkpoint) -> None:
    both = Benchmark(digits, Engine(digits.predictor.unet), steps=10)
    steps = list(both.run(both.fast, both.x_T(2)))
    assert len(steps) == 10
    assert_close(steps[-1].x_next, both.diffusers_loop(both.x_T(2)), atol=1e-4, rtol=0)


def test_the_work_of_a_call_is_counted(digits: Checkpoint) -> None:
    """A convolution's multiplications and additions: 2 · C_in · C_out · 3 · 3 a pixel."""

    class OneConvolution(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convolution = nn.Conv2d(1, 1, 3, padding=1)

        def forward(self, x: torch.Tensor, t: torch.Tensor, class_labels: None = None) -> Any:
            return type("Answer", (), {"sample": self.convolution(x)})

    network = OneConvolution().requires_grad_(False)
    one = replace(digits, predictor=replace(digits.predictor, unet=network))
    assert Benchmark(one, Engine(digits.predictor.unet)).gflop() == pytest.approx(2 * 9 * 28 * 28 / 1e9)


def test_everybody_in_the_room_gets_through(small: Benchmark) -> None:
    found = room(small, people=6, steps=4)
    assert len(found.first) == 6
    assert all(0 < first < found.total for first in found.first)


def test_time_in_the_network_is_told_from_the_rest(small: Benchmark) -> None:
    class Slow(nn.Module):
        def forward(self, x: torch.Tensor, *rest: torch.Tensor, **more: object) -> object:
            time.sleep(0.01)
            return type("Answer", (), {"sample": x})

    timed = TimedModule(Slow())
    for _ in range(5):
        timed(torch.zeros(1))
    assert 0.05 <= timed.seconds < 1


def test_turns_alternate() -> None:
    order: list[str] = []
    ours, theirs = in_turns(lambda: order.append("ours"), lambda: order.append("theirs"), 3)
    assert order == ["ours", "theirs"] * 4
    assert len(ours) == len(theirs) == 3


@pytest.mark.parametrize("part", sorted(set(PARTS) - {"e"}))
def test_each_part_says_what_it_found(part: str, small: Benchmark) -> None:
    rows = list(PARTS[part](small, 1))
    assert rows
    assert {row.part for row in rows} == {part}
    assert all(isinstance(row.value, float) and row.value == row.value for row in rows)


def test_the_table_and_the_json_have_every_row(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(benchmark, "try_enable", lambda make_ready, engine: None)
    main(["--model", str(folder), "--only", "c", "--turns", "1"])
    lines = capsys.readouterr().out.splitlines()
    assert [line[0] for line in lines] == ["c"] * len(lines)
    main(["--model", str(folder), "--only", "c", "--turns", "1", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert len(told["rows"]) == len(lines)
    assert any(row["value"] == "no GPU" for row in told["rows"]) == (not torch.cuda.is_available())
    assert told["torch"] == torch.__version__


def test_a_letter_that_is_no_part_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "axz"])
    assert "--only takes letters of abcdefg; it had x, z." in capsys.readouterr().err


def test_figures_stand_below_each_other() -> None:
    one, other = table([Result("a", "short", 1.5, "s", "under 2"), Result("b", "much longer", "no GPU")]).splitlines()
    assert one.index("1.5") + 3 == other.index("no GPU") + 6
