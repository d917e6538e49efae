"""Films of sampling: the pieces join, and what is drawn is what core computed."""

import numpy as np
import pytest
import torch

from playground.core.analysis.guidance_trace import generate_with_guidance_trace
from playground.core.analysis.memorization import run_side_by_side
from playground.core.analysis.step_decomposition import decompose_step
from playground.core.data import images
from playground.core.data.datasets import ImageDataset
from playground.core.diffusion.ideal import IdealPredictor
from playground.core.diffusion.predictors import UNetPredictor
from playground.core.diffusion.schedules import linear
from playground.core.sampling import generate
from playground.core.sampling.options import SamplingOptions
from playground.render.films.sampling import guidance_film, side_by_side_film, single_step_film, trajectory_film
from tests.conftest import small_unet
from tests.films import numbers, panel, pixels, titled


@pytest.mark.parametrize(("count", "grid"), [(1, (8, 8)), (3, (16, 16)), (4, (16, 16)), (16, (32, 32)), (5, (16, 24))])
def test_the_pieces_of_a_run_join_to_one_film(count: int, grid: tuple[int, int]) -> None:
    predictor = UNetPredictor(small_unet(), linear(1000), null_label=3)
    steps = list(generate.generate(predictor, (1, 8, 8), linear(50), SamplingOptions(num_images=count, steps=4)))
    films = [trajectory_film(step, linear(50)) for step in steps]
    frames = 0
    for film in films:
        assert film["start"] == frames
        assert film["total"] == 5
        assert (film["size"][1], film["size"][0]) == grid
        frames += len(film["labels"])
        assert len(pixels(film["moving"])) == len(film["labels"]) * 3 * grid[0] * grid[1]
    assert frames == 5
    last = pixels(films[-1]["moving"]).reshape(2, 3, *grid)[1, 0]
    assert np.array_equal(last[:8, :8], images.to_bytes(steps[-1].x_next[0])[0].numpy())


def test_two_processes_stand_in_two_rows_with_their_nearest_pictures(pictures: torch.Tensor) -> None:
    training = ImageDataset("x", images.to_bytes(pictures), torch.zeros(20, dtype=torch.int64), ("a",), 0, "", "")
    known = training.x0(slice(None))
    predictors = {"network": UNetPredictor(small_unet(), linear(1000), null_label=3), "ideal": IdealPredictor(known)}
    driven = {
        name: generate.generate(each, (1, 8, 8), linear(50), SamplingOptions(num_images=4))
        for name, each in predictors.items()
    }
    runs = list(run_side_by_side(driven, known))
    films = [side_by_side_film(each, training, linear(50)) for each in runs]
    assert [film["start"] for film in films] == list(range(50))
    last, film = runs[-1]["ideal"], films[-1]
    assert [len(film["labels"]), film["total"], film["columns"]] == [2, 51, 4]
    reached, close = panel(film, 4, 1), panel(film, 7, 1)
    np.testing.assert_allclose(reached[:, :8, :8], last.step.x_next[0].numpy(), atol=0.01)
    np.testing.assert_allclose(close[:, 8:, 8:], known[last.nearest.index[3]].numpy(), atol=0.01)
    np.testing.assert_allclose(reached, close, atol=0.01)  # the ideal predictor ends in pictures that it knows
    assert film["words"]["7"][1] == "№ " + " · ".join(str(index) for index in last.nearest.index.tolist())
    assert numbers(film, "ideal distance")[1] < 1e-3 < numbers(film, "network distance")[1]


def close(film: dict, title: str, frame: int, expected: torch.Tensor, badge: str = "") -> None:
    """Drawn to half a step of 256 between the panel's limits."""
    p = titled(film, title, badge)
    low, high = film["panels"][p]["limits"]
    shown = expected[0].float().clamp(low, high).numpy()
    np.testing.assert_allclose(panel(film, p, frame), shown, atol=(high - low) / 500)


@pytest.mark.parametrize("sampler", ["ddpm", "ddim"])
def test_a_step_in_slow_motion_has_three_frames(sampler: str) -> None:
    predictor = UNetPredictor(small_unet(), linear(1000), null_label=3)
    steps = list(generate.generate(predictor, (1, 8, 8), linear(50), SamplingOptions(sampler=sampler, steps=4)))
    start = 0
    for step in steps:
        slow = decompose_step(step, SamplingOptions(sampler))
        film = single_step_film(slow, linear(50))
        assert (film["start"], film["total"], len(film["labels"])) == (start, 12, 3)
        start += 3
        close(film, "x_t", 0, step.x_t)
        close(film, "ε̂", 0, slow.eps, "network")
        close(film, "μ", 1, slow.mean)
        close(film, "z", 2, slow.z)
        close(film, "x_t−1", 2, step.x_next)
        for title, frame in (("μ", 0), ("z", 1), ("x_t−1", 1)):
            close(film, title, frame, torch.zeros(1, 1, 8, 8))
        sum_of_three = (
            numbers(film, "x_t part")[2] * step.x_t
            - numbers(film, "eps part")[2] * slow.eps
            + numbers(film, "deviation")[2] * slow.z
        )
        torch.testing.assert_close(sum_of_three, step.x_next, atol=1e-5, rtol=1e-5)


def test_what_guidance_adds_is_shown_in_every_step() -> None:
    predictor = UNetPredictor(small_unet(), linear(1000), null_label=3)
    run = generate_with_guidance_trace(
        predictor, (1, 8, 8), linear(50), SamplingOptions(label=1, guidance_scale=3.0, steps=4)
    )
    for index, guided in enumerate(run):
        film = guidance_film(guided, 3.0, linear(50))
        assert (film["start"], film["total"]) == (index, 5)
        close(film, "ε̂(c)", 0, guided.eps_cond, "network")
        close(film, "ε̂(∅)", 0, guided.eps_uncond, "network")
        close(film, "ε̂(c) − ε̂(∅)", 0, guided.eps_cond - guided.eps_uncond)
        close(film, "ε̂", 0, guided.eps_uncond + 3 * (guided.eps_cond - guided.eps_uncond))
        pull = (guided.eps_cond - guided.eps_uncond).square().mean().sqrt().item()
        np.testing.assert_allclose(numbers(film, "pull"), pull, rtol=1e-5)
    assert len(film["labels"]) == 2
    close(film, "x_t", 1, guided.step.x_next)
    by_label = [
        (guided.step.x_t - guided.step.level.sigma * eps) / guided.step.level.alpha
        for eps in (guided.eps_cond, guided.eps_uncond)
    ]
    shift = (by_label[0] - by_label[1]).square().mean().sqrt().item()
    np.testing.assert_allclose(numbers(film, "shift"), shift, rtol=1e-3)
