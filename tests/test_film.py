import numpy as np
import torch

from playground.render.films.film import (
    NOISE,
    PICTURE,
    formula,
    frame_panels,
    layered_panels,
    number,
    panel,
    timestep_film,
)
from tests import films


def test_panels_are_the_sums_that_they_are_made_of() -> None:
    """Still layers count exactly, moving ones to half a level of 255, whatever their weights."""
    generator = torch.Generator().manual_seed(0)
    x0, eps = torch.rand(3, 4, 5, generator=generator) * 2 - 1, torch.randn(3, 4, 5, generator=generator)
    moved = torch.randn(2, 3, 4, 5, generator=generator).clamp(-3, 3)
    shown = [
        (panel("a", "mixture", PICTURE), {"x0": torch.tensor([0.5, 0.25]), "eps": 2.0}),
        (panel("b", "error", NOISE), {"moved": -1, "eps": 1}),
        (panel("c", "noise", NOISE), {}),
    ]
    film = {
        **timestep_film(torch.tensor([0, 9]), 7),
        **layered_panels(2, shown, {"x0": x0, "eps": eps}, {"moved": (moved, NOISE)}),
    }
    assert film["at"] == 1
    np.testing.assert_allclose(films.panel(film, 0, 1), (0.25 * x0 + 2 * eps).numpy(), atol=1e-6)
    np.testing.assert_allclose(films.panel(film, 1, 0), (eps - moved[0]).numpy(), atol=3.01 / 255)
    assert not films.floats(film["table"]).reshape(2, 3, 3)[:, 2].any()


def test_without_a_table_each_panel_has_its_own_layer() -> None:
    one, other = torch.rand(2, 3, 1, 4, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1
    panels = [panel("a", "picture", PICTURE), panel("b", "noise", NOISE)]
    film = {
        **frame_panels([(one, PICTURE), (3 * other, NOISE)]),
        "size": [4, 4, 1],
        "panels": panels,
        "labels": ["", "", ""],
    }
    np.testing.assert_allclose(films.panel(film, 0, 2), one[2].numpy(), atol=1.01 / 255)
    np.testing.assert_allclose(films.panel(film, 1, 0), 3 * other[0].numpy(), atol=3.01 / 255)


def test_a_formula_is_text_roles_and_numbers() -> None:
    assert formula("[x_t|mixture] − {eps part|prediction} · z = {k|}") == [
        ["x_t", "mixture", ""],
        [" − ", "", ""],
        ["", "prediction", "eps part"],
        [" · z = ", "", ""],
        ["", "", "k"],
    ]


def test_a_number_travels_as_float32() -> None:
    film = {"numbers": [number("key", "symbol", torch.tensor([1.5, float("inf")]), "noise", "about")]}
    assert films.numbers(film, "key").tolist() == [1.5, float("inf")]
