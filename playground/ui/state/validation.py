"""Validation: kinds and ranges of settings, and the declaration of a control."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from playground.core.data.datasets import ImageDataset
from playground.core.model_registry import ModelRegistry


@dataclass(frozen=True)
class Context:
    """What the range of a setting may depend on.

    Attributes:
        library: registry of the networks.
        values: the settings that have been validated before this one, by name.
    """

    library: ModelRegistry
    values: Mapping[str, Any]

    @property
    def images(self) -> ImageDataset:
        """Dataset of the chosen network."""
        return self.library.pictures(self.values["model"])


class Kind(Protocol):
    """Kind and range of a control's values."""

    def parse(self, name: str, value: Any, context: Context) -> Any:
        """Validated value.

        Args:
            name: name of the setting, for the message.
            value: value to check: of a component, of a request, or text of a link.
            context: what the range may depend on.

        Returns:
            The value.

        Raises:
            ValueError: if the value is not allowed; the message is for the user.
        """


@dataclass(frozen=True)
class Choice:
    """One of several names."""

    options: Collection[str] | Callable[[Context], Collection[str]]

    def parse(self, name: str, value: Any, context: Context) -> str:
        options = self.options(context) if callable(self.options) else self.options
        return choice(name, value if value is None else str(value), options)


@dataclass(frozen=True)
class Several:
    """Different names with commas between, `low` to `high` of them."""

    options: Callable[[], Collection[str]]
    low: int
    high: int

    def parse(self, name: str, value: Any, context: Context) -> str:
        names = list(value) if isinstance(value, list | tuple) else [each for each in str(value).split(",") if each]
        if not self.low <= len(names) <= self.high or len(set(names)) < len(names):
            shown = quoted(", ".join(map(str, names)))
            raise ValueError(f"{name} must be {self.low} to {self.high} different ones; they were {shown}.")
        return ",".join(choice(name, each, self.options()) for each in names)


@dataclass(frozen=True)
class Integer:
    """A whole number from `low` to `high`; None, too, where it is `optional`."""

    low: int
    high: int | Callable[[Context], int]
    optional: bool = False

    def parse(self, name: str, value: Any, context: Context) -> int | None:
        if value is None and self.optional:
            return None
        return integer(name, value, self.low, self.high(context) if callable(self.high) else self.high)


@dataclass(frozen=True)
class Number:
    """A number from `low` to `high`."""

    low: float
    high: float

    def parse(self, name: str, value: Any, context: Context) -> float:
        if not self.low <= (number := _as_number(value)) <= self.high:
            raise ValueError(f"{name} must be a number from {self.low:g} to {self.high:g}; it was {quoted(value)}.")
        return number


@dataclass(frozen=True)
class Boolean:
    """True or false."""

    def parse(self, name: str, value: Any, context: Context) -> bool:
        if not isinstance(value, bool):
            raise ValueError(f"{name} must be true or false; it was {quoted(value)}.")
        return value


@dataclass(frozen=True)
class Control:
    """Declaration of a control, or of another part of the page's state.

    Attributes:
        kind: kind and range of its values.
        label: its name on the page; empty for what is no control.
        tooltip: what it sets.
        tab: the tab it belongs to; empty for the controls that several tabs share.
        always_in_link: whether a link contains its default, too, and not only other values.
        visible_when: another setting, and the values of it at which the control is shown; None for always.
        adapted: the default where it depends on other settings.
    """

    kind: Kind
    label: str = ""
    tooltip: str = ""
    tab: str = ""
    always_in_link: bool = False
    visible_when: tuple[str, tuple[str, ...]] | None = None
    adapted: Callable[[Context], Any] | None = None


def choice(name: str, value: Any, known: Collection[str]) -> str:
    """Validated choice.

    Args:
        name: name of the setting, for the message.
        value: value to check.
        known: the allowed values.

    Returns:
        The value.

    Raises:
        ValueError: if the value is none of them; the message is for the user.
    """
    if value not in list(known):
        raise ValueError(f"{name} must be one of {', '.join(known)}; it was {quoted(value)}.")
    return str(value)


def integer(name: str, value: Any, low: int, high: int) -> int:
    """Validated whole number.

    Args:
        name: name of the setting, for the message.
        value: value to check: a number, or text.
        low: smallest value allowed.
        high: largest value allowed.

    Returns:
        The value.

    Raises:
        ValueError: if it is no whole number from low to high; the message is for the user.
    """
    number = _as_number(value)
    if not low <= number <= high or number != int(number):
        raise ValueError(f"{name} must be a whole number from {low} to {high}; it was {quoted(value)}.")
    return int(number)


def _as_number(value: Any) -> float:
    """The value as a number; NaN for what is none."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def quoted(value: Any) -> str:
    """The value as text for a message, at most 40 characters; "empty" for None or empty text."""
    text = "empty" if value in (None, "") else str(value)
    return text if len(text) <= 40 else text[:37] + "…"
