"""Audio: encoded bytes, or samples of any rate, to mono float32 samples at the model's rate, with limits. No torch.

Bytes follow `ffmpeg_read` of transformers 4.48 (`ffmpeg -ac 1 -ar RATE -f f32le`), samples its
`torchaudio.functional.resample`.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import av
import numpy as np

from python_backend.parameters import InvalidInput
from python_backend.stage import Tensors

# FFmpeg's formats that name no other file and no host. Without such a list a playlist or a session description in the
# request makes the server open what it names.
FORMATS = "aac,ac3,aiff,amr,ape,asf,au,avi,caf,eac3,flac,flv,matroska,mov,mp3,mpeg,mpegts,ogg,tta,voc,w64,wav,wv"
ACCEPTED = "Send a whole file: WAV, FLAC, MP3, OGG, M4A, or a video with an audio track (MP4, MKV, WebM, ...)."

SAMPLING_RATES = (1_000, 768_000)
"""Least and greatest SAMPLING_RATE [Hz] taken."""


class Limits(NamedTuple):
    """What one item may cost."""

    max_bytes: int
    """Bytes of an encoded file."""
    max_seconds: float
    """Length of the decoded audio; in `read`, of all audio of a request."""

    def check(self, samples: int, sampling_rate: int) -> None:
        """InvalidInput when that many samples last longer than `max_seconds`."""
        if samples > self.max_seconds * sampling_rate:
            raise InvalidInput(
                f"The audio is longer than the {self.max_seconds:g} s that this deployment takes (max_audio_seconds). "
                "Send it in shorter parts."
            )


def read(tensors: Tensors, sampling_rate: int, limits: Limits) -> Iterator[tuple[np.ndarray, float]]:
    """Of each item of a request: [samples] float32 at `sampling_rate` [Hz], and how many of them stand for one that was
    sent: 1.0 for files.

    Args:
        tensors: AUDIO [batch, 1] bytes of files, or SAMPLES [batch, n] with SAMPLING_RATE [batch, 1] (default:
            `sampling_rate`).
    """
    if ("AUDIO" in tensors) == ("SAMPLES" in tensors):
        raise InvalidInput("Send either AUDIO (bytes of a file) or SAMPLES (float samples, with SAMPLING_RATE).")
    seconds = 0.0
    items = tensors["AUDIO"].ravel() if "AUDIO" in tensors else tensors["SAMPLES"]
    rates = tensors.get("SAMPLING_RATE", np.full(len(items), sampling_rate)).ravel()
    for item, source in zip(items, rates, strict=True):
        if isinstance(item, bytes):
            samples, ratio = decode(item, sampling_rate, limits), 1.0
        else:
            samples = read_samples(item, int(source), sampling_rate, limits)
            ratio = sampling_rate / int(source)
        seconds += len(samples) / sampling_rate
        if seconds > limits.max_seconds:
            raise InvalidInput(
                f"The request has more than {limits.max_seconds:g} s of audio in all (max_audio_seconds of this "
                "deployment). Send fewer items at a time."
            )
        yield samples, ratio


def decode(data: bytes, sampling_rate: int, limits: Limits) -> np.ndarray:
    """[samples] float32 of the audio track that FFmpeg holds for the best one, mixed to mono, at `sampling_rate` [Hz].

    Decoding stops as soon as the limit of seconds is passed. Damaged packets are skipped, as ffmpeg does.

    Raises InvalidInput for data that is too large, too long, no audio, or has nothing to decode.
    """
    if len(data) > limits.max_bytes:
        raise InvalidInput(
            f"The audio has {len(data):,} bytes; this deployment takes {limits.max_bytes:,} (max_audio_bytes)."
        )
    blocks = []
    count = 0
    for block in _decode(data, sampling_rate):
        blocks.append(block)
        count += len(block)
        limits.check(count, sampling_rate)
    if not count:
        raise InvalidInput(f"The audio has no samples: it is empty or cut off. {ACCEPTED}")
    return np.concatenate(blocks)


def _decode(data: bytes, sampling_rate: int) -> Iterator[np.ndarray]:
    with _open(data) as container:
        stream = container.streams.best("audio")
        if stream is None:
            raise InvalidInput(f"The file has no audio track. {ACCEPTED}")
        source = None
        resampler = av.AudioResampler(format="flt", layout="mono", rate=sampling_rate)
        for frame in _frames(container, stream):
            if source not in (None, _kind(frame)):  # the next part of a chained file
                yield from _flush(resampler)
                resampler = av.AudioResampler(format="flt", layout="mono", rate=sampling_rate)
            source = _kind(frame)
            frame.pts = None
            try:
                converted = resampler.resample(frame)
            except (av.FFmpegError, ValueError):
                raise InvalidInput(
                    f"The audio has {len(frame.layout.channels)} channels ({frame.layout.name}), and there is no rule "
                    "for mixing these to one. Send one channel."
                ) from None
            yield from (mixed.to_ndarray()[0] for mixed in converted)
        yield from _flush(resampler)


class _Pipe(NamedTuple):
    """A file that can only be read on."""

    file: io.BytesIO

    def read(self, size: int) -> bytes:
        return self.file.read(size)


def _open(data: bytes) -> av.container.InputContainer:
    options = {"format_whitelist": FORMATS}
    try:
        container = av.open(io.BytesIO(data), "r", options=options)
        if container.format.name == "mp3":  # where FFmpeg can seek, it cuts the encoder's padding; in a pipe it cannot
            container.close()
            container = av.open(_Pipe(io.BytesIO(data)), "r", options=options)
    except (av.FFmpegError, ValueError):
        raise InvalidInput(f"The audio is in no format that this server reads, or is damaged. {ACCEPTED}") from None
    return container


def _frames(container: av.container.InputContainer, stream: Any) -> Iterator[av.AudioFrame]:
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.PatchWelcomeError:
            raise InvalidInput(
                "The file holds recordings of different kinds one after the other. Send them one at a time."
            ) from None
        except av.FFmpegError:  # cut off: what was read so far counts
            return
        if packet is None:
            return
        try:
            yield from packet.decode()
        except av.FFmpegError:
            continue


def _kind(frame: av.AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def _flush(resampler: av.AudioResampler) -> Iterator[np.ndarray]:
    for frame in resampler.resample(None):
        yield frame.to_ndarray()[0]


def read_samples(samples: np.ndarray, source_rate: int, sampling_rate: int, limits: Limits) -> np.ndarray:
    """[samples] float32 at `sampling_rate` [Hz] out of samples at `source_rate`.

    Raises InvalidInput for no samples, NaN or infinity, a rate out of SAMPLING_RATES, or more seconds than allowed.
    """
    least, greatest = SAMPLING_RATES
    if not least <= source_rate <= greatest:
        raise InvalidInput(f"SAMPLING_RATE must be from {least:,} to {greatest:,} Hz; got {source_rate:,}.")
    if not samples.size:
        raise InvalidInput("SAMPLES is empty. Send at least one sample.")
    limits.check(samples.size, source_rate)
    samples = samples.astype(np.float32, copy=False)
    if not np.isfinite(samples).all():
        raise InvalidInput("SAMPLES has NaN or infinite values. Send finite float samples, usually from -1 to 1.")
    return samples if source_rate == sampling_rate else resample(samples, source_rate, sampling_rate)


def resample(samples: np.ndarray, source_rate: int, target_rate: int) -> np.ndarray:
    """[samples] float32 from one rate [Hz] to another, by the windowed sinc of `torchaudio.functional.resample`.

    Its defaults: `sinc_interp_hann`, a low-pass at 0.99 of the lower Nyquist frequency, six zero crossings a side.
    Output sample n lies at n * source / target: one set of weights for each of its `target` fractional positions.
    """
    divisor = math.gcd(source_rate, target_rate)
    source, target = source_rate // divisor, target_rate // divisor
    cutoff = min(source, target) * 0.99
    reach = math.ceil(6 * source / cutoff)
    offsets = np.arange(-reach, reach + 2)
    count = math.ceil(len(samples) * target / source)
    padded = np.pad(samples, (reach, reach + 2 + source))
    output = np.zeros(count, np.float32)
    for phase in range(min(target, count)):
        first, fraction = divmod(phase * source, target)
        time = np.clip((offsets - fraction / target) / source * cutoff, -6, 6)
        weights = np.sinc(time) * np.cos(np.pi * time / 12) ** 2 * cutoff / source
        windows = np.lib.stride_tricks.sliding_window_view(padded[first:], len(offsets))[::source]
        output[phase::target] = windows[: len(output[phase::target])] @ weights.astype(np.float32)
    return output
