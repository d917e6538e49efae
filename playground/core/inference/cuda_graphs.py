"""CUDA graphs: a network recorded once for each batch size and replayed."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from playground.core.inference.engine import Engine, example_inputs


def enable_cuda_graphs(engine: Engine) -> None:
    """Record CUDA graphs for an engine, in channels-last memory format, which suits its convolutions."""
    engine.unet.to(memory_format=torch.channels_last)
    engine.enable({size: CudaGraph(engine.unet, size) for size in engine.batch_sizes})


class CudaGraph:
    """A CUDA graph of the network at one batch size: its kernels, recorded once and launched as one.

    It follows PyTorch's notes on CUDA graphs. Smaller batches fill its first rows.
    """

    def __init__(self, unet: Any, batch_size: int) -> None:
        x, *rest = (each.to(unet.device) for each in example_inputs(unet, batch_size))
        self.inputs = [x.to(unet.dtype, memory_format=torch.channels_last), *rest]
        side = torch.cuda.Stream(unet.device)
        side.wait_stream(torch.cuda.current_stream())
        with torch.no_grad(), torch.cuda.stream(side):
            for _ in range(3):  # warm-up: what libraries select and allocate at first must not be recorded
                unet(*self.inputs)
        torch.cuda.current_stream().wait_stream(side)
        self.graph = torch.cuda.CUDAGraph()
        # Other networks may run in other threads meanwhile.
        with torch.no_grad(), torch.cuda.graph(self.graph, capture_error_mode="thread_local"):
            self.answer: Tensor = unet(*self.inputs).sample

    def __call__(self, *inputs: Tensor) -> Tensor:
        for static, value in zip(self.inputs, inputs, strict=True):
            static[: len(value)] = value
        self.graph.replay()
        return self.answer
