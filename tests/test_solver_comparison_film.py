import numpy as np
import pytest
import torch

from playground.core.analysis.solver_comparison import compare_solvers, reference_trajectory
from playground.core.diffusion.ideal import IdealPredictor
from playground.core.diffusion.schedules import linear
from playground.core.sampling.samplers import SAMPLERS
from playground.render.films.solver_comparison import solver_comparison_film
from tests.films import numbers, panel, titled


def shown(film: dict, title: str, badge: str, frame: int) -> np.ndarray:
    return panel(film, titled(film, title, badge), frame)


def test_every_call_is_a_frame_and_at_the_end_the_pictures_are_ranked(pictures: torch.Tensor) -> None:
    ideal, schedule = IdealPredictor(pictures), linear(1000)
    names = ["ddim", "heun", "ddpm"]
    laps = list(compare_solvers(ideal, (1, 8, 8), schedule, names, 6))
    for k, runners in enumerate(laps):
        frames = range(k, k + 1 + (k == 5))
        film = solver_comparison_film(runners, frames, 6)
        assert (film["start"], film["total"], len(film["labels"])) == (k, 7, len(frames))
        for runner in runners:
            step = runner.taken[-1]
            finished = k >= runner.total
            expected = step.x_next if finished else step.x_t
            np.testing.assert_allclose(
                shown(film, "x_t", runner.sampler, 0), expected[0].clamp(-1, 1).numpy(), atol=1 / 250
            )
        assert np.abs(shown(film, "reference", "", 0)).max() < 1 / 250
    *_, far = reference_trajectory(ideal, (1, 8, 8), schedule)
    whole = solver_comparison_film(laps[-1], range(7), 6, far.x_next)
    assert (whole["start"], len(whole["labels"]), whole["total"]) == (0, 7, 7)
    np.testing.assert_allclose(shown(whole, "reference", "", 3), far.x_next[0].clamp(-1, 1).numpy(), atol=1 / 250)
    ends = {}
    for runner in laps[-1]:
        off = [(step.x0_hat - far.x_next).square().mean().sqrt().item() for step in runner.taken]
        ends[runner.sampler] = (runner.taken[-1].x_next - far.x_next).square().mean().sqrt().item()
        found = numbers(whole, f"{runner.sampler} distance")
        np.testing.assert_allclose(found[: runner.total], off, atol=1e-6)
        np.testing.assert_allclose(found[runner.total :], ends[runner.sampler], atol=1e-6)
    best = min((name for name in ends if not SAMPLERS[name].stochastic), key=ends.get)
    for name in (name for name in ends if SAMPLERS[name].stochastic):
        assert whole["words"][str(titled(whole, "x̂_0", name))][-1] == "another sample"
    assert whole["words"][str(titled(whole, "x̂_0", best))][-1] == "closest"
    assert whole["words"][str(titled(whole, "x̂_0", best))][0] == ""
    curves = {series["name"]: series for series in whole["charts"][0]["series"]}
    assert curves["heun"]["x"] == [1, 2, 3, 4, 5]
    assert curves["heun"]["y"][-1] == pytest.approx(ends["heun"], rel=1e-4)
