"""What a scene puts before the network, and what is said of a network that came without its training pictures."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch.testing import assert_close

from playground.core.data import images
from playground.core.model_registry import ModelRegistry
from playground.ui.state import noise_analyses, sampling
from playground.ui.state.links import sampling_query
from playground.ui.state.scene import Scene, fingerprint
from playground.ui.state.settings import validate
from playground.ui.tabs.predict_noise_views import ANALYSIS_VIEWS, claim_of, film_of
from tests.conftest import unlabelled


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> ModelRegistry:
    """A network from elsewhere: no pictures, no card, no schedule."""
    folder = tmp_path_factory.mktemp("nets") / "foreign"
    unlabelled(folder, in_channels=3, out_channels=3, sample_size=16)
    return ModelRegistry([folder], device="cpu")


def scene(library: ModelRegistry, **controls: object) -> Scene:
    return Scene(library, validate(library, model=library.names[0], T=40, **controls))


def test_each_network_is_asked_about_the_other_ones_data() -> None:
    """Fitted to its shape, and named; a picture of one's own comes second."""
    library, own = ModelRegistry(device="cpu"), Image.new("RGB", (40, 40), "red")
    for model, other, what, shape in (
        ("digits", "emoji", "dizzy face", (1, 28, 28)),
        ("emoji", "digits", "a 6", (3, 32, 32)),
    ):
        settings = validate(library, model=model)
        subjects = noise_analyses.ood_inputs(Scene(library, settings))
        assert list(subjects) == ["its data", other, "photo", "noise"]
        assert [each.about for each in subjects.values()][1:3] == [what, "a cup of coffee"]
        assert {each.x0.shape for each in subjects.values()} == {shape}
        assert torch.equal(subjects["its data"].x0, library.pictures(model).x0(settings.image))
        photo = images.to_pil(library.shipped_pictures("photo").x0(0))
        assert torch.equal(subjects["photo"].x0, library.pictures(model).preprocess(photo))
        assert (subjects["noise"].strength, subjects["noise"].x0.abs().max()) == (0.5, 0)
        with_own = noise_analyses.ood_inputs(Scene(library, settings, own))
        assert list(with_own) == ["its data", "yours", other, "photo", "noise"]
        assert torch.equal(with_own["yours"].x0, library.pictures(model).preprocess(own))


def test_it_is_said_what_its_pictures_are(foreign: ModelRegistry, library: ModelRegistry) -> None:
    asked = scene(foreign, image=3)
    name = foreign.pictures("foreign").names[3]
    assert asked.describe_image() == (
        f"picture 3 of 0 to {len(foreign.pictures('foreign')) - 1}, “{name}”, from the substitute dataset emoji: "
        "the network came without its training set"
    )
    assert scene(library, image=3).describe_image().endswith("; in the training set")
    assert "held out" in scene(library, image=9003).describe_image()


def test_nobody_is_ideal_without_the_training_pictures(foreign: ModelRegistry, library: ModelRegistry) -> None:
    assert list(scene(foreign).predictors()) == ["network", "blind", "copycat"]
    with pytest.raises(ValueError, match="predictor must be one of network, blind, copycat; it was 'ideal'"):
        scene(foreign).prediction("ideal", [0])
    assert list(scene(library).predictors()) == ["network", "ideal", "blind", "copycat"]


@pytest.mark.parametrize(("picture", "own", "is_remarked"), [(3, False, False), (9003, False, True), (3, True, True)])
def test_the_film_of_a_picture_that_the_ideal_predictor_does_not_know_says_so(
    library: ModelRegistry, picture: int, own: bool, is_remarked: bool
) -> None:
    asked = Scene(
        library,
        validate(library, analysis="predictors", image=picture, T=10),
        Image.new("L", (28, 28)) if own else None,
    )
    assert ("not in the training set" in film_of(asked).get("remark", "")) == is_remarked


def test_means_are_over_the_pictures_that_are_named(foreign: ModelRegistry) -> None:
    asked = scene(foreign)
    assert noise_analyses.averaging_sets(asked) == {"network": "over the substitute dataset"}
    assert list(noise_analyses.total_variance(asked, [0, 20])) == ["network"]


@pytest.mark.parametrize("look", ANALYSIS_VIEWS)
def test_every_look_works_and_none_shows_an_ideal(look: str, foreign: ModelRegistry) -> None:
    film = film_of(scene(foreign, analysis=look))
    assert all(panel["badge"] != "ideal" for panel in film["panels"])
    assert not any("ideal" in number["key"] for number in film["numbers"])


