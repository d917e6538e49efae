from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.diffusion.schedules import SCHEDULES
from playground.core.model_registry import ModelRegistry
from playground.core.sampling.samplers import SAMPLERS
from playground.ui.state.links import QUERY_DEFAULTS, from_query, sampling_query, to_query, training_query
from playground.ui.state.settings import (
    ANALYSES,
    CONTROLS,
    HIDEABLE,
    SAMPLING_VIEWS,
    TRAINING_FIELDS,
    Settings,
    validate,
)
from playground.ui.tabs.predict_noise_views import ANALYSIS_VIEWS
from tests.conftest import unlabelled


def test_the_defaults_are_allowed(library: ModelRegistry) -> None:
    assert validate(library) == Settings()


def test_numbers_may_come_as_floats_or_text(library: ModelRegistry) -> None:
    settings = validate(library, T=100.0, t="99", steps="7", guidance_scale="2.5", label=3)
    assert (settings.T, settings.t, settings.steps, settings.guidance_scale, settings.label) == (100, 99, 7, 2.5, "3")


def test_a_short_schedule_shortens_the_defaults(library: ModelRegistry) -> None:
    settings = validate(library, T=20)
    assert (settings.t, settings.steps) == (5, 20)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"model": "cats"}, "model must be one of digits; it was cats."),
    ({"image": 10_000}, "image must be a whole number from 0 to 9999; it was 10000."),
    ({"image": None}, "image must be a whole number from 0 to 9999; it was empty."),
    ({"T": 9}, "T must be a whole number from 10 to 4000; it was 9."),
    ({"T": 4001}, "T must be a whole number from 10 to 4000; it was 4001."),
    ({"T": 100.5}, "T must be a whole number from 10 to 4000; it was 100.5."),
    ({"t": 1000}, "t must be a whole number from 0 to 999; it was 1000."),
    ({"t": -1}, "t must be a whole number from 0 to 999; it was -1."),
    ({"T": 10, "t": 10}, "t must be a whole number from 0 to 9; it was 10."),
    ({"seed": -1}, "seed must be a whole number from 0 to 2147483647; it was -1."),
    ({"seed": float("nan")}, "seed must be a whole number from 0 to 2147483647; it was nan."),
    ({"seed": float("inf")}, "seed must be a whole number from 0 to 2147483647; it was inf."),
    ({"seed": "x" * 99}, "seed must be a whole number from 0 to 2147483647; it was " + "x" * 37 + "…."),
    ({"seed": [1]}, "seed must be a whole number from 0 to 2147483647; it was [1]."),
    ({"schedule": "quadratic"}, f"schedule must be one of {', '.join(SCHEDULES)}; it was quadratic."),
    ({"sampler": "magic"}, f"sampler must be one of {', '.join(SAMPLERS)}; it was magic."),
    ({"steps": 0}, "steps must be a whole number from 1 to 1000; it was 0."),
    ({"T": 20, "t": 5, "steps": 50}, "steps must be a whole number from 1 to 20; it was 50."),
    ({"label": "eleven"}, "label must be one of any, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9; it was eleven."),
    ({"guidance_scale": 9}, "guidance_scale must be a number from 0 to 8; it was 9."),
    ({"eta": -0.5}, "eta must be a number from 0 to 1; it was -0.5."),
    ({"variance_type": "none"}, "variance_type must be one of fixed_small, fixed_large; it was none."),
    ({"seed": 10**400}, "seed must be a whole number from 0 to 2147483647; it was 1" + "0" * 36 + "…."),
    ({"zero_terminal_snr": "no"}, "zero_terminal_snr must be true or false; it was no."),
    ({"num_images": 17}, "num_images must be a whole number from 1 to 16; it was 17."),
    ({"sampling_view": "all"}, "sampling_view must be one of trajectory, single_step, guidance, solvers; it was all."),
    ({"solvers": "ddim"}, "solvers must be 2 to 4 different ones; they were ddim."),
    ({"solvers": ["ddim", "ddim"]}, "solvers must be 2 to 4 different ones; they were ddim, ddim."),
    ({"solvers": "ddim,best"}, f"solvers must be one of {', '.join(SAMPLERS)}; it was best."),
    ({"nfe": 1}, "nfe must be a whole number from 2 to 100; it was 1."),
    ({"second_label": "any"}, "second_label must be one of none, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9; it was any."),
    ({"init": "here"}, "init must be one of noise, image, interpolation; it was here."),
    ({"strength": 2}, "strength must be a number from 0 to 1; it was 2."),
    (
        {"inpaint_mask": "me"},
        "inpaint_mask must be one of none, left, right, top, bottom, border, drawn; it was me.",
    ),
    ({"timestep_spacing": "even"}, "timestep_spacing must be one of trailing, leading, linspace; it was even."),
    ({"karras_sigmas": "x"}, "karras_sigmas must be true or false; it was x."),
    ({"prediction_type": "eps"}, "prediction_type must be one of epsilon, sample, v_prediction; it was eps."),
    ({"hidden_width": 8}, "hidden_width must be a whole number from 16 to 256; it was 8."),
    ({"hidden_layers": 5}, "hidden_layers must be a whole number from 1 to 4; it was 5."),
    ({"lr": 1}, "lr must be a number from 0.0001 to 0.03; it was 1."),
    ({"input_x_t": "x"}, "input_x_t must be true or false; it was x."),
    ({"toy_sampler": "euler"}, "toy_sampler must be one of probability_flow, ddim, ddpm; it was euler."),
    ({"train_steps": 2001}, "train_steps must be a whole number from 0 to 2000; it was 2001."),
    ({"generation_step": 25}, "generation_step must be a whole number from 0 to 24; it was 25."),
]


