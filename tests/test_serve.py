"""python -m playground.serve, as a person starts it: two replicas under a real Ray, one of which is killed.

What is asked for beside the page comes from here, over a second connection to the same replicas.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import ray
import torch
import yaml
from gradio_client import Client
from ray import serve
from ray.autoscaler._private.util import prepare_config, validate_config

from playground.core.data.datasets import WEIGHTS
from playground.core.diffusion.schedules import linear
from playground.core.inference.batching import DynamicBatcher
from playground.core.sampling.generate import generate
from playground.core.sampling.options import SamplingOptions
from playground.core.sampling.steps import Step
from playground.serve import main
from playground.serving.ray_replicas import NAME, RemoteModelRegistry
from tests.server import ROOT, running

pytestmark = pytest.mark.slow

MODELS = [str(WEIGHTS / "digits")]
WORLD = ((1, 28, 28), linear(1000))
SAMPLERS = ("ddim", "ddpm", "dpmsolver++")
ASKED = {"label": 3, "guidance_scale": 1.5}


def slowly(predictor: Any, beats: Path, here: int, *args: Any) -> Iterator[Step]:
    """`reverse`, so slow that it can be cut anywhere, but in the process `here`; who makes a step signs in `beats`."""
    for step in generate(predictor, *args):
        if os.getpid() != here:
            time.sleep(0.2)
            with beats.open("a") as file:
                file.write(f"{os.getpid()}\n")
        yield step


def failing(predictor: Any, where: int) -> Iterator[torch.Tensor]:
    """Fails where it is not the process `where`."""
    if os.getpid() != where:
        raise ValueError("The replica does not want to.")
    yield predictor(torch.zeros(1, 1, 28, 28), linear(1000).level(5))


def processes() -> dict[int, tuple[int, str]]:
    """Of every process its parent and its command."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            found[int(folder.name)] = parent, (folder / "cmdline").read_text().replace("\0", " ")
    return found


def descendants(pid: int) -> dict[int, str]:
    """The commands of all processes that have come of this one."""
    there = processes()
    family = {pid}
    for _ in there:
        more = {child for child, (parent, _) in there.items() if parent in family} - family
        if not more:
            break
        family |= more
    return {each: there[each][1] for each in family - {pid} if each in there}


def until(true: Callable[[], bool], seconds: float) -> None:
    """Wait for it so long."""
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, f"not so within {seconds} s"
        time.sleep(0.1)


@dataclass
class Served:
    """A page that runs, its address, and the replicas as the tests reach them."""

    process: subprocess.Popen[str]
    address: str
    far: RemoteModelRegistry

    def replicas(self) -> list[int]:
        """The replicas' processes."""
        return [pid for pid, command in descendants(self.process.pid).items() if "ServeReplica" in command]

    def run(self, **options: Any) -> Iterator[Step]:
        return self.far.run("digits", generate, *WORLD, SamplingOptions(**ASKED, **options))

    def slow_run(self, beats: Path, **options: Any) -> Iterator[Step]:
        return self.far.run("digits", slowly, beats, os.getpid(), *WORLD, SamplingOptions(**ASKED, **options))


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    command = ("-m", "playground.serve", "--no-accelerate", "--replicas", "2", "--model", *MODELS)
    with running(*command, seconds=180) as server:
        ray.init("auto", log_to_driver=False, logging_level=logging.ERROR)
        try:
            yield Served(
                server.process,
                server.address,
                RemoteModelRegistry(MODELS, serve.get_app_handle(NAME), 8, DynamicBatcher),
            )
        finally:
            ray.shutdown()


def test_the_page_samples_by_replicas(served: Served) -> None:
    assert len(served.replicas()) == 2
    pictures, record = Client(served.address, verbose=False).predict(
        label="3", num_images=2, sampler="ddpm", steps=6, api_name="/sample"
    )
    assert len(pictures) == 2
    *_, last = served.run(num_images=2, sampler="ddpm", steps=6)
    assert record["end"]["std_x_t"] == pytest.approx(last.x_next.std(correction=0).item(), abs=1e-4)


