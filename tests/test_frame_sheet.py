import numpy as np
import pytest
from PIL import Image

from playground.render.export.frame_sheet import frames_of

GREYS = (0, 128, 255)


def grey_sheet(width: int = 20) -> Image.Image:
    """Three frames, 10 high, each of one grey."""
    pixels = np.repeat(np.array(GREYS, dtype=np.uint8), 10)[:, None].repeat(width, 1)
    return Image.fromarray(pixels).convert("RGB")


def test_a_sheet_is_cut_into_its_frames() -> None:
    for part, grey in zip(frames_of(grey_sheet(), 3), GREYS, strict=True):
        assert part.size == (20, 10)
        assert (np.asarray(part) == grey).all()


@pytest.mark.parametrize("frames", [0, 7, 61])
def test_a_sheet_that_does_not_divide_is_told(frames: int) -> None:
    with pytest.raises(ValueError, match="A film of 1 to 60 frames"):
        frames_of(grey_sheet(), frames)
