"""Frame sheet: a film as one image of frames below each other, from which a file is made."""

from __future__ import annotations

from PIL import Image

MAX_FRAMES = 60
FRAME_MS, LAST_MS = 100, 1500


def frames_of(sheet: Image.Image, frames: int) -> list[Image.Image]:
    """Frames of a sheet.

    Args:
        sheet: frames of equal height below each other.
        frames: their number, 1 to MAX_FRAMES.

    Returns:
        The frames, first to last.

    Raises:
        ValueError: if `frames` is out of range or the sheet's height is not divisible by it.
    """
    if not 1 <= frames <= MAX_FRAMES or sheet.height % frames:
        raise ValueError(f"A film of 1 to {MAX_FRAMES} frames of equal height can be saved.")
    height = sheet.height // frames
    return [sheet.crop((0, k * height, sheet.width, (k + 1) * height)) for k in range(frames)]
