"""Requests that mean harm, or come from a broken client, for every task: made from its config.pbtxt and PARAMETERS."""

from __future__ import annotations

import base64
import io
import json
import struct
import wave
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from python_backend.parameters import Bool, Choice, Int, Number, Parameter, Parameters
from tests.cases import ROOT
from tests.unit.test_repository import config

DATA = ROOT / "tests/data"
Tensors = dict[str, np.ndarray]
MODEL_TYPES: dict[int, np.dtype[Any]] = {
    8: np.dtype(np.int32),
    9: np.dtype(np.int64),
    11: np.dtype(np.float32),
}
STRING = 13
"""TYPE_STRING among the data types of config.pbtxt; MODEL_TYPES are others."""


# Texts.

TEXTS = [
    b"",
    b" ",
    b"\0",
    b"a\0b",
    b"\xff\xfe\xfd",
    b"\xc3",
    b"\xed\xa0\x80",  # a surrogate
    b"\xf4\x90\x80\x80",  # beyond Unicode
    b"caf\xe9",
    "‮right to left‬ שלום مرحبا".encode(),
    ("e" + "\u0301" * 500).encode(),
    ("Z" + "\u0335\u0321\u0489" * 200 + "algo").encode(),
    "\u200b\u200d\ufeff\u2060".encode(),
    ("👩‍👩‍👧‍👦" * 100).encode(),
    "\U000e0001\U000e0041".encode(),
    b"(a+)+$",
    b"(" * 5000,
    b"\\" * 999,
    b"%s%n%x{0}{__class__}",
    b"{{ 7 * 7 }}{% for x in range(10**9) %}x{% endfor %}",
    b"{{ ''.__class__.__mro__ }}",
    b"'; DROP TABLE models; --",
    b"<script>alert(1)</script>",
    b"/etc/passwd",
    b"file:///etc/passwd",
    b"http://127.0.0.1:1/x.png",
    b"data:image/png;base64,AAAA",
    b"[MASK] <mask> [CLS] [SEP] </s> <s> <pad> <unk> <|endoftext|> <image> <start_of_image> >>fr<<",
    b"<image>" * 40,
    b"[MASK]" * 40,
    b"NaN",
    b"null",
    b"-0",
    b"1e999",
    b"a" * 20_000,
    b"a" * 1_000_000,
    b"ab " * 20_000,
    b"\n\t\r\v\f" * 50,
    b"\x1b[2J\x07",
    "\u2028\u2029\x85".encode(),
    "ﬁ①Ⅷ㎏ ñ".encode(),
    b"word " * 30,
]
JSON = [
    b"[" * 20_000,
    b'{"a":' * 20_000,
    b"[" * 500 + b"]" * 500,
    b"{}",
    b"[]",
    b"[[]]",
    b"0",
    b"1e400",
    b"9" * 5000,
    b"[1e400, NaN, -Infinity]",
    b'"text"',
    b"true",
    b"null",
    b'{"a": 1, "a": 2}',
    b'{"": []}',
    b'{"city": "Paris"}',
    b'{"city": ["Paris"], "size": []}',
    b'{"city": [null, 1, true, {"a": []}]}',
    b'{"city": ["\\ud800"]}',
    b'{"\\u0000": ["\\u0000"]}',
    json.dumps({str(number): ["x"] for number in range(3000)}).encode(),
    json.dumps({"a": ["x"] * 3000}).encode(),
    json.dumps({"a": ["x" * 20_000]}).encode(),
    b'[{"a": "1"}, {"b": "2"}]',
    b'[{"role": "user"}]',
    b'[{"role": "user", "content": null}]',
    b'[{"role": 1, "content": "x"}]',
    b'[{"role": "\\ud800", "content": "\\udfff"}]',
    b'[{"role": "user", "content": [{"type": "image"}]}]',
    b'[{"role": "user", "content": [{"type": "image", "base64": "!!"}]}]',
    b'[{"role": "user", "content": [{"type": "image", "url": "file:///etc/passwd"}]}]',
    b'[{"role": "user", "content": [{"type": "image", "path": "/etc/passwd"}]}]',
    b'[{"role": "user", "content": [{"type": "text", "text": 1}]}]',
    b'[{"role": "user", "content": [[[]]]}]',
    b'[{"role": "system", "content": "x"}, {"role": "system", "content": "x"}]',
    b'[{"role": "assistant", "content": "x"}]',
    json.dumps([{"role": "user", "content": "x"}] * 300).encode(),
]


@cache  # as all strategies here: a request draws from some twenty, and making one costs more than drawing from it
def texts() -> st.SearchStrategy[bytes]:
    return st.sampled_from(TEXTS) | st.binary(max_size=200) | st.text(max_size=200).map(_utf8)


