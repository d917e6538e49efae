"""Inference backends: OpenVINO on a CPU, enabled in the background; CUDA graphs on a GPU; PyTorch elsewhere."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from torch import nn

from playground.core.inference.cuda_graphs import enable_cuda_graphs
from playground.core.inference.engine import Engine
from playground.core.inference.openvino import enable_openvino

log = logging.getLogger(__name__)


def accelerate(unet: nn.Module) -> Engine:
    """The network with the fast path of the device that it lies on; on a CPU that is made ready in the background."""
    engine = Engine(unet)
    if engine.unet.device.type == "cpu":
        threading.Thread(target=try_enable, args=(enable_openvino, engine), name="making ready", daemon=True).start()
    elif engine.unet.device.type == "cuda":
        try_enable(enable_cuda_graphs, engine)
    return engine


def try_enable(make_ready: Callable[[Engine], None], engine: Engine) -> None:
    """Make a fast path ready; where that cannot be, the log says so in a line, and PyTorch serves."""
    try:
        make_ready(engine)
    except Exception as error:
        log.warning("This network runs on plain PyTorch. Its fast path is not there: %s", error)
