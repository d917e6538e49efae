"""Every control of the playground in one record, checked, whether it came from the page, an endpoint or a link."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from playground.core.ancestral import VARIANCES
from playground.core.learner import STEPS, TARGETS
from playground.core.library import Library
from playground.core.plane import PATH_STEPS, PATHS
from playground.core.samplers import SAMPLERS
from playground.core.schedules import MAX_STEPS, MIN_STEPS, SCHEDULES, NoiseSchedule, zero_terminal_snr
from playground.core.worlds import WORLDS

MAX_SEED = 2**31 - 1
MAX_COUNT = 16
MAX_GUIDANCE = 8.0
MAX_STOP = 8
ANY_LABEL = "any"
DRIVERS = ("network", "both")
"""Who says the noise in sampling: the network, or the network and the ideal predictor side by side."""
TABS = ("forward", "prediction", "reverse", "training")
WAYS = ("jump", "walk")
"""How x_t is made: in one jump from x_0, or in t small steps."""
LOOK_NAMES = ("predictors", "independence", "shrinkage", "step", "names", "training")
"""The ways to look at the noise that was found; `ui.looks` has the rest of them."""
WIDTHS, DEPTHS = (16, 256), (1, 4)
RATES = (0.0001, 0.001, 0.003, 0.01, 0.03)


@dataclass(frozen=True)
class Settings:
    """What a person has chosen. `checked` says whether it can be computed; the defaults can."""

    tab: str = "forward"
    model: str = "digits"
    picture: int = 9003
    seed: int = 0
    schedule: str = "linear"
    T: int = 1000
    t: int = 250
    sampler: str = "ddim"
    steps: int = 50
    label: str = ANY_LABEL
    guidance: float = 1.5
    zero_terminal: bool = False
    way: str = "jump"
    look: str = "predictors"
    eta: float = 0.0
    variance: str = "beta_tilde"
    count: int = 4
    driver: str = "network"
    world: str = "eight_gaussians"
    target: str = "epsilon"
    sees_x_t: bool = True
    sees_t: bool = True
    width: int = 64
    depth: int = 3
    lr: float = 0.01
    paths: str = "flow"
    trained: int | None = None  # how many steps the network was trained; None where it was not
    moment: int | None = None  # the step on show; None for the last
    place: int | None = None  # along the generation, from 0, noise; None for its end
    frame: int | None = None  # of the sampling that was run; None where none was
    lesson: int = 0  # the stop of the lesson that is open; 0 where none is
    present: bool = False
    hide: str = ""  # names of controls, with commas between

    def noise_schedule(self) -> NoiseSchedule:
        """The schedule that these settings name."""
        schedule = SCHEDULES[self.schedule](self.T)
        return zero_terminal_snr(schedule) if self.zero_terminal else schedule

    def all_schedules(self) -> list[NoiseSchedule]:
        """Every schedule at this T, the chosen one as it is set."""
        return [self.noise_schedule() if name == self.schedule else make(self.T) for name, make in SCHEDULES.items()]


NAMES = tuple(field.name for field in fields(Settings))
LEARNING = ("world", "target", "sees_x_t", "sees_t", "width", "depth", "lr", "paths")
"""The controls of *Train it* alone: a link says them only where they differ from the defaults."""
CONTROLS = NAMES[: NAMES.index(LEARNING[0])]
HIDEABLE = tuple(name for name in (*CONTROLS, *LEARNING) if name not in ("tab", "t"))
"""The controls that a link can hide."""


def checked(library: Library, **controls: Any) -> Settings:
    """Settings from controls as they come: whole numbers may be floats or text. What is not
    named keeps its default.

    Raises ValueError, in one sentence for a person, for the first that is not allowed.
    """
    defaults = Settings()
    values = {name: controls.get(name, getattr(defaults, name)) for name in NAMES}
    model = _one_of("model", values["model"], library.names)
    pictures = library.pictures(model)
    num_steps = _whole("T", values["T"], MIN_STEPS, MAX_STEPS)
    # Nobody asked for the defaults: where there is no room for one, its nearest neighbour does, or a held-out picture.
    in_range = defaults.picture < len(pictures)
    values["picture"] = controls.get(
        "picture", defaults.picture if in_range else len(pictures) - 1 - pictures.held_out // 2
    )
    values["t"] = controls.get("t", num_steps // 4)
    values["steps"] = controls.get("steps", min(defaults.steps, num_steps))
    steps = _whole("steps", values["steps"], 1, num_steps)
    hidden = [_one_of("hide", name, HIDEABLE) for name in str(values["hide"]).split(",") if name]
    return Settings(
        tab=_one_of("tab", values["tab"], TABS),
        model=model,
        picture=_whole("picture", values["picture"], 0, len(pictures) - 1),
        seed=_whole("seed", values["seed"], 0, MAX_SEED),
        schedule=_one_of("schedule", values["schedule"], SCHEDULES),
        T=num_steps,
        t=_whole("t", values["t"], 0, num_steps - 1),
        sampler=_one_of("sampler", values["sampler"], SAMPLERS),
        steps=steps,
        zero_terminal=_flag("zero_terminal", values["zero_terminal"]),
        way=_one_of("way", values["way"], WAYS),
        look=_one_of("look", values["look"], LOOK_NAMES),
        eta=_number("eta", values["eta"], 0, 1),
        variance=_one_of("variance", values["variance"], VARIANCES),
        label=_one_of("label", str(values["label"]), [ANY_LABEL, *pictures.label_names]),
        guidance=_number("guidance", values["guidance"], 0, MAX_GUIDANCE),
        count=_whole("count", values["count"], 1, MAX_COUNT),
        driver=_one_of("driver", values["driver"], DRIVERS),
        world=_one_of("world", values["world"], WORLDS),
        target=_one_of("target", values["target"], TARGETS),
        sees_x_t=_flag("sees_x_t", values["sees_x_t"]),
        sees_t=_flag("sees_t", values["sees_t"]),
        width=_whole("width", values["width"], *WIDTHS),
        depth=_whole("depth", values["depth"], *DEPTHS),
        lr=_number("lr", values["lr"], RATES[0], RATES[-1]),
        paths=_one_of("paths", values["paths"], PATHS),
        trained=_maybe("trained", values["trained"], STEPS),
        moment=_maybe("moment", values["moment"], STEPS),
        place=_maybe("place", values["place"], PATH_STEPS),
        frame=_maybe("frame", values["frame"], 2 * steps),  # Heun's method calls the network twice a step
        lesson=_whole("lesson", values["lesson"], 0, MAX_STOP),
        present=_flag("present", values["present"]),
        hide=",".join(hidden),
    )


def from_query(library: Library, query: Mapping[str, str]) -> tuple[Settings, list[str]]:
    """The settings in the query string of a link, and a sentence for each part that is not allowed.

    Such a part keeps its default. Parts whose names begin with two underscores are the host's.
    """
    accepted: dict[str, Any] = {"model": library.names[0]}
    unknown = [name for name in query if name not in NAMES and not name.startswith("__")]
    notes = [f"The link has a part that is not known here: {_shown(name)}." for name in unknown]
    for name in NAMES:
        if name not in query:
            continue
        value: Any = query[name]
        if isinstance(getattr(Settings, name), bool):
            value = {"1": True, "0": False}.get(value, value)
        try:
            checked(library, **{**accepted, name: value})
        except ValueError as error:
            notes.append(f"The link asked for something else: {error}")
        else:
            accepted[name] = value
    return checked(library, **accepted), notes


def to_query(settings: Settings) -> dict[str, str]:
    """What a link to these settings says: each control, but for those of the page that say nothing."""
    values = {
        name: value for name, value in asdict(settings).items() if name in CONTROLS or value != getattr(Settings, name)
    }
    return {name: _written(value) for name, value in values.items()}


def _written(value: str | float) -> str:
    """As JavaScript writes it, too: 1 for true, 0 for 0.0."""
    if isinstance(value, str):
        return value
    return f"{value:g}" if isinstance(value, float) else str(int(value))


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


def _maybe(name: str, value: Any, high: int) -> int | None:
    return None if value is None else _whole(name, value, 0, high)


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
