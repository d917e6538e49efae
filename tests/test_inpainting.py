"""Runs that start from a picture or keep a part of one, in every way to sample."""

import pytest
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler, HeunDiscreteScheduler
from torch.testing import assert_close

from playground.core.diffusion.ideal import IdealPredictor
from playground.core.diffusion.noise import add_noise
from playground.core.diffusion.schedules import linear
from playground.core.sampling.inpainting import Conditioning
from playground.core.sampling.options import SamplingOptions
from playground.core.sampling.samplers import SAMPLERS, sample
from playground.core.sampling.steps import Step

THEIRS = {
    "ddim": lambda **options: DDIMScheduler(clip_sample=False, set_alpha_to_one=True, **options),
    "dpmsolver++": DPMSolverMultistepScheduler,
    "euler": EulerDiscreteScheduler,
    "heun": HeunDiscreteScheduler,
}


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)).double()


def run(name: str, ideal: IdealPredictor, x_T: torch.Tensor, given: Conditioning, **options: object) -> list[Step]:
    generator = torch.Generator().manual_seed(5)
    return list(
        sample(
            ideal, x_T, linear(1000), SamplingOptions(sampler=name, conditioning=given, **options), generator=generator
        )
    )


@pytest.mark.parametrize("skip", [1, 5, 9])
@pytest.mark.parametrize("name", THEIRS)
def test_a_run_from_a_picture_is_diffusers_image_to_image_loop(name: str, skip: int, pictures: torch.Tensor) -> None:
    ideal, x_T, x0, schedule = IdealPredictor(pictures), noise(3, 1, 8, 8), pictures[4].double(), linear(1000)
    scheduler = THEIRS[name](trained_betas=schedule.betas.tolist(), timestep_spacing="trailing")
    scheduler.alphas_cumprod = schedule.alpha_bar.float()
    scheduler.set_timesteps(10)
    skipped = skip * scheduler.order
    timesteps = scheduler.timesteps[skipped:]
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(skipped)
    x = scheduler.add_noise(x0.expand(3, 1, 8, 8), x_T, timesteps[:1].expand(3))
    for t in timesteps:
        x = scheduler.step(ideal(scheduler.scale_model_input(x, t), schedule.level(t.double())), t, x).prev_sample
    ours = run(name, ideal, x_T, Conditioning(x0, skip), steps=10, clip_x0=False)
    assert ours[0].total == len(ours) == len(timesteps)
    assert_close(ours[-1].x_next, x.double(), atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", SAMPLERS)
def test_it_begins_with_the_picture_in_the_noise_of_its_level(name: str, pictures: torch.Tensor) -> None:
    x_T, x0 = noise(2, 1, 8, 8), pictures[4].double()
    whole = run(name, IdealPredictor(pictures), x_T, Conditioning(x0), steps=10)
    part = run(name, IdealPredictor(pictures), x_T, Conditioning(x0, 4), steps=10)
    assert_close(part[0].x_t, add_noise(x0.expand_as(x_T), x_T, part[0].level), atol=1e-5, rtol=0)
    levels = [step.level.log_snr.item() for step in whole]
    assert min(abs(level - part[0].level.log_snr.item()) for level in levels) < 1e-3
    assert part[-1].next_level.sigma <= 0.02  # PNDM ends at t = 0, the others where there is no noise
    assert len(part) == {"heun": 11, "pndm": 7}.get(name, 6)


@pytest.mark.parametrize("name", SAMPLERS)
def test_what_is_known_is_kept_and_the_rest_is_filled_in(name: str, pictures: torch.Tensor) -> None:
    """The ideal predictor knows one picture alone that fits to the part that is known."""
    x_T, kept = noise(2, 1, 8, 8), torch.zeros(8, 8, dtype=torch.bool)
    kept[:, :7] = True
    steps = run(name, IdealPredictor(pictures), x_T, Conditioning(pictures[7].double(), 0, kept), steps=20)
    for step in steps:
        known = add_noise(pictures[7].double().expand_as(x_T), x_T, step.next_level)
        assert_close(step.x_next[:, :, kept], known[:, :, kept], atol=1e-5, rtol=0)
    assert_close(steps[-1].x0_hat, pictures[7:8].double().expand_as(x_T), atol=1e-4, rtol=0)


def test_no_more_strides_can_be_left_out_than_there_are(pictures: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="number of skipped steps must be from 0 to 9; it was 10"):
        run("ddim", IdealPredictor(pictures), noise(1, 1, 8, 8), Conditioning(pictures[0], 10), steps=10)
