import pytest
import torch
from torch.testing import assert_close

from playground.core.analysis.memorization import run_side_by_side
from playground.core.diffusion.ideal import IdealPredictor
from playground.core.diffusion.predictors import UNetPredictor
from playground.core.diffusion.schedules import linear
from playground.core.sampling.generate import generate
from playground.core.sampling.options import SamplingOptions
from tests.conftest import small_unet


@pytest.mark.parametrize("options", [{"sampler": "ddim"}, {"sampler": "ddim", "eta": 1.0}, {"sampler": "ddpm"}])
def test_the_ideal_predictor_ends_in_pictures_that_it_knows(pictures: torch.Tensor, options: dict) -> None:
    network = UNetPredictor(small_unet(), linear(1000), null_label=3)
    predictors = {"network": network, "ideal": IdealPredictor(pictures)}
    options = {"num_images": 5, "steps": 20, "seed": 3, **options}
    driven = {
        name: generate(each, (1, 8, 8), linear(1000), SamplingOptions(**options)) for name, each in predictors.items()
    }
    runs = list(run_side_by_side(driven, pictures))
    assert len(runs) == 20
    assert torch.equal(runs[0]["network"].step.x_t, runs[0]["ideal"].step.x_t)  # the same x_T
    last = runs[-1]["ideal"]
    assert_close(last.step.x_next, pictures[last.nearest.index], atol=1e-4, rtol=0)
    assert (last.nearest.distance < 1e-3).all()


def test_the_nearest_is_the_nearest_by_brute_force(pictures: torch.Tensor) -> None:
    network = UNetPredictor(small_unet(), linear(1000), null_label=3)
    for each in run_side_by_side(
        {"network": generate(network, (1, 8, 8), linear(100), SamplingOptions(num_images=3, steps=4))}, pictures
    ):
        step, close = each["network"].step, each["network"].nearest
        for k in range(3):
            distances = [(step.x0_hat[k] - picture).norm().item() for picture in pictures]
            assert close.index[k] == min(range(20), key=distances.__getitem__)
            assert close.distance[k].item() == pytest.approx(min(distances), abs=1e-4)
