"""Settings: the page's state in one validated record, each control declared once."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from playground.core.analysis.solver_comparison import MIN_CALLS
from playground.core.data.datasets import ANY_LABEL, SAME_LABEL, ImageDataset
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
from playground.ui.state.validation import Boolean, Choice, Context, Control, Integer, Kind, Number, Several

T = TypeVar("T")

MAX_SEED = 2**31 - 1
MAX_IMAGES = 16
MAX_FILM = 2**27
"""Most bytes that the pictures of a sampling film may have."""
MAX_GUIDANCE = 8.0
MAX_QUESTION = 8
TABS = {"forward": "Add noise", "prediction": "Predict noise", "sampling": "Remove noise", "training": "Train"}
"""Tabs, with the titles that the page gives them."""
FORWARD_PROCESSES = ("closed_form", "markov_chain")
ANALYSES = (
    "predictors",
    "independence",
    "shrinkage",
    "reverse_step",
    "parameterizations",
    "training",
    "out_of_distribution",
)
"""Views of *Predict noise*; `ANALYSIS_VIEWS` in ui/tabs/predict_noise_views.py defines what they show."""
SAMPLING_VIEWS = {"trajectory": 3, "single_step": 15, "guidance": 6, "solvers": 10}
"""Views of *Remove noise*, and the pictures that each shows per sampled picture, in each step or network call."""
INITS = ("noise", "image", "interpolation")
"""Where sampling starts: noise, the noised picture (image-to-image), noises interpolated to that of the next seed."""
INPAINT_MASKS = ("none", *MASKS, "drawn")
MIN_SOLVERS, MAX_SOLVERS = 2, 4
MAX_NFE = 100
WIDTHS, LAYERS = (16, 256), (1, 4)
RATES = (0.0001, 0.001, 0.003, 0.01, 0.03)

_SINGLE_RUN = ("sampling_view", ("trajectory", "single_step", "guidance"))
_TRAJECTORY = ("sampling_view", ("trajectory",))
_COMPARISON = ("sampling_view", ("solvers",))


def _declare(default: T, kind: Kind, label: str = "", tooltip: str = "", **more: Any) -> T:
    """Field of Settings with the declaration of its control; `more` are further attributes of Control."""
    return field(default=default, metadata={"control": Control(kind, label, tooltip, **more)})


def _allowed_image(context: Context) -> int:
    """The default image; a held-out one where the dataset is too small for it."""
    images = context.images
    return Settings.image if Settings.image < len(images) else len(images) - 1 - images.num_held_out // 2


def _max_frames(sampling_view: str, images: ImageDataset) -> int:
    """Most steps, network calls or pictures times steps of a sampling film, so that it has at most MAX_FILM bytes."""
    return int(MAX_FILM // (SAMPLING_VIEWS[sampling_view] * images.x0(0).numel()))


def _allowed_num_images(context: Context) -> int:
    frames = _max_frames(context.values["sampling_view"], context.images)
    fewer: int = min(Settings.num_images, frames // 4 // context.values["steps"])
    return max(1, fewer)


def _labels(first: str) -> Choice:
    return Choice(lambda context: [first, *context.images.label_names])


@dataclass(frozen=True)
class Settings:
    """The page's state: settings of the controls, and what is on show. Create it with `validate`.

    The name of a field is its name in links, in the API and in `hide=`. A control's element has the id
    `control-{name}`.
    """

    tab: str = _declare("forward", Choice(TABS), always_in_link=True)
    model: str = _declare(
        "digits",
        Choice(lambda context: context.library.names),
        "Model",
        "The trained network, and with it its dataset",
        always_in_link=True,
    )
    image: int = _declare(
        9003,
        Integer(0, lambda context: len(context.images) - 1),
        "Picture",
        "The picture x₀, by its number in the network's dataset",
        always_in_link=True,
        adapted=_allowed_image,
    )
    seed: int = _declare(
        0,
        Integer(0, MAX_SEED),
        "Seed",
        f"Seed of the noise ε, 0 to {MAX_SEED:,}: the same seed gives the same noise",
        always_in_link=True,
    )
    schedule: str = _declare(
        "linear",
        Choice(SCHEDULES),
        "Schedule",
        "Noise schedule: how the noise level grows with t",
        always_in_link=True,
    )
    T: int = _declare(
        1000,
        Integer(MIN_STEPS, MAX_STEPS),
        "T",
        f"Number of steps of the schedule, {MIN_STEPS} to {MAX_STEPS:,}",
        always_in_link=True,
    )
    t: int = _declare(
        250,
        Integer(0, lambda context: int(context.values["T"]) - 1),
        always_in_link=True,
        adapted=lambda context: context.values["T"] // 4,
    )
    sampler: str = _declare(
        "ddim",
        Choice(SAMPLERS),
        "Sampler",
        "The rule for one reverse step",
        tab="sampling",
        always_in_link=True,
        visible_when=_SINGLE_RUN,
    )
    steps: int = _declare(
        50,
        Integer(1, lambda context: int(context.values["T"])),
        "Steps",
        "Number of sampling steps, 1 to T",
        tab="sampling",
        always_in_link=True,
        visible_when=_SINGLE_RUN,
        adapted=lambda context: min(Settings.steps, context.values["T"]),
    )
    label: str = _declare(
        ANY_LABEL,
        _labels(ANY_LABEL),
        "Label",
        "Class label that the network is conditioned on; any means unconditional",
        tab="sampling",
        always_in_link=True,
    )
    guidance_scale: float = _declare(
        1.5,
        Number(0, MAX_GUIDANCE),
        "Guidance",
        f"Classifier-free guidance scale, 0 to {MAX_GUIDANCE:g}: 0 ignores the label, 1 is conditional",
        tab="sampling",
        always_in_link=True,
    )
    zero_terminal_snr: bool = _declare(
        False,
        Boolean(),
        "Zero terminal SNR",
        "Rescale the schedule so that ᾱ is 0 at t = T − 1: x_T is pure noise (Lin et al. 2024)",
        always_in_link=True,
    )
    forward_process: str = _declare(
        "closed_form",
        Choice(FORWARD_PROCESSES),
        "Forward process",
        "x_t in one step from x₀, or by t small steps: both have the same distribution",
        tab="forward",
        always_in_link=True,
    )
    analysis: str = _declare("predictors", Choice(ANALYSES), "View", tab="prediction", always_in_link=True)
    eta: float = _declare(
        0.0,
        Number(0, 1),
        "η",
        "Stochasticity of DDIM: 0 is deterministic, 1 has DDPM's variance",
        tab="sampling",
        always_in_link=True,
        visible_when=_SINGLE_RUN,
    )
    variance_type: str = _declare(
        "fixed_small",
        Choice(POSTERIOR_VARIANCES),
        "σₜ²",
        "Variance of a DDPM step: the posterior's β̃ₜ (fixed small) or βₜ (fixed large)",
        tab="sampling",
        always_in_link=True,
        visible_when=_SINGLE_RUN,
    )
    sampling_view: str = _declare("trajectory", Choice(SAMPLING_VIEWS), "View", tab="sampling")
    num_images: int = _declare(
        4,
        Integer(1, MAX_IMAGES),
        "Pictures",
        f"Number of pictures sampled at once, 1 to {MAX_IMAGES}",
        tab="sampling",
        always_in_link=True,
        visible_when=_TRAJECTORY,
        adapted=_allowed_num_images,
    )
    compare_ideal: bool = _declare(
        False,
        Boolean(),
        "Predictor",
        "Sample with the network alone, or with the exact posterior mean over the training set beside it",
        tab="sampling",
        always_in_link=True,
        visible_when=_TRAJECTORY,
    )
    solvers: str = _declare(
        "ddpm,ddim,dpmsolver++,heun",
        Several(lambda: SAMPLERS, MIN_SOLVERS, MAX_SOLVERS),
        "Samplers",
        f"The samplers to compare, {MIN_SOLVERS} to {MAX_SOLVERS} of them",
        tab="sampling",
        visible_when=_COMPARISON,
    )
    nfe: int = _declare(
        10,
        Integer(MIN_CALLS, lambda context: min(MAX_NFE, context.values["T"])),
        "NFE",
        f"Number of function evaluations: network calls for each sampler, {MIN_CALLS} to {MAX_NFE}",
        tab="sampling",
        visible_when=_COMPARISON,
    )
    second_label: str = _declare(
        SAME_LABEL,
        _labels(SAME_LABEL),
        "Label from T/2",
        "Another label for the second half of the run, from t = T/2 on",
        tab="sampling",
    )
    init: str = _declare(
        "noise",
        Choice(INITS),
        "Start from",
        "Start from noise, from the picture noised to t (image-to-image, SDEdit), or from noises "
        "interpolated between this seed's and the next one's (slerp)",
        tab="sampling",
        visible_when=_SINGLE_RUN,
    )
    strength: float = _declare(
        0.5,
        Number(0, 1),
        "Strength",
        "Strength of image-to-image: t / T at which sampling starts; the steps above are skipped",
        tab="sampling",
        visible_when=("init", ("image",)),
    )
    inpaint_mask: str = _declare(
        "none",
        Choice(INPAINT_MASKS),
        "Keep",
        "Inpainting: the part of the picture that is kept; the network fills in the rest (RePaint)",
        tab="sampling",
        visible_when=_SINGLE_RUN,
    )
    timestep_spacing: str = _declare(
        "trailing",
        Choice(TIMESTEP_SPACINGS),
        "Spacing",
        "Time-step spacing: which of the schedule's steps are used",
        tab="sampling",
    )
    karras_sigmas: bool = _declare(
        False,
        Boolean(),
        "Karras sigmas",
        "Noise levels denser where there is little noise (Karras et al. 2022); for diffusers' samplers",
        tab="sampling",
    )
    toy_dataset: str = _declare(
        "eight_gaussians",
        Choice(TOY_DATASETS),
        "Dataset",
        "2,000 points in the plane that the network learns from",
        tab="training",
    )
    prediction_type: str = _declare(
        "epsilon",
        Choice(TARGETS),
        "Predicts",
        "Prediction type: what the network predicts, ε, x₀ or v",
        tab="training",
    )
    input_x_t: bool = _declare(
        True,
        Boolean(),
        "input xₜ, the noisy point",
        "Whether the network gets the noisy point x_t as input",
        tab="training",
    )
    input_t: bool = _declare(
        True,
        Boolean(),
        "input t, the noise level",
        "Whether the network gets the time step t as input",
        tab="training",
    )
    hidden_width: int = _declare(
        64,
        Integer(*WIDTHS),
        "Width",
        f"Units in each hidden layer, {WIDTHS[0]} to {WIDTHS[1]}",
        tab="training",
    )
    hidden_layers: int = _declare(
        3,
        Integer(*LAYERS),
        "Layers",
        f"Hidden layers, {LAYERS[0]} to {LAYERS[1]}",
        tab="training",
    )
    lr: float = _declare(
        0.01,
        Number(RATES[0], RATES[-1]),
        "Learning rate",
        "Learning rate at the start; it decays to 0 along a cosine",
        tab="training",
    )
    toy_sampler: str = _declare(
        "probability_flow",
        Choice(TOY_SAMPLERS),
        "Sampler",
        f"How the particles go from noise to data, in {PATH_STEPS} steps",
        tab="training",
    )
    train_steps: int | None = _declare(None, Integer(0, TOTAL_STEPS, optional=True))
    snapshot: int | None = _declare(None, Integer(0, TOTAL_STEPS, optional=True))
    generation_step: int | None = _declare(None, Integer(0, PATH_STEPS, optional=True))
    frame: int | None = _declare(
        None,
        # A single step has three frames.
        Integer(0, lambda context: max(3 * context.values["steps"], context.values["nfe"]), optional=True),
    )
    lesson: int = _declare(0, Integer(0, MAX_QUESTION))
    present: bool = _declare(False, Boolean())
    hide: str = _declare("", Several(lambda: _hideable(), 0, 99))

    def noise_schedule(self) -> NoiseSchedule:
        """Noise schedule of these settings."""
        schedule = SCHEDULES[self.schedule](self.T)
        return zero_terminal_snr(schedule) if self.zero_terminal_snr else schedule

    def all_schedules(self) -> list[NoiseSchedule]:
        """All noise schedules with this T; the chosen one with zero terminal SNR where that is set."""
        return [self.noise_schedule() if name == self.schedule else make(self.T) for name, make in SCHEDULES.items()]


def _hideable() -> tuple[str, ...]:
    return tuple(name for name, control in CONTROLS.items() if control.label)


CONTROLS: dict[str, Control] = {each.name: each.metadata["control"] for each in fields(Settings)}
"""Declarations by name, in the order in which they are validated and stand in a link."""
HIDEABLE = _hideable()
"""The controls that a link can hide."""
TRAINING_FIELDS = tuple(name for name in HIDEABLE if CONTROLS[name].tab == "training")


def validate(library: ModelRegistry, **controls: Any) -> Settings:
    """Validated settings, from the values of controls.

    Whole numbers may be floats or text. A setting that is not given keeps its default, adapted to the network and to T:
    `t` becomes T / 4, `steps` and `num_images` become smaller, and an `image` out of range becomes a held-out one.

    Args:
        library: registry of the networks.
        **controls: values by the name of the setting.

    Returns:
        The settings.

    Raises:
        ValueError: for the first value that is not allowed; the message is one sentence for the user.
    """
    values: dict[str, Any] = {}
    context = Context(library, values)
    for name, control in CONTROLS.items():
        if name in controls:
            value = controls[name]
        else:
            value = control.adapted(context) if control.adapted else getattr(Settings, name)
        values[name] = control.kind.parse(name, value, context)
    settings = Settings(**values)
    _check_film(settings, context.images)
    return settings


def _check_film(settings: Settings, images: ImageDataset) -> None:
    """Raise ValueError for a sampling film that is too large, or that needs training images which are not there."""
    s = settings
    most = _max_frames(s.sampling_view, images)
    what, asked, shown = {
        "trajectory": ("steps times num_images", s.steps * s.num_images, f"{s.steps:,} times {s.num_images}"),
        "solvers": ("nfe", s.nfe, f"{s.nfe:,}"),
    }.get(s.sampling_view, ("steps", s.steps, f"{s.steps:,}"))
    if asked > most:
        raise ValueError(f"{what} must be {most:,} at most, for pictures as large as this network's; it was {shown}.")
    if s.compare_ideal and images.is_substitute:
        raise ValueError(
            "compare_ideal must be false: this network came without training pictures, which the ideal predictor needs."
        )
