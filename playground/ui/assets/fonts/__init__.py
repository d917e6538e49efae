"""Fonts of formulas: letters slanted, digits and signs upright, letters with a hat, tilde or bar as one glyph.

A selection of STIX General 1.1.1 (SIL Open Font License 1.1, see OFL.txt), made by .ci/build_math_fonts.py.
"""

from __future__ import annotations

import base64
from pathlib import Path

FAMILY = "Playground Math"
FILES = {400: "math-italic.woff2", 600: "math-bold-italic.woff2"}


def fonts_css() -> str:
    """CSS rule for each weight, with the font embedded: it needs no request."""
    return "".join(_rule(weight, name) for weight, name in FILES.items())


def _rule(weight: int, name: str) -> str:
    data = base64.b64encode((Path(__file__).parent / name).read_bytes()).decode("ascii")
    url = f"data:font/woff2;base64,{data}"
    return (
        f'@font-face {{ font-family: "{FAMILY}"; font-style: italic; font-weight: {weight}; src: url({url}) '
        'format("woff2"); }\n'
    )
