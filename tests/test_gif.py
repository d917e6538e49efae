import base64
import io

import numpy as np
import pytest
from PIL import Image

from playground.core import images
from playground.render.gif import gif
from playground.ui.player.player import encode_gif


def sheet() -> Image.Image:
    """Three frames of 20 × 10, each of one grey."""
    pixels = np.repeat(np.array([0, 128, 255], dtype=np.uint8), 10)[:, None].repeat(20, 1)
    return Image.fromarray(pixels).convert("RGB")


def test_the_frames_of_a_sheet_become_those_of_a_gif() -> None:
    with Image.open(io.BytesIO(gif(sheet(), 3))) as film:
        assert (film.n_frames, film.size, film.info["loop"]) == (3, (20, 10), 0)
        for k, grey in enumerate((0, 128, 255)):
            film.seek(k)
            assert np.abs(np.asarray(film.convert("L")).astype(int) - grey).max() <= 2


@pytest.mark.parametrize("frames", [0, 7, 61])
def test_a_sheet_that_does_not_divide_is_told(frames: int) -> None:
    with pytest.raises(ValueError, match="A film of 1 to 60 frames"):
        gif(sheet(), frames)


def test_the_player_is_answered_with_a_gif_or_a_sentence() -> None:
    answer = encode_gif({"sheet": images.png_url(sheet()), "frames": 3})
    assert base64.b64decode(answer["gif"]).startswith(b"GIF89a")
    for bad in (None, [], {}, {"sheet": "no picture", "frames": 3}, {"sheet": images.png_url(sheet()), "frames": "x"}):
        assert encode_gif(bad)["error"].endswith(".")
