import base64

import numpy as np
import pytest
import torch

from playground.core.diffusion.schedules import linear
from playground.core.toy2d.datasets import load_toy_dataset
from playground.core.toy2d.diagnostics import ReferenceField, SnapshotDiagnostics, build_reference, evaluate_snapshot
from playground.core.toy2d.network import TrainingConfig
from playground.core.toy2d.trainer import TOTAL_STEPS, Trainer
from playground.render.films.film_format import Film
from playground.render.films.toy2d import LONGEST, SCALE, toy2d_film
from tests.films import floats, numbers

RECIPE = TrainingConfig(load_toy_dataset("pinwheel"), linear(1000), hidden_width=16)


@pytest.fixture(scope="module")
def known() -> ReferenceField:
    return build_reference(RECIPE)


@pytest.fixture(scope="module")
def seen(known: ReferenceField) -> SnapshotDiagnostics:
    learner = Trainer(RECIPE)
    learner.train_steps(50)
    moment = learner.save_snapshot()
    return evaluate_snapshot(known, moment, learner.predictor(moment), "ddpm")


@pytest.fixture(scope="module")
def film(known: ReferenceField, seen: SnapshotDiagnostics) -> Film:
    return toy2d_film(known, seen, 0, 33)


def whole(text: str, dtype: type) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype=dtype)


def test_paths_are_those_of_core_to_far_below_a_pixel(film: Film, seen: SnapshotDiagnostics) -> None:
    paths = whole(film["snapshots"][0]["paths"], np.int16).reshape(seen.paths.shape) / SCALE
    assert np.abs(paths - seen.paths.clamp(-7.9, 7.9).numpy()).max() <= 0.5 / SCALE + 1e-7


def test_arrows_point_where_core_says_and_long_ones_are_cut(
    film: Film, seen: SnapshotDiagnostics, known: ReferenceField
) -> None:
    for text, field in ((film["snapshots"][0]["field"], seen.field), (film["plane"]["field"], known.field)):
        arrows = whole(text, np.int8).reshape(field.shape) * LONGEST / 127
        length = field.norm(dim=2, keepdim=True)
        expected = (field * (LONGEST / length).clamp(max=1)).numpy()
        assert np.abs(arrows - expected).max() <= 0.5 * LONGEST / 127 + 1e-6


def test_the_data_are_a_sum_of_two_layers(film: Film, known: ReferenceField) -> None:
    x0, eps = floats(film["plane"]["layers"]).reshape(2, -1, 2)
    table = floats(film["plane"]["table"]).reshape(-1, 2)
    assert np.array_equal(x0, known.x0.numpy())
    assert table[-1].tolist() == [1, 0]
    assert len(table) == len(film["places"]["labels"]) == len(known.t)
    assert np.allclose(table[3], [known.level.alpha[3], known.level.sigma[3]])
    assert np.array_equal(eps, known.eps.numpy())


def test_numbers_are_core_s_and_places_travel_once(
    film: Film, known: ReferenceField, seen: SnapshotDiagnostics
) -> None:
    assert numbers(film, "step") == [50]
    assert numbers(film, "error") == np.float32(seen.error)
    assert numbers(film, "floor") == np.float32(known.floor)
    assert np.array_equal(numbers(film, "r2")[:-1], seen.r2.float().numpy())
    assert numbers(film, "r2")[-1] == numbers(film, "r2")[-2]
    assert numbers(film, "asked").tolist() == [*known.t[:-1].tolist(), known.t[-2].item()]
    assert np.array_equal(numbers(film, "t"), known.t.float().numpy(), equal_nan=True)
    later = toy2d_film(known, seen, 1, 33)
    assert "plane" not in later
    assert len(numbers(later, "t")) == 0
    assert len(numbers(later, "r2")) == len(known.t)
    assert (later["start"], later["total"], later["labels"]) == (1, 33, ["after 50 steps"])


def test_the_loss_chart_has_the_floor_and_the_blind_level(film: Film, known: ReferenceField) -> None:
    chart = film["charts"][0]
    assert chart["range"] == [0, TOTAL_STEPS]
    heights = [series["y"][0] for series in chart["series"] if "y" in series]
    assert heights == pytest.approx([known.blind, known.floor], rel=1e-4)
    assert [series["of"] for series in chart["series"] if "of" in series] == [["step", "loss"], ["step", "error"]]
    keys = {number["key"] for number in film["numbers"]}
    assert all(set(series["of"]) <= keys for each in film["charts"] for series in each["series"] if "of" in series)
    assert torch.tensor(known.floor) < known.blind
