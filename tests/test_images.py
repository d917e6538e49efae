import ast
import base64
import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo
from torch.testing import assert_close

from playground.core.data import images


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def test_bytes_survive_the_way_to_floats_and_back() -> None:
    pixels = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16)
    assert_close(images.to_bytes(images.from_bytes(pixels)), pixels)
    assert images.from_bytes(pixels).min() == -1
    assert images.from_bytes(pixels).max() == 1


@pytest.mark.parametrize("channels", [1, 3])
def test_pil_survives_the_way_to_tensors_and_back(channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    image = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
    tensor = images.from_pil(image, channels)
    assert tensor.shape == (channels, 5, 7)
    assert np.array_equal(np.array(images.to_pil(tensor)), np.array(image))


@pytest.mark.parametrize("shape", [(7, 1, 4, 5), (12, 3, 4, 5)])
def test_a_sheet_can_be_cut_again(shape: tuple[int, ...]) -> None:
    pictures = torch.randint(0, 256, shape, dtype=torch.uint8)
    again = images.split_sheet(images.tile(pictures, 5), shape[1:], shape[0])
    assert_close(again, pictures)


@pytest.mark.parametrize("kind", images.KINDS)
def test_every_allowed_kind_is_read(kind: str) -> None:
    assert images.load_upload(encoded(Image.new("RGB", (40, 30), "red"), kind)).size == (40, 30)


def test_a_camera_turned_on_its_side_is_put_upright() -> None:
    exif = Image.Exif()
    exif[274] = 6  # orientation: turned by 90°
    read = images.load_upload(encoded(Image.new("RGB", (40, 20)), "JPEG", exif=exif))
    assert read.size == (20, 40)
    assert not read.getexif()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_to_rgb_upright_turns_as_pillow_does(orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    pixels = np.random.default_rng(0).integers(0, 256, (4, 7, 3), dtype=np.uint8)
    image = Image.open(io.BytesIO(encoded(Image.fromarray(pixels), exif=exif)))
    assert np.array_equal(images.to_rgb_upright(image), ImageOps.exif_transpose(image))


def test_to_rgb_upright_takes_damaged_exif_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(image: Image.Image) -> Image.Exif:
        raise struct.error("unpack requires a buffer of 4 bytes")

    monkeypatch.setattr(Image.Image, "getexif", damaged)
    assert images.to_rgb_upright(Image.new("RGB", (4, 3), "red")).size == (4, 3)


def test_load_upload_reads_large_grey_pictures_of_16_bits() -> None:
    ramp = np.linspace(0, 65_535, 2100, dtype=np.uint16)
    read = np.asarray(images.load_upload(encoded(Image.fromarray(np.tile(ramp, (2100, 1))))))
    assert read.shape == (512, 512, 3)
    assert_close(read[256, :, 0].astype(float), np.linspace(0, 255, 512), atol=1.5, rtol=0)


def test_load_upload_reduces_palettes_smoothly() -> None:
    """A fine chequered board of two colours becomes grey; by nearest neighbour it stays black and white."""
    board = Image.fromarray((np.indices((1024, 1024)).sum(0) % 2 * 255).astype(np.uint8)).convert("P")
    read = np.asarray(images.load_upload(encoded(board)))
    assert_close(read.astype(float), np.full(read.shape, 127.5), atol=3, rtol=0)


def test_every_picture_file_is_opened_as_a_format_that_is_named() -> None:
    """Pillow opens what the bytes say: an EPS file would start Ghostscript."""
    calls = [
        call
        for file in (Path(images.__file__).parents[2]).rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "Image.open"
    ]
    assert len(calls) >= 5
    assert all(any(keyword.arg == "formats" for keyword in call.keywords) for call in calls)
    assert not {"EPS", "PS", "WMF", "FITS"} & set(images.KINDS)


def test_nothing_but_pixels_is_kept() -> None:
    """Not the place, the time, the camera, nor a comment."""
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    exif[0x8825] = {1: "N", 2: (48.0, 51.0, 30.0)}
    text = PngInfo()
    text.add_text("Comment", "where I live")
    for kind, options in (("JPEG", {"exif": exif}), ("PNG", {"exif": exif, "pnginfo": text}), ("WEBP", {"exif": exif})):
        read = images.load_upload(encoded(Image.new("RGB", (20, 20)), kind, **options))
        assert read.info == {}
        assert not read.getexif()


@settings(max_examples=200)
@given(st.sampled_from(images.KINDS), st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=8)), max_size=6))
@pytest.mark.filterwarnings("ignore")  # of Pillow's, on what is odd about a file
def test_a_damaged_file_is_read_or_told(kind: str, damage: list[tuple[int, bytes]]) -> None:
    data = bytearray(encoded(Image.linear_gradient("L").resize((40, 30)).convert("RGB"), kind))
    for place, put in damage:
        data[place : place + len(put)] = put
    said, size = "", (0, 0)
    try:
        size = images.load_upload(bytes(data)).size
    except ValueError as error:
        said = str(error)
    assert max(size) <= 512
    assert not said or said.startswith(("This file is", "This picture is too large"))


