"""Colour palette: one colour per role, in pictures, words and charts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# For each role its colour on a light and on a dark page, both with a contrast of at least 4.5 to the page.
ROLES = {
    "picture": ("#1d4ed8", "#7aa8ff"),
    "noise": ("#b45309", "#f5a94a"),
    "prediction": ("#7e22ce", "#c79bff"),
    "error": ("#be123c", "#ff8095"),
    "mixture": ("#475569", "#a9b6c8"),
}

NOISE_RANGE = 3.0
"""Noise is drawn from -3 to 3 standard deviations; values beyond get the first or last colour."""

# Teal below zero, brown above: not the hue of any role, and distinguishable without red–green colour vision.
_STOPS = ("#06403c", "#2f8f85", "#9fd3c9", "#f4f1ea", "#e3bd7c", "#b0702a", "#5a3108")


def noise_colours() -> NDArray[np.uint8]:
    """Colour scale of noise from -NOISE_RANGE to NOISE_RANGE: uint8 (256, 3)."""
    stops = np.array([[int(stop[i : i + 2], 16) for i in (1, 3, 5)] for stop in _STOPS])
    places = np.linspace(0, 255, len(stops))
    return np.stack([np.interp(np.arange(256), places, channel) for channel in stops.T], 1).round().astype(np.uint8)


def css_variables() -> str:
    """CSS custom properties with the roles' colours, for light and dark pages."""
    light, dark = (" ".join(f"--{role}: {pair[i]};" for role, pair in ROLES.items()) for i in (0, 1))
    return f":root {{ {light} }}\n.dark {{ {dark} }}\n"
