"""Input for a model stage, of chosen size: what its preprocessor would send."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from exporting.deployment import Deployment
from python_backend import text
from python_backend.stage import Request, Tensors

SHORT = 8
"""Tokens that no pair of texts is cut below."""

PASSAGE = (
    "Congress shall make no law respecting an establishment of religion, or prohibiting the free exercise thereof; or "
    "abridging the freedom of speech, or of the press; or the right of the people peaceably to assemble, and to "
    "petition the Government for a redress of grievances. A well regulated Militia, being necessary to the security "
    "of a free State, the right of the people to keep and bear Arms, shall not be infringed. "
)


class Samples:
    """Of one deployment. Sizes are rows and, where these may be longer or shorter, steps: tokens, samples."""

    unit = ""
    """What a step is; empty where rows have no length of their own."""
    max_length = 1
    """Steps of the longest row."""
    unused: tuple[str, ...] = ()
    """Tensors that are sent, and that the model takes no account of."""

    def tensors(self, rows: int, steps: int, ragged: bool = False) -> Tensors:
        """The tensors of one request; `ragged` rows are shorter than `steps`, all but the first."""
        raise NotImplementedError

    def traced(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Two sizes that have nothing in common, so that what differs between their tensors is what may vary."""
        raise NotImplementedError

    def checked(self, max_rows: int) -> list[tuple[int, int]]:
        """Sizes to compare at, the first of them for a lone request."""
        raise NotImplementedError


class Texts(Samples):
    """Pairs of texts, for the tokenizer's own sake, of exactly so many tokens."""

    unit = "tokens"

    def __init__(self, deployment: Deployment, stage: Any, max_length: int | None, padded: bool) -> None:
        self.task = deployment.task
        self.row_dimensions = stage.row_dimensions
        # No text is so short: padded as for buckets, and as long as they are.
        self.tokenizer = text.Tokenizer(deployment.folder, buckets=[0] if padded else [])
        self.max_length = min(max_length or self.tokenizer.max_tokens, self.tokenizer.max_tokens)
        self.mask = self.tokenizer.token_id("mask_token")
        self.unused = () if self.tokenizer.has_token_types else ("token_type_ids",)

    def tensors(self, rows: int, steps: int, ragged: bool = False) -> Tensors:
        lengths = [steps - (row * 5 % max(1, steps // 2) if ragged else 0) for row in range(rows)]
        encodings = [self.encode(row, max(length, SHORT)) for row, length in enumerate(lengths)]
        tensors = self.tokenizer.tensors(encodings)
        if steps < SHORT:  # fewer than the special tokens; the last of them may be one that the model looks for
            tensors = {name: tensor[:, -steps:] for name, tensor in tensors.items()}
        if self.task == "fill_mask":
            assert self.mask is not None
            tensors["input_ids"][:, 1 : 2 + (rows > 1)] = self.mask  # behind the first special token
            tensors["targets"] = np.empty((rows, 0), np.int64)
        if self.row_dimensions == 2:
            tensors = {name: tensor[:, None] for name, tensor in tensors.items()}
        return tensors

    def encode(self, row: int, length: int) -> Any:
        words = (PASSAGE * (1 + length // 40)).split()
        words = words[row % 7 :]
        pair = (" ".join(words), " ".join(words[::-1]))
        (uncut,) = self.tokenizer.encode_uncut([[pair]])
        return self.tokenizer.fit(pair, uncut[0], {"truncation": "true", "max_length": length})

    def traced(self) -> tuple[tuple[int, int], tuple[int, int]]:
        return (3, min(24, self.max_length - 1)), (5, min(40, self.max_length))

    def checked(self, max_rows: int) -> list[tuple[int, int]]:
        sizes = [(1, 20), (1, 1), (2, 2), (1, 8), (2, 64), (8, 33), (32, 20), (4, 200), (1, self.max_length)]
        kept = {(min(rows, max_rows), min(steps, self.max_length, 2048)) for rows, steps in sizes}
        first = (1, min(20, self.max_length))
        return [first, *sorted(kept - {first})]


class Pictures(Samples):
    """Pictures, upright and lying, through the deployment's own preprocessor."""

    def __init__(self, deployment: Deployment, stage: Any, max_length: int | None, padded: bool) -> None:
        self.preprocess = deployment.stage("preprocess")

    def tensors(self, rows: int, steps: int, ragged: bool = False) -> Tensors:
        size = ((320, 240), (240, 320))[steps]
        pictures = np.array([[_picture(size, row)] for row in range(rows)], object)
        tensors: Tensors = self.preprocess.process(Request({"IMAGE": pictures}, {}))
        return tensors

    def traced(self) -> tuple[tuple[int, int], tuple[int, int]]:
        return (3, 0), (5, 1)

    def checked(self, max_rows: int) -> list[tuple[int, int]]:
        return [(1, 0), *((min(rows, max_rows), shape) for rows, shape in ((1, 1), (2, 0), (8, 1)))]


class Sounds(Samples):
    """Noise, through the deployment's own preprocessor."""

    unit = "samples"

    def __init__(self, deployment: Deployment, stage: Any, max_length: int | None, padded: bool) -> None:
        self.preprocess = deployment.stage("preprocess")
        self.rate = self.preprocess.extractor.sampling_rate
        self.max_length = max_length or 30 * self.rate
        if self.preprocess.windowed:
            self.unit = ""

    def tensors(self, rows: int, steps: int, ragged: bool = False) -> Tensors:
        draw = np.random.default_rng(0)
        tensors: list[Tensors] = []
        for row in range(rows):
            length = steps - (row * self.rate // 20 % (steps // 2) if ragged else 0)
            samples = draw.normal(size=(1, length)).astype(np.float32)
            tensors.append(self.preprocess.process(Request({"SAMPLES": samples}, {})))
        widths = {name: max(each[name].shape[1] for each in tensors) for name in tensors[0]}
        return {
            name: np.concatenate([_widened(each[name], width) for each in tensors]) for name, width in widths.items()
        }

    def traced(self) -> tuple[tuple[int, int], tuple[int, int]]:
        return (3, self.rate), (5, self.rate * 3 // 2 + 1)

    def checked(self, max_rows: int) -> list[tuple[int, int]]:
        seconds = ((1, 1.0), (1, 0.5), (2, 2.25), (4, 1.0), (8, 0.75))
        return [(min(rows, max_rows), int(length * self.rate)) for rows, length in seconds]


def samples(deployment: Deployment, stage: Any, max_length: int | None, padded: bool = False) -> Samples:
    """
    Args:
        padded: texts as the preprocessor pads them for engines that pad nothing themselves.
    """
    kind = {"image": Pictures, "audio": Sounds}.get(deployment.task.partition("_")[0], Texts)
    return kind(deployment, stage, max_length, padded)


def _picture(size: tuple[int, int], seed: int) -> bytes:
    draw = np.random.default_rng(seed)
    coarse = Image.fromarray(draw.integers(0, 256, (8, 8, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC)
    file = io.BytesIO()
    coarse.save(file, "PNG")
    return file.getvalue()


def _widened(rows: np.ndarray, width: int) -> np.ndarray:
    return np.pad(rows, [(0, 0), (0, width - rows.shape[1]), *[(0, 0)] * (rows.ndim - 2)])
