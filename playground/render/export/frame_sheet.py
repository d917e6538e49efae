"""A film as a sheet of frames with their durations, on its way into a file."""

from __future__ import annotations

from PIL import Image

MAX_FRAMES = 60
FRAME_MS, LAST_MS = 100, 1500


def frames_of(sheet: Image.Image, frames: int) -> list[Image.Image]:
    """The `frames` of equal height that stand below each other in `sheet`.

    Raises ValueError for a sheet that does not divide into that many.
    """
    if not 1 <= frames <= MAX_FRAMES or sheet.height % frames:
        raise ValueError(f"A film of 1 to {MAX_FRAMES} frames of equal height can be saved.")
    height = sheet.height // frames
    return [sheet.crop((0, k * height, sheet.width, (k + 1) * height)) for k in range(frames)]
