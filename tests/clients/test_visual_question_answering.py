from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.clients.fake import fake, floats, sent, text
from triton_pipelines import InvalidInput
from triton_pipelines.transport import Request, Tensors


def answer(request: Request) -> Tensors:
    """The question, and no."""
    questions = [question.decode() for question in request.tensors["QUESTION"].ravel()]
    return {"ANSWER": text(*[[each, "no"] for each in questions]), "SCORE": floats(*[[0.75, 0.25]] * len(questions))}


def chosen(question: str) -> list[dict[str, Any]]:
    return [{"score": 0.75, "answer": question}, {"score": 0.25, "answer": "no"}]


def test_results_have_the_shapes_of_transformers() -> None:
    ask, _ = fake("visual-question-answering", answer)
    assert ask(b"image", "what?") == chosen("what?")
    assert ask(image=b"image", question="what?") == chosen("what?")
    assert ask({"image": b"image", "question": "what?"}) == chosen("what?")
    assert ask([{"image": b"image", "question": "what?"}]) == [chosen("what?")]
    assert ask(b"image", ["what?", "who?"]) == [chosen("what?"), chosen("who?")]
    assert ask([b"image", b"other"], "what?") == [chosen("what?")] * 2
    pairs = ({"image": b"image", "question": each} for each in ("what?", "who?"))
    assert list(ask(pairs)) == [chosen("what?"), chosen("who?")]


def test_several_images_and_several_questions_are_all_asked() -> None:
    ask, transport = fake("visual-question-answering", answer)
    assert len(ask([b"a", b"b"], ["what?", "who?"])) == 4
    assert sent(transport.request, "QUESTION") == [["what?"], ["what?"], ["who?"], ["who?"]]
    assert sent(transport.request, "IMAGE") == [["a"], ["b"], ["a"], ["b"]]


def test_an_answer_that_was_written_has_no_score() -> None:
    written = {"ANSWER": text(["a cat"]), "SCORE": np.empty((1, 0), np.float32)}
    ask, _ = fake("visual-question-answering", lambda request: written)
    assert ask(b"image", "what?") == [{"answer": "a cat"}]


def test_one_image_is_read_once_for_all_questions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from triton_pipelines import images

    file = tmp_path / "image.png"
    Image.new("RGB", (4, 4)).save(file)
    reads = []
    read = images.read
    monkeypatch.setattr(images, "read", lambda *arguments: reads.append(arguments) or read(*arguments))  # type: ignore[func-returns-value]
    ask, _ = fake("visual-question-answering", answer)
    ask(str(file), [f"{number}?" for number in range(20)], batch_size=2)
    assert len(reads) == 1


def test_arguments_become_parameters() -> None:
    ask, transport = fake("visual-question-answering", answer)
    ask(b"image", "what?", top_k=2, padding="max_length", truncation=True)
    assert transport.request.parameters == {"top_k": 2, "padding": "max_length", "truncation": True}


@pytest.mark.parametrize("inputs", [(), (b"image",), ({"image": b"image"},), (b"image", 5), (5, "what?")])
def test_what_is_no_pair_is_refused(inputs: tuple[Any, ...]) -> None:
    ask, transport = fake("visual-question-answering", answer)
    with pytest.raises(InvalidInput):
        ask(*inputs)
    assert not transport.requests
