"""Settings: every control of the playground in one validated record."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Any

from playground.core.analysis.solver_comparison import MIN_CALLS
from playground.core.diffusion.parameterizations import TARGETS
from playground.core.diffusion.schedules import MAX_STEPS, MIN_STEPS, SCHEDULES, NoiseSchedule, zero_terminal_snr
from playground.core.model_registry import ModelRegistry
from playground.core.sampling.ddpm_ddim import POSTERIOR_VARIANCES
from playground.core.sampling.inpainting import MASKS
from playground.core.sampling.samplers import SAMPLERS
from playground.core.sampling.timesteps import TIMESTEP_SPACINGS
from playground.core.toy2d.datasets import TOY_DATASETS
from playground.core.toy2d.diagnostics import PATH_STEPS, TOY_SAMPLERS
from playground.core.toy2d.trainer import TOTAL_STEPS

MAX_SEED = 2**31 - 1
MAX_COUNT = 16
MAX_FILM = 2**27
"""How many bytes the pictures of a sampling may have that is watched."""
SHOWN = {"run": 3, "slow": 15, "guidance": 6, "race": 10}
"""How many pictures a view shows of one that is sampled, in a step or call."""
MAX_GUIDANCE = 8.0
MAX_STOP = 8
ANY_LABEL = "any"
DRIVERS = ("network", "both")
"""Who says the noise in sampling: the network, or the network and the ideal predictor side by side."""
VIEWS = ("run", "slow", "guidance", "race")
"""What one watches of sampling: the run itself, each step in three, what guidance adds, or several solvers."""
STARTS = ("noise", "picture", "walk")
"""Where sampling starts: in noise, in the picture noised to a step, or in noises on the way to the next seed's."""
KEPT = ("nothing", *MASKS, "painted")
SAME_LABEL = "same"
RACERS, CALLS = (2, 4), (MIN_CALLS, 100)
TABS = ("forward", "prediction", "reverse", "training")
WAYS = ("jump", "walk")
"""How x_t is made: in one jump from x_0, or in t small steps."""
LOOK_NAMES = ("predictors", "independence", "shrinkage", "step", "names", "training", "depth")
"""The ways to look at the noise that was found; `ui.looks` has the rest of them."""
WIDTHS, DEPTHS = (16, 256), (1, 4)
RATES = (0.0001, 0.001, 0.003, 0.01, 0.03)


@dataclass(frozen=True)
class Settings:
    """What a person has chosen. `validate` says whether it can be computed; the defaults can."""

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
    view: str = "run"
    solvers: str = "ddpm,ddim,dpmsolver++,heun"  # those of a race, with commas between
    calls: int = 10
    then: str = SAME_LABEL  # the label from half way on
    start: str = "noise"
    start_at: float = 0.5  # the t that the picture is noised to, as a share of T − 1
    keep: str = "nothing"
    spacing: str = "trailing"
    karras: bool = False
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
ALWAYS_IN_LINK = NAMES[: NAMES.index("view")]
TRAINING_FIELDS = ("world", "target", "sees_x_t", "sees_t", "width", "depth", "lr", "paths")
OPTIONAL_FIELDS = (*NAMES[NAMES.index("view") : NAMES.index(TRAINING_FIELDS[0])], *TRAINING_FIELDS)
"""Further controls of *Remove noise* and those of *Train*: a link says them only where they differ from the
defaults."""
HIDEABLE = tuple(name for name in (*ALWAYS_IN_LINK, *OPTIONAL_FIELDS) if name not in ("tab", "t"))
"""The controls that a link can hide."""


