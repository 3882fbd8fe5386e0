"""Images as the server takes them: the bytes of an image file."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from . import sources
from .errors import InvalidInput


def read(image: Any, timeout: float | None = None) -> bytes:
    """Encoded bytes of a path, a URL, a base64 or data: string, encoded bytes, a PIL image or a uint8 array.

    Encoded images are passed on as they are. PIL images are turned upright by their EXIF tag and made RGB first, as
    `transformers.image_utils.load_image` does, and arrays are [height, width] or [height, width, 3 or 4].
    timeout: seconds for a URL; None waits for ever.
    """
    if isinstance(image, (bytes, bytearray)):
        return bytes(image)
    if isinstance(image, Path):
        return sources.read_file(image)
    if isinstance(image, str):
        return _read_string(image, timeout)
    if isinstance(image, np.ndarray):
        image = _from_array(image)
    if isinstance(image, Image.Image):
        try:
            return png(ImageOps.exif_transpose(image).convert("RGB"))
        except (OSError, ValueError) as error:  # PIL reads the pixels of a file only now
            raise InvalidInput(f"the image cannot be read: {error}") from error
    raise InvalidInput(
        f"an image must be a path, a URL, a base64 string, bytes, a PIL image or a numpy array, not "
        f"{type(image).__name__}"
    )


def png(image: Image.Image) -> bytes:
    """The image without loss; compressed lightly, for that is several times faster and little larger."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()


def decode(data: bytes) -> Image.Image:
    """A picture that the server sent, PNG, as a plain image: the pipelines give no files."""
    with Image.open(io.BytesIO(data)) as image:
        return image.copy()


def _read_string(source: str, timeout: float | None) -> bytes:
    if sources.is_url(source) or sources.is_file(source):
        return sources.read(source, timeout)
    try:
        data = base64.decodebytes(source.split(",", 1)[1].encode() if source.startswith("data:") else source.encode())
        Image.open(io.BytesIO(data)).close()
    except (ValueError, IndexError, OSError) as error:
        shown = source if len(source) <= 80 else f"{source[:80]}..."
        raise InvalidInput(
            f"Incorrect image source. Must be a valid URL starting with `http://` or `https://`, a valid path to an "
            f"image file, or a base64 encoded string. Got {shown}"
        ) from error
    return data


def _from_array(array: np.ndarray[Any, Any]) -> Image.Image:
    if array.dtype != np.uint8 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise InvalidInput(
            f"an image array must be uint8 of shape [height, width] or [height, width, 3 or 4], not {array.dtype} "
            f"{list(array.shape)}"
        )
    return Image.fromarray(array)
