"""Code listing: executed lines of code with their results, as HTML.

The HTML contains no text from users.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

from PIL import Image
from torch import Tensor

from playground.core.analysis.training_step import ExecutedLine
from playground.core.data import images
from playground.render.palette import NOISE_RANGE, noise_colours

# The role of each picture that a line may compute.
ROLES = {"eps": "noise", "x_t": "mixture", "eps_hat": "prediction"}


def code(lines: Sequence[str]) -> str:
    """Listing of the lines before they have run."""
    return f'<ol class="listing">{"".join(f"<li><code>{html.escape(line)}</code></li>" for line in lines)}</ol>'


def executed_lines(done: Sequence[ExecutedLine], t: int) -> str:
    """Listing of executed lines, each with the pictures and numbers that it computed.

    Args:
        done: the lines with their new variables: pictures (C, H, W) or numbers ().
        t: the time step at which they ran.

    Returns:
        The HTML.
    """
    items = []
    for each in done:
        made = "".join(_line_output(name, value) for name, value in each.made.items())
        items.append(f'<li><code>{html.escape(each.line)}</code><div class="line-output">{made}</div></li>')
    return f'<ol class="listing">{"".join(items)}</ol><p class="note" role="status">Executed just now at t = {t}.</p>'


def _line_output(name: str, value: Tensor) -> str:
    if value.ndim == 0:
        number = f"{value.item():.4f}" if value.is_floating_point() else f"{value.item():,}"
        return f"<span><b>{name}</b> = {number}</span>"
    role = ROLES[name]
    url = images.data_url(value) if role == "mixture" else noise_url(value)
    picture = f'<img src="{url}" alt="{name}">'
    return f'<figure class="{role}">{picture}<figcaption>{name}</figcaption></figure>'


def noise_url(noise: Tensor) -> str:
    """Noise (C, H, W) as a picture in a data: URL, in the same colours as in the player."""
    if len(noise) != 1:
        return images.data_url(noise / NOISE_RANGE)
    return images.png_url(Image.fromarray(noise_colours()[images.to_bytes(noise / NOISE_RANGE)[0].numpy()]))
