"""Runs that are cut anywhere, gone through again with the answers that were there, and end in the same picture."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from playground.core.analysis.guidance_trace import generate_with_guidance_trace
from playground.core.analysis.likelihood import variational_bound
from playground.core.analysis.solver_comparison import compare_solvers
from playground.core.diffusion.noise import NoiseLevel, expand_coef
from playground.core.diffusion.schedules import linear
from playground.core.sampling.generate import generate
from playground.core.sampling.inpainting import UNCONDITIONED, Conditioning
from playground.core.sampling.options import SamplingOptions
from playground.core.sampling.replay import ReplayPredictor, stream_predictions
from playground.core.sampling.samplers import SAMPLERS
from playground.core.sampling.steps import Step
from playground.core.sampling.timesteps import TIMESTEP_SPACINGS

SHAPE, SCHEDULE = (1, 8, 8), linear(100)
X0 = torch.rand(SHAPE, generator=torch.Generator().manual_seed(7)) * 2 - 1
LEFT = torch.arange(8).expand(8, 8) < 4


class Curved:
    """Says something of x_t, its level and its labels that is quickly computed, and no straight line."""

    device = torch.device("cpu")

    def __call__(self, x_t: torch.Tensor, level: NoiseLevel, labels: torch.Tensor | None = None) -> torch.Tensor:
        bend = torch.zeros(len(x_t)) if labels is None else 0.3 * (labels + 1)
        return (x_t * expand_coef(level.sigma, x_t) + expand_coef(bend, x_t)).sin()


class Counting(Curved):
    """The same; counts how often it is asked, and can be told to die."""

    def __init__(self, dies_at: int | None = None) -> None:
        self.calls, self.dies_at = 0, dies_at

    def __call__(self, x_t: torch.Tensor, level: NoiseLevel, labels: torch.Tensor | None = None) -> torch.Tensor:
        if self.calls == self.dies_at:
            raise ConnectionError
        self.calls += 1
        return super().__call__(x_t, level, labels)


NETWORK = Curved()


def died(sampling_function: Callable[..., Iterator[Any]], at: int, *args: Any) -> list[torch.Tensor]:
    """What has been received of a run whose network dies in its call number `at`."""
    received: list[torch.Tensor] = []

    def receive() -> None:
        for each in stream_predictions(Counting(at), sampling_function, [], SHAPE, SCHEDULE, *args):
            received.extend(each)

    with pytest.raises(ConnectionError):
        receive()
    return received


def same(one: Step, other: Step) -> bool:
    """Whether two steps are equal to the last bit, levels included."""
    levels = [(each.level, each.next_level) for each in (one, other)]
    pictures = [(each.x_t, each.eps_hat, each.x0_hat, each.x_next) for each in (one, other)]
    return (
        (one.index, one.total) == (other.index, other.total)
        and all(torch.equal(a.alpha, b.alpha) and torch.equal(a.sigma, b.sigma) for a, b in zip(*levels, strict=True))
        and all(map(torch.equal, *pictures))
    )


OPTIONS = st.fixed_dictionaries(
    {
        "steps": st.integers(3, 8),
        "num_images": st.integers(1, 3),
        "seed": st.integers(0, 99),
        "label": st.sampled_from([None, 0, 2]),
        "guidance_scale": st.sampled_from([0.0, 1.0, 2.5]),
        "second_label": st.sampled_from([None, 1]),
        "interpolate_to": st.sampled_from([None, 100]),
        "eta": st.sampled_from([0.0, 0.7]),
        "variance_type": st.sampled_from(["fixed_large", "fixed_small"]),
        "clip_x0": st.booleans(),
        "timestep_spacing": st.sampled_from(list(TIMESTEP_SPACINGS)),
        "karras_sigmas": st.booleans(),
        "conditioning": st.sampled_from(
            [UNCONDITIONED, Conditioning(X0, 2), Conditioning(X0, 0, LEFT), Conditioning(X0, 1, LEFT)]
        ),
    }
)


@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(options=OPTIONS, data=st.data())
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_run_cut_anywhere_ends_in_the_same_picture(
    sampler: str, options: dict[str, Any], data: st.DataObject
) -> None:
    options, network = {**options, "sampler": sampler}, Counting()
    whole = list(generate(network, SHAPE, SCHEDULE, SamplingOptions(**options)))
    cut = data.draw(st.integers(0, network.calls - 1), "calls until it dies")
    known = died(generate, cut, SamplingOptions(**options))
    second = Counting()
    later = [
        eps_hat
        for each in stream_predictions(second, generate, known, SHAPE, SCHEDULE, SamplingOptions(**options))
        for eps_hat in each
    ]
    assert len(known) <= cut <= len(known) + 1  # of a step that was not finished nothing was received
    assert second.calls == len(later) == network.calls - len(known)
    third = Counting()
    followed = list(generate(ReplayPredictor([*known, *later], third), SHAPE, SCHEDULE, SamplingOptions(**options)))
    assert third.calls == 0
    assert len(followed) == len(whole)
    assert all(map(same, followed, whole))


@pytest.mark.parametrize("cut", [0, 1, 6, 13])
def test_guidance_shows_both_answers_again(cut: int) -> None:
    options: dict[str, Any] = {"label": 1, "guidance_scale": 3.0, "steps": 7, "sampler": "ddpm"}
    known = died(generate_with_guidance_trace, cut, SamplingOptions(**options))
    again = generate_with_guidance_trace(ReplayPredictor(known, NETWORK), SHAPE, SCHEDULE, SamplingOptions(**options))
    for one, other in zip(
        again, generate_with_guidance_trace(NETWORK, SHAPE, SCHEDULE, SamplingOptions(**options)), strict=True
    ):
        assert same(one.step, other.step)
        assert torch.equal(one.eps_cond, other.eps_cond)
        assert torch.equal(one.eps_uncond, other.eps_uncond)


@pytest.mark.parametrize("cut", [1, 9, 16])
def test_so_does_a_race(cut: int) -> None:
    asked = (["ddpm", "unipc", "heun"], 6, SamplingOptions(seed=3))
    *_, again = compare_solvers(ReplayPredictor(died(compare_solvers, cut, *asked), NETWORK), SHAPE, SCHEDULE, *asked)
    *_, whole = compare_solvers(NETWORK, SHAPE, SCHEDULE, *asked)
    for one, other in zip(again, whole, strict=True):
        assert len(one.taken) == one.total
        assert all(map(same, one.taken, other.taken))


def test_and_a_sum_that_is_no_sampling() -> None:
    eps = torch.randn(SHAPE, generator=torch.Generator().manual_seed(1))
    known = [each for part in stream_predictions(Counting(), variational_bound, [], X0, eps, SCHEDULE) for each in part]
    silent = Counting(dies_at=0)
    assert list(variational_bound(ReplayPredictor(known, silent), X0, eps, SCHEDULE)) == list(
        variational_bound(NETWORK, X0, eps, SCHEDULE)
    )


def test_each_step_is_told_as_soon_as_it_is_taken() -> None:
    network = Counting()
    run = stream_predictions(
        network, generate, [], SHAPE, SCHEDULE, SamplingOptions(steps=5, label=1, guidance_scale=2.0)
    )
    for step, said in enumerate(run):
        assert len(said) == 2
        assert network.calls == 2 * (step + 1)


def test_what_is_on_its_way_is_waited_for_only_when_asked() -> None:
    asked = []

    def arriving() -> Iterator[torch.Tensor]:
        for k in range(4):
            asked.append(k)
            yield torch.zeros(1, *SHAPE)

    run = generate(ReplayPredictor(arriving(), NETWORK), SHAPE, SCHEDULE, SamplingOptions(steps=4))
    assert asked == []
    next(run)
    assert asked == [0]
