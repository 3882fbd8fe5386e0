"""Image files to pictures: what people have comes out upright and RGB, everything else is refused in time."""

import io
import json
import resource
import struct
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from python_backend import images
from python_backend.images import decode
from python_backend.parameters import InvalidInput

DATA = Path(__file__).parents[1] / "data"
RED = (255, 0, 0)


def read(data: bytes) -> Image.Image:
    return decode(data, max_bytes=1_000_000, max_pixels=1_000_000, max_ratio=100)


def encoded(image: Image.Image, form: str = "PNG", **settings: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **settings)
    return buffer.getvalue()


def picture(mode: str = "RGB") -> Image.Image:
    """Red, with a blue upper left quarter: 8 wide, 4 high."""
    image = Image.new("RGB", (8, 4), RED)
    image.paste((0, 0, 255), (0, 0, 4, 2))
    return image.convert(mode)


def png_header(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG of that size on paper, whatever its data."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("form", ["PNG", "BMP", "GIF", "TIFF", "PPM", "WEBP", "JPEG2000"])
def test_formats_without_loss_give_their_pixels(form: str) -> None:
    settings = {"lossless": True} if form == "WEBP" else {}
    image = read(encoded(picture(), form, **settings))
    assert image.mode == "RGB"
    np.testing.assert_array_equal(np.array(image), np.array(picture()))


@pytest.mark.parametrize("form", ["JPEG", "MPO", "AVIF"])
def test_formats_with_loss_give_nearly_their_pixels(form: str) -> None:
    image = read(encoded(Image.new("RGB", (64, 32), RED), form))
    np.testing.assert_allclose(np.array(image, int), np.full((32, 64, 3), RED), atol=4)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_modes_become_rgb(mode: str) -> None:
    whites: dict[str, Any] = {"LA": (255, 255), "RGBA": (255, 255, 255, 255), "I;16": 65535}
    white = Image.new(mode, (8, 4), whites.get(mode, 255))
    image = read(encoded(white))
    assert image.mode == "RGB" and image.size == (8, 4)
    if mode != "P":  # 255 is any colour there
        assert (np.array(image) == 255).all()


def test_cmyk_becomes_rgb() -> None:
    image = read(encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "TIFF"))
    assert image.mode == "RGB" and image.getpixel((0, 0)) == RED


def test_transparency_is_dropped_and_not_blended() -> None:
    assert read(encoded(Image.new("RGBA", (2, 2), (*RED, 0)))).getpixel((0, 0)) == RED


@pytest.mark.parametrize(
    ("orientation", "method"),
    [
        (1, None),
        (2, Image.Transpose.FLIP_LEFT_RIGHT),
        (3, Image.Transpose.ROTATE_180),
        (4, Image.Transpose.FLIP_TOP_BOTTOM),
        (5, Image.Transpose.TRANSPOSE),
        (6, Image.Transpose.ROTATE_270),
        (7, Image.Transpose.TRANSVERSE),
        (8, Image.Transpose.ROTATE_90),
    ],
)
def test_pictures_are_turned_upright(orientation: int, method: Image.Transpose | None) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = picture() if method is None else picture().transpose(method)
    np.testing.assert_array_equal(np.array(read(encoded(picture(), exif=exif))), np.array(upright))


@pytest.mark.parametrize("form", ["GIF", "PNG", "TIFF", "WEBP"])
def test_of_several_frames_the_first_is_taken(form: str) -> None:
    settings = {"lossless": True} if form == "WEBP" else {}
    frames = encoded(picture(), form, save_all=True, append_images=[Image.new("RGB", (8, 4))], **settings)
    np.testing.assert_array_equal(np.array(read(frames)), np.array(picture()))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "IMAGE is empty. Send the bytes of an image file"),
        (b"Call me Ishmael.", "IMAGE is no image that can be read. Send the bytes of an image file"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n", "no image"),
        ((DATA / "scene.png").read_bytes()[:3000], "IMAGE is broken or cut off: image file is truncated"),
        (encoded(picture(), "BMP")[:-20], "IMAGE is broken or cut off: image file is truncated"),
        ((DATA / "scene.jpg").read_bytes()[:3000], "IMAGE is broken or cut off: image file is truncated"),
        (png_header(8, 4, b"not zlib"), "IMAGE is broken or cut off"),
        (bytes(1_000_001), r"IMAGE has 1,000,001 bytes; this deployment takes 1,000,000 \(max_image_bytes\)"),
        (encoded(Image.new("1", (1, 101))), r"1 x 101 pixels; .* \(max_image_ratio\)"),
        (encoded(Image.new("1", (1001, 1000))), r"1,001 x 1,000 pixels; .* 1,000,000 \(max_image_pixels\)"),
    ],
)
def test_what_is_no_picture_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        read(data)


