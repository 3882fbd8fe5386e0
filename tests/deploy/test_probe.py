"""scripts/probe.py: a deployment that does not answer is noticed, and a busy one is not taken for dead."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import psutil
import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

import probe
from repository import deployments
from tests.deploy.image import Running, start, unpack_image

ROOT = Path(__file__).parents[2]
REPOSITORY = ROOT / "model_repository"


def test_a_live_server_answers(running: Running) -> None:
    assert probe.ask(["text_classification", "masks"], running.url, 10) == {}
    assert 'nv_inference_request_success{model="masks_postprocess",version="1"} 0' not in running.metrics()


def test_nothing_of_that_name(running: Running) -> None:
    assert "'nobody'" in (probe.answers("nobody", running.url, 5) or "")


def test_no_server() -> None:
    assert "cannot be asked" in (probe.answers("masks", "http://127.0.0.1:1", 5) or "")


def test_a_dead_stub(running: Running, tmp_path: Path) -> None:
    """The very fault that Triton's own health does not show; the neighbour stays well."""
    unpack_image(tmp_path / "root")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "models").symlink_to(running.data / "models")
    with start(tmp_path / "root", tmp_path / "data") as other:
        assert probe.ask(["text_classification", "masks"], other.url, 10) == {}
        command = ["python", "scripts/probe.py", "--repository", "/data/models", "--url", other.url]
        with nobody_heals(other):
            os.kill(stub(other, "masks_model"), signal.SIGKILL)
            silent = probe.ask(["text_classification", "masks"], other.url, 10)
            assert set(silent) == {"masks"} and "not healthy" in silent["masks"]
            done = other.run(command)
            assert done.returncode == 1 and done.stderr.startswith("masks: 500 ")
            assert other.run(command, "text-classification").returncode == 0
            # The alert on dead models goes by this.
            assert re.search(
                r'nv_inference_request_failure\{model="masks_model",reason="BACKEND",version="1"\} [1-9]',
                other.metrics(),
            )
        deadline = time.monotonic() + 60
        while other.run(command).returncode and time.monotonic() < deadline:
            pass
        assert other.run(command).returncode == 0


@contextlib.contextmanager
def nobody_heals(server: Running) -> Iterator[None]:
    """The watcher of the start command stands still."""
    first = psutil.Process(server.process.pid)
    watching = [
        process
        for process in (first, *first.children(recursive=True))
        if "scripts/serve_container.py" in process.cmdline() and process.name().startswith("python")
    ]
    for process in watching:
        process.suspend()
    assert watching
    yield
    for process in watching:
        process.resume()


def stub(server: Running, model: str) -> int:
    """The process id of a model's Python process."""
    for process in psutil.Process(server.process.pid).children(recursive=True):
        if process.name().startswith("triton_python") and f"/{model}/1/model.py" in " ".join(process.cmdline()):
            return process.pid
    raise AssertionError(f"no stub of {model}")


# Questions.


@pytest.mark.parametrize("name", deployments(REPOSITORY))
def test_there_is_a_value_for_each_tensor_that_a_task_needs(name: str) -> None:
    config = text_format.Parse((REPOSITORY / name / "config.pbtxt").read_text(), model_config_pb2.ModelConfig())
    needed = {tensor.name for tensor in config.input if not tensor.optional}
    known = {"TEXT", *probe.SAMPLES}
    assert needed <= known
    assert known & {tensor.name for tensor in config.input}  # where all are optional, one is sent


def test_a_question_in_binary() -> None:
    metadata = {
        "inputs": [
            {"name": "IMAGE", "datatype": "BYTES", "shape": [-1, 1]},
            {"name": "CANDIDATE_LABELS", "datatype": "BYTES", "shape": [-1, -1]},
            {"name": "THRESHOLDS", "datatype": "FP32", "shape": [-1, 1]},
        ],
        "outputs": [{"name": "LABEL"}],
    }
    path, headers, body = probe.question(metadata)
    header = json.loads(body[: int(headers["Inference-Header-Content-Length"])])
    assert path == "infer"
    assert [(tensor["name"], tensor["shape"]) for tensor in header["inputs"]] == [
        ("IMAGE", [1, 1]),
        ("CANDIDATE_LABELS", [1, 2]),
    ]
    sizes = [tensor["parameters"]["binary_data_size"] for tensor in header["inputs"]]
    content = body[int(headers["Inference-Header-Content-Length"]) :]
    assert len(content) == sum(sizes) and content[4:8] == b"\x89PNG"
    assert content[sizes[0] :] == b"\x04\0\0\0city\x05\0\0\0river"


