"""ZeroGPU Spaces: functions that sample borrow a GPU for as long as they need it; elsewhere nothing changes.

The page itself, with all that a slider asks for, runs there on the CPU and costs no quota.
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
"""Whether this is such a Space, by the variable that it sets."""
START, A_CALL, FLOP_A_SECOND = 5, 0.03, 1e13
"""Seconds until the network is on the GPU; seconds that a call takes whatever is asked; how fast the rest is."""
MAX_SECONDS = 120


def on_zerogpu(
    library: ModelRegistry, work: Callable[Concatenate[Scene, P], Iterator[T]], calls: Callable[[Scene], int]
) -> Callable[Concatenate[Scene, P], Iterator[T]]:
    """`work` on a scene of `library`, which calls the network at most `calls` times; on ZeroGPU it is lent a GPU.

    There it runs in a process of its own, so what it yields has to be fit for pickling. Networks that were added later
    have not been put on the GPU; they run here.
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
        with user_errors():  # of other errors nothing but their name comes back
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
    """The same networks on the GPU, all loaded: what is there when the app starts goes along into every process."""
    there = library.to("cuda")
    for name in there.names:
        there.pictures(name)
        there.checkpoint(name)
    return there


def lease_seconds(scene: Scene, calls: int) -> int:
    """For how long a GPU is asked for: for so many calls of the scene's network.

    Each weight is multiplied at most once a pixel, and twice a step is the network asked where there is guidance.
    """
    network = scene.library.checkpoint(scene.settings.model)
    _, height, width = network.image_shape
    flop = 2 * network.parameters * height * width * scene.count() * 2
    return min(MAX_SECONDS, math.ceil(START + calls * (A_CALL + flop / FLOP_A_SECOND)))


def max_network_calls(scene: Scene) -> int:
    """The most network calls (NFE) that the sampling on show can have."""
    s = scene.settings
    if s.view == "race":
        return s.calls * len(s.solvers.split(",")) + min(REFERENCE_STEPS, s.T)
    return SAMPLERS[s.sampler].nfe(s.steps)
