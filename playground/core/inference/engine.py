"""The inference engine: a UNet that runs on its compiled path once that is ready, and on PyTorch until then.

The compiled path is OpenVINO on a CPU and CUDA graphs on CUDA; elsewhere the UNet stays on plain PyTorch. The engine is
independent of noise levels and samplers.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import torch
from diffusers.models.unets.unet_2d import UNet2DOutput
from torch import Tensor, nn

from playground.core.diffusion.predictors import MAX_ELEMENTS_PER_CALL

BATCH_SIZES = (1, 2, 4, 8, 16, 32)


def plan_batches(took: dict[int, float]) -> dict[int, list[int]]:
    """Plan batches: for each number of rows, up to the largest batch size, the batch sizes that process them fastest.

    `took` gives the time of a batch of each size. If the batches of a plan have more rows than needed, the last is not
    full: padding costs little on a GPU, and on a CPU as much as the rows themselves.
    """
    best: dict[int, tuple[float, list[int]]] = {0: (0.0, [])}
    for rows in range(1, max(took) + 1):
        rest = {size: best[max(0, rows - size)] for size in took}
        best[rows] = min((took[size] + rest[size][0], [size, *rest[size][1]]) for size in took)
    return {rows: sizes for rows, (_, sizes) in best.items()}


class Engine(nn.Module):
    """A UNet2DModel with a compiled forward pass for a few batch sizes; called as the UNet is, from many threads.

    Batches of other sizes are split according to `batch_plan`. Batches larger than `best_batch` are not faster per row.
    Until `enable` is called, the UNet itself runs.
    """

    def __init__(self, unet: Any) -> None:
        super().__init__()
        self.unet = unet
        values = example_inputs(unet, 1)[0].numel()
        self.batch_sizes = tuple(size for size in BATCH_SIZES if size == 1 or size * values <= MAX_ELEMENTS_PER_CALL)
        self.compiled: dict[int, Callable[..., Tensor]] = {}
        self.batch_plan: dict[int, list[int]] = {}
        self.best_batch = self.batch_sizes[-1]
        self._one_at_a_time = threading.Lock()

    def enable(self, compiled: dict[int, Callable[..., Tensor]]) -> None:
        """Time compiled forward passes and use them from now on.

        `compiled` maps each batch size to a function of the network's inputs; it also runs smaller batches.
        """
        took = {
            size: min(time_call(each, example_inputs(self.unet, size)) for _ in range(3))
            for size, each in compiled.items()
        }
        self.batch_plan = plan_batches(took)
        best = min(took[size] / size for size in took)
        self.best_batch = min(size for size in took if took[size] / size < 1.02 * best)
        self.compiled = compiled

    def forward(self, sample: Tensor, timestep: Tensor, class_labels: Tensor | None = None) -> UNet2DOutput:
        """Run the network, on the compiled path if it is enabled.

        Args:
            sample: the network's input, (B, C, H, W).
            timestep: timesteps, (B,).
            class_labels: labels, (B,), or None for a network without labels.

        Returns:
            The output of the UNet2DModel.
        """
        inputs = [sample, timestep] if class_labels is None else [sample, timestep, class_labels]
        cut = self._cut(len(sample))
        if len(cut) == 1:  # saves time for a single picture, where every fraction of a millisecond counts
            return UNet2DOutput(sample=self._forward_chunk(*inputs))
        parts = zip(*(each.split(cut) for each in inputs), strict=True)
        return UNet2DOutput(sample=torch.cat([self._forward_chunk(*part) for part in parts]))

    def _cut(self, rows: int) -> list[int]:
        """Split a batch: the number of rows in each part."""
        largest = self.batch_sizes[-1]
        if rows > largest:
            return [largest, *self._cut(rows - largest)]
        sizes = self.batch_plan.get(rows, [rows])
        return [*sizes[:-1], rows - sum(sizes[:-1])]

    def _forward_chunk(self, x: Tensor, t: Tensor, *labels: Tensor) -> Tensor:
        size = min((size for size in self.compiled if size >= len(x)), default=None)
        if size is None:
            answer: Tensor = self.unet(x, t, *labels).sample
            return answer
        with self._one_at_a_time:  # every call uses the same memory for its inputs and outputs
            return self.compiled[size](x, t, *labels)[: len(x)].clone()


def time_call(forward: Callable[..., Tensor], inputs: list[Tensor]) -> float:
    """Time a forward pass.

    Args:
        forward: the forward pass.
        inputs: its inputs.

    Returns:
        Seconds; on a GPU, until the result has reached the CPU.
    """
    begun = time.perf_counter()
    forward(*inputs).cpu()
    return time.perf_counter() - begun


def example_inputs(unet: Any, batch_size: int) -> list[Tensor]:
    """Example inputs of a network, all 0.

    Args:
        unet: a UNet2DModel.
        batch_size: B.

    Returns:
        x (B, C, H, W), t (B,), and for a network with labels those too, (B,).
    """
    size = unet.config.sample_size
    height, width = size if isinstance(size, (list, tuple)) else (size, size)
    x, t = torch.zeros(batch_size, unet.config.in_channels, height, width), torch.zeros(batch_size)
    return [x, t] if unet.class_embedding is None else [x, t, torch.zeros(batch_size, dtype=torch.long)]
