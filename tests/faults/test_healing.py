"""What dies or hangs comes back by itself, and nobody else notices."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from install import install
from serving.watcher import STOPPED
from tests.faults.running import KEY, Running, generate, kill, request, wait_until
from tests.serving.tiny import deploy
from triton_pipelines import DeadlineExceeded, Unavailable, pipeline

pytestmark = pytest.mark.alone

HEALED_IN = 10.0
"""Seconds from a kill to an answer, at most, of a small model."""
NOTICED_IN = 2.0
STAGES = ("preprocess", "model", "postprocess")
HANGS_ON_A_WORD = (
    "text = lambda request: pb_utils.get_input_tensor_by_name(request, 'TEXT').as_numpy()[0, 0]; plain = self.execute;"
    "self.execute = lambda requests: time.sleep(600) if b'hang' in map(text, requests) else plain(requests)"
)
PICTURE = Path(__file__).parents[1] / "data/small.png"
KINDS: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "text_classification": ("text_classification_bert", "Call me Ishmael.", {}),
    "image_classification": ("image_classification_vit", str(PICTURE), {}),
    "text_generation": ("text_generation_llama", "Alice was", {"max_new_tokens": 200, "eos_token_id": -1}),
}
"""Checkpoint, input and parameters: of a batched model of texts, one of pictures, a decoupled one."""
EVERYTHING = [(name, stage) for name in KINDS for stage in STAGES]
"""What is killed with --kills 50."""
ENOUGH = [*(("text_classification", stage) for stage in STAGES), ("text_generation", "model")]
"""Otherwise: the other steps are like those."""


def thorough(config: pytest.Config) -> bool:
    return bool(config.getoption("--kills") >= 50)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "stage" in metafunc.fixturenames:
        metafunc.parametrize(("name", "stage"), EVERYTHING if thorough(metafunc.config) else ENOUGH)


@pytest.fixture(scope="module")
def running(
    checkpoints: Path, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[Running]:
    folder, repository = tmp_path_factory.mktemp("serve"), tmp_path_factory.mktemp("repository")
    for name in dict.fromkeys(name for name, _ in (EVERYTHING if thorough(pytestconfig) else ENOUGH)):
        install(name, checkpoint=str(checkpoints / KINDS[name][0]), repository=repository)
    install("text_classification", name="bystander", checkpoint=str(checkpoints / "text_classification_distilbert"),
            repository=repository)  # fmt: skip
    deploy(repository, "hangs", HANGS_ON_A_WORD)
    with Running(folder, repository, "--probe-interval", "3") as running:
        yield running


class Load:
    """Threads that ask again and again, and keep every answer or error with the times of question and answer."""

    def __init__(self, ask: Callable[[], Any], threads: int = 2) -> None:
        self.ask, self.stopping = ask, threading.Event()
        self.answers: list[tuple[float, float, Any]] = []
        self.threads = [threading.Thread(target=self.run) for _ in range(threads)]

    def run(self) -> None:
        while not self.stopping.is_set():
            asked = time.monotonic()
            try:
                answer = self.ask()
            except Exception as error:
                answer = error
            self.answers.append((asked, time.monotonic(), answer))
            self.stopping.wait(0.1)  # some processor time is for what heals

    def __enter__(self) -> Load:
        for thread in self.threads:
            thread.start()
        wait_until(lambda: len(self.answers) >= len(self.threads), 30)
        return self

    def __exit__(self, *error: object) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)


def healed_in() -> float:
    """HEALED_IN, and longer where more than two processes wait for each core."""
    return HEALED_IN * max(1.0, os.getloadavg()[0] / (2 * (os.cpu_count() or 1)))


def ask(running: Running, name: str, **settings: Any) -> Callable[[], Any]:
    """A call of a task of KINDS; by default without retries."""
    _, item, parameters = KINDS[name]
    call = pipeline(name.replace("_", "-"), url=running.grpc_url, **{"retries": 0, "request_timeout": 8, **settings})
    return lambda: call(item, **parameters)


def test_a_killed_process_comes_back_and_no_other_task_notices(running: Running, name: str, stage: str) -> None:
    bystander = pipeline("text-classification", model="bystander", url=running.grpc_url, retries=0, request_timeout=15)
    expected, known = ask(running, name)(), bystander("Call me Ishmael.")
    wait_until(running.healthy, 2 * healed_in())
    with Load(ask(running, name)) as load, Load(lambda: bystander("Call me Ishmael."), threads=1) as others:
        pid = running.stub(f"{name}_{stage}")
        kill(pid)
        killed = time.monotonic()
        assert wait_until(lambda: not running.healthy(), 5) < NOTICED_IN
        with ThreadPoolExecutor() as threads:  # a caller who lets the client try again gets the answer
            patient = threads.submit(ask(running, name, retries=10, request_timeout=60))
            wait_until(running.healthy, killed + healed_in() - time.monotonic())
            assert patient.result() == expected
        back = time.monotonic()
        wait_until(lambda: any(asked > back for asked, _, answer in load.answers), 10)
    answers = [answer for _, _, answer in others.answers]
    assert all(answer == known for answer in answers), answers
    refused = [answer for _, _, answer in load.answers if isinstance(answer, Exception)]
    assert all(answer == expected for _, _, answer in load.answers if not isinstance(answer, Exception))
    # Requests that a decoupled model had taken on are lost with it: only their own deadline ends them.
    lost = [answer for asked, _, answer in load.answers if isinstance(answer, DeadlineExceeded) and asked < killed]
    assert not lost or (name, stage) == ("text_generation", "model")
    assert all(isinstance(error, Unavailable) or error in lost for error in refused), refused
    assert all(answer == expected for asked, _, answer in load.answers if asked > back)


def test_a_stopped_process_is_killed_and_replaced(running: Running) -> None:
    """And plain callers are told meanwhile that it is not healthy."""
    wait_until(running.healthy, 2 * healed_in())
    pid = running.stub("text_classification_model")
    call = ask(running, "text_classification", retries=10, request_timeout=60)
    expected = call()
    kill(pid, signal.SIGSTOP)
    running.until("text_classification_model is stopped: killing it", seconds=STOPPED + NOTICED_IN)
    wait_until(lambda: not running.healthy(), NOTICED_IN)
    killed, refusals = time.monotonic(), []
    while (answer := generate(running, "text_classification", {"TEXT": "Call me Ishmael."}))[0] != 200:
        refusals.append(answer[1]["error"])
        assert time.monotonic() - killed < healed_in()
    assert refusals and all("is not healthy" in refusal for refusal in refusals), refusals
    assert call() == expected
    wait_until(running.healthy, healed_in())
    assert running.stub("text_classification_model") != pid


def test_a_process_that_hangs_is_killed_and_replaced(running: Running) -> None:
    wait_until(running.healthy, 2 * healed_in())
    pid = running.stub("hangs_model")
    asking = threading.Thread(target=lambda: generate(running, "hangs", {"TEXT": "hang"}, timeout=60))
    asking.start()
    time.sleep(0.3)
    wait_until(lambda: generate(running, "hangs", {"TEXT": "hé"}, timeout=60)[0] == 200, 3 * 3 + healed_in())
    asking.join(30)
    assert not asking.is_alive()
    assert running.stub("hangs_model") != pid
    assert "The process of hangs_model hangs: killing it" in running.text
    wait_until(running.healthy, 2 * healed_in())


def test_a_model_that_is_unloaded_on_purpose_stays_unloaded(running: Running) -> None:
    wait_until(running.healthy, 2 * healed_in())
    seen = running.text
    url = f"{running.http_url}/v2/repository/models"
    status, answer = request(f"{url}/bystander_postprocess/unload", {}, headers={"admin-key": KEY})
    assert status == 200, answer
    time.sleep(1)  # the watcher looks every quarter of one
    assert "bystander" not in running.text.removeprefix(seen)
    request(f"{url}/bystander/load", {}, headers={"admin-key": KEY})
    wait_until(lambda: generate(running, "bystander", {"TEXT": "Hi"})[0] == 200, 10)


def test_shared_memory_does_not_grow(running: Running, pytestconfig: pytest.Config) -> None:
    wait_until(running.healthy, 2 * healed_in())
    sizes = []
    for number in range(pytestconfig.getoption("--kills")):
        kill(running.stub(f"hangs_{STAGES[number % 3]}"))
        wait_until(lambda: not running.healthy(), 5)
        wait_until(running.healthy, healed_in())
        assert generate(running, "hangs", {"TEXT": "hé"})[0] == 200
        sizes.append(running.memory())
    assert sizes[-1] <= sizes[0], sizes


def test_a_model_that_does_not_load_is_tried_again(running: Running) -> None:
    """Its files vanish, its process dies, and the files come back."""
    wait_until(running.healthy, 2 * healed_in())
    repository = Path(running.command[running.command.index("--repository") + 1])
    code = repository / "hangs_model/1/model.py"
    text = code.read_text()
    try:
        code.write_text("raise ValueError('broken')")
        kill(running.stub("hangs_model"))
        running.until("hangs_model is not back, next attempt in 2 s: .*broken", seconds=20)
        assert not running.healthy()
        assert "hangs" in json.loads(request(running.health_url)[1])["troubles"]
    finally:
        code.write_text(text)
    wait_until(running.healthy, 2 * healed_in())
    assert generate(running, "hangs", {"TEXT": "hé"})[0] == 200


def test_a_server_that_dies_ends_serve_with_a_reason(tmp_path: Path) -> None:
    deploy(tmp_path / "repository", "echo")
    with Running(tmp_path, tmp_path / "repository") as running:
        kill(running.triton)
        assert running.process is not None and running.process.wait(10) == 1
        assert "tritonserver was killed by SIGKILL" in running.text
