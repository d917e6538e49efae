import numpy as np
import pytest
import torch
from torch.testing import assert_close

from playground.core.analysis import forward_process, noise_prediction
from playground.core.analysis.step_decomposition import decompose_step
from playground.core.diffusion.ideal import IdealPredictor
from playground.core.diffusion.noise import NoiseLevel, add_noise
from playground.core.diffusion.predictors import IdentityPredictor, UNetPredictor, ZeroPredictor
from playground.core.diffusion.schedules import SCHEDULES, linear, zero_terminal_snr
from playground.core.model_registry import ModelRegistry
from playground.core.networks.checkpoints import Checkpoint
from playground.core.sampling import generate
from playground.core.sampling.options import SamplingOptions
from tests.conftest import small_unet


def test_blind_costs_one_and_copycat_what_theory_says(pictures: torch.Tensor) -> None:
    """E(eps - x_t)² = alpha² E x_0² + (1 - sigma)² for independent x_0 and eps."""
    schedule, x0 = linear(1000), pictures.repeat(50, 1, 1, 1)
    level = schedule.level(torch.arange(1000))
    theory = (level.alpha**2 * pictures.square().mean() + (1 - level.sigma) ** 2).mean().item()
    assert abs(noise_prediction.mean_squared_error(ZeroPredictor(), x0, None, schedule) - 1) < 0.02
    assert abs(noise_prediction.mean_squared_error(IdentityPredictor(), x0, None, schedule) - theory) < 0.02 * theory


def test_a_seed_is_one_noise_everywhere() -> None:
    assert torch.equal(generate.seeded_noise((1, 4, 4), 3), generate.seeded_noise((1, 4, 4), 3))
    assert not torch.equal(generate.seeded_noise((1, 4, 4), 3), generate.seeded_noise((1, 4, 4), 4))


@pytest.mark.parametrize("zero_terminal", [False, True])
def test_prediction_records_what_its_names_say(pictures: torch.Tensor, zero_terminal: bool) -> None:
    schedule = zero_terminal_snr(linear(1000)) if zero_terminal else linear(1000)
    predictor = UNetPredictor(small_unet(), linear(1000), null_label=3)
    eps, t = generate.seeded_noise((1, 8, 8), 0), noise_prediction.evenly_spaced_steps(schedule, 40)
    record = noise_prediction.predict_noise(predictor, pictures[0], eps, schedule, t)
    assert record.t.tolist() == t
    for k in range(len(t)):
        level = schedule.level(t[k])
        x_t = add_noise(pictures[:1], eps[None], level)
        eps_hat = predictor(x_t, level)
        assert_close(record.x_t[k], x_t[0])
        assert_close(record.eps_hat[k], eps_hat[0], atol=1e-4, rtol=1e-4)
        difference = eps - eps_hat[0]
        assert_close(record.error[k], difference.square().mean(), atol=1e-4, rtol=1e-4)
        total = (eps - eps.mean()).square().sum()
        assert_close(record.r2[k], 1 - difference.square().sum() / total, atol=1e-3, rtol=1e-3)
        cosine = (eps * eps_hat[0]).sum() / (eps.norm() * eps_hat.norm())
        assert_close(record.cosine[k], cosine, atol=1e-4, rtol=1e-4)
        assert_close(record.deviation[k], eps_hat.std(correction=0), atol=1e-4, rtol=1e-4)
    assert record.x0_hat.isfinite().all()


@pytest.mark.parametrize("num_steps", [10, 37, 1000, 4000])
def test_even_steps_reach_from_end_to_end(num_steps: int) -> None:
    t = noise_prediction.evenly_spaced_steps(linear(num_steps), 51)
    assert (t[0], t[-1]) == (0, num_steps - 1)
    assert len(t) == len(set(t)) == min(51, num_steps)


def test_the_network_finds_the_noise_under_every_schedule(digits: Checkpoint, library: ModelRegistry) -> None:
    """At the same log-SNR the error hardly depends on the schedule: matching noise levels works."""
    x0, eps = library.pictures("digits").x0(9003), generate.seeded_noise((1, 28, 28), 0)
    errors = []
    for make in SCHEDULES.values():
        schedule = make(500)
        t = round(schedule.t_from_log_snr(0.0).item())
        errors.append(noise_prediction.predict_noise(digits.predictor, x0, eps, schedule, [t]).error.item())
    assert max(errors) < 0.08
    assert max(errors) < 1.2 * min(errors)


def test_reverse_repeats_with_its_seed_and_differs_with_another(digits: Checkpoint) -> None:
    ends = []
    for seed in (0, 0, 1):
        *_, step = generate.generate(
            digits.predictor, digits.image_shape, linear(1000), SamplingOptions(seed=seed, steps=3, label=2)
        )
        ends.append(step.x_next)
    assert torch.equal(ends[0], ends[1])
    assert not torch.equal(ends[0], ends[2])


@pytest.mark.parametrize("name", SCHEDULES)
def test_small_steps_end_in_the_distribution_of_one_jump(name: str) -> None:
    """Mean and deviation of 4,000 walks of a pixel, within four standard errors of those of q(x_t | x_0)."""
    schedule, t = SCHEDULES[name](200), [0, 50, 120, 199]
    x0 = torch.full((1, 3, 3), 0.7)
    walk = forward_process.simulate_markov_chain(x0, schedule, t, seed=1, walks=4000)
    assert walk.x_t.shape == (4, 1, 3, 3)
    assert walk.pixel_x0 == pytest.approx(0.7)
    level = schedule.level(torch.tensor(t))
    error = level.sigma / 4000**0.5
    assert ((walk.pixel.double().mean(1) - 0.7 * level.alpha).abs() < 4 * error).all()
    assert ((walk.pixel.double().std(1) - level.sigma).abs() < 4 * error).all()


