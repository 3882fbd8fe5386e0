"""Video classification: which frames are looked at, and files that are no videos."""

import io
from pathlib import Path

import av
import numpy as np
import pytest

from python_backend import video
from python_backend.parameters import InvalidInput
from tests.unit.ensemble import Ensemble, Sent, text
from tests.unit.pictures import DATA

MP4, WEBM, SHORT, UNEVEN = (
    (DATA / name).read_bytes() for name in ("moving.mp4", "moving.webm", "short.mp4", "uneven.mkv")
)
SOUND, PAGE = (DATA / "speech.m4a").read_bytes(), (DATA / "page.txt").read_bytes()
LIMITS = video.Limits(1_000_000, 10_000, 100)


@pytest.fixture(scope="module")
def videomae(checkpoints: Path) -> Ensemble:
    return Ensemble("video_classification", checkpoints / "video_classification_videomae", max_video_frames="50")


def test_the_frames_that_are_asked_for() -> None:
    everything = [frame.to_ndarray(format="rgb24") for frame in av.open(io.BytesIO(MP4), "r").decode(video=0)]
    frames = video.decode(MP4, np.array([0, 3, 7]), LIMITS)
    np.testing.assert_array_equal(np.stack(frames), np.stack([everything[number] for number in (0, 3, 7)]))


def test_no_frame_behind_the_last_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []

    class Container:
        """An open file that counts what is decoded of it."""

        def __init__(self, container: av.container.InputContainer) -> None:
            self.container, self.streams = container, container.streams

        def __enter__(self) -> "Container":
            return self

        def __exit__(self, *error: object) -> None:
            self.container.close()

        def decode(self, video: int) -> object:
            for frame in self.container.decode(video=video):
                decoded.append(frame.pts)
                yield frame

    opened = av.open
    monkeypatch.setattr(av, "open", lambda *given, **how: Container(opened(*given, **how)))
    video.decode(MP4, np.array([0, 2]), LIMITS)
    assert len(decoded) == 3


def test_short_videos_give_what_they_have() -> None:
    assert len(video.decode(SHORT, np.arange(10), LIMITS)) == 3


@pytest.mark.parametrize(
    ("data", "limits", "message"),
    [
        (b"", LIMITS, "VIDEO is empty"),
        (PAGE, LIMITS, "no format that this server reads"),
        (SOUND, LIMITS, "no video track"),
        (MP4[:500], LIMITS, "VIDEO"),
        (b"#EXTM3U\n#EXTINF:1,\nhttp://localhost/x.ts\n", LIMITS, "no format"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", LIMITS, "no format"),
        (b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n", LIMITS, "no format"),
        (MP4, LIMITS._replace(max_bytes=100), r"max_video_bytes"),
        (MP4, LIMITS._replace(max_pixels=100), r"48 x 36 pixels; .* \(max_video_pixels\)"),
        (MP4, LIMITS._replace(max_frames=4), r"max_video_frames"),
    ],
)
def test_what_is_refused(data: bytes, limits: video.Limits, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        video.decode(data, np.array([0, 4]), limits)


def test_damaged_files_are_read_or_refused_and_nothing_else() -> None:
    random = np.random.default_rng(0)
    for whole in (MP4, WEBM, UNEVEN):
        for _ in range(30):
            damaged = np.frombuffer(whole, np.uint8).copy()
            damaged[random.integers(0, len(damaged), 8)] = random.integers(0, 256, 8)
            try:
                assert video.decode(damaged.tobytes(), np.array([0, 5]), LIMITS)[0].ndim == 3
            except InvalidInput as error:
                assert "VIDEO" in str(error) or "video" in str(error)


def test_requests_that_share_a_batch_get_the_answers_they_get_alone(videomae: Ensemble) -> None:
    sent: list[Sent] = [
        ({"VIDEO": text(MP4)}, {}),
        ({"VIDEO": text(PAGE)}, {}),
        ({"VIDEO": text(UNEVEN)}, {"frame_sampling_rate": 2}),
        ({"VIDEO": text(SHORT)}, {}),
        ({"VIDEO": text(WEBM, MP4)}, {"top_k": 1}),
    ]
    first, garbage, uneven, short, two = videomae.batch(*sent)
    assert isinstance(garbage, InvalidInput)
    assert isinstance(short, InvalidInput) and "takes 4 frames and got 3" in str(short)
    for (tensors, parameters), result in ((sent[0], first), (sent[2], uneven), (sent[4], two)):
        assert isinstance(result, dict)
        np.testing.assert_allclose(result["SCORE"], videomae(tensors, **parameters)["SCORE"], atol=1e-5)
    assert isinstance(two, dict) and two["LABEL"].shape == (2, 1)


@pytest.mark.parametrize(
    ("parameters", "setting"),
    [
        ({"num_frames": 10**12}, "max_num_frames"),
        ({"num_frames": 65}, "max_num_frames"),
        ({"num_frames": 51}, "max_video_frames"),
        ({"frame_sampling_rate": 10**20}, "max_video_frames"),
    ],
)
def test_numbers_of_frames_are_bounded(videomae: Ensemble, parameters: dict[str, int], setting: str) -> None:
    """All frames that are looked at are in memory at once, and a file of a few kilobytes has hundreds of them."""
    with pytest.raises(InvalidInput, match=setting):
        videomae({"VIDEO": text(MP4)}, **parameters)


def test_a_model_gets_the_frames_that_it_was_made_for(checkpoints: Path) -> None:
    vivit = Ensemble("video_classification", checkpoints / "video_classification_vivit", max_num_frames="1")
    assert vivit({"VIDEO": text(MP4)})["SCORE"].size
