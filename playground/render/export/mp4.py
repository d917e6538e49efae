"""MP4 export of a film, by ffmpeg where it is installed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

from playground.render.export.frame_sheet import FRAME_MS, LAST_MS, frames_of

SECONDS = 30
# Every player shows H.264 in yuv420p, which stores one colour for four pixels: so the sides must be even.
FILTERS = (
    f"tpad=stop_mode=clone:stop_duration={LAST_MS - FRAME_MS}ms",
    "pad=ceil(iw/2)*2:ceil(ih/2)*2:color=white",
    "scale=out_color_matrix=bt709",
    "format=yuv420p",
)
COLOURS = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709")


def ffmpeg() -> str | None:
    """The path of ffmpeg, or None where it is not installed."""
    return shutil.which("ffmpeg")


def mp4(sheet: Image.Image, frames: int) -> bytes:
    """H.264 film of a sheet's frames; its last frame stays longer.

    Args:
        sheet: frames of equal height below each other.
        frames: their number, 1 to MAX_FRAMES.

    Returns:
        The content of the file.

    Raises:
        ValueError: if the sheet does not divide into these frames, as in `frames_of`, or if ffmpeg is not installed,
            fails or takes more than SECONDS. The message is for the user.
    """
    program = ffmpeg()
    if program is None:
        raise ValueError("An MP4 is made by ffmpeg, and there is none here: save the film as a GIF.")
    parts = [part.convert("RGB") for part in frames_of(sheet, frames)]
    shape = ("-pixel_format", "rgb24", "-video_size", f"{parts[0].width}x{parts[0].height}")
    source = ("-f", "rawvideo", *shape, "-framerate", f"{1000 / FRAME_MS:g}", "-i", "pipe:0")
    coding = ("-vf", ",".join(FILTERS), "-c:v", "libx264", "-crf", "14", *COLOURS)
    # A browser wants the index at the front; ffmpeg can move it there only in a file, so the film is not piped out.
    try:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "film.mp4")
            command = [program, "-v", "error", *source, *coding, "-movflags", "+faststart", str(file)]
            pixels = b"".join(part.tobytes() for part in parts)
            subprocess.run(command, input=pixels, capture_output=True, check=True, timeout=SECONDS)
            return file.read_bytes()
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"ffmpeg took more than {SECONDS} seconds, and was stopped: save a GIF.") from error
    except (OSError, subprocess.CalledProcessError) as error:
        raise ValueError(f"ffmpeg could not make the film, so save a GIF. It said: {_last_words(error)}") from error


def _last_words(error: Exception) -> str:
    output = error.stderr.decode(errors="replace") if isinstance(error, subprocess.CalledProcessError) else str(error)
    return (output.strip().splitlines() or ["nothing"])[-1]
