"""Memory shortage of a device: recognize it, and free what nothing uses any more."""

from __future__ import annotations

import gc

import torch

MESSAGES = ("out of memory", "DefaultCPUAllocator", "ALLOC_FAILED")
"""Of errors without a class of their own: those of MPS, of the CPU, and of cuDNN and cuBLAS."""


def out_of_memory(error: BaseException) -> bool:
    """Whether an error means that a device, or the machine, has no memory left.

    Args:
        error: the error, such as torch.OutOfMemoryError.

    Returns:
        True for the errors of CUDA, MPS and the CPU, and for Python's MemoryError.
    """
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(message in str(error) for message in MESSAGES)


def free_memory() -> None:
    """Give memory that no object uses back to the devices."""
    gc.collect()
    torch.cuda.empty_cache()  # does nothing where CUDA is not in use
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
