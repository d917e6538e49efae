import pytest
import torch
from torch.testing import assert_close

from playground.core.analysis.guidance_trace import generate_with_guidance_trace
from playground.core.diffusion.predictors import UNetPredictor
from playground.core.diffusion.schedules import linear
from playground.core.sampling.generate import generate
from playground.core.sampling.options import SamplingOptions
from tests.conftest import small_unet


@pytest.mark.parametrize("scale", [0.0, 1.0, 1.5, 8.0])
def test_the_run_is_the_same_and_both_answers_are_the_networks(scale: float) -> None:
    predictor = UNetPredictor(small_unet(), linear(1000), null_label=3)
    options = {"label": 1, "guidance_scale": scale, "num_images": 2, "seed": 4, "steps": 5}
    plain = list(generate(predictor, (1, 8, 8), linear(1000), SamplingOptions(**options)))
    for guided, step in zip(
        generate_with_guidance_trace(predictor, (1, 8, 8), linear(1000), SamplingOptions(**options)), plain, strict=True
    ):
        assert_close(guided.step.x_next, step.x_next, atol=1e-4, rtol=1e-4)
        assert_close(guided.eps_uncond, predictor(guided.step.x_t, step.level))
        assert_close(guided.eps_cond, predictor(guided.step.x_t, step.level, torch.tensor([1, 1])))
        mixed = guided.eps_uncond + scale * (guided.eps_cond - guided.eps_uncond)
        assert_close(guided.step.eps_hat, mixed)


def test_without_a_label_there_is_nothing_to_follow() -> None:
    predictor = UNetPredictor(small_unet(), linear(1000), null_label=3)
    with pytest.raises(ValueError, match="label must be one of the network's labels"):
        next(
            generate_with_guidance_trace(
                predictor, (1, 8, 8), linear(1000), SamplingOptions(label=None, guidance_scale=2.0)
            )
        )
