"""video-classification.

    classify = pipeline("video-classification")
    classify("goal.mp4", top_k=2)               # [{'score': 0.8, 'label': 'playing football'}, ...]

From VideoClassificationPipeline: paths and URLs, and bytes besides.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .. import sources
from ..errors import InvalidInput
from .base import Inputs, Row, Settings, Task, bytes_tensor, choice, deprecated, given, scalars, scored, split


class VideoClassification(Task):
    name = "video-classification"
    inputs = ("VIDEO",)
    outputs = ("LABEL", "SCORE")
    batch_size = 1

    def items(self, inputs: Any = None, *, videos: Any = None, **parameters: Any) -> Inputs:
        if videos is not None:
            deprecated("videos", "inputs")
            inputs = videos
        if inputs is None:
            raise InvalidInput("give a video: a path, a URL or bytes")
        return split(inputs, parameters)

    def parameters(
        self,
        *,
        top_k: int | None = None,
        num_frames: int | None = None,
        frame_sampling_rate: int | None = None,
        function_to_apply: Any = None,
        **others: Any,
    ) -> Settings:
        chosen = given(
            top_k=top_k,
            num_frames=num_frames,
            frame_sampling_rate=frame_sampling_rate,
            function_to_apply=choice(function_to_apply),
        )
        return Settings(scalars({**others, **chosen}))

    def load(self, item: Any, settings: Settings) -> bytes:
        if isinstance(item, (bytes, bytearray)):
            return bytes(item)
        if isinstance(item, (str, Path)):
            return sources.read(item)
        raise InvalidInput(f"a video must be a path, a URL or bytes, not {type(item).__name__}")

    def encode(self, item: bytes, settings: Settings) -> Row:
        return {"VIDEO": bytes_tensor([item])}

    def decode(self, item: Any, outputs: Row, settings: Settings) -> list[dict[str, Any]]:
        return scored(outputs)
