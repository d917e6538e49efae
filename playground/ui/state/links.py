"""Links: settings as the query string of a link, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from playground.core.model_registry import ModelRegistry
from playground.ui.state.settings import CONTROLS, HIDEABLE, TRAINING_FIELDS, Settings, validate
from playground.ui.state.validation import quoted

IGNORED = re.compile(r"__.*|view|utm_.*|[a-z]*clid|igshid|mc_[ce]id|_g[al]", re.DOTALL)
"""Parts of links that are not ours: the host's, Gradio's, and what mailings and social networks add."""


def from_query(library: ModelRegistry, query: Mapping[str, str]) -> tuple[Settings, list[str]]:
    """Settings from the query string of a link.

    A part that is not allowed keeps its default. Parts that are IGNORED are passed over.

    Args:
        library: registry of the networks.
        query: parts of the query string by name.

    Returns:
        The settings, and a sentence for each part that is unknown or not allowed.
    """
    accepted: dict[str, Any] = {"model": library.names[0]}
    unknown = [name for name in query if name not in CONTROLS and not IGNORED.fullmatch(name)]
    notes = [f"The link has a part that is not known here: {quoted(name)}." for name in unknown]
    for name in CONTROLS:
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

    Settings that are not always in a link are left out where they have their defaults.
    """
    values = {
        name: value
        for name, value in asdict(settings).items()
        if CONTROLS[name].always_in_link or value != getattr(Settings, name)
    }
    return {name: _as_text(value) for name, value in values.items()}


def sampling_query(settings: Settings) -> dict[str, str]:
    """Settings that a sampling film depends on, as text by name."""
    s = settings
    names = ["model", "seed", "schedule", "T", "zero_terminal_snr", "label", "second_label", "guidance_scale"]
    names += ["sampling_view", "timestep_spacing", "karras_sigmas"]
    if s.sampling_view == "solvers":
        names += ["solvers", "nfe"]
    else:
        names += ["sampler", "steps", "init", "inpaint_mask"]
        names += {"ddim": ["eta"], "ddpm": ["variance_type"]}.get(s.sampler, [])
        names += ["strength"] if s.init == "image" else []
        names += ["image"] if s.init == "image" or s.inpaint_mask != "none" else []
        names += ["num_images", "compare_ideal"] if s.sampling_view == "trajectory" else []
    return {name: _as_text(getattr(s, name)) for name in names}


def training_query(settings: Settings) -> dict[str, str]:
    """Settings that a toy-training film depends on, as text by name."""
    return {
        name: _as_text(getattr(settings, name))
        for name in (*TRAINING_FIELDS, "seed", "schedule", "T", "zero_terminal_snr")
    }


def _as_text(value: Any) -> str:
    """Text of a value as JavaScript writes it: 1 for true, 0 for 0.0."""
    if isinstance(value, str):
        return value
    return f"{value:g}" if isinstance(value, float) else str(int(value))


QUERY_DEFAULTS = {name: _as_text(getattr(Settings, name)) for name in HIDEABLE if not CONTROLS[name].always_in_link}
"""Text of the defaults that a link leaves out."""
