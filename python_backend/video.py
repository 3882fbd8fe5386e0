"""Video: encoded bytes to frames, with limits. No torch. Follows `read_video_pyav` of transformers 4.48."""

from __future__ import annotations

import io
from typing import NamedTuple

import av
import numpy as np

from python_backend.audio import FORMATS
from python_backend.parameters import InvalidInput

ACCEPTED = "Send a whole file: MP4, MKV, WebM, AVI, MOV, GIF, ..."


class Limits(NamedTuple):
    """What one video may cost."""

    max_bytes: int
    """Bytes of the file."""
    max_pixels: int
    """Width times height of a frame."""
    max_frames: int
    """Frames to decode, up to the last that is asked for."""


def decode(data: bytes, indices: np.ndarray, limits: Limits) -> list[np.ndarray]:
    """The frames of these numbers, rising, as [height, width, 3] uint8 each; fewer where the video ends before.

    Decoding stops at the last that is asked for. Raises InvalidInput for data that is too large or no video.
    """
    if len(data) > limits.max_bytes:
        raise InvalidInput(
            f"VIDEO has {len(data):,} bytes; this deployment takes {limits.max_bytes:,} (max_video_bytes)."
        )
    if indices[-1] >= limits.max_frames:
        raise InvalidInput(
            f"num_frames and frame_sampling_rate reach to frame {indices[-1] + 1:,}; this deployment decodes "
            f"{limits.max_frames:,} (max_video_frames)."
        )
    wanted, frames = set(indices.tolist()), []
    try:
        with av.open(io.BytesIO(data), "r", options={"format_whitelist": f"{FORMATS},gif"}) as container:
            if not container.streams.video:
                raise InvalidInput(f"The file has no video track. {ACCEPTED}")
            for number, frame in enumerate(container.decode(video=0)):
                if frame.width * frame.height > limits.max_pixels:
                    raise InvalidInput(
                        f"VIDEO has frames of {frame.width:,} x {frame.height:,} pixels; this deployment takes "
                        f"{limits.max_pixels:,} (max_video_pixels). Scale it down."
                    )
                if number in wanted:
                    frames.append(frame.to_ndarray(format="rgb24"))
                if number >= indices[-1]:
                    break
    except (av.FFmpegError, ValueError, IndexError) as error:
        if isinstance(error, InvalidInput):
            raise
        if not frames:
            what = "is in no format that this server reads, or is damaged" if data else "is empty"
            raise InvalidInput(f"VIDEO {what}. {ACCEPTED}") from None
    if not frames:
        raise InvalidInput(f"VIDEO has no frames: it is cut off. {ACCEPTED}")
    return frames
