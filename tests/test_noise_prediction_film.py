"""The films of Predict noise, decoded as the player does, beside core's own tensors."""

import numpy as np
import pytest
import torch

from playground.core.analysis import noise_prediction
from playground.core.analysis.noise_prediction import NoisePrediction
from playground.core.diffusion.ideal import IdealPredictor
from playground.core.diffusion.noise import add_noise
from playground.core.diffusion.parameterizations import x0_from_eps
from playground.core.diffusion.predictors import IdentityPredictor, UNetPredictor, ZeroPredictor
from playground.core.diffusion.schedules import NoiseSchedule, linear, zero_terminal_snr
from playground.core.sampling import generate
from playground.render.films import noise_prediction as films_of_predictions
from playground.render.films.film_format import Film
from tests import films
from tests.conftest import small_unet
from tests.films import numbers, titled

T = [0, 20, 60, 99]
OVER = {"network": "over some", "ideal": "over others"}
LEVEL = 1.01 * 6 / 255 / 2  # half a level of the noise's 255, and a little for rounding


def found(pictures: torch.Tensor, schedule: NoiseSchedule) -> dict[str, NoisePrediction]:
    eps = generate.seeded_noise((1, 8, 8), 0)
    predictors = {
        "network": UNetPredictor(small_unet(), linear(1000), null_label=3),
        "ideal": IdealPredictor(pictures),
        "blind": ZeroPredictor(),
        "copycat": IdentityPredictor(),
    }
    return {
        who: noise_prediction.predict_noise(each, pictures[0], eps, schedule, T) for who, each in predictors.items()
    }


def shown(film: Film, title: str, badge: str, frame: int, limits: tuple[float, float]) -> np.ndarray:
    return films.panel(film, titled(film, title, badge), frame).clip(*limits)


def close(one: np.ndarray, other: torch.Tensor, limits: tuple[float, float]) -> None:
    np.testing.assert_allclose(one, other.clamp(*limits).numpy(), atol=LEVEL)


@pytest.mark.parametrize("schedule", [linear(100), zero_terminal_snr(linear(100))], ids=["linear", "zero terminal"])
def test_each_predictor_has_its_own_column(pictures: torch.Tensor, schedule: NoiseSchedule) -> None:
    """All four, as core has them: also those two that are drawn from x_0 and ε, and at ᾱ = 0."""
    record = found(pictures, schedule)
    film = films_of_predictions.predictors_film(record, 62)
    assert (film["at"], film["columns"], len(film["panels"])) == (2, 5, 15)
    for k in range(len(T)):
        close(shown(film, "x_t", "", k, (-9, 9)), record["network"].x_t[k], (-9, 9))
        for who, each in record.items():
            close(shown(film, "ε̂", who, k, (-3, 3)), each.eps_hat[k], (-3, 3))
            x0_hat = x0_from_eps(each.x_t[k : k + 1], each.eps_hat[k : k + 1], schedule.level(T[k]))[0]
            close(shown(film, "x̂_0", who, k, (-1, 1)), x0_hat, (-1, 1))
            close(shown(film, "ε − ε̂", who, k, (-3, 3)), each.eps[k] - each.eps_hat[k], (-3, 3))
            assert numbers(film, f"{who} error")[k] == pytest.approx(each.error[k].item())
    charted = {each["name"]: each for each in film["charts"][0]["series"]}
    assert set(charted) == set(record)


def test_without_the_ideal_predictor_there_is_no_column_and_no_curve_of_it(pictures: torch.Tensor) -> None:
    record = found(pictures, linear(100))
    del record["ideal"]
    law = noise_prediction.total_variance(ZeroPredictor(), pictures, linear(100), T, draws=3, seed=0)
    columns = films_of_predictions.predictors_film(record, 0)
    assert (columns["columns"], len(columns["panels"])) == (4, 12)
    for film in (columns, films_of_predictions.shrinkage_film(record, {"network": law}, OVER, 0)):
        assert "ideal" not in str({**film, "still": "", "moving": ""})


def test_scatter_plots_name_the_panels_whose_correlation_they_show(pictures: torch.Tensor) -> None:
    ideal = found(pictures, linear(100))["ideal"]  # an untrained network says less than a level of the scale
    record = noise_prediction.independence(ideal, generate.seeded_noise((1, 8, 8), 1))
    film = films_of_predictions.independence_film(ideal, record, 0)
    for chart in film["charts"][:4]:
        for k in range(1, len(T)):
            across, up = (films.panel(film, p, k).ravel() for p in chart["scatter"])
            assert numbers(film, chart["note"])[k] == pytest.approx(np.corrcoef(across, up)[0, 1], abs=0.01)


def test_shrinkage_shows_both_laws(pictures: torch.Tensor) -> None:
    record, schedule = found(pictures, linear(100)), linear(100)
    law = noise_prediction.total_variance(IdealPredictor(pictures), pictures, schedule, T, draws=3, seed=0)
    film = films_of_predictions.shrinkage_film(record, {"network": law, "ideal": law}, OVER, 0)
    np.testing.assert_allclose(numbers(film, "ideal total"), (law.explained + law.residual).numpy(), rtol=1e-6)
    np.testing.assert_allclose(numbers(film, "ideal drawn"), law.noise_variance.numpy(), rtol=1e-6)
    for who in ("network", "ideal"):
        np.testing.assert_allclose(numbers(film, f"{who} deviation"), record[who].deviation.numpy(), rtol=1e-6)
    assert [chart["title"] for chart in film["charts"][3:]] == ["Total variance · network", "Total variance · ideal"]
    about = {number["key"]: number["about"] for number in film["numbers"]}
    for who, over in OVER.items():
        for part in ("found", "missed", "total"):
            assert about[f"{who} {part}"].endswith(f"mean {over}")
    dots = [series["dot"] for chart in film["charts"] for series in chart["series"] if series["dot"]]
    assert set(dots) <= {number["key"] for number in film["numbers"]}


def test_training_shows_the_loss(pictures: torch.Tensor) -> None:
    network = found(pictures, linear(100))["network"]
    film = films_of_predictions.training_film(network, 99)
    assert film["at"] == 3
    np.testing.assert_allclose(numbers(film, "network error"), network.error.numpy())
    x_t = add_noise(pictures[:1], network.eps[:1], linear(100).level(99))[0]
    close(shown(film, "x_t", "", 3, (-9, 9)), x_t, (-9, 9))
