"""Markdown escaping of text from elsewhere, such as a model card or the name of a picture."""

from __future__ import annotations

import re

MEANT = re.compile(r"[\\`*_\[\]<>&|$~!]")


def plain(text: object) -> str:
    """Escaped text on one line: nothing in it is a tag, picture, link, formula or end of a table cell."""
    return MEANT.sub(r"\\\g<0>", " ".join(str(text).split()))
