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
    ALWAYS_IN_LINK,
    HIDEABLE,
    LOOK_NAMES,
    NAMES,
    SHOWN,
    TRAINING_FIELDS,
    Settings,
    validate,
)
from playground.ui.tabs.predict_noise_views import LOOKS
from tests.conftest import unlabelled


def test_the_defaults_are_allowed(library: ModelRegistry) -> None:
    assert validate(library) == Settings()


def test_numbers_may_come_as_floats_or_text(library: ModelRegistry) -> None:
    settings = validate(library, T=100.0, t="99", steps="7", guidance="2.5", label=3)
    assert (settings.T, settings.t, settings.steps, settings.guidance, settings.label) == (100, 99, 7, 2.5, "3")


def test_a_short_schedule_shortens_the_defaults(library: ModelRegistry) -> None:
    settings = validate(library, T=20)
    assert (settings.t, settings.steps) == (5, 20)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"model": "cats"}, "model must be one of digits; it was cats."),
    ({"picture": 10_000}, "picture must be a whole number from 0 to 9999; it was 10000."),
    ({"picture": None}, "picture must be a whole number from 0 to 9999; it was empty."),
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
    ({"guidance": 9}, "guidance must be a number from 0 to 8; it was 9."),
    ({"eta": -0.5}, "eta must be a number from 0 to 1; it was -0.5."),
    ({"variance": "none"}, "variance must be one of beta_tilde, beta; it was none."),
    ({"seed": 10**400}, "seed must be a whole number from 0 to 2147483647; it was 1" + "0" * 36 + "…."),
    ({"zero_terminal": "no"}, "zero_terminal must be true or false; it was no."),
    ({"count": 17}, "count must be a whole number from 1 to 16; it was 17."),
    ({"view": "all"}, "view must be one of run, slow, guidance, race; it was all."),
    ({"solvers": "ddim"}, "solvers must be 2 to 4 different ones; they were ddim."),
    ({"solvers": ["ddim", "ddim"]}, "solvers must be 2 to 4 different ones; they were ddim, ddim."),
    ({"solvers": "ddim,best"}, f"solvers must be one of {', '.join(SAMPLERS)}; it was best."),
    ({"calls": 1}, "calls must be a whole number from 2 to 100; it was 1."),
    ({"then": "any"}, "then must be one of same, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9; it was any."),
    ({"start": "here"}, "start must be one of noise, picture, walk; it was here."),
    ({"start_at": 2}, "start_at must be a number from 0 to 1; it was 2."),
    (
        {"keep": "me"},
        "keep must be one of nothing, left, right, top, bottom, border, painted; it was me.",
    ),
    ({"spacing": "even"}, "spacing must be one of trailing, leading, linspace; it was even."),
    ({"karras": "x"}, "karras must be true or false; it was x."),
    ({"target": "eps"}, "target must be one of epsilon, sample, v_prediction; it was eps."),
    ({"width": 8}, "width must be a whole number from 16 to 256; it was 8."),
    ({"depth": 5}, "depth must be a whole number from 1 to 4; it was 5."),
    ({"lr": 1}, "lr must be a number from 0.0001 to 0.03; it was 1."),
    ({"sees_x_t": "x"}, "sees_x_t must be true or false; it was x."),
    ({"paths": "euler"}, "paths must be one of flow, ddim, ddpm; it was euler."),
    ({"trained": 2001}, "trained must be a whole number from 0 to 2000; it was 2001."),
    ({"place": 25}, "place must be a whole number from 0 to 24; it was 25."),
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
    assert validate(library, T=4000, steps=most // 16, count=16).count == 16
    with pytest.raises(ValueError, match=f"steps times count must be {most:,} at most, .* it was 4,000 times 16"):
        validate(library, T=4000, steps=4000, count=16)


def test_a_large_network_without_its_pictures_has_fewer_at_once_and_one_driver(tmp_path: Path) -> None:
    plain = {"down_block_types": ["DownBlock2D"] * 2, "up_block_types": ["UpBlock2D"] * 2, "add_attention": False}
    unlabelled(tmp_path / "net", in_channels=3, out_channels=3, sample_size=256, **plain)
    library = ModelRegistry([tmp_path / "net"], device="cpu")
    settings = validate(library, model="net", steps=100)
    assert (settings.count, settings.label, settings.driver) == (1, "any", "network")
    with pytest.raises(ValueError, match="driver must be network: this network came without the pictures"):
        validate(library, model="net", driver="both")
    assert "driver must be network" in from_query(library, {"model": "net", "driver": "both"})[1][0]


def test_a_link_survives_the_way_there_and_back(library: ModelRegistry) -> None:
    settings = validate(
        library,
        tab="reverse",
        picture=5,
        seed=9,
        schedule="cosine",
        T=300,
        t=0,
        sampler="ddpm",
        steps=25,
        label="3",
        guidance=2.5,
        zero_terminal=True,
        way="walk",
        eta=0.25,
        view="race",
        solvers=["heun", "unipc"],
        start="picture",
        start_at=0.3,
        karras=True,
        frame=0,
        present=True,
        hide="T,eta",
    )
    query = to_query(settings)
    said = ("zero_terminal", "eta", "t", "solvers", "start_at", "karras", "frame", "present", "hide")
    assert {name: query[name] for name in said} == {
        "zero_terminal": "1",
        "eta": "0.25",
        "t": "0",
        "solvers": "heun,unipc",
        "start_at": "0.3",
        "karras": "1",
        "frame": "0",
        "present": "1",
        "hide": "T,eta",
    }
    assert from_query(library, query) == (settings, [])


def test_every_look_can_be_asked_for() -> None:
    assert tuple(LOOKS) == LOOK_NAMES


def test_a_link_names_every_control_and_of_the_page_only_what_says_something(library: ModelRegistry) -> None:
    assert tuple(to_query(validate(library))) == ALWAYS_IN_LINK


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


@given(query=st.dictionaries(st.sampled_from([*NAMES, "x"]), st.text(max_size=12)))
def test_any_link_opens(library: ModelRegistry, query: dict[str, str]) -> None:
    settings, _ = from_query(library, query)
    assert from_query(library, to_query(settings)) == (settings, [])


FILMS = (
    {},
    {"sampler": "ddpm", "variance": "beta", "seed": 5},
    {"sampler": "heun", "karras": True, "spacing": "linspace", "driver": "both"},
    {"eta": 0.25, "label": "3", "then": "4", "guidance": 2.0, "start": "picture", "start_at": 0.0, "picture": 7},
    {"keep": "left", "start": "walk", "zero_terminal": True, "T": 60, "schedule": "cosine"},
    {"view": "slow", "steps": 3},
    {"view": "guidance", "steps": 3, "eta": 1},
    {"view": "race", "solvers": ["ddim", "heun"], "calls": 4},
)


@pytest.mark.parametrize("controls", FILMS, ids=str)
def test_a_film_says_its_settings_as_a_link_does(library: ModelRegistry, controls: dict[str, Any]) -> None:
    """So that the page, which knows the texts of a link, can tell whether it still has them."""
    settings = validate(library, **controls, lr=0.003, world="spiral", sees_t=False)
    page = QUERY_DEFAULTS | to_query(settings)
    for query in (sampling_query(settings), training_query(settings)):
        assert query
        assert {name: page[name] for name in query} == query


DECIDES = {
    "ddim": {"sampler", "steps", "count", "driver", "eta"},
    "ddpm": {"sampler", "steps", "count", "driver", "variance"},
    "heun": {"sampler", "steps", "count", "driver"},
}
ALWAYS = {"model", "seed", "schedule", "T", "zero_terminal", "label", "then", "guidance", "view", "spacing", "karras"}


@pytest.mark.parametrize("sampler", DECIDES)
def test_a_film_of_sampling_depends_on_what_its_sampler_has(library: ModelRegistry, sampler: str) -> None:
    query = sampling_query(validate(library, sampler=sampler))
    assert set(query) == ALWAYS | DECIDES[sampler] | {"start", "keep"}


@pytest.mark.parametrize(
    ("controls", "more"),
    [
        ({"start": "walk"}, set()),
        ({"start": "picture"}, {"start_at", "picture"}),
        ({"keep": "left"}, {"picture"}),
        ({"start": "picture", "keep": "painted"}, {"start_at", "picture"}),
    ],
    ids=["interpolation", "image to image", "inpainting", "both"],
)
def test_a_film_depends_on_the_picture_where_one_is_used(
    library: ModelRegistry, controls: dict[str, Any], more: set[str]
) -> None:
    query = sampling_query(validate(library, **controls))
    assert set(query) == ALWAYS | DECIDES["ddim"] | {"start", "keep"} | more


@pytest.mark.parametrize("view", SHOWN)
def test_a_film_depends_on_what_its_view_has(library: ModelRegistry, view: str) -> None:
    query = sampling_query(validate(library, view=view, steps=3, sampler="heun"))
    of_view = {"run": DECIDES["heun"] | {"start", "keep"}, "race": {"solvers", "calls"}}
    assert set(query) == ALWAYS | of_view.get(view, {"sampler", "steps", "start", "keep"})


def test_a_film_of_training_depends_on_the_world_the_network_and_the_noise(library: ModelRegistry) -> None:
    settings = validate(library, seed=4, world="spiral")
    assert set(training_query(settings)) == {*TRAINING_FIELDS, "seed", "schedule", "T", "zero_terminal"}
    assert training_query(settings) == training_query(validate(library, seed=4, world="spiral", picture=3, steps=9))
