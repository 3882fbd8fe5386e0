"""The command line."""

import base64
import io
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from triton_pipelines import InvalidInput, __main__


class Recorded:
    """Stands for a pipeline: says what it was made of and called with."""

    def __init__(self, *made: Any, **defaults: Any) -> None:
        self.made = [*made, defaults]

    def __enter__(self) -> "Recorded":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def __call__(self, inputs: Any) -> Any:
        for each in inputs:
            if each == "bad":
                raise InvalidInput("bad text")
            yield {"é": each, "made": self.made}


@pytest.fixture(autouse=True)
def recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(__main__, "pipeline", Recorded)


def lines(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_of_json_an_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert __main__.main(["ner", "a", "b", "-p", "top_k=2", "-p", "candidate_labels=x,y", "--model", "mine"]) == 0
    made = ["ner", "mine", "localhost:8001", {"top_k": 2, "candidate_labels": "x,y"}]
    assert lines(capsys) == [{"é": "a", "made": made}, {"é": "b", "made": made}]


def test_inputs_from_stdin_and_as_json(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"question": "q"}\n[1]\n'))
    assert __main__.main(["question-answering", "-", '"last"', "--json", "--url", "http://host"]) == 0
    assert [line["é"] for line in lines(capsys)] == [{"question": "q"}, [1], "last"]


def test_errors_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert __main__.main(["ner", "a", "bad"]) == 1
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 1
    assert captured.err == "error: bad text\n"


def test_parameters_have_names_and_values(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        __main__.main(["ner", "a", "-p", "top_k"])
    assert "'top_k' is not NAME=VALUE" in capsys.readouterr().err


def test_pictures_and_arrays_become_json(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    mask = Image.new("L", (2, 1), 7)
    found = {"mask": mask, "depth": np.array([[0.5]], np.float32), "score": np.float32(0.25)}
    monkeypatch.setattr(Recorded, "__call__", lambda self, inputs: iter([found]))
    assert __main__.main(["depth-estimation", "a.png"]) == 0
    (result,) = lines(capsys)
    assert (result["depth"], result["score"]) == ([[0.5]], 0.25)
    assert Image.open(io.BytesIO(base64.b64decode(result["mask"]))).tobytes() == mask.tobytes()


def test_a_chat_is_made_of_its_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    talked = []
    monkeypatch.setattr(__main__.terminal, "Chat", lambda run, system: (run.made, system))
    monkeypatch.setattr(__main__.terminal, "talk", lambda chat, read, write: talked.append(chat))
    assert __main__.main(["chat", "-p", "max_new_tokens=5", "--system", "Be brief."]) == 0
    assert __main__.main(["chat", "--model", "mine", "--url", "http://a:1"]) == 0
    assert talked == [
        (["text-generation", None, "localhost:8001", {"max_new_tokens": 5}], "Be brief."),
        ([None, "mine", "http://a:1", {}], None),
    ]
