import io

import numpy as np
import pytest
from PIL import Image, ImageSequence

from playground.render.export.gif import gif
from tests.test_frame_sheet import GREYS, grey_sheet


def test_the_frames_of_a_sheet_become_those_of_a_gif() -> None:
    with Image.open(io.BytesIO(gif(grey_sheet(), 3))) as film:
        assert (sum(1 for _ in ImageSequence.Iterator(film)), film.size, film.info["loop"]) == (3, (20, 10), 0)
        for k, grey in enumerate(GREYS):
            film.seek(k)
            assert np.abs(np.asarray(film.convert("L")).astype(int) - grey).max() <= 2


@pytest.mark.parametrize("frames", [0, 7, 61])
def test_a_sheet_that_does_not_divide_is_told(frames: int) -> None:
    with pytest.raises(ValueError, match="A film of 1 to 60 frames"):
        gif(grey_sheet(), frames)
