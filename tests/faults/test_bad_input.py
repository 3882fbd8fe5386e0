"""Hostile requests for every task: each is refused with a reason or answered, and harms nobody in its batch.

First the stages as plain functions, which is fast; then the running server of each task, which adds what Triton itself
checks, the locale of its Python processes, and the generating models.

    pytest tests/faults/test_bad_input.py --hostile-requests 20000      # a task: 2,000 by default; 128 to its server
"""

from __future__ import annotations

import importlib
import itertools
import json
import re
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import given as tried_with
from tritonclient.grpc import service_pb2, service_pb2_grpc

from install import install
from python_backend.parameters import InvalidInput, Parameters
from python_backend.stage import Request, Tensors
from repository import STEPS
from serving.embedded_server import EmbeddedServer
from serving.watcher import stubs
from tests.conftest import TASKS, Servers
from tests.faults import hostile
from tests.faults.running import request
from tests.unit.ensemble import Sent
from tests.unit.test_repository import config
from triton_pipelines import InvalidInput as Refused
from triton_pipelines import Unavailable
from triton_pipelines.transport import Request as Sending
from triton_pipelines.transport import connect

LONGEST = 30
"""Seconds after which a request hangs."""
DECOUPLED = ("text_generation", "image_text_to_text")
"""Their preprocessor alone runs as a plain function."""
TOGETHER = 16
"""Requests of one execution, or under way at a time."""


