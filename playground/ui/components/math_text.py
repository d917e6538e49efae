"""Mathematics in text, as HTML."""

from __future__ import annotations

import re


def subscripts(text: str) -> str:
    """Subscripts: `x_t` and `x_t−1` in the text with their indices lowered, as HTML."""
    return re.sub(r"_(\w(?:−1)?)", r"<sub>\1</sub>", text)