def validate(library: ModelRegistry, **controls: Any) -> Settings:
    """Settings from controls as they come: whole numbers may be floats or text. What is not
    named keeps its default.

    Raises ValueError, in one sentence for a person, for the first that is not allowed.
    """
    defaults = Settings()
    values = {name: controls.get(name, getattr(defaults, name)) for name in NAMES}
    model = choice("model", values["model"], library.names)
    pictures = library.pictures(model)
    num_steps = integer("T", values["T"], MIN_STEPS, MAX_STEPS)
    # A default that is out of range becomes the nearest allowed value, or a held-out picture.
    in_range = defaults.picture < len(pictures)
    values["picture"] = controls.get(
        "picture", defaults.picture if in_range else len(pictures) - 1 - pictures.num_held_out // 2
    )
    values["t"] = controls.get("t", num_steps // 4)
    values["steps"] = controls.get("steps", min(defaults.steps, num_steps))
    steps = integer("steps", values["steps"], 1, num_steps)
    view = choice("view", values["view"], VIEWS)
    calls = integer("calls", values["calls"], CALLS[0], min(CALLS[1], num_steps))
    watched = MAX_FILM // (SHOWN[view] * pictures.x0(0).numel())
    values["count"] = controls.get("count", max(1, min(defaults.count, watched // 4 // steps)))
    count = integer("count", values["count"], 1, MAX_COUNT)
    what, asked, shown = {
        "run": ("steps times count", steps * count, f"{steps:,} times {count}"),
        "race": ("calls", calls, f"{calls:,}"),
    }.get(view, ("steps", steps, f"{steps:,}"))
    if asked > watched:
        raise ValueError(
            f"{what} must be {watched:,} at most, for pictures as large as this network's; it was {shown}."
        )
    if pictures.is_substitute and values["driver"] == "both":
        raise ValueError(
            "driver must be network: this network came without the pictures that the ideal one goes through."
        )
    hidden = [choice("hide", name, HIDEABLE) for name in str(values["hide"]).split(",") if name]
    return Settings(
        tab=choice("tab", values["tab"], TABS),
        model=model,
        picture=integer("picture", values["picture"], 0, len(pictures) - 1),
        seed=integer("seed", values["seed"], 0, MAX_SEED),
        schedule=choice("schedule", values["schedule"], SCHEDULES),
        T=num_steps,
        t=integer("t", values["t"], 0, num_steps - 1),
        sampler=choice("sampler", values["sampler"], SAMPLERS),
        steps=steps,
        zero_terminal=_boolean("zero_terminal", values["zero_terminal"]),
        way=choice("way", values["way"], WAYS),
        look=choice("look", values["look"], LOOK_NAMES),
        eta=_number("eta", values["eta"], 0, 1),
        variance=choice("variance", values["variance"], POSTERIOR_VARIANCES),
        label=choice("label", str(values["label"]), [ANY_LABEL, *pictures.label_names]),
        guidance=_number("guidance", values["guidance"], 0, MAX_GUIDANCE),
        count=count,
        driver=choice("driver", values["driver"], DRIVERS),
        view=view,
        solvers=_solver_list(values["solvers"]),
        calls=calls,
        then=choice("then", str(values["then"]), [SAME_LABEL, *pictures.label_names]),
        start=choice("start", values["start"], STARTS),
        start_at=_number("start_at", values["start_at"], 0, 1),
        keep=choice("keep", values["keep"], KEPT),
        spacing=choice("spacing", values["spacing"], TIMESTEP_SPACINGS),
        karras=_boolean("karras", values["karras"]),
        world=choice("world", values["world"], TOY_DATASETS),
        target=choice("target", values["target"], TARGETS),
        sees_x_t=_boolean("sees_x_t", values["sees_x_t"]),
        sees_t=_boolean("sees_t", values["sees_t"]),
        width=integer("width", values["width"], *WIDTHS),
        depth=integer("depth", values["depth"], *DEPTHS),
        lr=_number("lr", values["lr"], RATES[0], RATES[-1]),
        paths=choice("paths", values["paths"], TOY_SAMPLERS),
        trained=_maybe("trained", values["trained"], TOTAL_STEPS),
        moment=_maybe("moment", values["moment"], TOTAL_STEPS),
        place=_maybe("place", values["place"], PATH_STEPS),
        frame=_maybe("frame", values["frame"], max(3 * steps, calls)),  # in slow motion a step has three
        lesson=integer("lesson", values["lesson"], 0, MAX_STOP),
        present=_boolean("present", values["present"]),
        hide=",".join(hidden),
    )


def choice(name: str, value: Any, known: Collection[str]) -> str:
    """The value, which is one of these. Raises ValueError, in a sentence for a person, for any other."""
    if value not in list(known):
        raise ValueError(f"{name} must be one of {', '.join(known)}; it was {quoted(value)}.")
    return str(value)


def _solver_list(names: Any) -> str:
    """The solvers of a race, with commas between, from such a text or a list."""
    racers = list(names) if isinstance(names, list | tuple) else str(names).split(",")
    low, high = RACERS
    if not low <= len(racers) <= high or len(set(racers)) < len(racers):
        shown = quoted(", ".join(map(str, racers)))
        raise ValueError(f"solvers must be {low} to {high} different ones; they were {shown}.")
    return ",".join(choice("solvers", name, SAMPLERS) for name in racers)


def _boolean(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false; it was {quoted(value)}.")
    return value


def _number(name: str, value: Any, low: float, high: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not low <= number <= high:
        raise ValueError(f"{name} must be a number from {low:g} to {high:g}; it was {quoted(value)}.")
    return number


def _maybe(name: str, value: Any, high: int) -> int | None:
    return None if value is None else integer(name, value, 0, high)


def integer(name: str, value: Any, low: int, high: int) -> int:
    """The value as a whole number from low to high. Raises ValueError, in a sentence for a person, for any other."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not low <= number <= high or number != int(number):
        raise ValueError(f"{name} must be a whole number from {low} to {high}; it was {quoted(value)}.")
    return int(number)


def quoted(value: Any) -> str:
    """What was asked for, as far as it fits into a sentence."""
    text = "empty" if value in (None, "") else str(value)
    return text if len(text) <= 40 else text[:37] + "…"