def makers(beats: Path) -> list[int]:
    """Who has made each step so far."""
    return [int(pid) for pid in beats.read_text().split()]


def test_a_step_is_there_as_soon_as_it_is_taken(served: Served, tmp_path: Path) -> None:
    run = served.slow_run(tmp_path / "beats", steps=20)
    next(run)
    assert len(makers(tmp_path / "beats")) < 10
    assert len(list(run)) == 19


def test_whoever_leaves_ends_the_run(served: Served, tmp_path: Path) -> None:
    run = served.slow_run(tmp_path / "beats", steps=1000)
    for _ in range(3):
        next(run)
    assert isinstance(run, Generator)
    run.close()
    time.sleep(1)
    made = makers(tmp_path / "beats")
    time.sleep(2)
    assert makers(tmp_path / "beats") == made
    assert set(made) < set(served.replicas())


def test_what_is_wrong_with_a_run_is_told_as_it_is(served: Served) -> None:
    with pytest.raises(ValueError, match=r"^The replica does not want to\.$"):
        next(served.far.run("digits", failing, os.getpid()))


def test_killed_in_mid_run_it_goes_on_elsewhere_and_ends_in_the_same_picture(served: Served, tmp_path: Path) -> None:
    """Three runs at a time, and both replicas, one after the other, get no chance to say goodbye: each run is cut."""
    # Of four pictures each: PyTorch reckons a single one, alone in its batch, in another order (by 2.7e-6).
    asked: dict[str, Any] = {"num_images": 4, "steps": 40}
    whole = {sampler: list(served.run(sampler=sampler, **asked)) for sampler in SAMPLERS}
    runs = {sampler: served.slow_run(tmp_path / sampler, sampler=sampler, **asked) for sampler in SAMPLERS}
    taken: dict[str, list[Step]] = {sampler: [next(run)] for sampler, run in runs.items()}
    first = served.replicas()
    for victim in first:
        os.kill(victim, signal.SIGKILL)
        for sampler, run in runs.items():
            taken[sampler] += [next(run) for _ in range(3)]
    for sampler, run in runs.items():
        taken[sampler] += run
        assert len(set(makers(tmp_path / sampler))) >= 2
        for one, other in zip(taken[sampler], whole[sampler], strict=True):
            assert torch.equal(one.x_t, other.x_t)
            assert torch.equal(one.x_next, other.x_next)
    assert not set(served.replicas()) & set(first)  # Serve has put others in their place


def test_nothing_is_left_behind(served: Served) -> None:
    ray.shutdown()
    there = descendants(served.process.pid)
    assert len(there) > 5
    served.process.send_signal(signal.SIGTERM)
    served.process.wait(timeout=60)
    until(lambda: not any(command == there.get(pid) for pid, (_, command) in processes().items()), 10)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--replicas", "0"], "--replicas: it must be a whole number of at least 1; it was 0"),
        (["--replicas", "3", "--max-replicas", "2"], "at most as many as --max-replicas; it was 3."),
        (["--model", "no/such/folder"], "no/such/folder"),
    ],
)
def test_what_cannot_be_is_told(
    arguments: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["serve", *arguments])
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(SystemExit):
        main()
    assert sentence in capsys.readouterr().err


def test_without_ray_it_is_told_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "playground.serving.ray_replicas")
    monkeypatch.setattr(sys, "argv", ["serve"])
    with pytest.raises(SystemExit):
        main()
    assert "pip install 'ray[serve]'" in capsys.readouterr().err


def test_the_cluster_file_is_one_that_ray_up_takes() -> None:
    (text,) = re.findall(
        r"```yaml\n(.*?)```", (ROOT / ".github" / "DEPLOYING.md").read_text(encoding="utf-8"), re.DOTALL
    )
    config = prepare_config(yaml.safe_load(text))
    validate_config(config)
    assert config["max_workers"] == len(config["provider"]["worker_ips"])
