import math

import pytest
import torch
from PIL import Image, ImageDraw
from torch.testing import assert_close

from playground.core.toy2d.datasets import (
    COUNT,
    EIGHT_DEVIATION,
    EIGHT_RADIUS,
    TOY_DATASETS,
    dataset_from_drawing,
    eight_centres,
    load_toy_dataset,
)


@pytest.mark.parametrize("name", TOY_DATASETS)
def test_a_world_has_2000_points_that_fill_the_square(name: str) -> None:
    points = load_toy_dataset(name)
    assert points.shape == (2000, 2)
    assert points.dtype == torch.float32
    assert points.abs().max() <= 1
    assert (points.max(0).values - points.min(0).values).max() > 1.6
    assert len(points.unique(dim=0)) > 1990
    assert_close(load_toy_dataset(name), TOY_DATASETS[name](torch.Generator().manual_seed(0)).float(), rtol=0, atol=0)


def test_the_eight_gaussians_are_eight_gaussians() -> None:
    points, centres = load_toy_dataset("eight_gaussians"), eight_centres()
    assert_close(centres.norm(dim=1), torch.full((8,), EIGHT_RADIUS))
    from_nearest, nearest = torch.cdist(points, centres).min(1)
    assert nearest.bincount().min() > 230
    # Within three deviations lie 1 - exp(-9/2) = 98.9 % of a Gaussian in the plane.
    assert (from_nearest < 3 * EIGHT_DEVIATION).double().mean() == pytest.approx(1 - math.exp(-4.5), abs=0.008)
    assert from_nearest.square().mean().item() == pytest.approx(2 * EIGHT_DEVIATION**2, rel=0.08)


def test_the_checkerboard_leaves_every_second_field_empty() -> None:
    column, row = ((load_toy_dataset("checkerboard") + 1) * 2).floor().clamp(0, 3).long().T
    assert ((column + row) % 2 == 0).all()
    assert (4 * row + column).unique().numel() == 8


def test_points_are_drawn_where_there_is_ink() -> None:
    """A thick line from the lower left to the upper right."""
    image = Image.new("RGB", (280, 280), "white")
    ImageDraw.Draw(image).line((40, 240, 240, 40), fill="black", width=20)
    points = dataset_from_drawing(image)
    assert points.shape == (COUNT, 2)
    assert points.abs().max() <= 1
    assert torch.corrcoef(points.T)[0, 1] > 0.97
    assert_close(points, dataset_from_drawing(image), rtol=0, atol=0)


def test_one_dot_is_a_world_too() -> None:
    image = Image.new("L", (100, 100), 255)
    image.putpixel((30, 30), 0)
    assert dataset_from_drawing(image).isfinite().all()


def test_an_empty_drawing_is_told() -> None:
    with pytest.raises(ValueError, match="There is nothing on the pad yet"):
        dataset_from_drawing(Image.new("RGB", (280, 280), "white"))