@cache
def json_texts() -> st.SearchStrategy[bytes]:
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    names = st.sampled_from(["role", "content", "type", "text", "image", "base64", "city"]) | st.text(max_size=5)
    values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4))
    return st.sampled_from(JSON) | values.map(lambda value: json.dumps(value).encode()) | texts()


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


# Files.


def png(width: int, height: int, content: bytes, depth: int = 1, colour: int = 0, more: bytes = b"") -> bytes:
    """A PNG whose header says what it likes about its content."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + more
        + _chunk(b"IDAT", zlib.compress(content, 9))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def wav(rate: int, channels: int, bits: int, content: bytes, size: int | None = None, kind: int = 1) -> bytes:
    """A WAV file whose header says what it likes about its content."""
    block = channels * bits // 8
    head = struct.pack("<HHIIHH", kind, channels, rate, (rate * block) & 0xFFFFFFFF, block & 0xFFFF, bits)
    length = len(content) if size is None else size
    body = b"WAVEfmt " + struct.pack("<I", len(head)) + head + b"data" + struct.pack("<I", length) + content
    return b"RIFF" + struct.pack("<I", min(len(body), 0xFFFFFFFF)) + body


def _gif_bomb() -> bytes:
    frames = [Image.new("P", (1, 1), number % 2) for number in range(200)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    content = bytearray(file.getvalue())
    content[6:10] = b"\xff\xff\xff\xff"  # the canvas: 65,535 pixels square
    return bytes(content)


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@cache
def pictures() -> list[bytes]:
    small = [(DATA / name).read_bytes() for name in ("tiny.png", "tiny_tall.png", "grey_alpha.png", "palette.png")]
    return [
        *small,
        (DATA / "scene.webp").read_bytes(),
        (DATA / "rotated.jpg").read_bytes(),
        b"",
        b"\0",
        b"GIF89a",
        b"\xff\xd8\xff\xe0",
        b"BM" + b"\0" * 60,
        b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file\n",
        b"%PDF-1.4\n",
        b"/etc/passwd",
        b"http://127.0.0.1:1/x.png",
        png(0, 0, b""),
        png(1, 0, b""),
        png(0xFFFFFFFF, 0xFFFFFFFF, b"\0"),
        png(30_000, 30_000, b"\0" * 100_000),  # says 900 megapixels
        png(12_000, 12_000, b"\0" * (1501 * 12_000)),  # has 144 megapixels, in 20 kB
        png(1, 30_000, b"\0\0" * 30_000),
        png(30_000, 1, b"\0" * 3751),
        png(8, 8, b"\0\0" * 8, more=_chunk(b"zTXt", b"a\0\0" + zlib.compress(b"\0" * 50_000_000, 9))),
        png(8, 8, b"\0\0" * 8, more=_chunk(b"iCCP", b"a\0\0" + zlib.compress(b"\0" * 5_000_000, 9))),
        png(8, 8, b"", depth=16, colour=6),
        png(4, 4, b"\0\0" * 4, depth=7, colour=5),
        _gif_bomb(),
        _saved(Image.new("I;16", (3, 3), 60_000), "PNG"),
        _saved(Image.new("F", (3, 3), float("nan")), "TIFF"),
        _saved(Image.new("1", (2, 2)), "TIFF"),
        _saved(Image.new("CMYK", (2, 2)), "JPEG"),
        _saved(Image.new("LAB", (2, 2)), "TIFF"),
        small[0] + b"PK\x05\x06" + b"\0" * 18,  # a picture and a ZIP archive in one
        b"PK\x03\x04" + small[0],
        small[0] + small[1],
    ]


@cache
def sounds() -> list[bytes]:
    one = io.BytesIO()
    with wave.open(one, "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(b"\0\1" * 4000)
    good = one.getvalue()
    return [
        *((DATA / name).read_bytes() for name in ("short.wav", "telephone.wav", "stereo.wav", "tiny.png")),
        good,
        b"",
        b"\0" * 100,
        b"RIFF",
        b"OggS" + b"\0" * 100,
        b"fLaC" + b"\xff" * 100,
        b"ID3" + b"\x7f" * 100,
        b"/etc/passwd",
        b"file:///etc/passwd",
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile '/etc/passwd'\n",
        wav(0, 1, 16, b"\0" * 100),
        wav(16_000, 0, 16, b"\0" * 100),
        wav(16_000, 1, 0, b"\0" * 100),
        wav(0xFFFFFFFF, 1, 16, b"\0" * 100),
        wav(1, 1, 16, b"\0" * 2000),  # a thousand seconds
        wav(16_000, 1, 16, b""),
        wav(16_000, 1, 16, b"\1"),
        wav(16_000, 65_535, 16, b"\0" * 100),
        wav(16_000, 255, 8, b"\0" * 2550),
        wav(16_000, 1, 16, b"\0" * 100, size=0xFFFFFFFF),
        wav(16_000, 1, 32, struct.pack("<4f", float("nan"), float("inf"), -float("inf"), 1e38) * 1000, kind=3),
        wav(16_000, 1, 16, b"\0" * 100, kind=0xFFFE),
        good + b"PK\x05\x06" + b"\0" * 18,
    ]


@cache
def videos() -> list[bytes]:
    return [
        *((DATA / name).read_bytes() for name in ("short.mp4", "moving.gif", "uneven.mkv", "tiny.png", "short.wav")),
        b"",
        b"\0" * 100,
        b"\x1a\x45\xdf\xa3" + b"\xff" * 100,
        b"\0\0\0\x18ftypmp42" + b"\0" * 100,
        b"RIFF\xff\xff\xff\xffAVI LIST",
        b"/etc/passwd",
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile '/etc/passwd'\n",
        _gif_bomb(),
    ]


@st.composite
def spoiled(draw: st.DrawFn, files: Callable[[], list[bytes]]) -> bytes:
    """One of some files: whole, cut, or with bytes changed."""
    content = draw(st.sampled_from(range(len(files()))).map(lambda at: files()[at]))
    how = draw(st.sampled_from(["whole", "cut", "changed", "doubled", "shifted"]))
    if not content or how == "whole":
        return content
    if how == "cut":
        return content[: draw(st.integers(0, len(content)))]
    if how == "doubled":
        return content + content
    if how == "shifted":
        return draw(st.binary(min_size=1, max_size=8)) + content
    changed = bytearray(content)
    for _ in range(draw(st.integers(1, 8))):
        changed[draw(st.integers(0, len(changed) - 1))] = draw(st.integers(0, 255))
    return bytes(changed)


CONTENTS: dict[str, Callable[[], st.SearchStrategy[bytes]]] = {
    "IMAGE": cache(lambda: spoiled(pictures)),
    "AUDIO": cache(lambda: spoiled(sounds)),
    "VIDEO": cache(lambda: spoiled(videos)),
    "TABLE": json_texts,
    "MESSAGES": json_texts,
}
"""Of a tensor of strings, by its name; others take texts()."""

# Tensors.

WHOLE = [0, 1, -1, 2, 7, 16_000, 2**31 - 1, -(2**31)]
REAL = [0.0, 1.0, -1.0, float("nan"), float("inf"), -float("inf"), 1e38, 1e-45, -0.0]


SIZES = {True: st.sampled_from([0, 1, 1, 2, 3, 7]), False: st.sampled_from([0, 1, 3, 512, 16_000])}
"""Of a dimension that varies: of strings, of numbers."""
NUMBERS = {
    "f": st.lists(st.sampled_from(REAL) | st.floats(-1, 1, width=32), min_size=1, max_size=6),
    "i": st.lists(st.sampled_from(WHOLE) | st.integers(0, 1000), min_size=1, max_size=6),
}


@st.composite
def tensor(draw: st.DrawFn, spec: Any, good: np.ndarray | None, rows: int | None) -> np.ndarray:
    """A tensor of the type and rank that config.pbtxt declares; sizes and content are whatever they like.

    Args:
        good: one that is answered, which may be sent too, or with something behind its text.
        rows: of the batch dimension; None without one.
    """
    how = draw(st.sampled_from(["hostile", "hostile", "hostile", "good", "longer"])) if good is not None else "hostile"
    if good is not None and how != "hostile":
        sent = good if rows is None else np.repeat(good, rows, axis=0)
        if how == "longer" and spec.data_type == STRING:
            sent = sent.copy()
            sent.flat[-1] += draw(texts())
        return sent
    sizes = SIZES[spec.data_type == STRING]
    shape = [*([] if rows is None else [rows]), *(draw(sizes) if size == -1 else size for size in spec.dims)]
    if spec.data_type == STRING:
        content = CONTENTS.get(spec.name, texts)()
        flat = np.empty(int(np.prod(shape)), object)
        flat[:] = [draw(content) for _ in flat]
        return flat.reshape(shape)
    dtype = MODEL_TYPES[spec.data_type]
    return np.resize(np.array(draw(NUMBERS[dtype.kind]), dtype), shape)


VALUES = (
    st.booleans()
    | st.sampled_from([0, 1, -1, 2, 5, 10**6, 2**31, 2**63 - 1, -(2**63)])
    | st.sampled_from([0.0, 0.5, 1.0, -1.0, 1e-300, 1e300])
    | st.sampled_from(["", "null", "true", "1", "[1]", "{}", "none", "\0", "é", "x" * 10_000, "../../etc/passwd", "en"])
)


def value(parameter: Parameter) -> st.SearchStrategy[Any]:
    """What may be sent for a parameter of its kind, at the ends of its range and a step beyond."""
    if isinstance(parameter, Bool):
        return st.booleans()
    if isinstance(parameter, Choice):
        return st.sampled_from(list(parameter.choices))
    if isinstance(parameter, Number):
        ends = [end for end in (parameter.minimum, parameter.maximum) if abs(end) < 2**62]
        whole = [int(end) + step for end in ends for step in (-1, 0, 1)] or [1]
        near = st.sampled_from(whole) if isinstance(parameter, Int) else st.sampled_from([*map(float, ends), 0.3, 0.9])
        return near | st.integers(0, 10)
    return VALUES


def request(task: str, declared: Parameters) -> st.SearchStrategy[tuple[Tensors, dict[str, Any]]]:
    """Inputs that Triton lets through, one in ten of them good, and parameters: some declared ones, a few of them
    anything, rarely unknown ones.

    What costs most is asked for seldom, so that there is time for many requests: LIGHT.
    """
    inputs, batched = config(task).input, config(task).max_batch_size > 0
    proper, least = good(task)
    rows = st.sampled_from([1, 1, 1, 2] if batched else [None])
    tensors = {
        (spec.name, count): tensor(spec, proper.get(spec.name), count) for spec in inputs for count in (None, 1, 2)
    }
    left_out = {spec.name: st.integers(0, 2 if spec.name in OFTEN else 3) for spec in inputs if spec.optional}
    values = {parameter.name: value(parameter) for parameter in declared}
    least = least | {name: amount for name, amount in LIGHT.items() if name in values}
    names = st.lists(st.sampled_from(sorted(values)), max_size=3, unique=True) if values else st.just([])
    # Compared with what is inside of each range: hypothesis likes its ends.
    often, seldom, rarely = st.integers(0, 3), st.integers(0, 9), st.integers(0, 19)
    unknown = st.sampled_from(["", "top-k", "__class__", "self", "x" * 300])

    @st.composite
    def drawn(draw: st.DrawFn) -> tuple[Tensors, dict[str, Any]]:
        if draw(seldom) == 5:
            sent = proper
        else:
            count = draw(rows)
            sent = {
                spec.name: draw(tensors[spec.name, count])
                for spec in inputs
                if spec.name not in left_out or draw(left_out[spec.name]) < 2
            }
        given = least | {name: draw(VALUES if draw(often) == 2 else values[name]) for name in draw(names)}
        if draw(rarely) == 11:
            given[draw(unknown)] = draw(VALUES)
        return sent, given

    return drawn()


LIGHT = {"max_new_tokens": 3, "points_per_crop": 2}
"""What is asked of requests that say nothing else of it."""
OFTEN = ("AUDIO", "TEXT", "IMAGE", "MESSAGES")
"""Optional inputs of which a request has mostly one."""


def good(task: str) -> tuple[Tensors, dict[str, Any]]:
    """A request that is answered: perf_analyzer's, of benchmarks/inputs."""
    (entry,) = json.loads((ROOT / f"benchmarks/inputs/{task}.json").read_text())["data"]
    specs = {spec.name: spec for spec in config(task).input}
    sent = {}
    for name, content in entry.items():
        spec = specs[name]
        leading = [1] if config(task).max_batch_size else []
        if "b64" in content:
            raw, values = base64.b64decode(content["b64"]), []
            while raw:
                (length,) = struct.unpack_from("<I", raw)
                values.append(raw[4 : 4 + length])
                raw = raw[4 + length :]
        else:
            values = content["content"] if isinstance(content, dict) else content
            values = [value.encode() if isinstance(value, str) else value for value in values]
        dims = content.get("shape") if isinstance(content, dict) else None
        flat = np.empty(len(values), object) if spec.data_type == STRING else np.empty(0)
        if spec.data_type == STRING:
            flat[:] = values
        else:
            flat = np.array(values, MODEL_TYPES[spec.data_type])
        size = [number if number != -1 else -1 for number in spec.dims]
        sent[name] = flat.reshape([*leading, *(dims or size)])
    return sent, dict(NEEDED.get(task, {}))


NEEDED: dict[str, dict[str, Any]] = {
    "mask_generation": {"points_per_crop": 4},  # 1,024 points take a second
    "translation": {"src_lang": "en", "tgt_lang": "fr"},
}
"""Parameters of a good request."""
