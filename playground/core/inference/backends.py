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
    """Wrap a network in an engine and enable the fast path of its device.

    On a CPU the fast path is prepared in a background thread.
    """
    engine = Engine(unet)
    if engine.unet.device.type == "cpu":
        threading.Thread(target=try_enable, args=(enable_openvino, engine), name="making ready", daemon=True).start()
    elif engine.unet.device.type == "cuda":
        try_enable(enable_cuda_graphs, engine)
    return engine


def try_enable(make_ready: Callable[[Engine], None], engine: Engine) -> None:
    """Enable a fast path; if that fails, log a warning and stay on PyTorch.

    Args:
        make_ready: enables the fast path of an engine, such as `enable_openvino`.
        engine: the engine.
    """
    try:
        make_ready(engine)
    except Exception as error:
        log.warning("This network runs on plain PyTorch. Its fast path is not there: %s", error)
