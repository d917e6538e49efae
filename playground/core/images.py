"""PIL pictures to tensors in [-1, 1] and back: the only place that knows pixel ranges."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor


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


def sheet(pictures: Tensor, columns: int) -> Image.Image:
    """uint8 (N, C, H, W) side by side, `columns` to a row, without gaps; what is left of the last row is 0."""
    count, channels, height, width = pictures.shape
    rows = -(-count // columns)
    padded = torch.zeros(rows * columns, channels, height, width, dtype=torch.uint8)
    padded[:count] = pictures
    grid = padded.reshape(rows, columns, channels, height, width).permute(0, 3, 1, 4, 2)
    pixels = grid.reshape(rows * height, columns * width, channels).numpy()
    return Image.fromarray(pixels[..., 0] if channels == 1 else pixels)


def cut(image: Image.Image, shape: tuple[int, int, int], count: int) -> Tensor:
    """The first `count` pictures of a `sheet`, uint8 (count, C, H, W), for pictures of shape (C, H, W)."""
    channels, height, width = shape
    rows, columns = image.height // height, image.width // width
    pixels = torch.from_numpy(np.array(image)).reshape(rows, height, columns, width, channels)
    return pixels.permute(0, 2, 4, 1, 3).reshape(-1, channels, height, width)[:count].contiguous()
