import math
import time

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from playground.core.diffusion.guidance import ClassifierFreeGuidance
from playground.core.diffusion.ideal import IdealPredictor
from playground.core.diffusion.noise import NoiseLevel, add_noise
from playground.core.diffusion.parameterizations import eps_from_x0, x0_from_eps
from playground.core.diffusion.predictors import IdentityPredictor, UNetPredictor, ZeroPredictor
from playground.core.diffusion.schedules import SCHEDULES, linear
from playground.core.model_registry import ModelRegistry
from tests.conftest import small_unet


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


class Recorder(nn.Module):
    """Stands where a UNet stands; keeps what it was given and answers with a fixed picture."""

    def __init__(self, answer: torch.Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.answer = answer

    def forward(self, x: torch.Tensor, t: torch.Tensor, class_labels: torch.Tensor | None = None) -> object:
        self.x, self.t, self.labels = x, t, class_labels
        return type("Output", (), {"sample": self.answer})


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_network_is_asked_at_the_t_of_its_own_training(name: str) -> None:
    trained_on, other = linear(1000), SCHEDULES[name](317)
    recorder = Recorder(torch.zeros(5, 1, 4, 4))
    level = other.level(torch.tensor([20.0, 80.5, 120.0, 180.0, 230.0]))
    UNetPredictor(recorder, trained_on)(torch.zeros(5, 1, 4, 4), level)
    assert recorder.t.dtype == torch.float32
    assert_close(trained_on.level(recorder.t).log_snr, level.log_snr, atol=1e-4, rtol=1e-4)


def test_one_schedule_wrapped_as_another_gives_the_same_picture() -> None:
    """What the network says of a noise level does not depend on the schedule through which the level was reached."""
    predictor = UNetPredictor(small_unet(), linear(1000), null_label=3)
    cosine, x0, eps = SCHEDULES["cosine"](500), randn(2, 1, 8, 8), randn(2, 1, 8, 8, seed=1)
    level = cosine.level(250)
    same = linear(1000).level(linear(1000).t_from_log_snr(level.log_snr))
    x_t, labels = add_noise(x0, eps, level), torch.tensor([0, 2])
    assert_close(predictor(x_t, level, labels), predictor(x_t, same, labels), atol=1e-5, rtol=1e-5)


def test_rescaling_x_t_leaves_x0_hat_alone() -> None:
    predictor = UNetPredictor(small_unet(), linear(1000), null_label=3)
    level, x_t = linear(1000).level(400), randn(2, 1, 8, 8)
    scaled = NoiseLevel(5 * level.alpha, 5 * level.sigma)
    x0_hat = x0_from_eps(x_t, predictor(x_t, level), level)
    assert_close(x0_from_eps(5 * x_t, predictor(5 * x_t, scaled), scaled), x0_hat, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("t", [5, 300, 990])
def test_the_three_kinds_of_prediction_mean_the_same_noise(t: int) -> None:
    schedule, x0, eps = linear(1000), randn(2, 1, 4, 4).double(), randn(2, 1, 4, 4, seed=1).double()
    level = schedule.level(t)
    x_t = add_noise(x0, eps, level)
    answers = {"epsilon": eps, "sample": x0, "v_prediction": level.alpha * eps - level.sigma * x0}
    for kind, answer in answers.items():
        said = UNetPredictor(Recorder(answer), schedule, prediction_type=kind)(x_t, level)
        assert_close(said, eps, atol=1e-5, rtol=1e-5)


def test_no_label_is_the_last_embedding() -> None:
    recorder = Recorder(torch.zeros(2, 1, 4, 4))
    predictor = UNetPredictor(recorder, linear(1000), null_label=7)
    predictor(torch.zeros(2, 1, 4, 4), linear(1000).level(3))
    assert recorder.labels is not None
    assert recorder.labels.tolist() == [7, 7]


def test_a_level_beyond_the_training_is_clamped_and_told() -> None:
    schedule = linear(1000)
    recorder = Recorder(torch.zeros(1, 1, 4, 4))
    predictor = UNetPredictor(recorder, schedule)
    predictor(torch.zeros(1, 1, 4, 4), NoiseLevel(0, 1))
    assert recorder.t.tolist() == [999]
    assert predictor.in_training_range(schedule.level(torch.arange(1000)))
    assert not predictor.in_training_range(NoiseLevel(0, 1))
    assert not predictor.in_training_range(SCHEDULES["cosine"](1000).level(0))


def test_ideal_is_the_brute_force_mean_over_all_pictures(pictures: torch.Tensor) -> None:
    """One x_t at a time, straight from Bayes' rule, in Python floats."""
    ideal, schedule = IdealPredictor(pictures), linear(1000)
    for t in (0, 10, 200, 600, 999):
        level = schedule.level(t)
        x_t = add_noise(pictures[:3].double(), randn(3, 1, 8, 8).double(), level)
        for k in range(3):
            log_weights = [
                -((x_t[k] - level.alpha * picture.double()) ** 2).sum().item() / (2 * level.sigma.item() ** 2)
                for picture in pictures
            ]
            top = max(log_weights)
            weights = [math.exp(each - top) for each in log_weights]
            mean = sum(w * picture.double() for w, picture in zip(weights, pictures, strict=True)) / sum(weights)
            assert_close(ideal(x_t, level)[k], eps_from_x0(x_t[k : k + 1], mean, level)[0], atol=1e-9, rtol=1e-9)


def test_the_ideal_tends_to_the_picture_itself_and_to_the_mean_of_the_data(pictures: torch.Tensor) -> None:
    ideal, x0 = IdealPredictor(pictures), pictures.double()
    level = linear(1000).level(0)
    x_t = add_noise(x0[:3], randn(3, 1, 8, 8).double(), level)
    assert_close(x0_from_eps(x_t, ideal(x_t, level), level), x0[:3], atol=1e-9, rtol=0)
    nearly_noise = NoiseLevel(1e-6, (1 - 1e-12) ** 0.5)
    x_t = add_noise(x0[:3], randn(3, 1, 8, 8).double(), nearly_noise)
    mean = x0.mean(0).expand(3, -1, -1, -1)
    assert_close(x0_from_eps(x_t, ideal(x_t, nearly_noise), nearly_noise), mean, atol=1e-4, rtol=0)


@pytest.mark.alone
def test_ten_thousand_digits_take_less_than_150_ms(library: ModelRegistry) -> None:
    digits = library.pictures("digits").x0(slice(None))
    assert len(digits) == 10_000
    ideal, level, x_t, took = IdealPredictor(digits), linear(1000).level(300), randn(1, 1, 28, 28), []
    for _ in range(5):
        start = time.perf_counter()
        ideal(x_t, level)
        took.append(time.perf_counter() - start)
    assert min(took) < 0.15


def test_with_one_picture_the_ideal_knows_the_noise(pictures: torch.Tensor) -> None:
    ideal = IdealPredictor(pictures[:1])
    eps = randn(4, 1, 8, 8).double()
    level = linear(1000).level(torch.tensor([1, 100, 500, 999]))
    x_t = add_noise(pictures[:1].double().expand(4, -1, -1, -1), eps, level)
    assert_close(ideal(x_t, level), eps, atol=1e-10, rtol=1e-10)


def test_for_gaussian_data_the_ideal_tends_to_the_closed_form() -> None:
    """With x_0 ~ N(0, s²) a pixel, E[eps | x_t] = sigma x_t / (alpha² s² + sigma²); here from 200,000 draws."""
    spread, level = 0.5, NoiseLevel(0.8, 0.6)
    data = spread * randn(200_000, 1, 1, 1)
    x_t = torch.linspace(-1.5, 1.5, 7).reshape(7, 1, 1, 1)
    closed = 0.6 * x_t / (0.64 * spread**2 + 0.36)
    assert_close(IdealPredictor(data)(x_t, level), closed, atol=0.01, rtol=0)


def test_blind_says_nothing_and_copycat_everything() -> None:
    x_t, level = randn(2, 1, 4, 4), NoiseLevel(0.6, 0.8)
    assert_close(ZeroPredictor()(x_t, level), torch.zeros_like(x_t))
    assert_close(IdentityPredictor()(x_t, level), x_t)


def test_guidance_goes_from_without_a_label_through_with_it_and_beyond() -> None:
    predictor = UNetPredictor(small_unet(), linear(1000), null_label=3)
    x_t, level, labels = randn(2, 1, 8, 8), linear(1000).level(500), torch.tensor([0, 1])
    without, with_label = predictor(x_t, level), predictor(x_t, level, labels)
    assert not torch.equal(without, with_label)
    for scale in (0.0, 0.5, 1.0, 3.0):
        expected = (1 - scale) * without + scale * with_label
        assert_close(ClassifierFreeGuidance(predictor, scale)(x_t, level, labels), expected, atol=1e-5, rtol=1e-5)
    assert_close(ClassifierFreeGuidance(predictor, 3.0)(x_t, level), without)
