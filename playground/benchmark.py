"""Benchmark: speed against diffusers' own loop, against the machine's peak, and with many people at once.

    python -m playground.benchmark --model weights/emoji
    python -m playground.benchmark --only abc --json

It takes about ten minutes and needs the machine for itself. Variants that are compared run in turns, and each figure
is the median over the turns.
"""

from __future__ import annotations

import argparse
import json
import platform
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from diffusers import DDIMScheduler
from diffusers.models.unets.unet_2d import UNet2DOutput
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

from playground.core.data.datasets import WEIGHTS
from playground.core.diffusion.predictors import UNetPredictor
from playground.core.inference.backends import try_enable
from playground.core.inference.batching import DynamicBatcher
from playground.core.inference.cuda_graphs import enable_cuda_graphs
from playground.core.inference.engine import Engine
from playground.core.inference.openvino import enable_openvino
from playground.core.networks.checkpoints import Checkpoint, load_checkpoint
from playground.core.sampling.options import SamplingOptions
from playground.core.sampling.samplers import sample

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Result:
    """A line of the table.

    Attributes:
        part: the letter of the part of the benchmark.
        what: what was measured.
        value: the figure.
        unit: its unit, "" if it has none.
        asked: the requirement, "" if there is none.
    """

    part: str
    what: str
    value: float | str
    unit: str = ""
    asked: str = ""


class TimedModule(nn.Module):
    """A network that sums up the time of its calls, in `seconds`."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.seconds = network, 0.0

    def forward(self, *inputs: Any, **options: Any) -> UNet2DOutput:
        """Run the network and add the time that it takes.

        Args:
            inputs: the network's arguments.
            options: its keyword arguments.

        Returns:
            The output of the network.
        """
        begun = time.perf_counter()
        answer: UNet2DOutput = self.network(*inputs, **options)
        synchronize()
        self.seconds += time.perf_counter() - begun
        return answer


def synchronize() -> None:
    """Wait for the GPU, if there is one: it still works when a call returns."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def seconds(work: Callable[[], Any]) -> float:
    """Time a call, in seconds, until the GPU has finished."""
    begun = time.perf_counter()
    work()
    synchronize()
    return time.perf_counter() - begun


