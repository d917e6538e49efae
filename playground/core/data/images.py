"""Images: PIL to tensors in [-1, 1] and back, uploads read safely. The only place that knows pixel ranges."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn.functional import avg_pool2d


def from_bytes(pixels: Tensor) -> Tensor:
    """uint8 pixels 0…255 of any shape to float32 in [-1, 1]."""
    return pixels.float() / 127.5 - 1


def to_bytes(pictures: Tensor) -> Tensor:
    """Floats, clipped to [-1, 1], to uint8 pixels 0…255 of the same shape, on the CPU."""
    return ((pictures.detach().cpu().float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def from_pil(image: Image.Image, channels: int) -> Tensor:
    """A PIL image as float32 (channels, H, W) in [-1, 1]; 1 channel is grey, 3 are red, green and blue."""
    pixels = torch.from_numpy(np.array(image.convert({1: "L", 3: "RGB"}[channels])))
    return from_bytes(pixels.reshape(image.height, image.width, channels).permute(2, 0, 1))


def to_pil(picture: Tensor) -> Image.Image:
    """(C, H, W), clipped to [-1, 1], as a grey (C = 1) or colour (C = 3) PIL image of the same size."""
    pixels = to_bytes(picture).permute(1, 2, 0).numpy()
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def data_url(picture: Tensor) -> str:
    """(C, H, W), clipped to [-1, 1], as a PNG in a data: URL."""
    return png_url(to_pil(picture))


def png_url(image: Image.Image) -> str:
    """A PIL image as a PNG in a data: URL."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def tile(pictures: Tensor, columns: int) -> Image.Image:
    """uint8 (N, C, H, W) side by side, `columns` to a row, without gaps; what is left of the last row is 0."""
    count, channels, height, width = pictures.shape
    rows = -(-count // columns)
    padded = torch.zeros(rows * columns, channels, height, width, dtype=torch.uint8)
    padded[:count] = pictures
    grid = padded.reshape(rows, columns, channels, height, width).permute(0, 3, 1, 4, 2)
    pixels = grid.reshape(rows * height, columns * width, channels).numpy()
    return Image.fromarray(pixels[..., 0] if channels == 1 else pixels)


def split_sheet(image: Image.Image, shape: tuple[int, int, int], count: int) -> Tensor:
    """The first `count` pictures of a `sheet`, uint8 (count, C, H, W), for pictures of shape (C, H, W)."""
    channels, height, width = shape
    rows, columns = image.height // height, image.width // width
    pixels = torch.from_numpy(np.array(image)).reshape(rows, height, columns, width, channels)
    return pixels.permute(0, 2, 4, 1, 3).reshape(-1, channels, height, width)[:count].contiguous()


MAX_BYTES = 10_000_000

MAX_BASE64 = 4 * -(-MAX_BYTES // 3) + 100  # and the head of a data: URL

MAX_PIXELS = 40_000_000

KINDS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")


def load_upload(data: bytes, side: int = 512) -> Image.Image:
    """A picture that somebody sent, in RGB, turned as its camera held it, at most `side` pixels a side, on white.

    It is measured before it is decoded, and nothing but its pixels is kept: no place, no time, no camera. Raises
    ValueError, in a sentence for a person, for what is no picture of a known kind, is empty, or is over MAX_BYTES or
    MAX_PIXELS.
    """
    if not data:
        raise ValueError("This file is empty: choose a PNG, JPEG, WebP, GIF or BMP picture.")
    if len(data) > MAX_BYTES:
        raise ValueError(
            f"This file is too large: {len(data) / 1e6:.0f} MB, where {MAX_BYTES / 1e6:.0f} MB are allowed."
        )
    with _readable():
        image = Image.open(io.BytesIO(data), formats=KINDS)
    if image.width * image.height > MAX_PIXELS:
        raise ValueError(
            f"This picture is too large: {image.width} × {image.height} pixels, where "
            f"{MAX_PIXELS / 1e6:.0f} million in all are allowed."
        )
    with _readable():
        image.thumbnail((side, side))  # decodes a large JPEG at a fraction of its size
        pixels = to_rgb_upright(image)
        return Image.frombytes("RGB", pixels.size, pixels.tobytes())


@contextmanager
def _readable() -> Iterator[None]:
    """Whatever a damaged or hostile file makes Pillow raise becomes a sentence."""
    try:
        yield
    except Exception as error:
        raise ValueError(
            "This file is not a picture that can be read: choose a PNG, JPEG, WebP, GIF or BMP."
        ) from error


def to_rgb_upright(image: Image.Image) -> Image.Image:
    """The picture in RGB, turned as its camera held it (EXIF), on white where it is transparent."""
    turned = ImageOps.exif_transpose(image)
    if turned.mode.startswith("I"):  # 16 bits of grey, of which PIL would keep the lower eight
        turned = turned.point(lambda value: value * (1 / 256)).convert("L")
    if not turned.has_transparency_data:
        return turned.convert("RGB")
    paper = Image.new("RGBA", turned.size, "white")
    return Image.alpha_composite(paper, turned.convert("RGBA")).convert("RGB")


def decode_base64(text: str) -> bytes:
    """What is written in base64, with or without the head of a data: URL.

    Raises ValueError, in a sentence for a person, for what is not, and for more than MAX_BYTES.
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
    """A drawing, dark on white, as MNIST's digits are: 20 of 28 parts high or wide, its ink's centre in the middle.

    Square, in RGB. Raises ValueError where nothing is drawn.
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
    """The picture's middle square, scaled to `shape` (C, H, W), float32 in [-1, 1]."""
    channels, height, width = shape
    return from_pil(ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS), channels)


def border_mean(pictures: Tensor) -> float:
    """The mean of the outermost pixels of pictures (…, H, W)."""
    sides = [pictures[..., 0, :], pictures[..., -1, :], pictures[..., 0], pictures[..., -1]]
    return torch.cat([side.flatten() for side in sides]).mean().item()


def thumbnails(pictures: Tensor, side: int) -> Tensor:
    """uint8 (N, C, H, W) made smaller, where they are larger, to at most `side` pixels a side; uint8."""
    shrink = -(-max(pictures.shape[-2:]) // side)
    return pictures if shrink == 1 else avg_pool2d(pictures.float(), shrink).round().to(torch.uint8)
