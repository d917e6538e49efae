"""A film as a GIF, for slides."""

from __future__ import annotations

import io

from PIL import Image

MAX_FRAMES = 60
FRAME_MS, LAST_MS = 100, 1500


def gif(sheet: Image.Image, frames: int) -> bytes:
    """The `frames` of equal height that stand below each other in `sheet` as a GIF that repeats; the last one stays.

    Raises ValueError for a sheet that does not divide into that many.
    """
    if not 1 <= frames <= MAX_FRAMES or sheet.height % frames:
        raise ValueError(f"A film of 1 to {MAX_FRAMES} frames of equal height can be saved as a GIF.")
    height = sheet.height // frames
    parts = [sheet.crop((0, k * height, sheet.width, (k + 1) * height)) for k in range(frames)]
    # One palette for all frames, so that what stands still does not flicker.
    palette = sheet.quantize(256, method=Image.Quantize.MEDIANCUT)
    first, *rest = [part.quantize(palette=palette, dither=Image.Dither.NONE) for part in parts]
    file = io.BytesIO()
    duration = [FRAME_MS] * (frames - 1) + [LAST_MS]
    first.save(file, "GIF", save_all=True, append_images=rest, duration=duration, loop=0, optimize=False)
    return file.getvalue()
