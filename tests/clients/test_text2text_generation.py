"""text2text-generation, and what summarization and translation share with it."""

import enum
import warnings
from typing import Any

import pytest

from tests.clients.fake import fake, sent, text
from triton_pipelines import InvalidInput, tasks
from triton_pipelines.transport import Request, Tensors

KEYS = {
    "text2text-generation": ("GENERATED_TEXT", "generated_text"),
    "summarization": ("SUMMARY_TEXT", "summary_text"),
    "translation": ("TRANSLATION_TEXT", "translation_text"),
}


def answers(tensor: str, warning: str = "") -> Any:
    def answer(request: Request) -> Tensors:
        count = int(request.parameters.get("num_return_sequences", 1))
        rows = [row for (row,) in sent(request, "TEXT")]
        return {
            tensor: text(*[[f"{row}{number}" for number in range(count)] for row in rows]),
            "WARNING": text(*[[warning] for _ in rows]),
        }

    return answer


@pytest.fixture(params=KEYS)
def task(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.parametrize(
    ("inputs", "arguments", "expected"),
    [
        ("a", {}, ["a0"]),
        ("a", {"num_return_sequences": 2}, ["a0", "a1"]),
        (["a"], {}, ["a0"]),
        (["a", "b"], {}, ["a0", "b0"]),
        (["a", "b"], {"num_return_sequences": 2}, [["a0", "a1"], ["b0", "b1"]]),
        ([], {}, []),
    ],
)
def test_results_have_the_shapes_of_transformers(
    task: str, inputs: Any, arguments: dict[str, Any], expected: list[Any]
) -> None:
    tensor, key = KEYS[task]
    run, _ = fake(task, answers(tensor))
    want = [[{key: each} for each in row] if isinstance(row, list) else {key: row} for row in expected]
    assert run(inputs, **arguments) == want


def test_a_generator_gives_a_list_for_each_text(task: str) -> None:
    tensor, key = KEYS[task]
    run, _ = fake(task, answers(tensor))
    assert list(run(each for each in "ab")) == [[{key: "a0"}], [{key: "b0"}]]


def test_a_list_is_one_request(task: str) -> None:
    run, transport = fake(task, answers(KEYS[task][0]))
    run(["a", "b", "c"])
    assert sent(transport.request, "TEXT") == [["a"], ["b"], ["c"]]
    assert transport.request.parameters == {}


class TruncationStrategy(enum.Enum):
    ONLY_FIRST = "only_first"


def test_parameters_are_sent_under_their_names(task: str) -> None:
    run, transport = fake(task, answers(KEYS[task][0]), num_beams=4)
    run(
        "a",
        truncation=TruncationStrategy.ONLY_FIRST,
        clean_up_tokenization_spaces=True,
        stop_sequence=".",
        return_text=True,
        return_tensors=False,
        max_length=None,
        generate_kwargs={"min_length": 5},
        num_beams=2,
    )
    assert transport.request.parameters == {
        "truncation": "only_first",
        "clean_up_tokenization_spaces": True,
        "stop_sequence": ".",
        "max_length": "null",
        "min_length": 5,
        "num_beams": 2,
    }


def test_truncation_may_be_a_boolean(task: str) -> None:
    run, transport = fake(task, answers(KEYS[task][0]))
    run("a", truncation=True)
    assert transport.request.parameters == {"truncation": True}


def test_warnings_of_the_pipeline_come_as_warnings(task: str) -> None:
    run, _ = fake(task, answers(KEYS[task][0], "Your one\nYour other"))
    with pytest.warns(UserWarning) as caught:
        run("a")
    assert [str(warning.message) for warning in caught] == ["Your one", "Your other"]
    with pytest.warns(UserWarning, match="Your one"):
        run(["a", "b"])


def test_without_a_warning_there_is_none(task: str) -> None:
    run, _ = fake(task, answers(KEYS[task][0]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(["a", "b"])


@pytest.mark.parametrize(
    ("inputs", "arguments", "message"),
    [
        ("a", {"return_tensors": True}, "token ids"),
        ("a", {"return_type": 0}, "return_type"),
        ("a", {"generation_config": object()}, "generation config"),
        ("a", {"bad_words_ids": [[1]]}, "bad_words_ids"),
        (["a", ["b", "c"]], {}, "the text must be a string, not list"),
        (5, {}, "the text must be a string, not int"),
    ],
)
def test_refusals(task: str, inputs: Any, arguments: dict[str, Any], message: str) -> None:
    run, _ = fake(task, answers(KEYS[task][0]))
    with pytest.raises(InvalidInput, match=message):
        run(inputs, **arguments)


def test_a_deployment_is_told_by_its_tensors(task: str) -> None:
    assert tasks.matching(("TEXT",), (KEYS[task][0], "WARNING"))[0].name == task