@pytest.mark.parametrize(("controls", "sentence"), BAD, ids=lambda value: value if isinstance(value, str) else "")
def test_what_is_out_of_range_gets_one_clear_sentence(
    library: ModelRegistry, controls: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match="must be") as caught:
        validate(library, **controls)
    assert str(caught.value) == sentence


def test_what_is_watched_has_a_bearable_size(library: ModelRegistry) -> None:
    """Three pictures for each of the pictures at each step, a byte a pixel and colour: 128 MiB at most."""
    most = 2**27 // (3 * 28 * 28)
    assert validate(library, T=4000, steps=most // 16, num_images=16).num_images == 16
    with pytest.raises(ValueError, match=f"steps times num_images must be {most:,} at most, .* it was 4,000 times 16"):
        validate(library, T=4000, steps=4000, num_images=16)


def test_a_large_network_without_its_pictures_has_fewer_at_once_and_one_driver(tmp_path: Path) -> None:
    plain = {"down_block_types": ["DownBlock2D"] * 2, "up_block_types": ["UpBlock2D"] * 2, "add_attention": False}
    unlabelled(tmp_path / "net", in_channels=3, out_channels=3, sample_size=256, **plain)
    library = ModelRegistry([tmp_path / "net"], device="cpu")
    settings = validate(library, model="net", steps=100)
    assert (settings.num_images, settings.label, settings.compare_ideal) == (1, "any", False)
    with pytest.raises(ValueError, match="compare_ideal must be false: this network came without training pictures"):
        validate(library, model="net", compare_ideal=True)
    assert "compare_ideal must be false" in from_query(library, {"model": "net", "compare_ideal": "1"})[1][0]


def test_a_link_survives_the_way_there_and_back(library: ModelRegistry) -> None:
    settings = validate(
        library,
        tab="sampling",
        image=5,
        seed=9,
        schedule="cosine",
        T=300,
        t=0,
        sampler="ddpm",
        steps=25,
        label="3",
        guidance_scale=2.5,
        zero_terminal_snr=True,
        forward_process="markov_chain",
        eta=0.25,
        sampling_view="solvers",
        solvers=["heun", "unipc"],
        init="image",
        strength=0.3,
        karras_sigmas=True,
        frame=0,
        present=True,
        hide="T,eta",
    )
    query = to_query(settings)
    said = ("zero_terminal_snr", "eta", "t", "solvers", "strength", "karras_sigmas", "frame", "present", "hide")
    assert {name: query[name] for name in said} == {
        "zero_terminal_snr": "1",
        "eta": "0.25",
        "t": "0",
        "solvers": "heun,unipc",
        "strength": "0.3",
        "karras_sigmas": "1",
        "frame": "0",
        "present": "1",
        "hide": "T,eta",
    }
    assert from_query(library, query) == (settings, [])


def test_every_look_can_be_asked_for() -> None:
    assert tuple(ANALYSIS_VIEWS) == ANALYSES


def test_a_link_names_every_control_and_of_the_page_only_what_says_something(library: ModelRegistry) -> None:
    assert set(to_query(validate(library))) == {name for name, each in CONTROLS.items() if each.always_in_link}


def test_what_a_link_asks_for_in_vain_keeps_its_default_and_is_told(library: ModelRegistry) -> None:
    query = {"T": "40", "t": "39", "steps": "41", "seed": "-1", "colour": "red", "hide": "nose", "__theme": "dark"}
    settings, notes = from_query(library, query)
    assert settings == validate(library, T=40, t=39)
    assert notes == [
        "The link has a part that is not known here: colour.",
        "The link asked for something else: seed must be a whole number from 0 to 2147483647; it was -1.",
        "The link asked for something else: steps must be a whole number from 1 to 40; it was 41.",
        f"The link asked for something else: hide must be one of {', '.join(HIDEABLE)}; it was nose.",
    ]


@given(query=st.dictionaries(st.sampled_from([*CONTROLS, "x"]), st.text(max_size=12)))
def test_any_link_opens(library: ModelRegistry, query: dict[str, str]) -> None:
    settings, _ = from_query(library, query)
    assert from_query(library, to_query(settings)) == (settings, [])


FILMS: tuple[dict[str, Any], ...] = (
    {},
    {"sampler": "ddpm", "variance_type": "fixed_large", "seed": 5},
    {"sampler": "heun", "karras_sigmas": True, "timestep_spacing": "linspace", "compare_ideal": True},
    {
        "eta": 0.25,
        "label": "3",
        "second_label": "4",
        "guidance_scale": 2.0,
        "init": "image",
        "strength": 0.0,
        "image": 7,
    },
    {"inpaint_mask": "left", "init": "interpolation", "zero_terminal_snr": True, "T": 60, "schedule": "cosine"},
    {"sampling_view": "single_step", "steps": 3},
    {"sampling_view": "guidance", "steps": 3, "eta": 1},
    {"sampling_view": "solvers", "solvers": ["ddim", "heun"], "nfe": 4},
)


@pytest.mark.parametrize("controls", FILMS, ids=str)
def test_a_film_says_its_settings_as_a_link_does(library: ModelRegistry, controls: dict[str, Any]) -> None:
    """So that the page, which knows the texts of a link, can tell whether it still has them."""
    settings = validate(library, **controls, lr=0.003, toy_dataset="spiral", input_t=False)
    page = QUERY_DEFAULTS | to_query(settings)
    for query in (sampling_query(settings), training_query(settings)):
        assert query
        assert {name: page[name] for name in query} == query


DECIDES = {
    "ddim": {"sampler", "steps", "num_images", "compare_ideal", "eta"},
    "ddpm": {"sampler", "steps", "num_images", "compare_ideal", "variance_type"},
    "heun": {"sampler", "steps", "num_images", "compare_ideal"},
}
ALWAYS = {
    "model",
    "seed",
    "schedule",
    "T",
    "zero_terminal_snr",
    "label",
    "second_label",
    "guidance_scale",
    "sampling_view",
    "timestep_spacing",
    "karras_sigmas",
}


@pytest.mark.parametrize("sampler", DECIDES)
def test_a_film_of_sampling_depends_on_what_its_sampler_has(library: ModelRegistry, sampler: str) -> None:
    query = sampling_query(validate(library, sampler=sampler))
    assert set(query) == ALWAYS | DECIDES[sampler] | {"init", "inpaint_mask"}


@pytest.mark.parametrize(
    ("controls", "more"),
    [
        ({"init": "interpolation"}, set()),
        ({"init": "image"}, {"strength", "image"}),
        ({"inpaint_mask": "left"}, {"image"}),
        ({"init": "image", "inpaint_mask": "drawn"}, {"strength", "image"}),
    ],
    ids=["interpolation", "image to image", "inpainting", "both"],
)
def test_a_film_depends_on_the_picture_where_one_is_used(
    library: ModelRegistry, controls: dict[str, Any], more: set[str]
) -> None:
    query = sampling_query(validate(library, **controls))
    assert set(query) == ALWAYS | DECIDES["ddim"] | {"init", "inpaint_mask"} | more


@pytest.mark.parametrize("view", SAMPLING_VIEWS)
def test_a_film_depends_on_what_its_view_has(library: ModelRegistry, view: str) -> None:
    query = sampling_query(validate(library, sampling_view=view, steps=3, sampler="heun"))
    of_view = {"trajectory": DECIDES["heun"] | {"init", "inpaint_mask"}, "solvers": {"solvers", "nfe"}}
    assert set(query) == ALWAYS | of_view.get(view, {"sampler", "steps", "init", "inpaint_mask"})


def test_a_film_of_training_depends_on_the_world_the_network_and_the_noise(library: ModelRegistry) -> None:
    settings = validate(library, seed=4, toy_dataset="spiral")
    assert set(training_query(settings)) == {*TRAINING_FIELDS, "seed", "schedule", "T", "zero_terminal_snr"}
    assert training_query(settings) == training_query(validate(library, seed=4, toy_dataset="spiral", image=3, steps=9))
