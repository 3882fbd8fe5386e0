from types import SimpleNamespace
from typing import Any

import pytest

from tests.clients.fake import fake, floats, ints, sent, text
from triton_pipelines import InvalidInput
from triton_pipelines.transport import Request, Tensors


def answer(request: Request) -> Tensors:
    """As many answers as top_k says, at most as many as the question is long."""
    questions = [question for (question,) in sent(request, "QUESTION")]
    counts = [min(int(request.parameters.get("top_k", 1)), len(question)) for question in questions]
    return {
        "ANSWER": text(*[[question, f"{question}!", ""] for question in questions]),
        "SCORE": floats(*[[0.5, 0.25, 0]] * len(questions)),
        "START": ints(*[[3, 2, 0]] * len(questions)),
        "END": ints(*[[4, 5, 0]] * len(questions)),
        "COUNT": ints(*[[count] for count in counts]),
    }


def best(question: str) -> dict[str, Any]:
    return {"score": 0.5, "start": 3, "end": 4, "answer": question}


def second(question: str) -> dict[str, Any]:
    return {"score": 0.25, "start": 2, "end": 5, "answer": f"{question}!"}


EXAMPLE: dict[str, Any] = {"question": "q", "context": "c"}
SQUAD = SimpleNamespace(question_text="q", context_text="c")


@pytest.mark.parametrize(
    ("inputs", "arguments", "expected"),
    [
        ([], EXAMPLE, best("q")),
        (["q", "c"], {}, best("q")),
        ([EXAMPLE], {}, best("q")),
        ([[EXAMPLE]], {}, best("q")),
        ([SQUAD], {}, best("q")),
        ([EXAMPLE, EXAMPLE], {}, [best("q"), best("q")]),
        ([[EXAMPLE, SQUAD]], {}, [best("q"), best("q")]),
        ([], {"data": EXAMPLE}, best("q")),
        ([], {"X": [EXAMPLE, EXAMPLE]}, [best("q"), best("q")]),
        ([], {"question": ["q", "r"], "context": "c"}, [best("q"), best("r")]),
        ([], {"question": ["q", "r"], "context": ["c", "d"]}, [best("q"), best("r")]),
        ([], {"question": ["q"], "context": ["c"]}, best("q")),
        ([{"question": ["q", "r"], "context": ["c", "d"]}], {}, [best("q"), best("r")]),
        ([], {"question": "qq", "context": "c", "top_k": 2}, [best("qq"), second("qq")]),
        ([], {"question": "q", "context": "c", "top_k": 2}, best("q")),
        ([[EXAMPLE, {"question": "qq", "context": "c"}]], {"top_k": 2}, [best("q"), [best("qq"), second("qq")]]),
    ],
)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_every_way_to_ask(inputs: list[Any], arguments: dict[str, Any], expected: Any) -> None:
    ask, _ = fake("question-answering", answer)
    assert ask(*inputs, **arguments) == expected


def test_the_keys_are_in_the_order_of_transformers() -> None:
    ask, _ = fake("question-answering", answer)
    assert list(ask(**EXAMPLE)) == ["score", "start", "end", "answer"]


def test_no_answer_is_an_empty_list() -> None:
    ask, _ = fake("question-answering", lambda request: {**answer(request), "COUNT": ints([0])})
    assert ask(**EXAMPLE) == []


def test_a_generator_of_examples() -> None:
    ask, transport = fake("question-answering", answer)
    results = ask({"question": question, "context": "c", "id": 1} for question in ["q", "r"])
    assert list(results) == [best("q"), best("r")]
    assert sent(transport.request, "CONTEXT") == [["c"], ["c"]]


def test_parameters() -> None:
    ask, transport = fake("question-answering", answer, max_answer_len=5)
    ask(**EXAMPLE, padding="longest", doc_stride=None, align_to_words=False)
    assert transport.request.parameters == {"max_answer_len": 5, "align_to_words": False}
    with pytest.warns(FutureWarning, match="top_k"):
        ask(**EXAMPLE, topk=2)
    assert transport.requests[1].parameters == {"max_answer_len": 5, "top_k": 2}


@pytest.mark.parametrize(
    ("inputs", "arguments", "message"),
    [
        ([], {}, "question=... and context=..."),
        ([], {"question": "q"}, "question=... and context=..."),
        ([{"question": "q"}], {}, "keys question and context"),
        ([], {"question": "", "context": "c"}, "`question` cannot be empty"),
        ([], {"question": "q", "context": ""}, "`context` cannot be empty"),
        ([{"question": "q", "context": None}], {}, "`context` cannot be None"),
        ([], {"question": ["q", "r"], "context": ["c"]}, "2 questions but 1 contexts"),
        ([], {"question": "q", "context": ["c"]}, "two lists"),
        (["q"], {}, "dict"),
    ],
)
def test_refusals(inputs: list[Any], arguments: dict[str, Any], message: str) -> None:
    ask, _ = fake("question-answering", answer)
    with pytest.raises(InvalidInput, match=message):
        ask(*inputs, **arguments)
