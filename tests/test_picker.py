import pytest

from playground.core.data import images
from playground.core.data.datasets import load_pictures
from playground.ui.components.picker import gallery, parse_choice


@pytest.mark.parametrize("name", ["digits", "emoji"])
def test_the_offer_shows_the_pictures_it_names(name: str) -> None:
    pictures = load_pictures(name)
    offered = gallery(pictures)
    sheet = images.load_upload(images.decode_base64(offered["sheet"]), side=4000)
    channels, height, width = pictures.shape
    assert (sheet.width, sheet.height) == (offered["columns"] * width, offered["rows"] * height)
    cut = images.split_sheet(sheet, (3, height, width), len(offered["numbers"]))
    for k in (0, 25, 59):
        expected = pictures.pixels[offered["numbers"][k]].expand(3, height, width)
        assert (cut[k].int() - expected.int()).abs().max() == 0
    assert len(set(offered["numbers"])) == len(offered["names"]) == 60
    assert channels in (1, 3)


@pytest.mark.parametrize("value", [{"drawing": "<script>"}, {"picture": "9"}, {}, [], None, "x"])
def test_what_is_no_choice_is_told(value: object) -> None:
    with pytest.raises(ValueError, match=r"in base64|is needed here"):
        parse_choice(value)
