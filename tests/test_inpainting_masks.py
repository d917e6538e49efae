import pytest
import torch
from PIL import Image, ImageDraw

from playground.core.sampling.inpainting import MASKS, mask_from_drawing


@pytest.mark.parametrize("size", [(28, 28), (32, 32), (7, 9)])
def test_halves_make_up_the_whole_and_the_border_leaves_the_middle(size: tuple[int, int]) -> None:
    masks = {name: make(*size) for name, make in MASKS.items()}
    assert all(mask.shape == size and mask.dtype == torch.bool for mask in masks.values())
    for one, other in (("left", "right"), ("top", "bottom")):
        assert torch.equal(masks[one], ~masks[other])
    assert masks["left"][:, 0].all()
    assert masks["top"][0].all()
    middle = ~masks["border"]
    assert middle[size[0] // 2, size[1] // 2]
    assert not middle[0].any()
    assert not middle[:, -1].any()
    assert 0.2 < middle.double().mean() < 0.5


def test_what_is_painted_over_is_not_kept() -> None:
    painting = Image.new("RGB", (280, 280), "white")
    ImageDraw.Draw(painting).rectangle((0, 0, 139, 279), fill="black")
    kept = mask_from_drawing(painting, 28, 28)
    assert not kept[:, :14].any()
    assert kept[:, 14:].all()


@pytest.mark.parametrize("colour", ["white", "black"])
def test_nothing_and_everything_are_told(colour: str) -> None:
    with pytest.raises(ValueError, match="Paint over a part of the picture"):
        mask_from_drawing(Image.new("RGB", (280, 280), colour), 28, 28)
