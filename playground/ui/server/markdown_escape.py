"""Markdown escaping of text from elsewhere, such as a card or the name of a picture."""

from __future__ import annotations

import re

MEANT = re.compile(r"[\\`*_\[\]<>&|$~!]")


def plain(text: object) -> str:
    """The text on one line, in which nothing is a tag, a picture, a link, a formula or the end of a table's cell."""
    return MEANT.sub(r"\\\g<0>", " ".join(str(text).split()))
