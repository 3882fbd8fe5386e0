"""Video classification: videos to labels with scores. Follows VideoClassificationPipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from python_backend import images, video
from python_backend.checkpoint import read_json
from python_backend.classification import ClassificationPostprocess, classification_parameters
from python_backend.forward import Forward, Pass
from python_backend.parameters import Int, InvalidInput, Parameters
from python_backend.stage import Request, Tensors

if TYPE_CHECKING:
    import torch

PARAMETERS = Parameters(
    *classification_parameters(top_k=5),
    Int("num_frames", minimum=1, doc="Frames to look at. Default: as many as the model was made for."),
    Int("frame_sampling_rate", default=1, minimum=1, doc="One frame of this many is looked at."),
)

NUM_FRAMES = {"timesformer": 8, "videomae": 16, "vivit": 32}
"""What the configurations of transformers assume where config.json does not say `num_frames`."""


class Preprocess(images.ImagePreprocess):
    """VIDEO [batch, 1], bytes of video files, to pixel_values [batch, frames, channels, height, width] FP32.

    Settings:
        max_video_bytes: of one file. Default 200,000,000.
        max_video_pixels: width times height of a frame. Default 9,000,000.
        max_video_frames: frames to decode, up to the last that is looked at. Default 10,000.
        max_num_frames: frames to look at, all of which are in memory at once. Default 64, or as many as the model was
            made for where these are more.
    """

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        super().load()
        config = read_json(self.folder, "config.json")
        self.num_frames = config.get("num_frames") or NUM_FRAMES.get(config.get("model_type", ""), 16)
        self.limits = video.Limits(
            self.setting("max_video_bytes", 200_000_000),
            self.setting("max_video_pixels", 9_000_000),
            self.setting("max_video_frames", 10_000),
        )
        self.max_num_frames = max(self.setting("max_num_frames", 64), self.num_frames)

    def process(self, request: Request) -> Tensors:
        count = request.parameters["num_frames"] or self.num_frames
        if count > self.max_num_frames:
            raise InvalidInput(
                f"num_frames is {count:,}; this deployment looks at {self.max_num_frames:,} of a video "
                "(max_num_frames)."
            )
        last = count * request.parameters["frame_sampling_rate"] - 1
        if last >= self.limits.max_frames:  # here as well as in decode: it may be more than INT64 holds
            raise InvalidInput(
                f"num_frames and frame_sampling_rate reach to frame {last + 1:,}; this deployment decodes "
                f"{self.limits.max_frames:,} (max_video_frames)."
            )
        indices = np.linspace(0, last, num=count, dtype=np.int64)
        pixels = [self.frames(data, indices) for data in request.tensors["VIDEO"].ravel()]
        if len({array.shape for array in pixels}) > 1:
            raise InvalidInput("These videos become tensors of different shapes. Send each in a request of its own.")
        return {"pixel_values": np.stack(pixels)}

    def frames(self, data: bytes, indices: np.ndarray) -> np.ndarray:
        """[frames, channels, height, width] FP32 of one video file."""
        frames = video.decode(data, indices, self.limits)
        return self.processor(frames, return_tensors="np")["pixel_values"][0]


class Model(Forward):
    """pixel_values to logits [batch, labels]."""

    PARAMETERS = PARAMETERS
    auto_class = "AutoModelForVideoClassification"

    def forward(self, batch: Pass) -> dict[str, list[np.ndarray]]:
        try:
            return super().forward(batch)
        except (RuntimeError, ValueError) as error:
            made_for, given = self.model.config.num_frames, batch.inputs["pixel_values"].shape[1]
            if given == made_for:
                raise
            raise InvalidInput(
                f"The model takes {made_for} frames and got {given} ({error}): send a longer video, a smaller "
                "frame_sampling_rate, or no num_frames."
            ) from None

    def reduce(self, outputs: Any) -> dict[str, torch.Tensor]:
        return {"logits": outputs.logits}


class Postprocess(ClassificationPostprocess):
    """logits to LABEL [batch, top_k] and SCORE [batch, top_k], best first."""

    PARAMETERS = PARAMETERS
