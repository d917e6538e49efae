"""What the lesson answers, held against the shipped digits, picture 9003 and seed 0, as its links say.

The fourth answer, that the four lines are what training does, is held in test_training_step.py.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs

import pytest
import torch

from playground.core.analysis import noise_prediction
from playground.core.analysis.likelihood import previous_level, reverse_step
from playground.core.analysis.memorization import run_side_by_side
from playground.core.analysis.noise_prediction import NoisePrediction
from playground.core.analysis.parameterizations import parameterize
from playground.core.diffusion.predictors import IdentityPredictor, ZeroPredictor
from playground.core.diffusion.schedules import linear
from playground.core.model_registry import ModelRegistry
from playground.core.networks.checkpoints import Checkpoint
from playground.core.sampling import generate
from playground.core.sampling.options import SamplingOptions
from playground.ui.components.lesson import QUESTIONS
from playground.ui.state.links import from_query
from playground.ui.state.settings import MAX_QUESTION
from tests.server import ROOT

SCHEDULE = linear(1000)


@pytest.fixture(scope="module")
def found(library: ModelRegistry, digits: Checkpoint) -> NoisePrediction:
    """What the network says of the lesson's picture at every tenth step."""
    x0, eps = library.pictures("digits").x0(9003), generate.seeded_noise((1, 28, 28), 0)
    return noise_prediction.predict_noise(digits.predictor, x0, eps, SCHEDULE, list(range(0, 1000, 10)))


def at(t: int) -> int:
    """The place of step t in `found`."""
    return t // 10


def test_there_are_eight_stops_and_their_links_open(library: ModelRegistry) -> None:
    assert len(QUESTIONS) == MAX_QUESTION == 8
    for number, stop in enumerate(QUESTIONS, start=1):
        query = {name: values[0] for name, values in parse_qs(stop.link).items()} | {"lesson": str(number)}
        settings, notes = from_query(library, query)
        assert notes == []
        assert settings.lesson == number
        assert 0 <= stop.right < len(stop.guesses) == 3
        assert stop.sources
    assert {stop.right for stop in QUESTIONS} == {0, 1, 2}  # whoever always picks the same is wrong at times


def test_the_workshop_leads_to_states_that_are_there_and_its_stops_are_those_of_the_lesson(
    library: ModelRegistry,
) -> None:
    workshop = (ROOT / ".github" / "TEACHING.md").read_text(encoding="utf-8")
    links = re.findall(r"`\?(\S+)`", workshop)
    assert len(links) == 9
    for link in links:
        query = {name: values[0] for name, values in parse_qs(link).items()}
        assert from_query(library, query)[1] == []
        if "lesson" in query:
            assert link == f"{QUESTIONS[int(query['lesson']) - 1].link}&lesson={query['lesson']}"


def test_1_the_whole_picture_is_still_there(library: ModelRegistry) -> None:
    level = SCHEDULE.level(500)
    assert round(level.alpha.item(), 2) == 0.28
    x0, eps = library.pictures("digits").x0(9003), generate.seeded_noise((1, 28, 28), 0)
    x_t = noise_prediction.predict_noise(ZeroPredictor(), x0, eps, SCHEDULE, [500]).x_t
    assert noise_prediction.correlation(x_t, x0[None]).item() > 1.96 / 28  # more of the picture than chance would show
    again = (x_t[0] - level.sigma.float() * eps) / level.alpha.float()
    torch.testing.assert_close(again, x0, atol=1e-5, rtol=0)  # with the noise known, the picture follows


def test_2_blind_costs_one_and_no_constant_does_better(library: ModelRegistry, found: NoisePrediction) -> None:
    x0 = library.pictures("digits").x0(slice(9000, 9500))
    assert noise_prediction.mean_squared_error(ZeroPredictor(), x0, None, SCHEDULE) == pytest.approx(1, abs=0.005)
    eps = generate.seeded_noise((1000, 784), 0)
    for constant in (-0.5, -0.1, 0.1, 0.5):
        assert (eps - constant).square().mean() > eps.square().mean()
    assert round(found.error[at(400)].item(), 3) == 0.034  # what the network beside it misses


