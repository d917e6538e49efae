import pytest
from PIL import Image

from playground.core.data import images
from playground.core.model_registry import ModelRegistry
from playground.ui.components.mask_brush import canvas_image, parse_mask
from playground.ui.state.scene import Scene
from playground.ui.state.settings import validate


def test_a_painting_is_taken_and_clearing_it_keeps_nothing() -> None:
    kept, painting = parse_mask({"painting": images.png_url(Image.new("L", (8, 8), "white"))})
    assert kept == "drawn"
    assert painting is not None
    assert painting.size == (8, 8)
    assert parse_mask({"painting": None}) == ("none", None)


@pytest.mark.parametrize("value", [None, {}, {"painting": 3}, {"painting": "<script>"}, "x"])
def test_what_is_no_painting_is_told(value: object) -> None:
    with pytest.raises(ValueError, match=r"in base64|is needed here"):
        parse_mask(value)


def test_what_is_painted_on_is_the_scenes_picture(library: ModelRegistry) -> None:
    scene = Scene(library, validate(library, image=17))
    shown = images.load_upload(images.decode_base64(canvas_image(scene)))
    assert images.from_pil(shown, 1).equal(library.pictures("digits").x0(17))
