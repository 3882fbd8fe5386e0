"""The command line."""

import base64
import io
import json
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from triton_pipelines import InvalidInput, Unsupported, __main__, cli, deployments
from triton_pipelines.testing import FakeTransport
from triton_pipelines.transport import Description


class Recorded:
    """Stands for a pipeline: says what it was made of and called with."""

    def __init__(self, *made: Any, headers: dict[str, str], **defaults: Any) -> None:
        self.headers = headers
        self.made = [*made, defaults]

    def __enter__(self) -> "Recorded":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    @property
    def task(self) -> str:
        return str(self.made[0])

    def __call__(self, inputs: Any, on_error: str) -> Any:
        for each in inputs:
            if each != "bad":
                yield {"é": each, "made": self.made}
            elif on_error == "return":
                yield InvalidInput("bad text")
            else:
                raise InvalidInput("bad text")


@pytest.fixture(autouse=True)
def recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "pipeline", Recorded)


def lines(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_of_json_an_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert __main__.main(["ner", "a", "b", "-p", "top_k=2", "-p", "candidate_labels=x,y", "--model", "mine"]) == 0
    made = ["ner", "mine", "localhost:8001", {"top_k": 2, "candidate_labels": "x,y"}]
    assert lines(capsys) == [{"é": "a", "made": made}, {"é": "b", "made": made}]


def test_inputs_from_stdin_and_as_json(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"question": "q"}\n\n[1]\n'))
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
    monkeypatch.setattr(Recorded, "__call__", lambda self, inputs, on_error: iter([found]))
    assert __main__.main(["depth-estimation", "a.png"]) == 0
    (result,) = lines(capsys)
    assert (result["depth"], result["score"]) == ([[0.5]], 0.25)
    assert Image.open(io.BytesIO(base64.b64decode(result["mask"]))).tobytes() == mask.tobytes()


def test_a_chat_is_made_of_its_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    talked = []
    monkeypatch.setattr(cli.terminal, "Chat", lambda run, system: (run.made, system))
    monkeypatch.setattr(cli.terminal, "talk", lambda chat, read, write: talked.append(chat))
    assert __main__.main(["chat", "-p", "max_new_tokens=5", "--system", "Be brief."]) == 0
    assert __main__.main(["chat", "--model", "mine", "--url", "http://a:1"]) == 0
    assert talked == [
        (["text-generation", None, "localhost:8001", {"max_new_tokens": 5}], "Be brief."),
        ([None, "mine", "http://a:1", {}], None),
    ]


def test_without_its_libraries_it_says_what_to_install(capsys: pytest.CaptureFixture[str]) -> None:
    hide = "import sys; sys.modules['click'] = None; from triton_pipelines.__main__ import main; sys.exit(main([]))"
    done = subprocess.run([sys.executable, "-c", hide], capture_output=True, text=True)
    assert done.returncode == 1
    assert "pip install 'triton-pipelines[cli]'" in done.stderr


def test_options_may_stand_before_the_task(capsys: pytest.CaptureFixture[str]) -> None:
    assert __main__.main(["--url", "http://host", "ner", "a"]) == 0
    assert lines(capsys)[0]["made"] == ["ner", None, "http://host", {}]


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_is_that_of_all_commands(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert __main__.main([option]) == 0
    assert "Commands:" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["ner"], ["ner", "a", "--colour"], ["chat", "fill-mask"]])
