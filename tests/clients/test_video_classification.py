from pathlib import Path

import pytest

from tests.clients.fake import fake, floats, text
from triton_pipelines import InvalidInput
from triton_pipelines.transport import Request, Tensors


def answer(request: Request) -> Tensors:
    return {"LABEL": text(["running", "eating"]), "SCORE": floats([0.75, 0.25])}


FOUND = [{"score": 0.75, "label": "running"}, {"score": 0.25, "label": "eating"}]


def test_paths_and_bytes(tmp_path: Path) -> None:
    (tmp_path / "run.mp4").write_bytes(b"encoded")
    classify, transport = fake("video-classification", answer)
    assert classify(str(tmp_path / "run.mp4")) == classify(tmp_path / "run.mp4") == classify(b"encoded") == FOUND
    assert list(FOUND[0]) == list(classify(b"encoded")[0])
    assert {request.tensors["VIDEO"].item() for request in transport.requests} == {b"encoded"}


def test_parameters() -> None:
    classify, transport = fake("video-classification", answer, top_k=2)
    classify(b"video", num_frames=4, frame_sampling_rate=2, function_to_apply="none")
    sent = {"top_k": 2, "num_frames": 4, "frame_sampling_rate": 2, "function_to_apply": "none"}
    assert transport.request.parameters == sent


def test_the_argument_of_old_and_refusals() -> None:
    classify, _ = fake("video-classification", answer)
    with pytest.warns(FutureWarning, match="videos"):
        assert classify(videos=b"video") == FOUND
    with pytest.raises(InvalidInput, match="give a video"):
        classify()
    with pytest.raises(InvalidInput, match="not int"):
        classify(3)