def test_each_step_of_a_walk_draws_fresh_noise() -> None:
    """The noise that steps 0…k have added is, up to a factor, a part of what 0…k+1 have: correlated, not equal."""
    schedule = linear(100)
    walk = forward_process.simulate_markov_chain(torch.zeros(1, 60, 60), schedule, [10, 11, 99], seed=0)
    gathered = walk.x_t.flatten(1) / walk.level.sigma[:, None]
    near, far = torch.corrcoef(gathered)[0, 1:].tolist()
    ratio = (walk.level.alpha[1:] / walk.level.alpha[0]) * (walk.level.sigma[0] / walk.level.sigma[1:])
    assert near == pytest.approx(ratio[0].item(), abs=0.05)
    assert far == pytest.approx(ratio[1].item(), abs=0.06)


def test_correlations_are_numpys(pictures: torch.Tensor) -> None:
    schedule, eps = linear(1000), generate.seeded_noise((1, 8, 8), 0)
    predictor = UNetPredictor(small_unet(), linear(1000), null_label=3)
    found = noise_prediction.predict_noise(predictor, pictures[0], eps, schedule, [3, 400, 999])
    other = generate.seeded_noise((1, 8, 8), 1)
    record = noise_prediction.independence(found, other)
    for k in range(3):
        for ours, one, two in (
            (record.eps_hat_and_eps, found.eps_hat[k], eps),
            (record.eps_hat_and_other, found.eps_hat[k], other),
            (record.x0_and_eps, pictures[0], eps),
            (record.x_t_and_eps, found.x_t[k], eps),
        ):
            assert ours[k].item() == pytest.approx(np.corrcoef(one.flatten(), two.flatten())[0, 1], abs=1e-5)
    assert record.band == pytest.approx(1.96 / 8)


def test_the_band_holds_unrelated_noise_in_95_of_100_cases() -> None:
    one, other = torch.randn(2, 4000, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    inside = (noise_prediction.correlation(one, other).abs() < 1.96 / 8).double().mean().item()
    assert inside == pytest.approx(0.95, abs=0.015)


def test_blind_noise_correlates_with_nothing(pictures: torch.Tensor) -> None:
    found = noise_prediction.predict_noise(
        ZeroPredictor(), pictures[0], generate.seeded_noise((1, 8, 8), 0), linear(100), [50]
    )
    assert noise_prediction.independence(found, generate.seeded_noise((1, 8, 8), 1)).eps_hat_and_eps.tolist() == [0]


def test_the_ideal_keeps_the_law_of_total_variance(pictures: torch.Tensor) -> None:
    """Found and missed add up to 1, within four standard errors, at every t; for a copycat they do not."""
    schedule, t = linear(1000), [50, 200, 400, 600, 900]
    ideal, x0 = IdealPredictor(pictures), pictures.double()  # at small t what is missed is below float32's rounding
    law = noise_prediction.total_variance(ideal, x0, schedule, t, draws=2000, seed=0)
    assert ((law.total - law.noise_variance).abs() <= 4 * law.standard_error + 1e-12).all()
    assert_close(law.noise_variance, torch.ones(5, dtype=torch.float64), atol=0.02, rtol=0)
    copied = noise_prediction.total_variance(IdentityPredictor(), pictures, schedule, t, draws=2000, seed=0)
    assert ((copied.total - copied.noise_variance).abs() > 4 * copied.standard_error)[:3].all()


def test_the_label_can_change_half_way() -> None:
    asked: list[tuple[float, list[int] | None]] = []

    class Asked(UNetPredictor):
        def __call__(self, x_t: torch.Tensor, level: NoiseLevel, labels: torch.Tensor | None = None) -> torch.Tensor:
            asked.append((schedule.t_from_log_snr(level.log_snr).item(), None if labels is None else labels.tolist()))
            return super().__call__(x_t, level, labels)

    schedule = linear(100)
    predictor = Asked(small_unet(), linear(1000), null_label=3)
    list(
        generate.generate(
            predictor, (1, 8, 8), schedule, SamplingOptions(num_images=2, label=1, second_label=2, steps=10)
        )
    )
    assert [labels for _, labels in asked] == [[1, 1]] * 5 + [[2, 2]] * 5
    assert asked[4][0] > 50 > asked[5][0]


def test_a_walk_lies_between_two_noises() -> None:
    predictor, options = UNetPredictor(small_unet(), linear(1000), null_label=3), {"steps": 3}
    walk = list(
        generate.generate(
            predictor, (1, 8, 8), linear(1000), SamplingOptions(num_images=5, seed=1, interpolate_to=2, **options)
        )
    )
    assert_close(walk[0].x_t[0], generate.seeded_noise((1, 8, 8), 1))
    assert_close(walk[0].x_t[-1], generate.seeded_noise((1, 8, 8), 2))
    alone = list(
        generate.generate(predictor, (1, 8, 8), linear(1000), SamplingOptions(num_images=1, seed=2, **options))
    )
    assert_close(walk[-1].x_next[-1], alone[-1].x_next[0], atol=1e-4, rtol=1e-4)


def test_the_fresh_noise_of_an_interpolation_is_not_its_x_T() -> None:
    predictor = UNetPredictor(small_unet(), linear(1000), null_label=3)
    run = generate.generate(
        predictor,
        (1, 8, 8),
        linear(1000),
        SamplingOptions(num_images=3, seed=1, interpolate_to=2, sampler="ddpm", steps=5, clip_x0=False),
    )
    first = next(run)
    z = decompose_step(first, SamplingOptions("ddpm")).z
    for x_T in first.x_t:
        assert noise_prediction.correlation(x_T.expand_as(z), z).abs().max() < 0.5  # 64 pixels: 4 standard errors
