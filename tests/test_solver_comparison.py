import pytest
import torch
from torch.testing import assert_close

from playground.core.analysis.solver_comparison import compare_solvers, reference_trajectory
from playground.core.diffusion.ideal import IdealPredictor
from playground.core.diffusion.schedules import linear
from playground.core.sampling.generate import generate
from playground.core.sampling.options import SamplingOptions
from playground.core.sampling.samplers import SAMPLERS, sample

SHAPE = (1, 8, 8)


class Counting:
    """A predictor that counts how often it is asked."""

    def __init__(self, predictor: IdealPredictor) -> None:
        self.predictor, self.device, self.calls = predictor, predictor.device, 0

    def __call__(self, *args: object) -> torch.Tensor:
        self.calls += 1
        return self.predictor(*args)


@pytest.mark.parametrize("calls", [2, 3, 10, 11])
@pytest.mark.parametrize("name", SAMPLERS)
def test_nobody_takes_more_calls_than_allowed_nor_could_take_more(
    name: str, calls: int, pictures: torch.Tensor
) -> None:
    counting = Counting(IdealPredictor(pictures))
    *_, last = compare_solvers(counting, SHAPE, linear(1000), [name], calls)
    assert last[0].finished
    assert counting.calls == last[0].total <= calls
    more = Counting(IdealPredictor(pictures))
    list(
        generate(
            more, SHAPE, linear(1000), SamplingOptions(sampler=name, steps=SAMPLERS[name].steps_for_nfe(calls) + 1)
        )
    )
    assert more.calls > calls


def test_each_runs_as_it_would_alone(pictures: torch.Tensor) -> None:
    ideal, names = IdealPredictor(pictures), ["ddpm", "ddim", "dpmsolver++", "heun"]
    laps = list(compare_solvers(ideal, SHAPE, linear(1000), names, 10, SamplingOptions(seed=3)))
    begun = [runner.taken[0].x_t for runner in laps[0]]
    generator = torch.Generator().manual_seed(3)
    x_T = torch.randn(1, *SHAPE, generator=generator)
    for x_t in begun:
        assert_close(x_t, x_T, atol=1e-4, rtol=1e-4)
    after_x_T = generator.get_state()
    assert len(laps) == 10
    for k, runners in enumerate(laps):
        assert [runner.sampler for runner in runners] == names
        assert [len(runner.taken) for runner in runners] == [k + 1, k + 1, k + 1, min(k + 1, 9)]
    for name, runner in zip(names, laps[-1], strict=True):
        generator.set_state(after_x_T)
        alone = sample(
            ideal,
            x_T,
            linear(1000),
            SamplingOptions(sampler=name, steps=SAMPLERS[name].steps_for_nfe(10), clip_x0=False),
            generator=generator,
        )
        for taken, step in zip(runner.taken, alone, strict=True):
            assert_close(taken.x_next, step.x_next)
        assert_close(runner.x0_hat, runner.taken[-1].x_next)


def test_the_more_calls_the_nearer_to_the_reference_and_the_higher_order_the_sooner(pictures: torch.Tensor) -> None:
    ideal = IdealPredictor(pictures)
    *_, far = reference_trajectory(ideal, SHAPE, linear(1000), SamplingOptions(num_images=4))
    found = {}
    for calls in (5, 20, 80):
        *_, runners = compare_solvers(
            ideal, SHAPE, linear(1000), ["ddim", "dpmsolver++"], calls, SamplingOptions(num_images=4)
        )
        for runner in runners:
            distances = runner.distances(far.x_next)
            assert len(distances) == runner.total + 1
            brute = sum((a - b) ** 2 for a, b in zip(runner.x0_hat.flatten(), far.x_next.flatten(), strict=True))
            assert distances[-1].item() == pytest.approx((brute.item() / far.x_next.numel()) ** 0.5, abs=1e-6)
            found[runner.sampler, calls] = distances[-1].item()
    assert found["ddim", 80] < found["ddim", 5]
    assert found["dpmsolver++", 20] <= found["ddim", 20] + 1e-6


def test_what_cannot_be_raced_is_told(pictures: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="nfe must be at least 2; it was 1"):
        next(compare_solvers(IdealPredictor(pictures), SHAPE, linear(10), ["ddim"], 1))
    with pytest.raises(ValueError, match="sampler must be one of ddpm, ddim,"):
        next(compare_solvers(IdealPredictor(pictures), SHAPE, linear(10), ["fastest"], 5))
