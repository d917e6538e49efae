"""ZeroGPU Spaces: sampling borrows a GPU for as long as it needs it; elsewhere nothing changes.

The rest of the page, such as films over t, runs on the CPU there and costs no quota.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Concatenate, ParamSpec, TypeVar

from PIL import Image

from playground.core.analysis.solver_comparison import REFERENCE_STEPS
from playground.core.model_registry import ModelRegistry
from playground.core.sampling.samplers import SAMPLERS
from playground.ui.server.errors import user_errors
from playground.ui.state.scene import Scene
from playground.ui.state.settings import Settings

T = TypeVar("T")
P = ParamSpec("P")

ZERO = os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")
"""Whether this is a ZeroGPU Space, by the environment variable that it sets."""
START, A_CALL, FLOP_A_SECOND = 5, 0.03, 1e13
"""Seconds until the network is on the GPU; overhead of a network call in seconds; FLOP per second."""
MAX_SECONDS = 120


def on_zerogpu(
    library: ModelRegistry, work: Callable[Concatenate[Scene, P], Iterator[T]], calls: Callable[[Scene], int]
) -> Callable[Concatenate[Scene, P], Iterator[T]]:
    """Run generators on a ZeroGPU.

    The work runs in a process of its own there, so what it yields must be picklable. Networks that were added after the
    start are not on the GPU: they run in this process. Elsewhere `work` is returned unchanged.

    Args:
        library: registry of the networks.
        work: generator function of a scene, and further arguments.
        calls: returns the most network calls that `work` makes for a scene.

    Returns:
        A function to call in place of `work`.
    """
    if not ZERO:
        return work
    import spaces

    there = gpu_registry(library)

    def duration(settings: Settings, own: Image.Image | None, painting: Image.Image | None, *_: Any, **__: Any) -> int:
        scene = Scene(library, settings, own, painting)
        return lease_seconds(scene, calls(scene))

    def run(
        settings: Settings, own: Image.Image | None, painting: Image.Image | None, *args: P.args, **kwargs: P.kwargs
    ) -> Iterator[T]:
        with user_errors():  # only the name of any other error comes back from the process
            yield from work(Scene(there, settings, own, painting), *args, **kwargs)

    on_loan = spaces.GPU(duration=duration)(run)

    def lent(scene: Scene, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        if scene.settings.model not in there.names:
            return work(scene, *args, **kwargs)
        lent: Iterator[T] = on_loan(scene.settings, scene.own, scene.painting, *args, **kwargs)
        return lent

    return lent


@cache
def gpu_registry(library: ModelRegistry) -> ModelRegistry:
    """The same networks on the GPU, all loaded: what is loaded when the app starts is there in every process."""
    there = library.to("cuda")
    for name in there.names:
        there.pictures(name)
        there.checkpoint(name)
    return there


def lease_seconds(scene: Scene, calls: int) -> int:
    """GPU lease: estimated duration of a number of network calls.

    It assumes at most one multiplication per weight and pixel, and two evaluations per call, as with guidance.

    Args:
        scene: the scene, with its network and number of pictures.
        calls: number of network calls.

    Returns:
        Seconds, MAX_SECONDS at most.
    """
    network = scene.library.checkpoint(scene.settings.model)
    _, height, width = network.image_shape
    flop = 2 * network.parameters * height * width * scene.count() * 2
    return min(MAX_SECONDS, math.ceil(START + calls * (A_CALL + flop / FLOP_A_SECOND)))


def max_network_calls(scene: Scene) -> int:
    """Most network calls (NFE) that sampling with these settings can take, the reference included."""
    s = scene.settings
    if s.sampling_view == "solvers":
        return s.nfe * len(s.solvers.split(",")) + min(REFERENCE_STEPS, s.T)
    return SAMPLERS[s.sampler].nfe(s.steps)
