"""Image conversion: PIL to tensors in [-1, 1] and back, and safe reading of uploads.

This is the only module that handles pixel ranges.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from PIL import ExifTags, Image, ImageOps
from torch import Tensor
from torch.nn.functional import avg_pool2d


def from_bytes(pixels: Tensor) -> Tensor:
    """Convert uint8 pixels 0…255 of any shape to float32 in [-1, 1]."""
    return pixels.float() / 127.5 - 1


def to_bytes(pictures: Tensor) -> Tensor:
    """Clip floats to [-1, 1] and convert them to uint8 pixels 0…255 of the same shape, on the CPU."""
    return ((pictures.detach().cpu().float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def from_pil(image: Image.Image, channels: int) -> Tensor:
    """Convert a PIL image to a tensor.

    Args:
        image: an image in any mode.
        channels: 1 for grey, 3 for red, green and blue.

    Returns:
        float32 (channels, H, W) in [-1, 1].
    """
    pixels = torch.from_numpy(np.array(image.convert({1: "L", 3: "RGB"}[channels])))
    return from_bytes(pixels.reshape(image.height, image.width, channels).permute(2, 0, 1))


def to_pil(picture: Tensor) -> Image.Image:
    """Convert (C, H, W), clipped to [-1, 1], to a grey (C = 1) or colour (C = 3) PIL image of the same size."""
    pixels = to_bytes(picture).permute(1, 2, 0).numpy()
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def data_url(picture: Tensor) -> str:
    """Encode (C, H, W), clipped to [-1, 1], as a PNG in a data: URL."""
    return png_url(to_pil(picture))


def png_url(image: Image.Image) -> str:
    """Encode a PIL image as a PNG in a data: URL."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def tile(pictures: Tensor, columns: int) -> Image.Image:
    """Tile pictures into one image (a sheet), row by row, without gaps.

    Args:
        pictures: uint8 (N, C, H, W).
        columns: pictures in each row.

    Returns:
        The sheet, grey for C = 1, else in colour; the unused rest of its last row is 0.
    """
    count, channels, height, width = pictures.shape
    rows = -(-count // columns)
    padded = torch.zeros(rows * columns, channels, height, width, dtype=torch.uint8)
    padded[:count] = pictures
    grid = padded.reshape(rows, columns, channels, height, width).permute(0, 3, 1, 4, 2)
    pixels = grid.reshape(rows * height, columns * width, channels).numpy()
    return Image.fromarray(pixels[..., 0] if channels == 1 else pixels)


def split_sheet(image: Image.Image, shape: tuple[int, int, int], count: int) -> Tensor:
    """Split a sheet that `tile` made into its pictures.

    Args:
        image: the sheet.
        shape: (C, H, W) of each picture.
        count: how many pictures to take, from the first.

    Returns:
        uint8 (count, C, H, W).
    """
    channels, height, width = shape
    rows, columns = image.height // height, image.width // width
    pixels = torch.from_numpy(np.array(image)).reshape(rows, height, columns, width, channels)
    return pixels.permute(0, 2, 4, 1, 3).reshape(-1, channels, height, width)[:count].contiguous()


MAX_BYTES = 10_000_000

MAX_BASE64 = 4 * -(-MAX_BYTES // 3) + 100  # plus room for the head of a data: URL

MAX_PIXELS = 40_000_000

KINDS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")

SIGNATURES = (
    (0, b"\x89PNG", "PNG"),
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"GIF8", "GIF"),
    (8, b"WEBP", "WEBP"),
    (0, b"BM", "BMP"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (4, b"ftypavi", "AVIF"),
    (4, b"ftyphei", "HEIC"),
    (4, b"ftyphev", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
    (4, b"ftypmsf1", "HEIC"),
    (4, b"JXL ", "JPEG XL"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"8BPS", "PSD"),
    (0, b"%PDF", "PDF"),
    (0, b"%!PS", "EPS"),
    (0, b"<svg", "SVG"),
    (0, b"<?xml", "SVG"),
)
"""How files of a format begin: the position, the bytes there, and the format."""


def format_of(head: bytes) -> str:
    """Image format of a file by its first bytes, whatever its name; "" for one that is not known.

    Args:
        head: at least its first 16 bytes.

    Returns:
        One of KINDS, or a format that is not read here, such as "HEIC".
    """
    return next((name for start, mark, name in SIGNATURES if head[start:].startswith(mark)), "")


def load_upload(data: bytes, side: int = 512, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decode an uploaded image file safely: in RGB, upright, on white, and no larger than needed.

    The image is measured before it is decoded, turned as its camera held it, and stripped of everything but its pixels:
    no place, no time, no camera.

    Args:
        data: the bytes of a PNG, JPEG, WebP, GIF or BMP file.
        side: the largest width and height of the result, in pixels; larger images are scaled down.
        max_pixels: most pixels of the file's image.

    Returns:
        The image in RGB.

    Raises:
        ValueError: if the file is empty, is not an image of one of these kinds, or exceeds MAX_BYTES or `max_pixels`.
            The message is written for users.
    """
    if not data:
        raise ValueError("This file is empty: choose a PNG, JPEG, WebP, GIF or BMP picture.")
    if len(data) > MAX_BYTES:
        raise ValueError(
            f"This file is too large: {len(data) / 1e6:.0f} MB, where {MAX_BYTES / 1e6:.0f} MB are allowed."
        )
    if (kind := format_of(data[:16])) and kind not in KINDS:
        raise ValueError(
            f"This file is of the format {kind}, which is not read here: choose a PNG, JPEG, WebP, GIF or BMP picture."
        )
    with _readable():
        image = Image.open(io.BytesIO(data), formats=KINDS)
    if image.width * image.height > max_pixels:
        raise ValueError(
            f"This picture is too large: {image.width} × {image.height} pixels, where "
            f"{max_pixels / 1e6:.0f} million in all are allowed."
        )
    with _readable():
        image.draft(None, (2 * side, 2 * side))  # decodes a large JPEG at a fraction of its size
        pixels = to_rgb_upright(image)
        pixels.thumbnail((side, side))
        return Image.frombytes("RGB", pixels.size, pixels.tobytes())


@contextmanager
def _readable() -> Iterator[None]:
    """Turn any exception that Pillow raises on a damaged or hostile file into a ValueError for users."""
    try:
        yield
    except Exception as error:
        raise ValueError(
            "This file is not a picture that can be read: choose a PNG, JPEG, WebP, GIF or BMP."
        ) from error


UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns an image upright, by EXIF's orientation. Pillow's function fails where EXIF cannot be written again."""


def to_rgb_upright(image: Image.Image) -> Image.Image:
    """Convert an image to RGB, turned as its camera held it (EXIF), on white where it is transparent.

    Damaged EXIF counts as none.
    """
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:
        orientation = None
    turned = image.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else image
    if turned.mode.startswith("I"):  # 16-bit grey, of which PIL would keep only the lower eight bits
        turned = turned.point(lambda value: value * (1 / 256)).convert("L")
    if not turned.has_transparency_data:
        return turned.convert("RGB")
    paper = Image.new("RGBA", turned.size, "white")
    return Image.alpha_composite(paper, turned.convert("RGBA")).convert("RGB")


def decode_base64(text: str) -> bytes:
    """Decode base64 text, with or without the head of a data: URL.

    Raises:
        ValueError: if the text is not base64, or is too long for MAX_BYTES. The message is written for users.
    """
    if isinstance(text, str) and len(text) > MAX_BASE64:
        raise ValueError(
            f"This file is too large: {len(text) * 0.75 / 1e6:.0f} MB, where {MAX_BYTES / 1e6:.0f} MB are allowed."
        )
    try:
        return base64.b64decode(text.partition(",")[2] if text.startswith("data:") else text, validate=True)
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError("A picture must be sent as a picture file in base64.") from error


def center_like_mnist(drawing: Image.Image) -> Image.Image:
    """Center and scale a drawing, dark on white, as MNIST's digits are.

    The drawing becomes 20 of 28 parts high or wide, with its centre of mass in the middle.

    Returns:
        A square image in RGB, dark on white.

    Raises:
        ValueError: if nothing is drawn.
    """
    ink = ImageOps.invert(drawing.convert("L"))
    box = ink.point(lambda value: 255 * (value > 64)).getbbox()
    if box is None:
        raise ValueError("There is nothing in the drawing yet: draw something first.")
    ink = ImageOps.contain(ink.crop(box), (200, 200), Image.Resampling.LANCZOS)
    weight = np.asarray(ink, dtype=np.float64)
    y, x = (np.average(np.arange(n), weights=weight.sum(1 - axis)) for axis, n in enumerate(weight.shape))
    paper = Image.new("L", (280, 280), 0)
    paper.paste(ink, (round(140 - x), round(140 - y)))
    return ImageOps.invert(paper).convert("RGB")


def center_crop_resize(image: Image.Image, shape: tuple[int, int, int]) -> Tensor:
    """Center-crop an image and resize it; for a square `shape` the crop is its middle square.

    Args:
        image: an image in any mode.
        shape: (C, H, W) of the result, with C = 1 for grey and 3 for colour.

    Returns:
        float32 (C, H, W) in [-1, 1].
    """
    channels, height, width = shape
    return from_pil(ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS), channels)


def border_mean(pictures: Tensor) -> float:
    """The mean of the outermost pixels of pictures (…, H, W)."""
    sides = [pictures[..., 0, :], pictures[..., -1, :], pictures[..., 0], pictures[..., -1]]
    return torch.cat([side.flatten() for side in sides]).mean().item()


def thumbnails(pictures: Tensor, side: int) -> Tensor:
    """Downscale pictures to thumbnails by average pooling.

    Args:
        pictures: uint8 (N, C, H, W).
        side: the largest height and width of a thumbnail, in pixels.

    Returns:
        uint8 pictures, smaller by a whole factor; those that fit already are unchanged.
    """
    shrink = -(-max(pictures.shape[-2:]) // side)
    return pictures if shrink == 1 else avg_pool2d(pictures.float(), shrink).round().to(torch.uint8)
