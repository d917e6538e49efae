"""Command line: types of options whose errors are a sentence."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T", int, float)


def in_range(kind: type[T], least: float, most: float = math.inf) -> Callable[[str], T]:
    """Type of an option for numbers in a range.

    Args:
        kind: int or float.
        least: the smallest number allowed.
        most: the largest.

    Returns:
        A function from the option's text to the number, for `argparse`.
    """

    def number(text: str) -> T:
        try:
            value = kind(text)
        except ValueError:
            value = kind(least) - 1
        if not least <= value <= most:
            what = "a whole number" if kind is int else "a number"
            where = f"of at least {least:g}" if most == math.inf else f"from {least:g} to {most:g}"
            raise argparse.ArgumentTypeError(f"it must be {what} {where}; it was {text}")
        return value

    return number
