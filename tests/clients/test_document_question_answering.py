"""document-question-answering: every way to ask, words with boxes, and what comes back."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.clients.fake import fake, floats, ints, sent, text
from triton_pipelines import InvalidInput, tasks
from triton_pipelines.transport import Request, Tensors

WORDS = [("Total:", [50, 700, 200, 760]), ("$154.06", (600.9, 700, 800, 760))]
EXAMPLE = {"image": b"image", "question": "q", "word_boxes": WORDS}


def answer(request: Request) -> Tensors:
    """As many answers as top_k says, at most as many as the question is long."""
    questions = [question for (question,) in sent(request, "QUESTION")]
    counts = [min(int(request.parameters.get("top_k", 1)), len(question)) for question in questions]
    return {
        "ANSWER": text(*[[question, f"{question}!", ""] for question in questions]),
        "SCORE": floats(*[[0.5, 0.25, 0]] * len(questions)),
        "START": ints(*[[3, 2, -1]] * len(questions)),
        "END": ints(*[[4, 5, -1]] * len(questions)),
        "COUNT": ints(*[[count] for count in counts]),
    }


def best(question: str) -> list[dict[str, Any]]:
    return [{"score": 0.5, "answer": question, "start": 3, "end": 4}]


@pytest.mark.parametrize(
    ("inputs", "arguments", "expected"),
    [
        ([], EXAMPLE, best("q")),
        ([b"image", "q"], {}, best("q")),
        ([b"image", "q", WORDS], {}, best("q")),
        ([None], {"question": "q", "word_boxes": WORDS}, best("q")),
        ([EXAMPLE], {}, best("q")),
        ([[EXAMPLE]], {}, [best("q")]),
        ([[EXAMPLE, {"image": b"other", "question": "r"}]], {}, [best("q"), best("r")]),
        ([], {"image": [EXAMPLE]}, [best("q")]),
        ([b"image", ["q", "r"]], {}, [best("q"), best("r")]),
        ([[b"image", b"other"], "q"], {}, [best("q"), best("q")]),
        ([b"image", ["q"]], {"word_boxes": WORDS}, [best("q")]),
        ([b"image", ""], {}, []),
        ([b"image", "qq"], {"top_k": 2}, [*best("qq"), {"score": 0.25, "answer": "qq!", "start": 2, "end": 5}]),
    ],
)
def test_every_way_to_ask(inputs: list[Any], arguments: dict[str, Any], expected: Any) -> None:
    ask, _ = fake("document-question-answering", answer)
    found = ask(*inputs, **arguments)
    assert found == expected
    if found and isinstance(found[0], dict):
        assert list(found[0]) == ["score", "answer", "start", "end"]


def test_a_generator_of_examples() -> None:
    ask, transport = fake("document-question-answering", answer)
    results = ask({"question": question, "image": b"image", "id": 1} for question in ["q", "r"])
    assert list(results) == [best("q"), best("r")]
    assert sent(transport.request, "QUESTION") == [["q"], ["r"]] and "WORDS" not in transport.request.tensors


def test_images_are_read_on_this_side(tmp_path: Path) -> None:
    Image.new("RGB", (4, 3), "red").save(tmp_path / "page.png")
    ask, transport = fake("document-question-answering", answer)
    for image in (str(tmp_path / "page.png"), tmp_path / "page.png", Image.open(tmp_path / "page.png")):
        ask(image, "q")
    assert all(request.tensors["IMAGE"][0, 0].startswith(b"\x89PNG") for request in transport.requests)


def test_words_and_boxes() -> None:
    ask, transport = fake("document-question-answering", answer)
    ask(None, "q", WORDS)
    assert set(transport.request.tensors) == {"QUESTION", "WORDS", "BOXES"}
    assert sent(transport.request, "WORDS") == [["Total:", "$154.06"]]
    boxes = transport.request.tensors["BOXES"]
    assert boxes.dtype == np.int32 and boxes.tolist() == [[[50, 700, 200, 760], [600, 700, 800, 760]]]
    ask(None, "q", [])
    assert transport.requests[1].tensors["WORDS"].shape == (1, 0)
    assert transport.requests[1].tensors["BOXES"].shape == (1, 0, 4)


def test_examples_with_and_without_words_go_in_requests_of_their_own() -> None:
    ask, transport = fake("document-question-answering", answer)
    plain = {"image": b"image", "question": "q"}
    assert ask([plain, plain, EXAMPLE, EXAMPLE | {"word_boxes": WORDS[:1]}]) == [best("q")] * 4
    assert sorted(len(request.tensors["QUESTION"]) for request in transport.requests) == [1, 1, 2]


def test_parameters() -> None:
    ask, transport = fake("document-question-answering", answer, max_answer_len=5)
    ask(b"image", "q", padding="longest", doc_stride=None, lang="deu", tesseract_config="--psm 6", timeout=3)
    assert transport.request.parameters == {"max_answer_len": 5, "lang": "deu", "tesseract_config": "--psm 6"}


def test_models_that_write_their_answer() -> None:
    def write(request: Request) -> Tensors:
        none = ints([-1], [-1])
        found = {"ANSWER": text(["us-001"], [""]), "SCORE": floats([1], [0]), "COUNT": ints([1], [1])}
        return {**found, "START": none, "END": none}

    ask, _ = fake("document-question-answering", write)
    assert ask(b"image", ["q", "r"]) == [[{"answer": "us-001"}], [{"answer": None}]]


def test_a_deployment_is_told_by_its_tensors() -> None:
    outputs = ("ANSWER", "SCORE", "START", "END", "COUNT")
    assert tasks.matching(("QUESTION", "IMAGE", "WORDS", "BOXES"), outputs)[0].name == "document-question-answering"
    assert tasks.matching(("QUESTION", "CONTEXT"), outputs)[0].name == "question-answering"


@pytest.mark.parametrize(
    ("inputs", "arguments", "message"),
    [
        ([], {}, "image=... and question=..."),
        ([b"image"], {}, "image=... and question=..."),
        ([{"image": b"image"}], {}, "a dict of both"),
        ([], {"question": "q"}, "You must provide an image or word_boxes"),
        ([b"image", 5], {}, "a string or a list of strings, not int"),
        ([b"image", [5]], {}, "the question must be a string, not int"),
        ([None, "q", [("word", [1, 2, 3])]], {}, "the box of 'word' must be four numbers"),
        ([None, "q", [("word", ["a", "b", "c", "d"])]], {}, "the box of 'word' must be four numbers"),
        ([None, "q", [("word", [1, 2, 3, float("nan")])]], {}, "the box of 'word' must be four numbers"),
        ([None, "q", ["word"]], {}, "pairs of a word and its box, not 'word'"),
        ([None, "q", [(5, [1, 2, 3, 4])]], {}, "a word of word_boxes must be a string"),
        (["no file", "q"], {}, "Incorrect image source"),
    ],
)
def test_refusals(inputs: list[Any], arguments: dict[str, Any], message: str) -> None:
    ask, _ = fake("document-question-answering", answer)
    with pytest.raises(InvalidInput, match=message):
        ask(*inputs, **arguments)