def gif_header(screen: int, frame: int) -> bytes:
    size = struct.pack("<HHBBB", screen, screen, 0, 0, 0) + b"," + struct.pack("<HHHHB", 0, 0, frame, frame, 0)
    return b"GIF89a" + size + b"\x02\x02D\x01\x00;"


@pytest.mark.parametrize(
    "data",
    [
        png_header(50_000, 50_000, zlib.compress(bytes(900_000))),
        png_header(2**31 - 1, 2**31 - 1),
        b"P6 100000 100000 255\n",
        gif_header(65_535, 65_535),
        gif_header(1, 65_535),
    ],
)
def test_bombs_are_refused_before_they_unfold(data: bytes) -> None:
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    with pytest.raises(InvalidInput, match="max_image_pixels"):
        read(data)
    assert time.perf_counter() - start < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # kB


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, on broken tags of TIFF
@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP", "JPEG2000", "AVIF"])
def test_damaged_files_are_read_or_refused_and_nothing_else(form: str) -> None:
    random = np.random.default_rng(0)
    whole = np.frombuffer(encoded(picture(), form), np.uint8)
    for _ in range(40):
        damaged = whole.copy()
        damaged[random.integers(0, len(whole), 4)] = random.integers(0, 256, 4)
        try:
            assert read(damaged.tobytes()).mode == "RGB"
        except InvalidInput as error:
            assert str(error).startswith("IMAGE ")


def test_a_processor_under_its_name_of_old(tmp_path: Path) -> None:
    config = {"image_processor_type": "OwlViTFeatureExtractor", "size": [48, 40], "do_center_crop": False}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(config))
    made = images.processor(tmp_path)
    assert type(made).__name__ == "OwlViTImageProcessorPil" and not made.do_center_crop
    assert made(picture(), return_tensors="np")["pixel_values"].shape == (1, 3, 48, 40)


@pytest.mark.parametrize(
    "files",
    [
        {"preprocessor_config.json": {"feature_extractor_type": "ZoeDepthFeatureExtractor"}},
        {"preprocessor_config.json": {"size": 64}, "config.json": {"model_type": "zoedepth"}},
        {"processor_config.json": {"image_processor": {"image_processor_type": "ZoeDepthImageProcessor"}}},
    ],
)
def test_a_processor_that_needs_pytorch_is_known_wherever_it_is_named(tmp_path: Path, files: dict[str, Any]) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    assert images.needs_torch(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"image_processor_type": "ViTImageProcessor"}))
    assert images.needs_torch(tmp_path) == ("processor_config.json" in files)


def test_a_detector_that_names_its_longest_edge_alone_scales_to_it(tmp_path: Path) -> None:
    config = {"image_processor_type": "DetrImageProcessor", "size": {"longest_edge": 100}}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(config))
    made = images.processor(tmp_path)
    assert made(picture(), return_tensors="np")["pixel_values"].shape == (1, 3, 50, 100)


def test_a_picture_that_a_processor_scales_to_nothing_is_refused(tmp_path: Path) -> None:
    config = {"image_processor_type": "GLPNImageProcessor", "size_divisor": 32}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(config))
    stage = images.ImagePreprocess.local(tmp_path)
    with pytest.raises(InvalidInput, match="cannot take a picture of 8 x 4 pixels"):
        stage.features(picture())
