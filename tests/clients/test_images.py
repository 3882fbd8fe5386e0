import base64
import io
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.clients.web import Web, slow
from triton_pipelines import InvalidInput, images


def encoded(image: Image.Image, form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=form)
    return buffer.getvalue()


def decoded(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@pytest.fixture
def picture() -> Image.Image:
    return Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3))


def test_pictures_lose_nothing(picture: Image.Image) -> None:
    sent = decoded(images.read(picture))
    assert (sent.format, sent.mode) == ("PNG", "RGB")
    assert np.array_equal(np.asarray(sent), np.asarray(picture))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "I", "F"])
def test_pictures_of_any_mode_become_rgb_as_pil_has_it(picture: Image.Image, mode: str) -> None:
    other = picture.convert("L").convert(mode) if mode in ("LA", "I", "F") else picture.convert(mode)
    assert np.array_equal(np.asarray(decoded(images.read(other))), np.asarray(other.convert("RGB")))


def test_pictures_are_turned_upright() -> None:
    path = Path(__file__).parents[1] / "data" / "rotated.jpg"
    with Image.open(path) as rotated:
        assert decoded(images.read(rotated)).size == rotated.size[::-1]
    assert images.read(path) == images.read(str(path)) == path.read_bytes()


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 3), (2, 3, 4)])
def test_arrays_are_pictures(shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    sent = decoded(images.read(array))
    assert sent.size == (3, 2)
    assert np.array_equal(np.asarray(sent), np.asarray(Image.fromarray(array).convert("RGB")))


def test_strings_are_urls_or_base64(picture: Image.Image) -> None:
    data = encoded(picture, "JPEG")
    text = base64.b64encode(data).decode()
    assert images.read(text) == images.read(f"data:image/jpeg;base64,{text}") == data
    with Web({"/cat.jpg": data}) as web:
        assert images.read(f"{web.url}/cat.jpg", timeout=5) == data


def test_urls_may_hold_what_must_be_escaped(picture: Image.Image) -> None:
    data = encoded(picture)
    with Web({"/my%20c%C3%A4t.png?a=b%20c&d=%20": data}) as web:
        assert images.read(f"{web.url}/my cät.png?a=b c&d=%20#top") == data


def test_bytes_are_left_to_the_server() -> None:
    assert images.read(b"anything") == images.read(bytearray(b"anything")) == b"anything"


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ("no/such/file.jpg", "a valid path to an image file"),
        ("data:image/png;base64", "base64"),
        ("x" * 5000, "x{80}\\.\\.\\."),
        (Path("no/such/file.jpg"), "cannot read the file"),
        (np.zeros((2, 2)), "uint8"),
        (np.zeros((2, 2, 5), np.uint8), "2, 2, 5"),
        (None, "not NoneType"),
    ],
)
def test_refusals(image: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        images.read(image)


def test_a_picture_whose_file_is_broken_is_refused(tmp_path: Path) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    (tmp_path / "cut.png").write_bytes(encoded(noise)[:3000])
    with Image.open(tmp_path / "cut.png") as cut, pytest.raises(InvalidInput, match="cannot be read"):
        images.read(cut)


def cut(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """A page that ends before its end."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"a")
    handler.close_connection = True


def test_urls_that_fail_are_refused() -> None:
    with Web({"/slow.jpg": slow, "/cut.jpg": cut}) as web:
        with pytest.raises(InvalidInput, match="IncompleteRead"):
            images.read(f"{web.url}/cut.jpg")
        with pytest.raises(InvalidInput, match="404"):
            images.read(f"{web.url}/none.jpg")
        with pytest.raises(InvalidInput, match="timed out"):
            images.read(f"{web.url}/slow.jpg", timeout=0.1)
    with pytest.raises(InvalidInput, match="cannot read http://"):
        images.read(f"{web.url}/gone.jpg")


def test_pictures_of_the_server_are_no_files(picture: Image.Image) -> None:
    """As those of the pipelines, which are made of arrays."""
    got = images.decode(images.png(picture))
    assert type(got) is Image.Image
    assert np.array_equal(np.asarray(got), np.asarray(picture))