# A stand-in for Triton, for what a real one does only under load.


class FakeTriton(BaseHTTPRequestHandler):
    """One model; its answer and how many it has answered are set by the test."""

    status: ClassVar[int] = 200
    text: ClassVar[str] = ""
    delay: ClassVar[float] = 0
    answered: ClassVar[Iterator[int]]
    decoupled: ClassVar[bool] = False
    asked: ClassVar[list[dict[str, Any]]]

    def do_GET(self) -> None:
        if self.path.endswith("/stats"):
            count = next(FakeTriton.answered)
            self.reply(200, {"model_stats": [{"inference_stats": {"success": {"count": count}}}]})
        else:
            shape = [1] if FakeTriton.decoupled else [-1, 1]
            self.reply(200, {"inputs": [{"name": "TEXT", "shape": shape}], "outputs": [{"name": "GENERATED_TEXT"}]})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        size = int(self.headers.get("Inference-Header-Content-Length") or len(body))
        FakeTriton.asked.append({"path": self.path, **json.loads(body[:size])})
        time.sleep(FakeTriton.delay)
        refused = FakeTriton.status != 200 and "src_lang" not in FakeTriton.asked[-1].get("parameters", {})
        self.reply(FakeTriton.status if refused else 200, {"error": FakeTriton.text})

    def reply(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    FakeTriton.status, FakeTriton.text, FakeTriton.delay, FakeTriton.decoupled = 200, "", 0, False
    FakeTriton.answered, FakeTriton.asked = iter([5] * 1000), []
    server = ThreadingHTTPServer(("127.0.0.1", 0), FakeTriton)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "text", "reason"),
    [
        (400, 'Unknown parameter "x"', None),
        (400, "in ensemble 'm', Stub process 'm_model_0_0' is not healthy.", "not healthy"),
        (500, "in ensemble 'm', Stub process 'm_model_0_0' is not healthy.", "not healthy"),
        (500, "m_model: ValueError: broken", "broken"),
        (503, "m_model has 128 requests running or waiting (max_requests); try again later.", None),
        (503, "in ensemble 'm', Exceeds maximum queue size", "queue"),
    ],
)
def test_refusals(url: str, status: int, text: str, reason: str | None) -> None:
    FakeTriton.status, FakeTriton.text = status, text
    said = probe.answers("m", url, 0.5)
    assert said is None if reason is None else reason in (said or "")


def test_a_full_queue_that_moves_is_no_fault(url: str) -> None:
    FakeTriton.status, FakeTriton.text = 503, "Exceeds maximum queue size"
    FakeTriton.answered = iter([5, 5, 6])
    assert probe.answers("m", url, 5) is None


def test_no_answer_in_time(url: str) -> None:
    FakeTriton.delay = 3
    started = time.monotonic()
    assert probe.answers("m", url, 0.5) == "no answer within 0.5 s"
    assert time.monotonic() - started < 2


def test_no_answer_in_time_while_others_get_theirs(url: str) -> None:
    FakeTriton.delay, FakeTriton.answered = 3, iter([5, 6])
    assert probe.answers("m", url, 0.5) is None


def test_a_translator_of_many_languages(url: str) -> None:
    FakeTriton.status = 400
    FakeTriton.text = "Translation requires a `src_lang` and a `tgt_lang` for this model; it has eng_Latn, deu_Latn."
    assert probe.answers("m", url, 5) is None
    assert [asked["parameters"].get("tgt_lang") for asked in FakeTriton.asked] == [None, "eng_Latn"]


def test_a_decoupled_model(url: str) -> None:
    FakeTriton.decoupled = True
    assert probe.answers("m", url, 5) is None
    assert FakeTriton.asked == [{"path": "/v2/models/m/generate", "TEXT": "Paris", "max_new_tokens": 1}]
