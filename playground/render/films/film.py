"""Film format: the panels, layers, numbers and formulas that the player shows.

A film is a plain dict that the player draws in the browser. It may come in pieces, each with the next frames. A panel
shows one picture per frame: a sum of layers, weighted by the panel's row in a table. `still` layers are the same in
every frame, `moving` layers have one picture per frame; without a table panel p shows moving layer p. Numbers have one
value per frame, too, so the browser can move through a film without a request to the server.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from playground.core.data import images
from playground.core.diffusion.noise import NoiseLevel
from playground.render.films.film_format import Film, FilmNumber, Limits, Panel
from playground.render.palette import NOISE_RANGE, noise_colours

Weights = Mapping[str, Tensor | float]
PanelWeights = tuple[Panel, Weights]

PICTURE, NOISE = (-1.0, 1.0), (-NOISE_RANGE, NOISE_RANGE)


def colour_scale() -> str:
    """Colour scale of noise: its 256 colours in base64, as the player reads them."""
    return to_base64(noise_colours())


def chunk(start: int, total: int, labels: list[str]) -> Film:
    """Frame range of a piece: which frames of the film it holds.

    Args:
        start: index of its first frame.
        total: number of frames of the whole film.
        labels: one label per frame of the piece.

    Returns:
        A partial film with these three.
    """
    return {"start": start, "total": total, "labels": labels}


def timestep_film(t: Tensor, at: int) -> Film:
    """Film over t: one frame per time step.

    All films over t stand at the same t: when one moves, the others follow.

    Args:
        t: time steps of the frames, ascending, (K,).
        at: time step to begin at; the film begins at the nearest of `t`.

    Returns:
        A partial film: the frames' labels, the names of both ends, and the first frame to show.
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
) -> Panel:
    """Panel: one picture in each frame.

    Args:
        title: its symbol, such as "x_t".
        role: its role in the palette, which gives its colour.
        limits: the values drawn as black and white, or as the first and last colour of noise.
        before: operator to the left of the panel, such as "+".
        factor: key of the number shown above the panel.
        badge: name of the predictor or sampler that made the picture.
        about: short caption.
        note: key of the number shown below the panel.

    Returns:
        The panel as a dict for the player.
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
    """Moving layers: the pictures of every frame as bytes.

    `layers` are pairs of pictures, (K, C, H, W), and their limits. Returns a partial film whose bytes hold all layers
    of the first frame, then all of the second, and so on.
    """
    return {"moving": to_base64(torch.stack([_bytes(*layer) for layer in layers], 1).numpy())}


def layered_panels(
    frames: int,
    shown: Sequence[PanelWeights],
    still: Mapping[str, Tensor],
    moved: Mapping[str, tuple[Tensor, Limits]] | None = None,
) -> Film:
    """Panels as weighted sums of named layers.

    Args:
        frames: number of frames K.
        shown: the panels, each with its weights by layer: one number, or one per frame, (K,).
        still: layers that are the same in every frame, (C, H, W), by name.
        moved: layers with one picture per frame, (K, C, H, W), and their limits, by name.

    Returns:
        A partial film: picture size, panels, layers, and the table of weights.
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


def number(key: str, symbol: str, values: Tensor, role: str, about: str, digits: int = 4, over: str = "") -> FilmNumber:
    """Number of a film: a value that changes with the frame.

    Args:
        key: the name by which panels, charts and formulas refer to it.
        symbol: how the page writes it.
        values: its values, float; how many there are depends on `over`.
        role: its role in the palette, which gives its colour.
        about: explanation, shown as a tooltip.
        digits: decimals shown.
        over: "" for one value per frame, "place" for one per place, "both" for one per place of each frame.

    Returns:
        The number as a dict for the player.
    """
    part: FilmNumber = {
        "key": key,
        "symbol": symbol,
        "values": floats(values),
        "role": role,
        "about": about,
        "digits": digits,
    }
    return {**part, "over": over} if over else part


def formula(text: str) -> list[list[str]]:
    """Formula in which numbers change with the frame, parsed for the player.

    In `text`, `[x_t|mixture]` is text in the colour of a role, and `{alpha|picture}` is the value of the number with
    that key. Returns a list of [text, role, key], in each of which either text or key is empty.
    """
    parts = []
    for word, word_role, key, key_role, plain in re.findall(r"\[(.+?)\|(\w+)\]|\{(.+?)\|(\w*)\}|([^\[{]+)", text):
        parts.append([word or plain, word_role or key_role, key])
    return parts


def level_numbers(t: Tensor, level: NoiseLevel, betas: Tensor | None = None) -> list[FilmNumber]:
    """Numbers of the noise level: t, ᾱ_t, √ᾱ_t, √(1−ᾱ_t) and log-SNR, and β_t where `betas` are given.

    Args:
        t: time steps of the frames, (K,).
        level: noise level of each frame, (K,).
        betas: variance of the noise that each step alone adds, (K,).

    Returns:
        The numbers, in the order above.
    """
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
    """Size of a picture (C, H, W) as the player reads it: [width, height, channels]."""
    channels, height, width = picture.shape
    return [width, height, channels]


def floats(values: Tensor) -> str:
    """Values as float32 in base64."""
    return to_base64(values.to(torch.float32).numpy())


def rounded(values: Tensor) -> list[float]:
    """Values rounded to five significant digits."""
    return [float(f"{value:.5g}") for value in values.tolist()]


def to_base64(array: NDArray[np.generic]) -> str:
    """The bytes of an array in C order, in base64."""
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def _pixels(picture: Tensor) -> Tensor:
    """(…, C, H, W) to (…, H, W, C), the order of pixels on a canvas."""
    return picture.movedim(-3, -1)


def _bytes(pictures: Tensor, limits: Limits) -> Tensor:
    """Pictures (K, C, H, W) with values between `limits` as uint8 0…255, (K, H, W, C)."""
    low, high = limits
    return images.to_bytes(_pixels(pictures.float()) * (2 / (high - low)) - (high + low) / (high - low))