def in_turns(one: Callable[[], Any], other: Callable[[], Any], turns: int) -> tuple[list[float], list[float]]:
    """Time two calls in turns, after a warm-up of both.

    Args:
        one: the first call.
        other: the second call.
        turns: how often each is timed.

    Returns:
        The seconds of each turn, for the first and for the second call.
    """
    one(), other()
    pairs = [(seconds(one), seconds(other)) for _ in range(turns)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


@dataclass(frozen=True)
class Benchmark:
    """A network on its device's fast path and on plain PyTorch.

    Attributes:
        checkpoint: the network on plain PyTorch.
        engine: the network on its fast path.
        steps: sampling steps of a run.
        persons_steps: sampling steps of a run in the load test.
    """

    checkpoint: Checkpoint
    engine: Engine
    steps: int = 50
    persons_steps: int = 20

    @property
    def plain(self) -> UNetPredictor:
        """The predictor on plain PyTorch."""
        return self.checkpoint.predictor

    @property
    def fast(self) -> UNetPredictor:
        """The predictor on the fast path."""
        return self.driven_by(self.engine)

    def driven_by(self, network: nn.Module) -> UNetPredictor:
        """The predictor with another module in place of its UNet."""
        return replace(self.plain, unet=network)

    def x_T(self, count: int, seed: int = 0) -> Tensor:
        """Standard Gaussian noise to start from.

        Args:
            count: number of pictures.
            seed: seed of the noise.

        Returns:
            x_T, (count, C, H, W), on the network's device.
        """
        generator = torch.Generator().manual_seed(seed)
        return torch.randn(count, *self.checkpoint.image_shape, generator=generator).to(self.plain.device)

    def run(self, predictor: UNetPredictor, x_T: Tensor, steps: int | None = None) -> Iterator[Any]:
        """Sample by DDIM.

        Args:
            predictor: the noise predictor.
            x_T: noise, (B, C, H, W).
            steps: number of steps; None for `self.steps`.

        Returns:
            An iterator over the steps.
        """
        return sample(predictor, x_T, self.checkpoint.schedule, SamplingOptions(steps=steps or self.steps))

    def diffusers_loop(self, x_T: Tensor) -> Tensor:
        """Sample as DDIMPipeline does between its noise and its picture, with the same weights."""
        scheduler: Any = DDIMScheduler(timestep_spacing="trailing")
        scheduler.set_timesteps(self.steps)
        unet: Any = self.plain.unet
        x_t, null = x_T, self.plain.null_label
        labels = None if null is None else torch.full((len(x_T),), null, device=x_T.device)
        with torch.no_grad():
            for t in scheduler.timesteps:
                eps_hat = unet(x_t.to(unet.dtype), t, class_labels=labels).sample.to(x_t)
                x_t = scheduler.step(eps_hat, t, x_t, eta=0.0, use_clipped_model_output=True).prev_sample
        return x_t

    def gflop(self) -> float:
        """Operations of one call for one picture, in 10^9, counted by PyTorch.

        A multiplication and an addition are two operations.
        """
        x_t, counter = self.x_T(1), FlopCounterMode(display=False)
        with counter:
            self.plain(x_t, self.checkpoint.schedule.level(500))
        return float(counter.get_total_flops()) / 1e9


def matrix_gflops(like: Tensor, size: int = 1536) -> float:
    """The machine's speed in a matrix product.

    Args:
        like: a tensor whose device and dtype are used.
        size: rows and columns of both matrices.

    Returns:
        10^9 operations per second.
    """
    a = torch.randn(size, size, device=like.device, dtype=like.dtype)
    times = [seconds(partial(torch.matmul, a, a)) for _ in range(12)]
    return 2 * size**3 / statistics.median(times[2:]) / 1e9


def _all(run: Callable[..., Iterator[Any]], *args: Any) -> list[Any]:
    return list(run(*args))


def beside_diffusers(bench: Benchmark, turns: int) -> Iterator[Result]:
    """(a) DDIM on the fast path, against diffusers' loop.

    Args:
        bench: the network.
        turns: how often each comparison is made.

    Yields:
        Lines of the table.
    """
    for count, asked in ((1, "at least 3.0"), (16, "at least 1.3")):
        x_T = bench.x_T(count)
        way = partial(_all, bench.run, bench.fast, x_T), partial(bench.diffusers_loop, x_T)
        ours, theirs = in_turns(*way, turns)
        ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
        yield Result("a", f"{bench.steps} DDIM steps, batch {count}: ours", statistics.median(ours), "s")
        yield Result("a", f"{bench.steps} DDIM steps, batch {count}: diffusers' loop", statistics.median(theirs), "s")
        yield Result("a", f"{bench.steps} DDIM steps, batch {count}: faster by", ratio, "times", asked)
    fast, plain = (_all(bench.run, each, bench.x_T(4))[-1].x_next for each in (bench.fast, bench.plain))
    apart = (fast - plain).abs().max().item()
    yield Result("a", f"fast and plain, {bench.steps} steps: apart by", apart, "", "at most 1e-4")


def beside_the_machine(bench: Benchmark, turns: int) -> Iterator[Result]:
    """(b) The network's speed as a share of the speed of a matrix product.

    Args:
        bench: the network.
        turns: how often each comparison is made.

    Yields:
        Lines of the table.
    """
    gflop, level, limits = bench.gflop(), bench.checkpoint.schedule.level(500), list[float]()
    yield Result("b", "a call for one picture", gflop, "GFLOP")
    for count, asked in ((1, ""), (16, "at least 70")):
        call, shares = partial(bench.fast, bench.x_T(count), level), list[float]()
        call()
        for _ in range(turns):
            limits.append(matrix_gflops(next(bench.plain.unet.parameters())))
            speed = gflop * count / statistics.median(seconds(call) for _ in range(5))
            shares.append(100 * speed / limits[-1])
        yield Result("b", f"batch {count}: of the matrix product's speed", statistics.median(shares), "%", asked)
    yield Result("b", "the matrix product's speed", statistics.median(limits), "GFLOP/s")


def outside_the_network(bench: Benchmark, turns: int) -> Iterator[Result]:
    """(c) Sampler overhead: the share of the time that is spent outside the network.

    Args:
        bench: the network.
        turns: how often each measurement is made.

    Yields:
        Lines of the table.
    """
    for count in (1, 16):
        shares = []
        for _ in range(turns):
            timed = TimedModule(bench.engine)
            total = seconds(partial(_all, bench.run, bench.driven_by(timed), bench.x_T(count)))
            shares.append(100 * (total - timed.seconds) / total)
        yield Result("c", f"batch {count}: of the time outside the network", statistics.median(shares), "%", "under 5")


@dataclass(frozen=True)
class LoadTest:
    """The result of a load test: people who sampled at the same time.

    `first` are the seconds to each person's first step, `total` are those until all have finished.
    """

    first: list[float]
    total: float


def room(bench: Benchmark, people: int, steps: int) -> LoadTest:
    """Load test: people sample one picture each, all at the same time, each in a thread.

    Args:
        bench: the network.
        people: number of people.
        steps: sampling steps of each run.

    Returns:
        The times.
    """
    predictor, together = bench.driven_by(DynamicBatcher(bench.engine)), threading.Barrier(people + 1)

    def person(number: int) -> tuple[float, float]:
        x_T = bench.x_T(1, seed=number)
        together.wait()
        begun = time.perf_counter()
        run = bench.run(predictor, x_T, steps)
        next(run)
        first = time.perf_counter() - begun
        for _ in run:
            pass
        return first, time.perf_counter() - begun

    with ThreadPoolExecutor(people) as threads:
        all_of_them = [threads.submit(person, number) for number in range(people)]
        together.wait()
        firsts, ends = zip(*(each.result() for each in all_of_them), strict=True)
    return LoadTest(list(firsts), max(ends))


def for_a_room(bench: Benchmark, turns: int) -> Iterator[Result]:
    """(d) People who sample at the same time, against the same runs one after the other.

    Args:
        bench: the network.
        turns: half of it, but at least two, is the number of load tests for each number of people.

    Yields:
        Lines of the table.
    """
    for people in (1, 8, 32, 64):
        rooms, ratios = [], []
        for _ in range(max(2, turns // 2)):
            rooms.append(room(bench, people, bench.persons_steps))
            alone = seconds(partial(_all, bench.run, bench.fast, bench.x_T(1), bench.persons_steps))
            ratios.append(alone * people / rooms[-1].total)
        first = sorted(each for room in rooms for each in room.first)
        late = first[min(len(first) - 1, int(0.95 * len(first)))]
        speed = people / statistics.median(each.total for each in rooms)
        name = f"{people} people, {bench.persons_steps} steps each"
        at_most, at_least = ("at most 3", "at least 1.2") if people == 32 else ("", "")
        yield Result("d", f"{name}: pictures", speed, "a second")
        yield Result("d", f"{name}: first step, median", statistics.median(first), "s")
        yield Result("d", f"{name}: first step, slowest 5 % from", late, "s", at_most)
        yield Result("d", f"{name}: faster than one after the other by", statistics.median(ratios), "times", at_least)


def start_up(turns: int) -> Iterator[Result]:
    """(e) Start-up: time until the first page is served, against the time to import torch, diffusers and gradio."""
    pages, imports = [], []
    for _ in range(max(2, turns // 3)):
        imports.append(seconds(partial(subprocess.run, [sys.executable, "-c", "import torch, diffusers, gradio"])))
        pages.append(seconds(_first_page))
    yield Result("e", "torch, diffusers and gradio imported", statistics.median(imports), "s")
    yield Result("e", "first page served", statistics.median(pages), "s")


def _first_page() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "app.py", "--port", str(port)]
    app = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while app.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).read()
                return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError(f"The app did not start: it ended with code {app.returncode}.")
    finally:
        app.terminate()
        app.wait()


def memory(bench: Benchmark, runs: int) -> Iterator[Result]:
    """(f) Memory leaks: growth of the process's memory over many runs.

    Args:
        bench: the network.
        runs: number of runs, at least 10; growth is measured from a tenth of them on.

    Yields:
        Lines of the table.
    """
    process, predictor = psutil.Process(), bench.driven_by(DynamicBatcher(bench.engine))
    after = {}
    for number in tqdm(range(1, runs + 1), desc="runs", unit=" runs"):
        list(bench.run(predictor, bench.x_T(1 + number % 4, seed=number), 4))
        if number in (runs // 10, runs):
            after[number] = process.memory_info().rss
    grown = 100 * (after[runs] / after[runs // 10] - 1)
    yield Result("f", f"memory after {runs // 10} runs", after[runs // 10] / 1e6, "MB")
    yield Result("f", f"memory after {runs} runs: more by", grown, "%", "under 5")


def growth(bench: Benchmark, turns: int) -> Iterator[Result]:
    """(g) Scaling: the exponent with which time grows; 1 is in proportion, 0 is not at all.

    Args:
        bench: the network.
        turns: how often each time is measured.

    Yields:
        Lines of the table.
    """
    channels, height, width = bench.checkpoint.image_shape
    level = bench.checkpoint.schedule.level(500)

    def larger(times: int) -> Any:
        return bench.plain(bench.x_T(1).new_zeros(1, channels, times * height, times * width), level)

    ways: dict[str, tuple[list[int], Callable[[int], Any]]] = {
        "times as high and wide, on plain PyTorch": ([1, 2, 4], larger),
        "steps": ([10, 40, 160], lambda steps: _all(bench.run, bench.fast, bench.x_T(1), steps)),
        "pictures a batch": ([1, 4, 16, 32], lambda count: _all(bench.run, bench.fast, bench.x_T(count), 10)),
        "people": ([1, 4, 16, 64], lambda people: room(bench, people, 10)),
    }
    for name, (sizes, work) in ways.items():
        work(sizes[0])
        times = [statistics.median(seconds(partial(work, size)) for _ in range(turns)) for size in sizes]
        spread = ", ".join(f"{size}: {each:.2g} s" for size, each in zip(sizes, times, strict=True))
        yield Result("g", f"{name}, {spread}: to the power", float(np.polyfit(np.log(sizes), np.log(times), 1)[0]))


PARTS: dict[str, Callable[[Benchmark, int], Iterator[Result]]] = {
    "a": beside_diffusers,
    "b": beside_the_machine,
    "c": outside_the_network,
    "d": for_a_room,
    "e": lambda bench, turns: start_up(turns),
    "f": lambda bench, turns: memory(bench, 100 * turns),
    "g": growth,
}
OF_A_DEVICE = "abcd"
"""The parts that are measured on each device; the others are measured on the CPU only."""


def prepared(folder: str, device: str) -> Benchmark:
    """Load a network and enable its fast path; if that fails, the log gives the reason.

    Args:
        folder: a folder with a network, or its name on the Hub.
        device: "cpu" or "cuda".

    Returns:
        The network.
    """
    checkpoint = load_checkpoint(folder, device)
    engine = Engine(checkpoint.predictor.unet)
    try_enable(enable_cuda_graphs if device == "cuda" else enable_openvino, engine)
    return Benchmark(checkpoint, engine)


def table(rows: list[Result]) -> str:
    """Format the lines as an aligned table."""
    width = max(len(row.what) for row in rows)
    lines = []
    for row in rows:
        value = row.value if isinstance(row.value, str) else f"{row.value:.3g}"
        lines.append(f"{row.part}  {row.what:<{width}}  {value:>9} {row.unit:<9} {row.asked}".rstrip())
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m playground.benchmark", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--model", default=str(WEIGHTS / "digits"), help="a folder with a network, or its name on the Hub (digits)"
    )
    parser.add_argument("--only", default="".join(PARTS), help=f"letters of the parts to measure ({''.join(PARTS)})")
    parser.add_argument("--turns", type=int, default=10, help="how often each comparison is made")
    parser.add_argument("--json", action="store_true", help="print JSON, with what machine this is")
    args = parser.parse_args(argv)
    if unknown := set(args.only) - set(PARTS):
        parser.error(f"--only takes letters of {''.join(PARTS)}; it had {', '.join(sorted(unknown))}.")
    rows: list[Result] = []
    for device in ["cpu"] + ["cuda"] * torch.cuda.is_available():
        bench = prepared(args.model, device)
        parts = [part for part in args.only if device == "cpu" or part in OF_A_DEVICE]
        for part in parts:
            found = PARTS[part](bench, args.turns)
            rows += [replace(row, what=f"GPU: {row.what}") if device == "cuda" else row for row in found]
    if not torch.cuda.is_available():
        rows += [Result(part, "GPU", "no GPU") for part in args.only if part in OF_A_DEVICE]
    rows.sort(key=lambda row: row.part)
    if args.json:
        machine = {"processor": platform.processor(), "cores": psutil.cpu_count(), "python": platform.python_version()}
        versions = {"torch": torch.__version__, "threads": torch.get_num_threads()}
        print(json.dumps({**machine, **versions, "rows": [asdict(row) for row in rows]}, indent=1))
    else:
        print(table(rows))


if __name__ == "__main__":
    main()
