"""GIF export of a film."""

from __future__ import annotations

import io

from PIL import Image

from playground.render.export.frame_sheet import FRAME_MS, LAST_MS, frames_of


def gif(sheet: Image.Image, frames: int) -> bytes:
    """GIF of a sheet's frames. It repeats, and its last frame stays longer.

    Args:
        sheet: frames of equal height below each other.
        frames: their number, 1 to MAX_FRAMES.

    Returns:
        The content of the file.

    Raises:
        ValueError: if the sheet does not divide into these frames, as in `frames_of`.
    """
    # One palette for all frames, so that what stands still does not flicker.
    palette = sheet.quantize(256, method=Image.Quantize.MEDIANCUT)
    first, *rest = [part.quantize(palette=palette, dither=Image.Dither.NONE) for part in frames_of(sheet, frames)]
    file = io.BytesIO()
    duration = [FRAME_MS] * (frames - 1) + [LAST_MS]
    first.save(file, "GIF", save_all=True, append_images=rest, duration=duration, loop=0, optimize=False)
    return file.getvalue()
