"""The film format: panels, layers, numbers and formulas of each frame.

A film is a plain dict for the player. Each panel is a sum of layers, weighted by its row in a table: `still` layers,
and `moving` ones, which have a picture for each frame. Without a table panel p is moving layer p. Numbers have a value
for each frame too, so that whatever moves, moves in the browser.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from playground.core.data import images
from playground.core.diffusion.noise import NoiseLevel
from playground.render.palette import NOISE_RANGE, noise_colours

Film = dict[str, Any]
Part = dict[str, Any]
Limits = tuple[float, float]
Weights = Mapping[str, Tensor | float]
PanelWeights = tuple[Part, Weights]

PICTURE, NOISE = (-1.0, 1.0), (-NOISE_RANGE, NOISE_RANGE)


def colour_scale() -> str:
    """The 256 colours of noise, as the player takes them."""
    return to_base64(noise_colours())


def chunk(start: int, total: int, labels: list[str]) -> Film:
    """Which frames of the film these are: from `start`, one a label, of `total`."""
    return {"start": start, "total": total, "labels": labels}


def timestep_film(t: Tensor, at: int) -> Film:
    """A whole film with a frame for each of the steps t; it begins at the one next to `at`.

    Films over t share their place in t.
    """
    return {
        **chunk(0, len(t), [f"t = {i}" for i in t.tolist()]),
        "ends": ["t = 0 · nearly clean", f"noise · t = {int(t[-1])}"],
        "sync": True,
        "at": int((t - at).abs().argmin()),
    }


def panel(
    title: str,
    role: str,
    limits: Limits,
    *,
    before: str = "",
    factor: str = "",
    badge: str = "",
    about: str = "",
    note: str = "",
) -> Part:
    """A picture in each frame, its values drawn between `limits`.

    `before` is the operator to its left, `factor` the number shown above it and `note` the one below; `badge` says who
    made it.
    """
    return {
        "title": title,
        "role": role,
        "limits": limits,
        "scale": "picture" if limits == PICTURE else "noise",
        "before": before,
        "factor": factor,
        "badge": badge,
        "about": about,
        "note": note,
    }


def frame_panels(layers: Sequence[tuple[Tensor, Limits]]) -> Film:
    """One layer a panel, each (K, C, H, W) with its limits: all of the first frame, then all of the second."""
    return {"moving": to_base64(torch.stack([_bytes(*layer) for layer in layers], 1).numpy())}


def layered_panels(
    frames: int,
    shown: Sequence[PanelWeights],
    still: Mapping[str, Tensor],
    moved: Mapping[str, tuple[Tensor, Limits]] | None = None,
) -> Film:
    """Panels as sums of named layers: each with how much it has of which, one number or one a frame.

    `still` layers are (C, H, W), `moved` ones (frames, C, H, W) with their limits.
    """
    moved = moved or {}
    names = [*still, *moved]
    table = torch.zeros(frames, len(shown), len(names))
    for p, (_, weights) in enumerate(shown):
        for name, weight in weights.items():
            table[:, p, names.index(name)] = torch.as_tensor(weight, dtype=torch.float32)
    film = frame_panels(list(moved.values())) if moved else {}
    return {
        **film,
        "size": size(next(iter(still.values()))),
        "panels": [part for part, _ in shown],
        "still": floats(torch.stack([_pixels(layer) for layer in still.values()])),
        "limits": [limits for _, limits in moved.values()],
        "table": floats(table),
    }


def number(key: str, symbol: str, values: Tensor, role: str, about: str, digits: int = 4, over: str = "") -> Part:
    """A value for each frame; `over` "place", one for each place instead, "both", one for each place of each frame."""
    part = {"key": key, "symbol": symbol, "values": floats(values), "role": role, "about": about, "digits": digits}
    return {**part, "over": over} if over else part


def formula(text: str) -> list[list[str]]:
    """A line in which numbers move: `[x_t|mixture]` wears a role's colour, `{alpha|picture}` is the number of that key.

    As the player takes it: a list of [text, role, key], of which one of text and key is empty.
    """
    parts = []
    for word, word_role, key, key_role, plain in re.findall(r"\[(.+?)\|(\w+)\]|\{(.+?)\|(\w*)\}|([^\[{]+)", text):
        parts.append([word or plain, word_role or key_role, key])
    return parts


def level_numbers(t: Tensor, level: NoiseLevel, betas: Tensor | None = None) -> list[Part]:
    numbers = [
        number("t", "t", t, "mixture", "the step, from 0, nearly clean, to T − 1, noise", digits=0),
        number("alpha_bar", "ᾱ_t", level.alpha**2, "mixture", "the share of the picture's variance that is left"),
        number("alpha", "√ᾱ_t", level.alpha, "picture", "what the picture is multiplied by"),
        number("sigma", "√(1−ᾱ_t)", level.sigma, "noise", "what the noise is multiplied by"),
        number("log_snr", "log-SNR", level.log_snr, "mixture", "ln(ᾱ_t / (1−ᾱ_t)): 0 where they are equal", digits=2),
    ]
    if betas is not None:
        numbers.append(number("beta", "β_t", betas, "noise", "the variance of the noise that step t alone adds", 5))
    return numbers


def size(picture: Tensor) -> list[int]:
    channels, height, width = picture.shape
    return [width, height, channels]


def floats(values: Tensor) -> str:
    return to_base64(values.to(torch.float32).numpy())


def rounded(values: Tensor) -> list[float]:
    return [float(f"{value:.5g}") for value in values.tolist()]


def to_base64(array: NDArray[np.generic]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def _pixels(picture: Tensor) -> Tensor:
    """(…, C, H, W) to (…, H, W, C), as a canvas reads pixels."""
    return picture.movedim(-3, -1)


def _bytes(pictures: Tensor, limits: Limits) -> Tensor:
    """(K, C, H, W) from `limits` to 0…255, as uint8 (K, H, W, C)."""
    low, high = limits
    return images.to_bytes(_pixels(pictures.float()) * (2 / (high - low)) - (high + low) / (high - low))
