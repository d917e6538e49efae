"""Grid run: every sampler, spacing and schedule at many T and numbers of steps. Each run is finite and has its NFE.

    python -m tests.grid           # everything, minutes
    python -m tests.grid --share 20   # every twentieth combination

The data is Gaussian, so the exact predictor is known and costs nothing.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator

import torch
from torch import Tensor
from tqdm import tqdm

from playground.core.diffusion.noise import NoiseLevel
from playground.core.diffusion.schedules import SCHEDULES, zero_terminal_snr
from playground.core.sampling.options import SamplingOptions
from playground.core.sampling.samplers import SAMPLERS, sample
from playground.core.sampling.timesteps import TIMESTEP_SPACINGS

STD = 0.5
LENGTHS = (10, 13, 20, 50, 61, 100, 250, 999, 1000, 2000, 4000)
MOST_STEPS = 300
ENOUGH_STEPS = 20
"""From this number of steps on a run has to end near the data. With Karras sigmas it may need more where T is small."""


def predictor(x_t: Tensor, level: NoiseLevel, labels: Tensor | None = None) -> Tensor:
    """E[ε | x_t] for data from N(0, STD²)."""
    alpha, sigma = level.alpha.float(), level.sigma.float()
    return sigma * x_t / (alpha**2 * STD**2 + sigma**2)


def steps_of(T: int) -> list[int]:
    """Numbers of steps: small ones, T and its neighbours, and those at which diffusers' spacing has one too many."""
    extra = [steps for steps in range(1, T + 1) if len(torch.arange(T, 0, -T / steps, dtype=torch.float64)) != steps]
    some = {1, 2, 3, 5, 10, 29, 31, 50, 61, 62, 97, T // 2, T - 1, T, *extra[:8]}
    return sorted(steps for steps in some if 1 <= steps <= min(T, MOST_STEPS) or steps == T <= 1000)


def combinations() -> Iterator[tuple[str, int, bool, SamplingOptions]]:
    """Schedule, its T, whether its terminal SNR is zero, and the options of each run."""
    for name, T, zero, spacing, sampler in itertools.product(
        SCHEDULES, LENGTHS, (False, True), TIMESTEP_SPACINGS, SAMPLERS
    ):
        for steps in steps_of(T):
            for karras in (False, True) if getattr(SAMPLERS[sampler].steps, "karras", False) else (False,):
                options = SamplingOptions(sampler=sampler, steps=steps, timestep_spacing=spacing, karras_sigmas=karras)
                yield name, T, zero, options


def described(name: str, T: int, zero: bool, options: SamplingOptions) -> str:
    """A run in words."""
    end = ", zero terminal SNR" if zero else ""
    spacing = options.timestep_spacing + (", Karras" if options.karras_sigmas else "")
    return f"{options.sampler}, {name} of T = {T}{end}, {options.steps} steps ({spacing})"


def fault(name: str, T: int, zero: bool, options: SamplingOptions) -> str:
    """What is wrong with a run; empty if nothing is."""
    schedule = SCHEDULES[name](T)
    if zero:
        schedule = zero_terminal_snr(schedule)
    generator = torch.Generator().manual_seed(0)
    x_T = torch.randn(64, 1, 1, 1, generator=generator)
    try:
        steps = list(sample(predictor, x_T, schedule, options, generator=generator))
    except ValueError as error:
        return str(error)
    promised = SAMPLERS[options.sampler].nfe(options.steps)
    if len(steps) != promised:
        return f"{len(steps)} steps, where {promised} were promised"
    std = steps[-1].x_next.std().item()
    is_near_enough = options.steps < ENOUGH_STEPS or options.karras_sigmas or STD / 3 < std < STD * 3
    return "" if is_near_enough else f"standard deviation {std:.3g}, where the data has {STD}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--share", type=int, default=1, help="run every n-th combination")
    args = parser.parse_args()
    runs = list(itertools.islice(combinations(), None, None, args.share))
    torch.set_num_threads(1)
    faults = [f"{described(*run)}: {what}" for run in tqdm(runs) if (what := fault(*run))]
    print("\n".join(faults), f"{len(runs):,} runs, {len(faults):,} faults", sep="\n")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
