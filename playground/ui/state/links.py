"""Links: settings as the query string of a link, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from playground.core.model_registry import ModelRegistry
from playground.ui.state.settings import (
    ALWAYS_IN_LINK,
    NAMES,
    OPTIONAL_FIELDS,
    TRAINING_FIELDS,
    Settings,
    quoted,
    validate,
)


def from_query(library: ModelRegistry, query: Mapping[str, str]) -> tuple[Settings, list[str]]:
    """Settings from the query string of a link.

    A part that is not allowed keeps its default. Names that begin with two underscores are the host's, and are ignored.

    Args:
        library: registry of the networks.
        query: parts of the query string by name.

    Returns:
        The settings, and a sentence for each part that is unknown or not allowed.
    """
    accepted: dict[str, Any] = {"model": library.names[0]}
    unknown = [name for name in query if name not in NAMES and not name.startswith("__")]
    notes = [f"The link has a part that is not known here: {quoted(name)}." for name in unknown]
    for name in NAMES:
        if name not in query:
            continue
        value: Any = query[name]
        if isinstance(getattr(Settings, name), bool):
            value = {"1": True, "0": False}.get(value, value)
        try:
            validate(library, **{**accepted, name: value})
        except ValueError as error:
            notes.append(f"The link asked for something else: {error}")
        else:
            accepted[name] = value
    return validate(library, **accepted), notes


def to_query(settings: Settings) -> dict[str, str]:
    """Query string of a link to these settings, as text by name.

    Settings outside ALWAYS_IN_LINK are left out where they have their defaults.
    """
    values = {
        name: value
        for name, value in asdict(settings).items()
        if name in ALWAYS_IN_LINK or value != getattr(Settings, name)
    }
    return {name: _as_text(value) for name, value in values.items()}


def sampling_query(settings: Settings) -> dict[str, str]:
    """Settings that a sampling film depends on, as text by name."""
    s = settings
    names = ["model", "seed", "schedule", "T", "zero_terminal", "label", "then", "guidance"]
    names += ["view", "spacing", "karras"]
    if s.view == "race":
        names += ["solvers", "calls"]
    else:
        names += ["sampler", "steps", "start", "keep"]
        names += {"ddim": ["eta"], "ddpm": ["variance"]}.get(s.sampler, [])
        names += ["start_at"] if s.start == "picture" else []
        names += ["picture"] if s.start == "picture" or s.keep != "nothing" else []
        names += ["count", "driver"] if s.view == "run" else []
    return {name: _as_text(getattr(s, name)) for name in names}


def training_query(settings: Settings) -> dict[str, str]:
    """Settings that a toy-training film depends on, as text by name."""
    return {
        name: _as_text(getattr(settings, name)) for name in (*TRAINING_FIELDS, "seed", "schedule", "T", "zero_terminal")
    }


def _as_text(value: Any) -> str:
    """Text of a value as JavaScript writes it: 1 for true, 0 for 0.0."""
    if isinstance(value, str):
        return value
    return f"{value:g}" if isinstance(value, float) else str(int(value))


QUERY_DEFAULTS = {name: _as_text(getattr(Settings, name)) for name in OPTIONAL_FIELDS}
"""Text of the defaults that a link leaves out."""
