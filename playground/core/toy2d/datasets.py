"""Toy datasets: 2,000 points in the plane, built in or drawn by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

COUNT = 2000

EIGHT_RADIUS, EIGHT_DEVIATION = 0.66, 0.0825
"""Radius of the circle of the centres and standard deviation of each Gaussian, in the usual ratio of 8 to 1."""


def swiss_roll(generator: torch.Generator) -> Tensor:
    """Swiss roll: a band of one and a half turns, uniform in its angle, with Gaussian noise."""
    angle = 1.5 * math.pi * (1 + 2 * _uniform(COUNT, generator))
    return normalize_to_unit_box(_polar(angle, angle) + 0.35 * _normal(COUNT, generator))


def two_moons(generator: torch.Generator) -> Tensor:
    """Two moons: two interleaved half circles, one upside down, with Gaussian noise."""
    angle = math.pi * _uniform(COUNT, generator)
    upper = torch.arange(COUNT) % 2 == 0
    moon = _polar(torch.where(upper, angle, -angle), torch.ones(COUNT))
    moon += torch.where(upper[:, None], torch.tensor([-0.5, -0.25]), torch.tensor([0.5, 0.25]))
    return normalize_to_unit_box(moon + 0.08 * _normal(COUNT, generator))


def eight_gaussians(generator: torch.Generator) -> Tensor:
    """Eight isotropic Gaussians on a circle, with equal weights."""
    heap = torch.arange(COUNT) % 8
    return eight_centres()[heap] + EIGHT_DEVIATION * _normal(COUNT, generator)


def eight_centres() -> Tensor:
    """Centres of the eight Gaussians, (8, 2)."""
    return _polar(torch.arange(8) * math.pi / 4, torch.full((8,), EIGHT_RADIUS))


def pinwheel(generator: torch.Generator) -> Tensor:
    """Pinwheel: five arms, bent more the further out."""
    arm = torch.arange(COUNT) % 5
    along, across = (_normal(COUNT, generator) * torch.tensor([0.3, 0.09]) + torch.tensor([1.0, 0.0])).T
    turn = arm * 2 * math.pi / 5 + 0.25 * along.exp() + torch.atan2(across, along)
    return normalize_to_unit_box(_polar(turn, torch.hypot(along, across)))


def checkerboard(generator: torch.Generator) -> Tensor:
    """Checkerboard: uniform on the dark squares of a 4 × 4 board."""
    row, half = torch.arange(COUNT) % 4, torch.arange(COUNT) // 4 % 2
    corner = torch.stack([2 * half + row % 2, row], 1)
    return (corner + torch.rand(COUNT, 2, generator=generator)) / 2 - 1


def spiral(generator: torch.Generator) -> Tensor:
    """Spiral: two arms that wind about each other, with Gaussian noise."""
    angle = 3 * math.pi * _uniform(COUNT, generator).sqrt()
    arm = math.pi * (torch.arange(COUNT) % 2)
    return normalize_to_unit_box(_polar(angle + arm, angle) + 0.18 * _normal(COUNT, generator))


def letters(generator: torch.Generator) -> Tensor:
    """The letters A, B and C."""
    image = Image.new("L", (480, 480), 255)
    font = ImageFont.load_default(190)
    ImageDraw.Draw(image).text((240, 240), "ABC", fill=0, font=font, anchor="mm", stroke_width=4)
    return sample_from_image(image, generator)


TOY_DATASETS: dict[str, Callable[[torch.Generator], Tensor]] = {
    "eight_gaussians": eight_gaussians,
    "two_moons": two_moons,
    "swiss_roll": swiss_roll,
    "spiral": spiral,
    "pinwheel": pinwheel,
    "checkerboard": checkerboard,
    "letters": letters,
}


@cache
def load_toy_dataset(name: str) -> Tensor:
    """The points of one of TOY_DATASETS, (2000, 2) in [-1, 1], float32; the same at every call."""
    return TOY_DATASETS[name](torch.Generator().manual_seed(0)).float()


def sample_from_image(image: Image.Image, generator: torch.Generator) -> Tensor:
    """Draw points where a picture is dark, scaled to [-1, 1]; up in the picture is up in the plane.

    Args:
        image: the picture; the darker a pixel, the likelier a point; none where the gray value is above 191 of 255.
        generator: generator of the draws.

    Returns:
        The points, (2000, 2), float32.

    Raises:
        ValueError: if nothing in the picture is dark, with a message for the user.
    """
    ink = 255 - torch.from_numpy(np.array(image.convert("L"))).double()
    ink[ink < 64] = 0
    if not ink.any():
        raise ValueError("There is nothing on the pad yet: draw a line or a few dots first.")
    drawn = torch.multinomial(ink.flatten(), COUNT, replacement=True, generator=generator)
    row, column = drawn // ink.shape[1], drawn % ink.shape[1]
    points = torch.stack([column, -row], 1) + torch.rand(COUNT, 2, generator=generator)
    return normalize_to_unit_box(points)


def dataset_from_drawing(image: Image.Image) -> Tensor:
    """The points of a drawing, (2000, 2) in [-1, 1], float32; the same drawing always gives the same points.

    Raises:
        ValueError: if the drawing is empty, as in `sample_from_image`.
    """
    return sample_from_image(image, torch.Generator().manual_seed(0))


def normalize_to_unit_box(points: Tensor) -> Tensor:
    """Shift and scale points, by the same factor in both directions, until the longer one fills [-1, 1]; float32."""
    low, high = points.min(0).values, points.max(0).values
    size = (high - low).max().clamp(min=1e-6)
    return ((points - (low + high) / 2) * (2 / size)).float()


def _polar(angle: Tensor, radius: Tensor) -> Tensor:
    return radius[:, None] * torch.stack([angle.cos(), angle.sin()], 1)


def _uniform(count: int, generator: torch.Generator) -> Tensor:
    return torch.rand(count, generator=generator)


def _normal(count: int, generator: torch.Generator) -> Tensor:
    return torch.randn(count, 2, generator=generator)
