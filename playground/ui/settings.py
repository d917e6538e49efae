"""Every control of the playground in one record, checked, whether it came from the page or through the API."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from playground.core.library import Library
from playground.core.samplers import SAMPLERS, VARIANCES
from playground.core.schedules import MAX_STEPS, MIN_STEPS, SCHEDULES, NoiseSchedule, zero_terminal_snr

MAX_SEED = 2**31 - 1
MAX_COUNT = 16
MAX_GUIDANCE = 8.0
ANY_LABEL = "any"


@dataclass(frozen=True)
class Settings:
    """What a person has chosen. `checked` says whether it can be computed; the defaults can."""

    model: str = "digits"
    picture: int = 9003
    seed: int = 0
    schedule: str = "linear"
    T: int = 1000
    zero_terminal: bool = False
    t: int = 250
    sampler: str = "ddim"
    steps: int = 50
    eta: float = 0.0
    variance: str = "beta_tilde"
    label: str = ANY_LABEL
    guidance: float = 1.5
    count: int = 4

    def noise_schedule(self) -> NoiseSchedule:
        """The schedule that these settings name."""
        schedule = SCHEDULES[self.schedule](self.T)
        return zero_terminal_snr(schedule) if self.zero_terminal else schedule

    def all_schedules(self) -> list[NoiseSchedule]:
        """Every schedule at this T, the chosen one as it is set."""
        return [self.noise_schedule() if name == self.schedule else make(self.T) for name, make in SCHEDULES.items()]


def checked(library: Library, **controls: Any) -> Settings:
    """Settings from controls as they come: whole numbers may be floats or text. What is not
    named keeps its default.

    Raises ValueError, in one sentence for a person, for the first that is not allowed.
    """
    defaults = Settings()
    values = {name: controls.get(name, getattr(defaults, name)) for name in Settings.__dataclass_fields__}
    model = _one_of("model", values["model"], library.names)
    pictures = library.pictures(model)
    num_steps = _whole("T", values["T"], MIN_STEPS, MAX_STEPS)
    # Nobody asked for the defaults: where there is no room for one, its nearest neighbour does.
    values["picture"] = controls.get("picture", min(defaults.picture, len(pictures) - 1))
    values["t"] = controls.get("t", min(defaults.t, num_steps - 1))
    values["steps"] = controls.get("steps", min(defaults.steps, num_steps))
    return Settings(
        model=model,
        picture=_whole("picture", values["picture"], 0, len(pictures) - 1),
        seed=_whole("seed", values["seed"], 0, MAX_SEED),
        schedule=_one_of("schedule", values["schedule"], SCHEDULES),
        T=num_steps,
        zero_terminal=_flag("zero_terminal", values["zero_terminal"]),
        t=_whole("t", values["t"], 0, num_steps - 1),
        sampler=_one_of("sampler", values["sampler"], SAMPLERS),
        steps=_whole("steps", values["steps"], 1, num_steps),
        eta=_number("eta", values["eta"], 0, 1),
        variance=_one_of("variance", values["variance"], VARIANCES),
        label=_one_of("label", str(values["label"]), [ANY_LABEL, *pictures.label_names]),
        guidance=_number("guidance", values["guidance"], 0, MAX_GUIDANCE),
        count=_whole("count", values["count"], 1, MAX_COUNT),
    )


def _one_of(name: str, value: Any, known: Collection[str]) -> str:
    if value not in list(known):
        raise ValueError(f"{name} must be one of {', '.join(known)}; it was {_shown(value)}.")
    return str(value)


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false; it was {_shown(value)}.")
    return value


def _number(name: str, value: Any, low: float, high: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not low <= number <= high:
        raise ValueError(f"{name} must be a number from {low:g} to {high:g}; it was {_shown(value)}.")
    return number


def _whole(name: str, value: Any, low: int, high: int) -> int:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not low <= number <= high or number != int(number):
        raise ValueError(f"{name} must be a whole number from {low} to {high}; it was {_shown(value)}.")
    return int(number)


def _shown(value: Any) -> str:
    """What was asked for, as far as it fits into a sentence."""
    text = "empty" if value in (None, "") else str(value)
    return text if len(text) <= 40 else text[:37] + "…"
