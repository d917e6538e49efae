import numpy as np
import pytest
import torch

from playground.core.analysis.out_of_distribution import (
    OODInput,
    OODResult,
    ReferenceErrors,
    evaluate_ood,
    pure_noise_input,
)
from playground.core.diffusion.ideal import IdealPredictor
from playground.core.diffusion.schedules import linear, zero_terminal_snr
from playground.core.sampling import generate
from playground.render.films.out_of_distribution import LINES, out_of_distribution_film
from tests.films import numbers, panel
from tests.test_noise_prediction_film import T, close

SHAPE = (1, 8, 8)
USUAL = ReferenceErrors(torch.tensor([-30.0, 30.0]), torch.tensor([[0.01, 0.02, 0.05], [0.1, 0.3, 0.4]]))


def trials(pictures: torch.Tensor, rescaled: bool = False) -> dict[str, OODResult]:
    schedule = zero_terminal_snr(linear(100)) if rescaled else linear(100)
    ideal, eps = IdealPredictor(pictures[:10]), generate.seeded_noise(SHAPE, 0)
    subjects = {
        "its data": OODInput("one of ten", pictures[0]),
        "others": OODInput("another", pictures[15]),
        "noise": pure_noise_input(SHAPE, 0.5),
    }
    return {name: evaluate_ood(ideal, each, eps, schedule, T) for name, each in subjects.items()}


@pytest.mark.parametrize("rescaled", [False, True])
def test_each_input_has_its_own_row(pictures: torch.Tensor, rescaled: bool) -> None:
    """x_0, x_t as the predictor gets it, the noise of the wrong strength too, and what it predicts."""
    record = trials(pictures, rescaled)
    film = out_of_distribution_film(record, USUAL, 62)
    assert (film["at"], film["columns"], len(film["panels"])) == (2, 5, 15)
    assert film["absent"] == {"10": ["no picture"] * len(T)}
    for row, (name, each) in enumerate(record.items()):
        found, first = each.prediction, 5 * row
        assert [film["panels"][first + k]["about"] for k in (0, 1)] == [name, each.subject.about]
        for k in range(len(T)):
            close(panel(film, first, k), each.subject.x0, (-1, 1))
            close(panel(film, first + 1, k).clip(-9, 9), found.x_t[k], (-9, 9))
            for column, (values, limits) in enumerate(
                [(found.eps_hat, (-3, 3)), (found.eps - found.eps_hat, (-3, 3)), (found.x0_hat, (-1, 1))], start=2
            ):
                close(panel(film, first + column, k).clip(*limits), values[k], limits)
        np.testing.assert_allclose(numbers(film, f"{name} error"), found.error.numpy(), rtol=1e-6)
        np.testing.assert_allclose(numbers(film, f"{name} deviation"), found.deviation.numpy(), rtol=1e-6)


def test_errors_stand_beside_the_usual_ones(pictures: torch.Tensor) -> None:
    record = trials(pictures)
    film, level = out_of_distribution_film(record, USUAL, 0), record["noise"].prediction.level
    median = USUAL.quantile(0.5, level)
    np.testing.assert_allclose(numbers(film, "usual"), median.numpy(), rtol=1e-6)
    np.testing.assert_allclose(numbers(film, "usual low"), USUAL.quantile(0.05, level).numpy(), rtol=1e-6)
    np.testing.assert_allclose(numbers(film, "usual high"), USUAL.quantile(0.95, level).numpy(), rtol=1e-6)
    errors, ratios = film["charts"]
    assert (errors["log"], ratios["log"]) == (False, True)
    for chart, scaled in ((errors, lambda values: values), (ratios, lambda values: (values / median).log10())):
        area, *lines = chart["series"]
        np.testing.assert_allclose(area["low"], scaled(USUAL.quantile(0.05, level)).numpy(), rtol=1e-4)
        np.testing.assert_allclose(area["high"], scaled(USUAL.quantile(0.95, level)).numpy(), rtol=1e-4)
        assert [line["name"] for line in lines] == list(record)
        for line, each in zip(lines, record.values(), strict=True):
            np.testing.assert_allclose(line["y"], scaled(each.prediction.error).numpy(), rtol=1e-4, atol=1e-6)
            values = numbers(film, line["dot"])
            np.testing.assert_allclose(np.log10(values) if chart is ratios else values, line["y"], rtol=1e-4, atol=1e-4)
    assert len({line["style"] for line in ratios["series"][1:]}) == 3


def test_without_pictures_of_its_own_nothing_is_called_usual(pictures: torch.Tensor) -> None:
    film = out_of_distribution_film(trials(pictures), None, 0)
    assert len(film["charts"]) == 1
    assert not any("usual" in each["key"] for each in film["numbers"])
    assert [line["name"] for line in film["charts"][0]["series"]] == ["its data", "others", "noise"]


def test_as_many_lines_can_be_told_apart_as_there_can_be_rows() -> None:
    """The network's data, a picture of one's own, digits, emoji, a photograph, noise alone."""
    assert len(set(LINES)) == len(LINES) == 6


def test_where_nothing_usual_was_measured_there_is_no_number(pictures: torch.Tensor) -> None:
    film = out_of_distribution_film(trials(pictures, rescaled=True), USUAL, 0)
    for key in ("usual", "noise times"):
        assert np.isnan(numbers(film, key)).tolist() == [False, False, False, True]
    assert film["charts"][1]["series"][0]["x"] == T[:-1]