def test_too_long_a_text_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(ValueError, match="This file is too large: 30 MB, where 10 MB are allowed"):
        images.decode_base64("A" * 40_000_000)


@pytest.mark.parametrize("sent", [None, 3, [], {}, "é", "a"])
def test_what_is_no_base64_is_told(sent: Any) -> None:
    with pytest.raises(ValueError, match="A picture must be sent as a picture file in base64"):
        images.decode_base64(sent)


def test_what_is_transparent_becomes_white() -> None:
    assert images.load_upload(encoded(Image.new("RGBA", (4, 4), (0, 0, 0, 0)))).getpixel((0, 0)) == (255, 255, 255)


def test_a_large_picture_becomes_a_small_one() -> None:
    assert images.load_upload(encoded(Image.new("RGB", (3000, 1000)))).size == (512, 171)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"hello", "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "the format SVG, which is not read here: choose a PNG"),
        (b"\0\0\0\x18ftypheic" + bytes(20), "the format HEIC, which"),
        (encoded(Image.new("RGB", (8, 8)), "TIFF"), "the format TIFF, which"),
        (encoded(Image.new("RGB", (8, 8)), "PDF"), "the format PDF, which"),
        (encoded(Image.new("RGB", (8, 8)), "EPS"), "the format EPS, which"),
        (encoded(Image.new("RGB", (64, 64), "red"))[:90], "not a picture"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "not a picture"),
        (bytes(images.MAX_BYTES + 1), "too large: 10 MB"),
        (encoded(Image.new("1", (8000, 8000))), "too large: 8000 × 8000"),
        (encoded(Image.new("1", (30000, 30000))), "too large|not a picture"),
    ],
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_what_is_no_picture_is_refused_in_a_sentence(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        images.load_upload(data)


def test_a_picture_is_cut_to_its_middle_square_and_scaled() -> None:
    image = Image.new("RGB", (100, 60), "red")
    image.paste("white", (20, 0, 80, 60))
    x0 = images.center_crop_resize(image, (3, 32, 32))
    assert_close(x0[:, :, 3:-3], torch.ones(3, 32, 26))  # at its sides the filter sees a little of the red
    assert x0[1].min() > 0.8
    assert images.center_crop_resize(image, (1, 28, 28)).shape == (1, 28, 28)


def test_a_border_is_what_lies_around() -> None:
    picture = torch.ones(2, 1, 6, 5)
    picture[..., 1:-1, 1:-1] = -1
    assert images.border_mean(picture) == 1
    assert images.border_mean(-picture) == -1


def test_thumbnails_are_means_and_small_pictures_stay() -> None:
    pictures = torch.randint(0, 256, (3, 3, 64, 64), dtype=torch.uint8)
    assert images.thumbnails(pictures, 64) is pictures
    small = images.thumbnails(pictures, 32)
    means = pictures.double().reshape(3, 3, 32, 2, 32, 2).mean((3, 5))
    assert (small.double() - means).abs().max() <= 0.5


def test_a_data_url_holds_the_picture() -> None:
    picture = images.from_bytes(torch.randint(0, 256, (3, 8, 8), dtype=torch.uint8))
    head, _, body = images.data_url(picture).partition(",")
    assert head == "data:image/png;base64"
    assert_close(images.from_pil(Image.open(io.BytesIO(base64.b64decode(body))), 3), picture)


def test_a_drawing_is_centred_as_mnists_digits_are() -> None:
    """A bar drawn in a corner: 20 of 28 parts high, its ink's centre within half a part of the middle."""
    drawing = Image.new("RGB", (280, 280), "white")
    drawing.paste("black", (10, 20, 40, 120))
    x0 = images.center_crop_resize(images.center_like_mnist(drawing), (1, 28, 28))
    ink = (1 - x0[0]) / 2
    rows, columns = torch.nonzero(ink > 0.5, as_tuple=True)
    assert rows.max() - rows.min() + 1 == 20
    assert 5 <= columns.max() - columns.min() + 1 <= 7
    middle = [(ink.sum(1 - axis) * (torch.arange(28) + 0.5)).sum() / ink.sum() for axis in (0, 1)]
    assert all(abs(place - 14) < 0.5 for place in middle)


def test_an_empty_drawing_is_told() -> None:
    with pytest.raises(ValueError, match="There is nothing in the drawing yet"):
        images.center_like_mnist(Image.new("RGB", (280, 280), "white"))
