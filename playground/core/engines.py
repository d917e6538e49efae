"""Where a network runs: on each kind of device its fast path, behind the same call as the plain one's.

On a CPU that is OpenVINO, on CUDA its graphs. Elsewhere, until that is ready, and where there is no fast path, it is
plain PyTorch. Knows no noise level and no sampler.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import logging
import platform
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers.models.unets.unet_2d import UNet2DOutput
from torch import Tensor, nn

from playground.core.compiling import Compiled, example, made_ready
from playground.core.predictors import VALUES_AT_ONCE

BATCH_SIZES = (1, 2, 4, 8, 16, 32)
CACHE = Path("~/.cache/diffusion-playground").expanduser()

log = logging.getLogger(__name__)


def fewest_seconds(took: dict[int, float]) -> dict[int, list[int]]:
    """For each number of rows, up to the largest batch size, the batches that answer them soonest.

    `took` says how long a batch of each size takes. Where they have more rows than there are, the last is not full: to
    fill up costs little on a GPU, and on a CPU as much as the rows themselves.
    """
    best: dict[int, tuple[float, list[int]]] = {0: (0.0, [])}
    for rows in range(1, max(took) + 1):
        rest = {size: best[max(0, rows - size)] for size in took}
        best[rows] = min((took[size] + rest[size][0], [size, *rest[size][1]]) for size in took)
    return {rows: sizes for rows, (_, sizes) in best.items()}


class Engine(nn.Module):
    """A UNet2DModel that goes the fast way, once that is `ready`, and is called as the UNet is.

    It is ready for a few batch sizes: a batch of another one is cut as `cuts` says. Larger ones than `at_once` are not
    answered sooner, row by row. Many threads may call it.
    """

    def __init__(self, unet: Any) -> None:
        super().__init__()
        self.unet = unet
        values = example(unet, 1)[0].numel()
        self.batch_sizes = tuple(size for size in BATCH_SIZES if size == 1 or size * values <= VALUES_AT_ONCE)
        self.ready: dict[int, Callable[..., Tensor]] = {}
        self.cuts: dict[int, list[int]] = {}
        self.at_once = self.batch_sizes[-1]
        self._one_at_a_time = threading.Lock()

    def be_ready(self, ways: dict[int, Callable[..., Tensor]]) -> None:
        """Go these ways from now on, each for a batch size, having seen how long they take."""
        took = {size: min(seconds(way, example(self.unet, size)) for _ in range(3)) for size, way in ways.items()}
        self.cuts = fewest_seconds(took)
        best = min(took[size] / size for size in took)
        self.at_once = min(size for size in took if took[size] / size < 1.02 * best)
        self.ready = ways

    def forward(self, sample: Tensor, timestep: Tensor, class_labels: Tensor | None = None) -> UNet2DOutput:
        """As UNet2DModel's, for timesteps (B,)."""
        inputs = [sample, timestep] if class_labels is None else [sample, timestep, class_labels]
        cut = self._cut(len(sample))
        if len(cut) == 1:  # the way of a single picture, where every part of a millisecond counts
            return UNet2DOutput(sample=self._answer(*inputs))
        parts = zip(*(each.split(cut) for each in inputs), strict=True)
        return UNet2DOutput(sample=torch.cat([self._answer(*part) for part in parts]))

    def _cut(self, rows: int) -> list[int]:
        """Into how many rows each part of a batch is cut."""
        largest = self.batch_sizes[-1]
        if rows > largest:
            return [largest, *self._cut(rows - largest)]
        sizes = self.cuts.get(rows, [rows])
        return [*sizes[:-1], rows - sum(sizes[:-1])]

    def _answer(self, x: Tensor, t: Tensor, *labels: Tensor) -> Tensor:
        size = min((size for size in self.ready if size >= len(x)), default=None)
        if size is None:
            answer: Tensor = self.unet(x, t, *labels).sample
            return answer
        with self._one_at_a_time:  # the memory that it is asked and answers in is the same for each call
            return self.ready[size](x, t, *labels)[: len(x)].clone()


def seconds(way: Callable[..., Tensor], inputs: list[Tensor]) -> float:
    """How long it takes to answer; on a GPU, until the answer is there."""
    begun = time.perf_counter()
    way(*inputs).cpu()
    return time.perf_counter() - begun


def fast(unet: nn.Module) -> Engine:
    """The network with the fast path of the device that it lies on; on a CPU that is made ready in the background."""
    engine = Engine(unet)
    if engine.unet.device.type == "cpu":
        threading.Thread(target=attempt, args=(on_cpu, engine), name="making ready", daemon=True).start()
    elif engine.unet.device.type == "cuda":
        attempt(on_cuda, engine)
    return engine


def attempt(make_ready: Callable[[Engine], None], engine: Engine) -> None:
    """Make a fast path ready; where that cannot be, the log says so in a line, and PyTorch serves."""
    try:
        make_ready(engine)
    except Exception as error:
        log.warning("This network runs on plain PyTorch. Its fast path is not there: %s", error)


def on_cpu(engine: Engine) -> None:
    """OpenVINO, from its cache where this network has been here before."""
    folder = CACHE / _fingerprint(engine.unet)
    options = made_ready(engine.unet, folder, engine.batch_sizes)
    engine.be_ready({size: Compiled(folder, example(engine.unet, size), options) for size in engine.batch_sizes})


def on_cuda(engine: Engine) -> None:
    """CUDA graphs, in the memory layout that its convolutions like."""
    engine.unet.to(memory_format=torch.channels_last)
    engine.be_ready({size: Graph(engine.unet, size) for size in engine.batch_sizes})


class Graph:
    """The kernels of one call at a batch size, recorded once and launched as one (PyTorch's notes on CUDA graphs)."""

    def __init__(self, unet: Any, batch_size: int) -> None:
        x, *rest = (each.to(unet.device) for each in example(unet, batch_size))
        self.inputs = [x.to(unet.dtype, memory_format=torch.channels_last), *rest]
        side = torch.cuda.Stream(unet.device)
        side.wait_stream(torch.cuda.current_stream())
        with torch.no_grad(), torch.cuda.stream(side):
            for _ in range(3):  # what libraries choose and allocate at first must not be recorded
                unet(*self.inputs)
        torch.cuda.current_stream().wait_stream(side)
        self.graph = torch.cuda.CUDAGraph()
        # Other networks may be at work meanwhile, in threads of their own.
        with torch.no_grad(), torch.cuda.graph(self.graph, capture_error_mode="thread_local"):
            self.answer: Tensor = unet(*self.inputs).sample

    def __call__(self, *inputs: Tensor) -> Tensor:
        for kept, given in zip(self.inputs, inputs, strict=True):
            kept[: len(given)] = given
        self.graph.replay()
        return self.answer


def _fingerprint(unet: Any) -> str:
    """A name for these weights, this version of OpenVINO and this kind of processor."""
    digest = hashlib.sha256(json.dumps(dict(unet.config), sort_keys=True, default=str).encode())
    digest.update(f"{importlib.metadata.version('openvino')} {_processor()}".encode())
    for weight in unet.state_dict().values():
        digest.update(weight.contiguous().numpy().tobytes())
    return digest.hexdigest()[:24]


def _processor() -> str:
    """What processor this is, as far as it can be told: what is compiled for one may not run on another."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return "".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))
