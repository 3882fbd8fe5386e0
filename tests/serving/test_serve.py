"""scripts/serve.py from start to stop, and everything that can go wrong on the way."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serving.embedded_server import EmbeddedServer
from serving.ports import choose_ports
from serving.triton_wheel import ServerError
from tests.serving.tiny import deploy

ROOT = Path(__file__).parents[2]
DEADLINE = 60


class Serve:
    """A running serve.py and what it has printed."""

    def __init__(self, folder: Path, arguments: list[str], environment: dict[str, str]) -> None:
        self.output = folder / "output.txt"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, ROOT / "scripts/serve.py", *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment},
                cwd=folder,
            )

    @property
    def text(self) -> str:
        return self.output.read_text()

    def until(self, text: str) -> str:
        """Wait for something to be printed; all that was printed."""
        deadline = time.monotonic() + DEADLINE
        while text not in self.text:
            assert self.process.poll() is None, self.text
            assert time.monotonic() < deadline, self.text
            time.sleep(0.05)
        return self.text

    def ended(self) -> tuple[int, str]:
        """Exit code and output of one that ends by itself."""
        return self.process.wait(DEADLINE), self.text

    @property
    def id(self) -> str:
        found = re.search(r"triton-pipelines-\w+", self.text)
        assert found
        return found[0]

    def left_behind(self) -> list[Path]:
        """Shared memory and temporary folders of this run."""
        return [*Path("/dev/shm").glob(f"{self.id}*"), *Path("/tmp").glob(f"{self.id}-*")]

    def group(self) -> list[int]:
        """Processes of the server that this run started."""
        return [
            int(folder.name)
            for folder in Path("/proc").glob("[0-9]*")
            if self.id.encode() in _read(folder / "cmdline") and int(folder.name) != os.getpid()
        ]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Serve]]:
    running = []

    def start(*arguments: str | Path, **environment: str) -> Serve:
        ports = [text for option in ("--http-port", "--grpc-port", "--metrics-port") for text in (option, "0")]
        given = [str(argument) for argument in arguments]
        running.append(Serve(tmp_path, ["--repository", str(tmp_path / "repository"), *ports, *given], environment))
        return running[-1]

    yield start
    for one in running:
        if one.process.poll() is None:
            one.process.terminate()
            one.process.wait(DEADLINE)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return tmp_path / "repository"


def ask(url: str, name: str) -> str:
    request = urllib.request.Request(f"{url}/v2/models/{name}/generate", json.dumps({"TEXT": "hé"}).encode())
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["OUT"]


def url_in(text: str) -> str:
    found = re.search(r"HTTP +(http://\S+)", text)
    assert found
    return found[1]


def test_serves_what_has_weights_reports_it_and_stops_cleanly(repository: Path, serve: Callable[..., Serve]) -> None:
    deploy(repository, "first")
    deploy(repository, "second")
    (deploy(repository, "third") / "model.safetensors").unlink()
    (repository / "first_model/1/installed.json").write_text('{"checkpoint": "hub/id", "revision": "0123456789"}')
    run = serve()
    text = run.until("Ctrl+C")
    assert re.search(r"^first +hub/id@0123456 +eager +\d+\.\d s$", text, re.MULTILINE), text
    assert re.search(r"^second +\(not recorded\)", text, re.MULTILINE)
    assert not re.search(r"^third", text, re.MULTILINE)
    assert ask(url_in(text), "first") == ask(url_in(text), "second") == "hé"
    curl = re.search(r"curl .*", text)
    assert curl and "hé" not in curl[0]
    answer = subprocess.run(curl[0], shell=True, capture_output=True, check=True).stdout
    assert json.loads(answer)["OUT"]
    started = time.monotonic()
    run.process.terminate()
    code, text = run.ended()
    assert (code, text.splitlines()[-1]) == (0, "SIGTERM: stopped.")
    assert time.monotonic() - started < 5
    assert not run.left_behind() and not run.group()


def test_a_task_may_be_named_with_dashes(repository: Path, serve: Callable[..., Serve]) -> None:
    deploy(repository, "fill_mask")
    assert "fill_mask" in serve("fill-mask").until("Ctrl+C")


@pytest.mark.parametrize(
    ("initialize", "reason"),
    [
        ("raise ValueError('no such\\nfile: x')", "broken_model: ValueError: no such\n  file: x ("),
        ("import nothing_of_the_kind", "ModuleNotFoundError: No module named 'nothing_of_the_kind'"),
        ("(", "SyntaxError: '(' was never closed"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "broken_model: its Python process died while loading"),
    ],
)
def test_a_model_that_does_not_load_is_explained(
    repository: Path, serve: Callable[..., Serve], initialize: str, reason: str
) -> None:
    deploy(repository, "broken", initialize)
    run = serve()
    code, text = run.ended()
    assert code == 1 and reason in text, text
    log = Path(text.splitlines()[-1].removeprefix("Triton's log: "))
    assert "broken_model" in log.read_text()
    log.unlink()
    assert not run.left_behind() and not run.group()


def test_a_missing_model_file_ends_the_start(repository: Path, serve: Callable[..., Serve]) -> None:
    (deploy(repository, "broken") / "model.py").unlink()
    code, text = serve().ended()
    assert code == 1 and "broken_model" in text
    Path(text.splitlines()[-1].removeprefix("Triton's log: ")).unlink()


def test_a_start_that_takes_too_long_ends(repository: Path, serve: Callable[..., Serve]) -> None:
    deploy(repository, "slow", "time.sleep(600)")
    run = serve("--startup-timeout", "4")
    code, text = run.ended()
    assert code == 1 and "not ready after 4 s, still loading: slow_model" in text
    Path(text.splitlines()[-1].removeprefix("Triton's log: ")).unlink()
    assert not run.left_behind() and not run.group()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_the_start_stops_it(repository: Path, serve: Callable[..., Serve], number: int) -> None:
    deploy(repository, "slow", "time.sleep(600)")
    run = serve()
    run.until("Starting")
    time.sleep(2)
    run.process.send_signal(number)
    run.process.wait(5)
    assert run.text.endswith("stopped.\n")
    assert not run.left_behind() and not run.group()


def test_a_model_that_does_not_end_is_killed(repository: Path, serve: Callable[..., Serve]) -> None:
    deploy(repository, "stubborn", finalize="time.sleep(600)")
    run = serve()
    run.until("Ctrl+C")
    run.process.terminate()
    run.process.wait(6)
    assert not run.left_behind() and not run.group()


def test_a_server_that_dies_is_reported(repository: Path, serve: Callable[..., Serve]) -> None:
    deploy(repository, "echo")
    run = serve()
    run.until("Ctrl+C")
    os.kill(min(run.group()), signal.SIGKILL)
    code, text = run.ended()
    assert code == 1 and "tritonserver was killed by SIGKILL" in text
    Path(text.splitlines()[-1].removeprefix("Triton's log: ")).unlink()
    assert not run.left_behind() and not run.group()


def test_the_server_goes_down_with_serve(repository: Path, serve: Callable[..., Serve]) -> None:
    deploy(repository, "echo")
    run = serve()
    run.until("Ctrl+C")
    run.process.kill()
    deadline = time.monotonic() + 10
    while run.group() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not run.group()
    for path in run.left_behind():  # nobody was left to remove them
        shutil.rmtree(path)
    Path(f"/tmp/{run.id}.log").unlink()


def test_verbose_shows_tritons_log(repository: Path, serve: Callable[..., Serve]) -> None:
    deploy(repository, "echo")
    assert "successfully loaded 'echo_model'" in serve("--verbose").until("Started Metrics Service")


@pytest.mark.parametrize("option", ["--http-port", "--grpc-port", "--metrics-port"])
def test_a_port_in_use_is_named(repository: Path, serve: Callable[..., Serve], option: str) -> None:
    deploy(repository, "echo")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, text = serve(option, port).ended()
    assert code == 1 and f"Port {port} on 127.0.0.1 is in use; choose another with {option}" in text


def test_unknown_names_and_missing_weights_name_the_remedy(repository: Path, serve: Callable[..., Serve]) -> None:
    (deploy(repository, "bare") / "model.safetensors").unlink()
    code, text = serve("bare").ended()
    assert code == 2 and "bare has no weights" in text and "scripts/install.py bare" in text
    code, text = serve("other").ended()
    assert code == 2 and "no deployment 'other', only bare" in text and "scripts/install.py" in text
    code, text = serve().ended()
    assert code == 2 and "Nothing in" in text and "scripts/install.py bare" in text


def test_an_engine_that_no_model_has_is_refused(repository: Path, serve: Callable[..., Serve]) -> None:
    deploy(repository, "echo")
    code, text = serve("--model-config-name", "aoti").ended()
    assert code == 1 and "configs/aoti.pbtxt" in text


def test_an_engine_is_chosen_by_its_configuration(repository: Path, serve: Callable[..., Serve]) -> None:
    version = deploy(repository, "echo")
    config = version.parent / "config.pbtxt"
    (version.parent / "configs").mkdir()
    (version.parent / "configs/fast.pbtxt").write_text(
        config.read_text() + 'parameters { key: "dtype" value { string_value: "bfloat16" } }'
    )
    text = serve("--model-config-name", "fast").until("Ctrl+C")
    assert re.search(r"^echo +\(not recorded\) +fast +bfloat16", text, re.MULTILINE), text


def test_paths_with_spaces(tmp_path: Path) -> None:
    repository = tmp_path / "my models"
    deploy(repository, "echo")
    with EmbeddedServer(repository, ["echo"]) as server:
        assert ask(server.http_url, "echo") == "hé"


def test_two_servers_side_by_side(tmp_path: Path) -> None:
    deploy(tmp_path, "one")
    deploy(tmp_path, "two")
    with EmbeddedServer(tmp_path, ["one"]) as first, EmbeddedServer(tmp_path, ["two"]) as second:
        assert ask(first.http_url, "one") == ask(second.http_url, "two") == "hé"
        second.stop()
        assert ask(first.http_url, "one") == "hé"
        with urllib.request.urlopen(first.metrics_url) as metrics:
            assert b'nv_inference_request_success{model="one"' in metrics.read()


def test_a_foreign_server_on_the_port_is_not_taken_for_ones_own(tmp_path: Path) -> None:
    deploy(tmp_path, "one")
    (port,) = choose_ports("127.0.0.1", 0)
    late = EmbeddedServer(tmp_path, ["one"], http_port=port)
    with EmbeddedServer(tmp_path, ["one"], http_port=port), pytest.raises(ServerError, match=f"Port {port} "):
        late.start()


def test_models_see_the_environment(tmp_path: Path) -> None:
    check = "assert os.environ['OMP_NUM_THREADS'] == '3' and os.environ['HF_HUB_OFFLINE'] == '1', dict(os.environ)"
    deploy(tmp_path, "echo", check)
    with EmbeddedServer(tmp_path, ["echo"], environment={"OMP_NUM_THREADS": "3"}) as server:
        assert ask(server.http_url, "echo") == "hé"
