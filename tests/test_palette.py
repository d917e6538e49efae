import numpy as np
import pytest

from playground.render.palette import ROLES, css_variables, noise_colours


def test_colours_of_noise_are_symmetric_and_every_role_has_one_for_light_and_dark() -> None:
    colours = noise_colours().astype(int)
    assert colours.shape == (256, 3)
    lightness = colours.sum(1)
    assert abs(int(lightness.argmax()) - 127.5) <= 1
    assert (np.diff(lightness[:128]) >= 0).all()
    assert (np.diff(lightness[128:]) <= 0).all()
    assert all(css_variables().count(f"--{role}:") == 2 for role in ROLES)


def contrast(one: str, other: str) -> float:
    """WCAG 2.1, relative luminance and contrast ratio."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear_parts = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear_parts, strict=True))

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("role", ROLES)
def test_the_colours_of_roles_can_be_read(role: str) -> None:
    light, dark = ROLES[role]
    assert contrast(light, "#ffffff") >= 4.5
    assert contrast(dark, "#0b0f19") >= 4.5