def test_wrong_uses(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        __main__.main(arguments)
    assert ended.value.code == 2
    assert "Error: " in capsys.readouterr().err


def test_columns_lines_and_json_of_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_text('\ufeffid,text\n1,"I, too"\n2,é\n', encoding="utf-8")
    (tmp_path / "b.tsv").write_text("text\tid\nc\t3\n")
    (tmp_path / "c.jsonl").write_text('{"question": "q"}\n\n"d"\n')
    (tmp_path / "d.txt").write_text("e\r\n\nf\n")
    files = [option for name in ("a.csv", "b.tsv") for option in ("-i", str(tmp_path / name))]
    assert __main__.main(["ner", *files, "--column", "text"]) == 0
    assert [line["é"] for line in lines(capsys)] == ["I, too", "é", "c"]
    assert __main__.main(["ner", "first", *files, "--column", "text", "--column", "id"]) == 0
    assert [line["é"] for line in lines(capsys)][1::2] == [{"text": "I, too", "id": "1"}, {"text": "c", "id": "3"}]
    assert __main__.main(["ner", "-i", str(tmp_path / "c.jsonl"), "-i", str(tmp_path / "d.txt")]) == 0
    assert [line["é"] for line in lines(capsys)] == [{"question": "q"}, "d", "e", "", "f"]
    assert __main__.main(["ner", *files, "--column", "name"]) == 1
    assert "a.csv has the columns id, text: choose with --column" in capsys.readouterr().err
    assert __main__.main(["ner", "-i", str(tmp_path / "missing")]) == 1


def test_patterns_are_of_files_where_a_task_takes_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("b.png", "a.png", "c.jpg"):
        (tmp_path / name).touch()
    assert __main__.main(["image-classification", f"{tmp_path}/*.png", "https://host/*.png"]) == 0
    assert [line["é"] for line in lines(capsys)] == [f"{tmp_path}/a.png", f"{tmp_path}/b.png", "https://host/*.png"]
    assert __main__.main(["fill-mask", "a * b"]) == 0
    assert __main__.main(["image-classification", f"{tmp_path}/*.gif"]) == 1
    assert "no file fits" in capsys.readouterr().err


def test_it_keeps_going_when_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert __main__.main(["ner", "a", "bad", "b", "--keep-going"]) == 1
    first, second, third = lines(capsys)
    assert second == {"error": "bad text", "status": "INVALID_ARG", "item": None}
    assert (first["é"], third["é"]) == ("a", "b")


def test_files_for_what_is_no_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [
        [{"label": "cat", "mask": Image.new("L", (2, 1), 7)}],
        {"audio": np.zeros((1, 8), np.float32), "sampling_rate": 8},
        np.ones((2, 2), np.float32),
    ]
    monkeypatch.setattr(Recorded, "__call__", lambda self, inputs, on_error: iter(found))
    assert __main__.main(["image-segmentation", "a.png", "--output", str(tmp_path / "new" / "folder")]) == 0
    picture, sound, array = lines(capsys)
    assert Image.open(picture[0]["mask"]).tobytes() == b"\7\7"
    assert picture[0]["mask"].endswith("folder/00000-0-mask.png")
    with wave.open(sound) as file:
        assert (file.getframerate(), file.getnframes()) == (8, 8)
    assert np.load(array).tolist() == [[1, 1], [1, 1]]


@pytest.fixture
def serving(monkeypatch: pytest.MonkeyPatch) -> FakeTransport:
    """A server with two deployments, one of which is not ready."""
    names = [f"{name}{step}" for name in ("ner", "mine") for step in ("", "_preprocess", "_model", "_postprocess")]
    transport = FakeTransport(lambda request: {}, names=("ner", *names))
    transport.description = Description(("TEXT",), ("LABEL", "SCORE"), 8)
    monkeypatch.setattr(transport, "models", lambda: {name: name != "mine_model" for name in names})
    monkeypatch.setattr(deployments, "connect", lambda url, headers: transport)
    return transport


def test_what_is_served_is_listed(serving: FakeTransport, capsys: pytest.CaptureFixture[str]) -> None:
    assert __main__.main(["list"]) == 0
    assert lines(capsys) == [
        {"name": "mine", "task": "text-classification", "ready": False},
        {"name": "ner", "task": "text-classification", "ready": True},
    ]
    assert serving.closed


def test_a_server_that_keeps_its_list_to_itself(
    serving: FakeTransport, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def restricted() -> Any:
        raise Unsupported("this protocol is restricted")

    serving.names = ()
    monkeypatch.setattr(serving, "models", restricted)
    monkeypatch.setattr(serving, "ready", lambda model: model in ("text_classification", "mine"))
    assert __main__.main(["list"]) == 0
    assert lines(capsys) == [{"name": "text_classification", "task": "text-classification", "ready": True}]


def test_health(serving: FakeTransport, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "ready", lambda model: model in (None, "ner"))
    assert __main__.main(["health"]) == 0
    assert __main__.main(["health", "--model", "ner"]) == 0
    assert __main__.main(["health", "--model", "mine"]) == 1
    assert capsys.readouterr().out == "localhost:8001: ready\nner: ready\nmine: not ready\n"


def test_headers(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recorded, "__call__", lambda self, inputs, on_error: [self.headers])
    assert __main__.main(["ner", "a", "-H", "authorization=Bearer x=y", "-H", "key=1e5"]) == 0
    assert lines(capsys) == [{"authorization": "Bearer x=y", "key": "1e5"}]


def test_no_server_is_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("list", "health"):
        assert __main__.main([command, "--url", "127.0.0.1:1"]) == 1
    assert capsys.readouterr().err.count("error: grpc://") == 2
