"""The words of a picture and where they stand, as Tesseract reads them. Follows `apply_tesseract` of the pipelines."""

from __future__ import annotations

import re
import shlex
import shutil
from typing import NamedTuple

import pytesseract
from PIL import Image

from python_backend.parameters import InvalidInput

REMEDY = "Tesseract is not installed where the server runs: apt install tesseract-ocr"
SECONDS = 60
"""For one picture, unless a deployment says otherwise."""

NUMBERS = {"--psm": range(1, 14), "--oem": range(4), "--dpi": range(1, 10_000)}
"""Flags of Tesseract that a caller may set."""
VARIABLES = (
    "invert_threshold", "language_model_penalty_non_dict_word", "language_model_penalty_non_freq_dict_word",
    "load_bigram_dawg", "load_freq_dawg", "load_number_dawg", "load_punc_dawg", "load_system_dawg",
    "preserve_interword_spaces", "tessedit_char_blacklist", "tessedit_char_unblacklist", "tessedit_char_whitelist",
    "tessedit_do_invert", "textord_heavy_nr", "textord_tabfind_find_tables", "thresholding_method", "user_defined_dpi",
)  # fmt: skip
"""Variables of Tesseract that a caller may set (-c): others read and write files of the server."""


class Words(NamedTuple):
    words: list[str]
    boxes: list[list[int]]
    """Of each word: left, top, right and bottom in thousandths of the picture."""


def read(image: Image.Image, lang: str | None = None, config: str | None = "", seconds: float = SECONDS) -> Words:
    """The words of a picture in the order of reading.

    Args:
        lang: of the words, "eng+deu"; None: English.
        config: more flags of Tesseract, "--psm 6". Who asks for a picture to be read must not write them unchecked:
            `check`.

    InvalidInput where Tesseract fails, or takes longer than `seconds`.
    """
    if shutil.which("tesseract") is None:
        raise RuntimeError(REMEDY)
    try:
        data = pytesseract.image_to_data(image, lang, config or "", output_type="dict", timeout=seconds)
    except pytesseract.TesseractError as error:
        raise InvalidInput(f"Tesseract cannot read the picture: {error.message}") from None
    except RuntimeError:  # all that pytesseract says when it ended the process
        raise InvalidInput(f"Tesseract needs more than {seconds:g} s for the picture: scale it down.") from None
    width, height = image.size
    found = Words([], [])
    columns = (data.get(name, ()) for name in ("text", "left", "top", "width", "height"))
    for word, left, top, across, down in zip(*columns, strict=True):
        if word.strip():
            corners = ((left, width), (top, height), (left + across, width), (top + down, height))
            found.words.append(word)
            found.boxes.append([int(1000 * (pixel / side)) for pixel, side in corners])
    return found


def check(lang: str | None, config: str | None) -> None:
    """InvalidInput for a language that the server has not, or flags that reach beyond the picture."""
    if lang is not None and shutil.which("tesseract") is not None:
        there = pytesseract.get_languages(cached=True)
        if missing := [name for name in lang.split("+") if name not in there]:
            raise InvalidInput(
                f'Tesseract has no language "{missing[0][:40]}" where the server runs; it has {", ".join(there)}. '
                "Others are packages: apt install tesseract-ocr-deu, say."
            )
    try:
        flags = shlex.split(config or "")
    except ValueError as error:
        raise InvalidInput(f"tesseract_config cannot be read: {error}.") from None
    for flag, value in zip(flags[::2], [*flags[1::2], ""], strict=False):
        name, equals, setting = value.partition("=")
        known = flag == "-c" and name in VARIABLES and equals and "\0" not in setting
        if not known and not (flag in NUMBERS and re.fullmatch(r"\d{1,4}", value) and int(value) in NUMBERS[flag]):
            raise InvalidInput(
                f'tesseract_config: "{f"{flag} {value}".strip()[:80]}" is not for callers to set. There are '
                f"{', '.join(f'{name} {numbers[0]} to {numbers[-1]}' for name, numbers in NUMBERS.items())}, and "
                f"-c NAME=VALUE of {', '.join(VARIABLES)}."
            )
