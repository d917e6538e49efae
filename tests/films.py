"""A film as the player decodes it, in numpy."""

from __future__ import annotations

import base64

import numpy as np

from playground.render.films.film_format import Film


def floats(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype=np.float32)


def pixels(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype=np.uint8)


def numbers(film: Film, key: str) -> np.ndarray:
    return floats(next(number["values"] for number in film["numbers"] if number["key"] == key))


def panel(film: Film, p: int, frame: int) -> np.ndarray:
    """The values of panel p in a frame, (C, H, W)."""
    width, height, channels = film["size"]
    shape, count = (height, width, channels), len(film["labels"])
    if "table" not in film:
        layers = pixels(film["moving"]).reshape(count, len(film["panels"]), *shape)
        low, high = film["panels"][p]["limits"]
        return (low + layers[frame, p] * (high - low) / 255).transpose(2, 0, 1)
    still = floats(film["still"]).reshape(-1, *shape)
    moving = pixels(film.get("moving", "")).reshape(count, len(film["limits"]), *shape)[frame] * 1.0
    scaled = [low + layer * (high - low) / 255 for layer, (low, high) in zip(moving, film["limits"], strict=True)]
    weights = floats(film["table"]).reshape(count, len(film["panels"]), -1)[frame, p]
    total = np.zeros(shape)
    for weight, layer in zip(weights, [*still, *scaled], strict=True):
        total += weight * layer
    return total.transpose(2, 0, 1)


def titled(film: Film, title: str, badge: str = "") -> int:
    """Which panel has this title and badge."""
    return next(p for p, each in enumerate(film["panels"]) if (each["title"], each["badge"]) == (title, badge))
