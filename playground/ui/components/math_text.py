"""Mathematics in a sentence, as HTML."""

from __future__ import annotations

import re


def subscripts(text: str) -> str:
    """`x_t` and `x_t−1` with their indices lowered."""
    return re.sub(r"_(\w(?:−1)?)", r"<sub>\1</sub>", text)
