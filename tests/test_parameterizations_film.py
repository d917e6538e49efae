import torch

from playground.core.analysis.parameterizations import parameterize
from playground.core.diffusion.parameterizations import eps_from_v, x0_from_eps
from playground.core.diffusion.schedules import linear
from playground.core.sampling import generate
from playground.render.films.parameterizations import parameterizations_film
from tests import films
from tests.test_noise_prediction_film import T, close, found


def test_an_error_in_one_name_spreads_as_the_conversion_says(pictures: torch.Tensor) -> None:
    """The pictures of the second row beside the conversions of an answer that really is off."""
    schedule, off = linear(100), generate.seeded_noise((1, 8, 8), 1)
    network = found(pictures, schedule)["network"]
    names = parameterize(network.x_t, network.eps_hat, network.level)
    film = parameterizations_film(network, names, off, 0)
    assert [panel["title"] for panel in film["panels"][4:]] == ["x̂_0"] * 4 + ["ε̂"] * 4
    for k in (1, 2):
        level, x_t = schedule.level(T[k]), network.x_t[k : k + 1].double()
        wrong = {
            "eps": names.eps[k] + 0.1 * off,
            "v": eps_from_v(x_t, names.v[k : k + 1] + 0.1 * off, level)[0],
            "score": -level.sigma * (names.score[k] + 0.1 * off),
        }
        for name, eps in wrong.items():
            place = list(names.in_x0).index(name)
            clean = names.x0[k].clamp(-1, 1) - names.x0[k]  # the layer that is shown is cut at black and white
            x0 = x0_from_eps(x_t, eps[None], level)[0] + clean
            close(films.panel(film, 4 + place, k).clip(-9, 9), x0, (-9, 9))
            close(films.panel(film, 8 + place, k).clip(-3, 3), eps, (-3, 3))
