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
"""Most bytes that the pictures of a sampling film may have."""
SHOWN = {"run": 3, "slow": 15, "guidance": 6, "race": 10}
"""Pictures that each view shows per sampled picture, in each step or network call."""
MAX_GUIDANCE = 8.0
MAX_STOP = 8
ANY_LABEL = "any"
DRIVERS = ("network", "both")
"""Predictors to sample with: the network, or the network and the ideal predictor side by side."""
VIEWS = ("run", "slow", "guidance", "race")
"""Views of *Remove noise*: trajectory, single step, guidance, solver comparison."""
STARTS = ("noise", "picture", "walk")
"""Where sampling starts: noise, the noised picture (image-to-image), noises interpolated to that of the next seed."""
KEPT = ("nothing", *MASKS, "painted")
SAME_LABEL = "same"
RACERS, CALLS = (2, 4), (MIN_CALLS, 100)
TABS = ("forward", "prediction", "reverse", "training")
WAYS = ("jump", "walk")
"""Forward process: in closed form from x_0, or as a Markov chain of small steps."""
LOOK_NAMES = ("predictors", "independence", "shrinkage", "step", "names", "training", "depth")
"""Views of *Predict noise*; `LOOKS` in ui/tabs/predict_noise_views.py defines what they show."""
WIDTHS, DEPTHS = (16, 256), (1, 4)
RATES = (0.0001, 0.001, 0.003, 0.01, 0.03)


@dataclass(frozen=True)
class Settings:
    """Settings chosen by the user. The defaults are valid; `validate` checks any others.

    Attributes:
        tab: open tab, one of TABS.
        model: name of the network.
        picture: index of the picture in the network's dataset.
        seed: seed of the noise, 0 to MAX_SEED.
        schedule: name of the noise schedule, one of SCHEDULES.
        T: number of steps of the schedule, MIN_STEPS to MAX_STEPS.
        t: time step, 0 (nearly clean) to T − 1 (noise).
        sampler: name of the sampler, one of SAMPLERS.
        steps: number of sampling steps, 1 to T.
        label: class label to sample; ANY_LABEL is unconditional.
        guidance: scale of classifier-free guidance, 0 to MAX_GUIDANCE.
        zero_terminal: whether the schedule is rescaled to zero terminal SNR.
        way: forward process, one of WAYS.
        look: view of *Predict noise*, one of LOOK_NAMES.
        eta: for DDIM, share of fresh noise, 0 to 1.
        variance: for DDPM, variance of a step, one of POSTERIOR_VARIANCES.
        count: number of pictures sampled, 1 to MAX_COUNT.
        driver: predictors to sample with, one of DRIVERS.
        view: view of *Remove noise*, one of VIEWS.
        solvers: names of the samplers compared, with commas between.
        calls: network calls (NFE) of each sampler compared.
        then: class label from T / 2 on; SAME_LABEL keeps `label`.
        start: where sampling starts, one of STARTS.
        start_at: strength of image-to-image: the t that the picture is noised to, as a share of T − 1.
        keep: part of the picture that inpainting keeps, one of KEPT.
        spacing: time-step spacing, one of TIMESTEP_SPACINGS.
        karras: whether the noise levels are those of Karras et al. 2022 (arXiv:2206.00364).
        world: toy dataset, one of TOY_DATASETS.
        target: prediction type of the toy network, one of TARGETS.
        sees_x_t: whether the toy network gets x_t as input.
        sees_t: whether the toy network gets t as input.
        width: units in each hidden layer of the toy network.
        depth: hidden layers of the toy network.
        lr: learning rate of the toy network.
        paths: sampler of the toy network, one of TOY_SAMPLERS.
        trained: number of training steps done; None for an untrained network.
        moment: training step of the snapshot on show; None for the last.
        place: position along the trajectories, from 0 (noise); None for their end.
        frame: frame on show of the sampling film; None where nothing was sampled.
        lesson: open question of the lesson, from 1; 0 while it is closed.
        present: whether the page is in presenter mode.
        hide: names of controls that are hidden, with commas between.
    """

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
    solvers: str = "ddpm,ddim,dpmsolver++,heun"
    calls: int = 10
    then: str = SAME_LABEL
    start: str = "noise"
    start_at: float = 0.5
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
    trained: int | None = None
    moment: int | None = None
    place: int | None = None
    frame: int | None = None
    lesson: int = 0
    present: bool = False
    hide: str = ""

    def noise_schedule(self) -> NoiseSchedule:
        """Noise schedule of these settings."""
        schedule = SCHEDULES[self.schedule](self.T)
        return zero_terminal_snr(schedule) if self.zero_terminal else schedule

    def all_schedules(self) -> list[NoiseSchedule]:
        """All noise schedules with this T; the chosen one with zero terminal SNR where that is set."""
        return [self.noise_schedule() if name == self.schedule else make(self.T) for name, make in SCHEDULES.items()]


NAMES = tuple(field.name for field in fields(Settings))
ALWAYS_IN_LINK = NAMES[: NAMES.index("view")]
TRAINING_FIELDS = ("world", "target", "sees_x_t", "sees_t", "width", "depth", "lr", "paths")
OPTIONAL_FIELDS = (*NAMES[NAMES.index("view") : NAMES.index(TRAINING_FIELDS[0])], *TRAINING_FIELDS)
"""Further controls of *Remove noise*, and those of *Train*: a link contains those that differ from their defaults."""
HIDEABLE = tuple(name for name in (*ALWAYS_IN_LINK, *OPTIONAL_FIELDS) if name not in ("tab", "t"))
"""The controls that a link can hide."""


def validate(library: ModelRegistry, **controls: Any) -> Settings:
    """Validated settings, from the values of controls.

    Whole numbers may be floats or text. A setting that is not given keeps its default, adapted to the network and to T:
    `t` becomes T / 4, `steps` and `count` become smaller, and a `picture` out of range becomes a held-out one.

    Args:
        library: registry of the networks.
        **controls: values by the name of the setting.

    Returns:
        The settings.

    Raises:
        ValueError: for the first value that is not allowed; the message is one sentence for the user.
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


def _solver_list(names: Any) -> str:
    """Validated samplers to compare, with commas between, from such a text or from a list."""
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
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not low <= number <= high or number != int(number):
        raise ValueError(f"{name} must be a whole number from {low} to {high}; it was {quoted(value)}.")
    return int(number)


def quoted(value: Any) -> str:
    """The value as text for a message, at most 40 characters; "empty" for None or empty text."""
    text = "empty" if value in (None, "") else str(value)
    return text if len(text) <= 40 else text[:37] + "…"