class HangingError(BaseException):
    """Not an Exception: stages turn those into answers."""


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """HangingError when the body takes longer."""

    def ring(*_: Any) -> None:
        raise HangingError(f"no answer within {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def requests(task: str, declared: Parameters, count: int, first_seed: int) -> Iterator[list[Sent]]:
    """TOGETHER hostile requests at a time, `count` in all, the same in each run."""
    found: list[Sent] = []
    generating = settings(
        max_examples=10 * TOGETHER,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    fill = generating(tried_with(hostile.request(task, declared))(lambda sent: found.append(sent)))
    for number in itertools.count(first_seed):
        seed(number)(fill)()
        while len(found) >= TOGETHER:
            yield found[:TOGETHER]
            count -= TOGETHER
            if count <= 0:
                return
            del found[:TOGETHER]


class Stages:
    """A task's stages as plain functions, with the settings that they are shipped with: all of them, or the
    preprocessor of a decoupled task."""

    def __init__(self, task: str, checkpoint: Path, repository: Path) -> None:
        install(task, checkpoint=str(checkpoint), repository=repository)
        module = importlib.import_module(f"python_backend.tasks.{task}")
        self.task, self.parameters = task, module.PARAMETERS
        self.steps = []
        for step in ("preprocess",) if task in DECOUPLED else STEPS:
            found = config(f"{task}_{step}").parameters.items()
            limits = {name: entry.string_value for name, entry in found if name not in ("checkpoint", "revision")}
            stage = getattr(module, step.capitalize())
            self.steps.append(stage.local(repository / f"{task}_{step}/1", {"threads": "1", **limits}))

    def __call__(self, *requests: Sent) -> list[Any]:
        """All tensors of each request, or its error: each stage gets all requests in one execution."""
        results: list[Any] = []
        for tensors, given in requests:
            try:
                results.append(Request(tensors, self.parameters.parse(given)))
            except InvalidInput as error:
                results.append(error)
        for step in self.steps:
            good = [at for at, result in enumerate(results) if isinstance(result, Request)]
            outcomes = step._process_all([results[at] for at in good])
            for at, outcome in zip(good, outcomes, strict=True):
                tensors, parameters = results[at]
                results[at] = outcome if isinstance(outcome, Exception) else Request(tensors | outcome, parameters)
        return [result.tensors if isinstance(result, Request) else result for result in results]


@pytest.mark.parametrize("task", TASKS)
def test_stages_refuse_or_answer(task: str, checkpoints: Path, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    stages = Stages(task, min(checkpoints.glob(f"{task}_*")), tmp_path)
    good = hostile.good(task)
    (alone,) = stages(good)
    assert isinstance(alone, dict), alone
    answered = tried = 0
    for together in requests(task, stages.parameters, pytestconfig.getoption("--hostile-requests"), first_seed=0):
        try:
            answered += check(stages, good, alone, together)
        except (AssertionError, HangingError):
            for sent in together:  # which of them it is
                check(stages, good, alone, [sent])
            raise
        tried += len(together)
    print(f"{task}: {tried} requests, {answered} answered")
    assert answered


def check(stages: Stages, good: Sent, alone: dict[str, np.ndarray], sent: list[Sent]) -> int:
    """How many of the requests are answered, in an execution between two good ones.

    Args:
        alone: what the good request gives alone.
    """
    with at_most(LONGEST):
        before, *results, after = stages(good, *sent, good)
    for neighbour in (before, after):
        assert isinstance(neighbour, dict), f"a neighbour failed: {neighbour!r}"
        same(neighbour, alone)
    for (tensors, _), result in zip(sent, results, strict=True):
        if isinstance(result, InvalidInput):
            assert str(result).strip() and len(str(result)) < 3000, f"an unreadable message: {str(result)[:200]}"
        elif isinstance(result, Exception):
            raise AssertionError("neither refused nor answered") from result
        elif stages.task not in DECOUPLED:
            rows = len(next(iter(tensors.values()))) if tensors else 1
            inner = {
                outer: name
                for step in config(stages.task).ensemble_scheduling.step
                for name, outer in step.output_map.items()
            }
            for spec in config(stages.task).output:
                assert len(result[inner[spec.name]]) == rows, f"{spec.name} is not of {rows} rows"
    return sum(isinstance(result, dict) for result in results)


def same(got: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    """The outputs of a request are those that it has alone."""
    for name, want in expected.items():
        if want.dtype.kind == "f":
            tolerance = 1e-4 * max(1.0, float(np.abs(want).max(initial=0)))
            np.testing.assert_allclose(got[name], want, rtol=0, atol=tolerance, err_msg=name)
        else:
            np.testing.assert_array_equal(got[name], want, err_msg=name)


FOUND: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("token_classification", {"IGNORE_LABELS": np.array([[b"\xff"]], object)}, {}, "IGNORE_LABELS .*UTF-8"),
    (
        "audio_classification",
        {"AUDIO": np.array([[hostile.wav(16_000, 255, 8, b"\0" * 2550)]], object)},
        {},
        "255 channels .*Send one channel",
    ),
    ("text2text_generation", {}, {"no_repeat_ngram_size": 2**31 - 1}, "no_repeat_ngram_size"),
    ("text2text_generation", {}, {"encoder_no_repeat_ngram_size": 2**31 - 1}, "encoder_no_repeat_ngram_size"),
    ("text2text_generation", {}, {"prompt_lookup_num_tokens": 2**63 - 1}, "prompt_lookup_num_tokens"),
    ("summarization", {}, {"length_penalty": 2.0**31}, "length_penalty"),
]
"""What once crashed or hung a stage: task, tensors and parameters besides good ones, and what is said of it now."""


@pytest.mark.parametrize(("task", "tensors", "given", "message"), FOUND)
def test_what_was_found(
    task: str, tensors: dict[str, Any], given: dict[str, Any], message: str, checkpoints: Path, tmp_path: Path
) -> None:
    stages = Stages(task, min(checkpoints.glob(f"{task}_*")), tmp_path)
    good, parameters = hostile.good(task)
    with at_most(LONGEST), pytest.raises(InvalidInput, match=message):
        (result,) = stages(({**good, **tensors}, {**parameters, **given}))
        raise result


# On a running server: what Triton itself checks, and what only its Python processes show.

PARSING = re.compile(rb"Unable to parse|[Ff]ailed to parse|attempt to access|failed to get request params")
"""What Triton itself says, as an internal error, of JSON that has other types than its protocol."""


def running(served: Servers, task: str) -> tuple[EmbeddedServer, str]:
    """The server of a task, which its parity tests ask too, and a deployment."""
    name = min(served.checkpoints.glob(f"{task}_*")).name
    return served(name), name


@pytest.mark.parametrize("task", TASKS)
def test_the_server_refuses_or_answers(task: str, served: Servers, pytestconfig: pytest.Config) -> None:
    declared = importlib.import_module(f"python_backend.tasks.{task}").PARAMETERS
    server, name = running(served, task)
    transport = connect(server.grpc_url)
    before = stubs(server.pid)

    def send(sent: Sent) -> dict[str, np.ndarray]:
        tensors, given = sent
        return transport.infer(Sending(name, tensors, given, decoupled=task in DECOUPLED, timeout=LONGEST))

    def refused_or_answered(sent: Sent) -> bool:
        try:
            send(sent)
        except (Refused, Unavailable):  # Unavailable: a generating model is full
            return False
        return True

    good = hostile.good(task)
    if task in DECOUPLED:
        good[1].update(max_new_tokens=5)
    expected = send(good)
    count = max(128, pytestconfig.getoption("--hostile-requests") // 16)  # fewer may be without one that is answered
    hostile_ones: list[Future[bool]] = []
    good_ones: list[Future[Tensors]] = []
    with ThreadPoolExecutor(TOGETHER) as callers:
        for together in requests(task, declared, count, first_seed=1000):
            hostile_ones += [callers.submit(refused_or_answered, sent) for sent in together]
            good_ones.append(callers.submit(send, good))
    for neighbour in good_ones:
        same(neighbour.result(), expected)
    answered = sum(each.result() for each in hostile_ones)
    assert stubs(server.pid) == before, "a process died"
    print(f"{task}: {len(hostile_ones)} requests, {answered} answered, served")
    assert answered


FILES = {"IMAGE": "tiny.png", "AUDIO": "short.wav", "VIDEO": "short.mp4"}
MEDIA = [task for task in TASKS if FILES.keys() & {spec.name for spec in config(task).input}]


@pytest.mark.parametrize("task", MEDIA)
def test_no_path_and_no_url_of_a_request_is_opened(task: str, served: Servers) -> None:
    """Of a good file: whoever opened it would answer."""
    server, name = running(served, task)
    transport = connect(server.grpc_url)
    tensors, given = hostile.good(task)
    medium = next(medium for medium in FILES if medium in {spec.name for spec in config(task).input})
    file = hostile.DATA / FILES[medium]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/{file.name}"
        for reference in (str(file), f"file://{file}", url):
            spoiled = [{**tensors, medium: np.full(tensors[medium].shape, reference.encode(), object)}]
            if "MESSAGES" in tensors:
                part = {"type": "image", "url": reference, "path": reference, "image": reference}
                chat = json.dumps([{"role": "user", "content": [part, {"type": "text", "text": "Where?"}]}])
                spoiled.append({"MESSAGES": np.full(tensors["MESSAGES"].shape, chat.encode(), object)})
            for sent in spoiled:
                with pytest.raises(Refused):
                    transport.infer(Sending(name, sent, given, decoupled=task in DECOUPLED, timeout=LONGEST))
        with pytest.raises(TimeoutError):
            listener.accept()


def spoiled_bodies(task: str) -> Iterator[tuple[str, bytes]]:
    """Bodies for /infer that are no request of the task, each with its name."""
    name = config(task).input[0].name
    leading = [1] if config(task).max_batch_size else []
    shape = [*leading, 1]

    def body(**changes: Any) -> bytes:
        return json.dumps(
            {"inputs": [{"name": name, "datatype": "BYTES", "shape": shape, "data": ["x"], **changes}]}
        ).encode()

    for kind in ("INT32", "FP32", "BOOL", "UINT64", "FP16", "NOTHING", "", None, 7):
        yield f"type {kind}", body(datatype=kind, data=[1])
    huge: list[Any] = [[2**40, 2**40], [2**62, 4], [1000, 1], [0] * 9]
    for wrong in (*huge, [], [1, 1, 1, 1], [-1, -1], [-5, 1], ["1", "1"], None, [1.5, 1]):
        yield f"shape {wrong}", body(shape=wrong)
    contents: list[Any] = [[], ["x"] * 99, [[["x"]]] * 3, "x", None, {}, [None], [1], [{"b64": "!"}]]
    for data in contents:
        yield f"data {data!r:.20}", body(data=data)
    for wrong_name in ("", "NOBODY", name.lower(), "x" * 100_000, None, 3, "input_ids"):
        yield f"name {wrong_name!r:.20}", body(name=wrong_name)
    for size in (0, 1, 4, 5, 2**31, 2**63, -1, "4", None):
        yield f"binary size {size}", body(parameters={"binary_data_size": size}).replace(b', "data": ["x"]', b"")
    for region in ("nobody", "", 7, None):
        yield f"shared memory {region}", body(parameters={"shared_memory_region": region, "shared_memory_byte_size": 8})
    one = json.loads(body())["inputs"][0]
    yield "an input twice", json.dumps({"inputs": [one, one]}).encode()
    yield "an unknown input", json.dumps({"inputs": [one, {**one, "name": "NOBODY"}]}).encode()
    yield "an unknown output", json.dumps({"inputs": [one], "outputs": [{"name": "NOBODY"}]}).encode()
    yield "no inputs", b'{"inputs": []}'
    ways: list[Any] = [[], "x", {"x": {}}, {"x": [1]}, {"top_k": None}, {"": 1}, {"sequence_id": "x"}, {"priority": -1}]
    for parameters in ways:
        yield f"parameters {parameters!r:.20}", json.dumps({"inputs": [one], "parameters": parameters}).encode()
    yield from (
        (f"text {text[:9]!r}", text) for text in (b"", b"{", b"[]", b"null", b"\xff", b"[" * 50_000, b'{"a":' * 50_000)
    )


PLAIN = [task for task in TASKS if task not in DECOUPLED]
"""Tasks that have /infer and unary calls."""


@pytest.mark.parametrize("task", PLAIN)
def test_what_is_no_request_of_the_task_is_refused(task: str, served: Servers) -> None:
    server, deployment = running(served, task)
    before = stubs(server.pid)
    url = f"{server.http_url}/v2/models/{deployment}/infer"
    answered = []
    for name, body in spoiled_bodies(task):
        status, answer = request(url, body)
        if status == 200:
            answered.append(name)
        by_triton = status == 500 and PARSING.search(answer)
        assert status in (200, 400, 404) or by_triton, f"{name}: {status} {answer[:300]!r}"
        assert status == 200 or json.loads(answer)["error"], name
    for length in ("0", "1", "99999999999", "-1", "x", ""):
        status, answer = request(url, b"{}", headers={"Inference-Header-Content-Length": length})
        # What is no number is 0 to Triton, and with 0 the body is the content of the only input.
        whole = status == 200 and length in ("0", "x", "")
        assert whole or status == 400 or PARSING.search(answer), f"header of {length}: {status} {answer[:300]!r}"
    assert len(answered) <= 12, answered  # Triton overlooks some, such as parameters that are no object
    assert stubs(server.pid) == before, "a process died"


@pytest.mark.parametrize("task", PLAIN)
def test_bytes_that_do_not_fit_their_lengths(task: str, served: Servers) -> None:
    """Strings carry their lengths; these lie."""
    server, name = running(served, task)
    before = stubs(server.pid)
    first = config(task).input[0].name
    with grpc.insecure_channel(server.grpc_url) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        for raw in (b"", b"\1", b"\xff\xff\xff\xffx", b"\2\0\0\0x", b"\0\0\0\0\0", b"\1\0\0\0x" * 2, b"\0\0\0\x80"):
            sent = service_pb2.ModelInferRequest(model_name=name, raw_input_contents=[raw])
            sent.inputs.add(name=first, datatype="BYTES", shape=[1, 1])
            with pytest.raises(grpc.RpcError) as refused:
                stub.ModelInfer(sent, timeout=LONGEST)
            assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT, f"{raw!r}: {refused.value}"
    assert stubs(server.pid) == before, "a process died"