def test_3_the_found_noise_follows_the_noise_in_x_t_and_no_other(
    library: ModelRegistry, found: NoisePrediction
) -> None:
    record = noise_prediction.independence(found, generate.seeded_noise((1, 28, 28), 1))
    assert record.eps_hat_and_eps[at(300)] > 0.97
    assert abs(record.eps_hat_and_other[at(300)]) < record.band
    assert abs(record.x0_and_eps[0]) < record.band
    assert record.x_t_and_eps[at(300)] > 0.8
    # Over 400 unrelated noises the correlation stays within its band as often as it should.
    others = torch.stack([generate.seeded_noise((1, 28, 28), seed) for seed in range(100, 500)])
    eps_hat = found.eps_hat[at(300)].expand_as(others)
    inside = (noise_prediction.correlation(eps_hat, others).abs() < record.band).double().mean().item()
    assert 0.92 < inside < 0.98


@pytest.mark.slow
def test_5_it_is_harder_where_the_picture_is_plain(
    found: NoisePrediction, library: ModelRegistry, digits: Checkpoint
) -> None:
    assert found.error[at(20)] > 20 * found.error[at(900)]
    assert found.deviation[at(20)] < 0.95
    assert found.deviation[at(900)] == pytest.approx(found.eps[0].std().item(), abs=0.01)
    x0 = library.pictures("digits").x0(slice(9000, 9200))
    for t in (20, 300, 900):  # over held-out pictures the network's answers keep the law of total variance
        law = noise_prediction.total_variance(digits.predictor, x0, SCHEDULE, [t], draws=100, seed=0)
        assert law.total.item() == pytest.approx(law.noise_variance.item(), abs=0.02)
    copied = noise_prediction.predict_noise(IdentityPredictor(), found.x0[0], found.eps[0], SCHEDULE, [900])
    assert copied.error.item() < 0.001  # where x_t is nearly all noise, saying x_t itself is nearly right


def test_6_the_step_needs_nothing_but_known_numbers(found: NoisePrediction) -> None:
    step = reverse_step(found.x_t, found.x0, found.eps_hat, found.level, previous_level(SCHEDULE, found.t))
    assert (step.mean - step.mean_from_x0).abs().max() < 1e-9
    off = (step.mean - step.true_posterior.mean)[at(300)].square().mean().sqrt()
    assert off < 0.05 * step.true_posterior.beta[at(300)].sqrt()  # beside the step's own noise, what is missed is small


def test_the_two_variances_of_a_step_differ_at_small_t() -> None:
    """The takeaway of *Reverse step*."""
    for schedule, t, ratio in ((SCHEDULE, 10, 0.86), (linear(40), 5, 0.70)):
        kept, gone = (1 - schedule.alpha_bar[step].item() for step in (t - 1, t))
        assert round(kept / gone, 2) == ratio


def test_7_four_names_are_one_answer(found: NoisePrediction) -> None:
    names = parameterize(found.x_t, found.eps_hat, found.level)
    assert (names.max_disagreement < 1e-9).all()
    assert names.in_x0["eps"][at(990)].abs() > 100
    assert names.in_eps["x0"][0].abs() > 90
    assert max(names.in_x0["v"].abs().max(), names.in_eps["v"].abs().max()) <= 1


@pytest.mark.slow
def test_8_ideal_goes_back_to_its_pictures_and_the_network_does_not(library: ModelRegistry, digits: Checkpoint) -> None:
    pictures = library.pictures("digits")
    training = pictures.x0(pictures.training)
    assert len(training) == 9000
    predictors = {"network": digits.predictor, "ideal": library.ideal("digits")}
    runs = {
        name: generate.generate(each, (1, 28, 28), SCHEDULE, SamplingOptions(num_images=4))
        for name, each in predictors.items()
    }
    *_, last = run_side_by_side(runs, training)
    a_pixel = 28.0
    assert (last["ideal"].nearest.distance / a_pixel < 1e-3).all()
    assert (last["network"].nearest.distance / a_pixel > 0.1).all()
    torch.testing.assert_close(last["ideal"].step.x_next, training[last["ideal"].nearest.index], atol=1e-3, rtol=0)


def test_on_a_held_out_picture_ideal_is_surely_wrong_at_small_t(library: ModelRegistry, found: NoisePrediction) -> None:
    """The takeaway of *Predictors*."""
    ideal = noise_prediction.predict_noise(library.ideal("digits"), found.x0[0], found.eps[0], SCHEDULE, [100, 800])
    assert ideal.error[0] > 10 * found.error[at(100)]
    assert ideal.error[1] == pytest.approx(found.error[at(800)].item(), rel=0.5)
    known = library.pictures("digits").x0(17)
    assert (
        noise_prediction.predict_noise(library.ideal("digits"), known, found.eps[0], SCHEDULE, [20]).error.item() < 1e-6
    )