def test_what_is_missing_and_what_was_assumed_is_said(foreign: ModelRegistry, library: ModelRegistry) -> None:
    assert "came without its schedule: it is taken to be diffusers' default" in scene(foreign).warnings()
    for look, missing in (
        ("predictors", "ideal predictor is missing here"),
        ("shrinkage", "over a substitute data set"),
        ("out_of_distribution", "no reference band"),
    ):
        assert missing in claim_of(scene(foreign, analysis=look))
        assert claim_of(scene(library, analysis=look)) == ANALYSIS_VIEWS[look].claim.markdown()
    assert (
        claim_of(scene(foreign, analysis="parameterizations")) == ANALYSIS_VIEWS["parameterizations"].claim.markdown()
    )


def test_a_sampling_needs_no_pictures(foreign: ModelRegistry) -> None:
    *_, last = sampling.trajectory(scene(foreign, steps=3, num_images=2))
    assert last.x_next.shape == (2, 3, 16, 16)
    assert last.x_next.isfinite().all()


def test_films_of_large_pictures_have_fewer_frames(foreign: ModelRegistry, library: ModelRegistry) -> None:
    assert len(scene(library).steps()) == 40
    large = scene(foreign)
    large.x0 = large.x0.repeat(1, 16, 16)
    assert large.x0.shape == (3, 256, 256)
    assert len(large.steps()) <= 11
    assert {0, 39, large.settings.t} <= set(large.steps())


def test_the_histogram_of_large_pictures_is_of_pixels_of_them(foreign: ModelRegistry) -> None:
    record = scene(foreign).forward_process()
    assert_close(record.sample_pixels(10**6), record.x_t.flatten(1))
    some = record.sample_pixels(7)
    assert some.shape == (40, 7)
    assert all((record.x_t[39] == value).any() for value in some[39])


RED, BLUE = (Image.new("RGB", (40, 40), colour) for colour in ("red", "blue"))


@pytest.mark.parametrize(
    ("controls", "said"),
    [
        ({}, set()),
        (
            {"sampling_view": "solvers", "init": "image", "inpaint_mask": "drawn"},
            set(),
        ),  # it starts in noise and keeps nothing
        ({"init": "image"}, {"own"}),
        ({"inpaint_mask": "left"}, {"own"}),
        ({"inpaint_mask": "drawn"}, {"own", "painting"}),
    ],
    ids=[
        "noise",
        "race",
        "from the picture",
        "keep the left",
        "keep what is painted",
    ],  # a set's text has no fixed order
)
def test_a_film_says_from_which_drawings_it_was_sampled(
    library: ModelRegistry, controls: dict[str, object], said: set[str]
) -> None:
    settings = validate(library, **controls)
    with_both = sampling.sampled_from(Scene(library, settings, RED, BLUE))
    drawings = {"own": fingerprint(RED), "painting": fingerprint(BLUE)}
    assert with_both == sampling_query(settings) | {name: drawings[name] for name in said}
    without = sampling.sampled_from(Scene(library, settings))
    assert without == sampling_query(settings) | dict.fromkeys(said, "")


def test_a_fingerprint_tells_drawings_apart() -> None:
    assert fingerprint(None) == ""
    assert fingerprint(RED) == fingerprint(RED.copy())
    assert len({fingerprint(RED), fingerprint(BLUE), fingerprint(None)}) == 3


def test_the_initial_noise_is_that_of_the_first_step(library: ModelRegistry) -> None:
    scene = Scene(library, validate(library, seed=8, num_images=3))
    assert torch.equal(sampling.initial_noise(scene), next(sampling.trajectory(scene)).x_t)


def test_ood_inputs_are_of_the_shipped_digits_whatever_a_network_is_called(tmp_path: Path) -> None:
    unlabelled(tmp_path / "digits", in_channels=3, out_channels=3, sample_size=16)
    library = ModelRegistry([tmp_path / "digits"], device="cpu")
    inputs = noise_analyses.ood_inputs(scene(library))
    assert inputs["digits"].about == "a 6"


def test_network_beside_ideal_needs_a_training_picture_of_the_label(
    library: ModelRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = library.pictures("digits")
    without = replace(pictures, labels=pictures.labels.where(pictures.labels != 3, 4))
    monkeypatch.setattr(library, "pictures", lambda name: without)
    with pytest.raises(ValueError, match="no ideal predictor for the label 3: no training picture has it"):
        sampling.network_beside_ideal(scene(library, label="3", compare_ideal=True))
