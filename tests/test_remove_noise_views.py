from typing import Any

import pytest

from playground.core.model_registry import ModelRegistry
from playground.ui.state.scene import Scene
from playground.ui.state.settings import SAMPLING_VIEWS, validate
from playground.ui.tabs.remove_noise_views import build_views


def pieces(views: dict[str, Any], library: ModelRegistry, **controls: Any) -> tuple[list[dict], list[str]]:
    scene = Scene(library, validate(library, **controls))
    made = list(views[scene.settings.sampling_view].pieces(scene))
    return [piece for piece in made if isinstance(piece, dict)], [piece for piece in made if isinstance(piece, str)]


def test_every_view_can_be_asked_for() -> None:
    assert list(build_views()) == list(SAMPLING_VIEWS)


@pytest.mark.parametrize("view", ["trajectory", "single_step", "guidance"])
def test_the_pieces_of_a_view_join_to_one_film(view: str, library: ModelRegistry) -> None:
    films, notes = pieces(build_views(), library, sampling_view=view, steps=3, label="4", num_images=2)
    length = 0
    for film in films:
        assert film["start"] == length
        length += len(film["labels"])
    assert length == films[-1]["total"] == {"trajectory": 4, "single_step": 9, "guidance": 4}[view]
    assert not notes


@pytest.mark.slow
def test_a_race_ends_with_the_distances_and_its_reference_is_remembered(library: ModelRegistry) -> None:
    views = build_views()
    asked = {"sampling_view": "solvers", "nfe": 3, "T": 60, "solvers": "ddim,unipc", "seed": 5}
    films, notes = pieces(views, library, **asked)
    assert [(film["start"], len(film["labels"])) for film in films] == [(0, 1), (1, 1), (2, 2), (0, 4)]
    assert notes[0] == "Computing the reference: step 1 of 60."
    assert films[-1]["stays"]
    assert films[-1]["charts"]
    again, fewer = pieces(views, library, **asked)
    assert again[-1] == films[-1]
    assert len(fewer) == 1  # what the network was trained at, and no note on a reference
    _, other = pieces(views, library, **{**asked, "seed": 6})
    assert len(other) > 1


@pytest.mark.parametrize(
    ("controls", "sentence"),
    [
        (
            {"sampling_view": "single_step", "sampler": "heun"},
            "sampler must be ddpm or ddim to show a single step; it was 'heun'.",
        ),
        ({"sampling_view": "single_step", "inpaint_mask": "left"}, "inpaint_mask must be none to show a single step."),
        (
            {"sampling_view": "guidance"},
            "label must be one of the network's labels, since guidance steers towards it; it was any.",
        ),
        (
            {"inpaint_mask": "drawn"},
            "Nothing is painted over yet: paint over the part of the picture that is to be filled in.",
        ),
    ],
)
def test_what_cannot_be_watched_is_told(controls: dict[str, Any], sentence: str, library: ModelRegistry) -> None:
    with pytest.raises(ValueError, match=sentence.split(":")[0].split(";")[0]) as caught:
        pieces(build_views(), library, **controls)
    assert str(caught.value) == sentence
