"""Text generation as callers meet it: plain JSON, streams over HTTP and gRPC, many callers, bounds, who leaves."""

from __future__ import annotations

import json
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as triton

from install import install
from serving.embedded_server import EmbeddedServer
from tests.conftest import Servers
from triton_pipelines import TritonPipelinesError, pipeline

GPT2, LLAMA = "text_generation_gpt2", "text_generation_llama"
PROMPT = "Alice was beginning to get very tired"
ENDLESS: dict[str, Any] = {"max_new_tokens": 4000, "eos_token_id": -1}


@pytest.fixture
def server(served: Servers) -> EmbeddedServer:
    return served(GPT2)


@pytest.fixture(scope="module")
def narrow(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """A deployment for one request at a time, of two seconds."""
    repository = tmp_path_factory.mktemp("narrow")
    install("text_generation", checkpoint=str(checkpoints / LLAMA), name=LLAMA, repository=repository)
    config = repository / f"{LLAMA}_model" / "config.pbtxt"
    text = config.read_text()
    for name, value in (("max_requests", "1"), ("max_seconds", "2"), ("max_new_tokens_limit", "5000")):
        text, changed = re.subn(rf'(key: "{name}" value {{ string_value: )"\d+"', rf'\1"{value}"', text)
        assert changed == 1
    config.write_text(text)
    with EmbeddedServer(repository, [LLAMA]) as server:
        yield server


def post(server: EmbeddedServer, path: str, body: dict[str, Any]) -> tuple[int, str]:
    """Status and body of the answer."""
    url, data = f"{server.http_url}/v2/models/{path}", json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data), timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def generate(server: EmbeddedServer, name: str = GPT2, **body: Any) -> Any:
    status, text = post(server, f"{name}/generate", body)
    assert status == 200, text
    return json.loads(text)["GENERATED_TEXT"]


def events(server: EmbeddedServer, name: str = GPT2, **body: Any) -> list[dict[str, Any]]:
    """What /generate_stream sends."""
    status, text = post(server, f"{name}/generate_stream", body)
    assert status == 200, text
    lines = [line for line in text.splitlines() if line]
    assert all(line.startswith("data: ") for line in lines)
    return [json.loads(line.removeprefix("data: ")) for line in lines]


class Stream:
    """One gRPC stream with one request on it."""

    def __init__(self, server: EmbeddedServer, model: str, tensors: dict[str, np.ndarray], **parameters: Any) -> None:
        self.client = triton.InferenceServerClient(server.grpc_url)
        self.arrived: list[tuple[float, Any, Any]] = []
        self.ended, self.began = threading.Event(), threading.Event()
        self.client.start_stream(self._arrive)
        inputs = []
        for name, array in tensors.items():
            datatype = {"O": "BYTES", "i": f"INT{array.itemsize * 8}"}[array.dtype.kind]
            inputs.append(triton.InferInput(name, array.shape, datatype))
            inputs[-1].set_data_from_numpy(array)
        self.client.async_stream_infer(model, inputs, parameters=parameters, enable_empty_final_response=True)

    def _arrive(self, result: Any, error: Any) -> None:
        self.arrived.append((time.monotonic(), result, error))
        self.began.set()
        if error is not None or result.get_response().parameters["triton_final_response"].bool_param:
            self.ended.set()

    def results(self) -> list[Any]:
        assert self.ended.wait(60)
        self.client.stop_stream()
        errors = [error for _, _, error in self.arrived if error is not None]
        assert not errors
        return [result for _, result, _ in self.arrived]

    def pieces(self) -> list[str]:
        return [result.as_numpy("GENERATED_TEXT")[0].decode() for result in self.results()]


def text_stream(server: EmbeddedServer, text: str, name: str = GPT2, **parameters: Any) -> Stream:
    return Stream(server, name, {"TEXT": np.array([text.encode()], object)}, stream=True, **parameters)


# One caller.


def test_plain_json_in_and_out(server: EmbeddedServer) -> None:
    text = generate(server, TEXT=PROMPT)
    assert text.startswith(PROMPT) and len(text) > len(PROMPT)
    assert generate(server, TEXT=PROMPT, return_full_text=False) == text.removeprefix(PROMPT)
    stop = text[len(PROMPT) + 4 :][:3]
    assert generate(server, TEXT=PROMPT, STOP=[stop, "~~~"]) != text
    assert generate(server, TEXT=PROMPT, STOP=stop).startswith(text[: len(PROMPT) + 4])


def test_generated_tokens_are_counted(server: EmbeddedServer) -> None:
    def count() -> float:
        with urllib.request.urlopen(server.metrics_url) as answer:
            metrics = answer.read().decode()
        found = re.search(rf'triton_pipelines_generated_tokens_total{{model="{GPT2}_model"}} (\S+)', metrics)
        return float(found[1]) if found else 0

    before = count()
    generate(server, TEXT=PROMPT, max_new_tokens=7, eos_token_id=-1)
    assert count() == before + 7


def test_several_sequences_are_a_list(server: EmbeddedServer) -> None:
    ways: list[dict[str, Any]] = [{"do_sample": True, "seed": 1}, {"num_beams": 3}]
    for given in ways:
        texts = generate(server, TEXT=PROMPT, num_return_sequences=3, max_new_tokens=12, **given)
        assert len(set(texts)) == 3


def test_a_chat_is_answered_with_the_new_message(server: EmbeddedServer) -> None:
    chat = [{"role": "user", "content": "Who are you?"}]
    answer = generate(server, LLAMA, MESSAGES=json.dumps(chat), max_new_tokens=10, eos_token_id=-1)
    assert answer and "Who are you?" not in answer


@pytest.mark.parametrize("given", [{"max_new_tokens": 30}, {"do_sample": True, "seed": 3, "max_new_tokens": 30}])
def test_streams_join_to_the_answer(server: EmbeddedServer, given: dict[str, Any]) -> None:
    whole = generate(server, TEXT=PROMPT, **given)
    over_http = [event["GENERATED_TEXT"] for event in events(server, TEXT=PROMPT, stream=True, **given)]
    assert len(over_http) > 1 and "".join(over_http) == whole
    assert "".join(text_stream(server, PROMPT, **given).pieces()) == whole


def test_the_last_piece_carries_the_final_flag(server: EmbeddedServer) -> None:
    results = text_stream(server, PROMPT, max_new_tokens=12, eos_token_id=-1).results()
    assert 1 < len(results) <= 12
    assert all(result.as_numpy("GENERATED_TEXT") is not None for result in results)
    finals = [result.get_response().parameters["triton_final_response"].bool_param for result in results]
    assert finals == [False] * (len(results) - 1) + [True]


def test_unstreamed_generate_stream_has_one_event(server: EmbeddedServer) -> None:
    (event,) = events(server, TEXT=PROMPT, max_new_tokens=5)
    assert event["GENERATED_TEXT"] == generate(server, TEXT=PROMPT, max_new_tokens=5)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Send either TEXT or MESSAGES"),
        ({"TEXT": PROMPT, "max_new_token": 3}, "Unknown parameter"),
        ({"TEXT": PROMPT, "max_new_tokens": 0}, "max_new_tokens"),
        ({"TEXT": PROMPT, "max_new_tokens": 100_000}, "max_new_tokens_limit"),
        ({"TEXT": PROMPT * 20}, "The prompt has"),
        ({"TEXT": PROMPT, "num_beams": 1000}, "max_batch_rows"),
        ({"TEXT": PROMPT, "num_beam_groups": 2}, "diverse beam search"),
        ({"TEXT": PROMPT, "STOP": [""]}, "STOP"),
        ({"MESSAGES": '[{"role": "user", "content": "Hi"}]'}, "no chat template"),
    ],
)
def test_what_cannot_be_served_is_the_callers_error(server: EmbeddedServer, body: dict[str, Any], message: str) -> None:
    for method in ("generate", "generate_stream"):
        status, text = post(server, f"{GPT2}/{method}", body)
        assert status == 400
        assert message in text


# Many callers.


def test_eight_streams_interleave(server: EmbeddedServer) -> None:
    given: dict[str, Any] = {"max_new_tokens": 400, "eos_token_id": -1}
    prompts = [f"Alice said {word}" for word in ("no", "yes", "well", "why", "what", "never", "once", "then")]
    expected = [generate(server, LLAMA, TEXT=prompt, **given) for prompt in prompts]
    streams = [text_stream(server, prompt, LLAMA, **given) for prompt in prompts]
    assert ["".join(stream.pieces()) for stream in streams] == expected
    began = [stream.arrived[0][0] for stream in streams]
    ended = [stream.arrived[-1][0] for stream in streams]
    assert max(began) < min(ended)


def test_seeds_repeat_whoever_shares_the_batch(server: EmbeddedServer) -> None:
    given: dict[str, Any] = {"do_sample": True, "max_new_tokens": 30, "temperature": 1.5}
    alone = [generate(server, TEXT=PROMPT, seed=seed, **given) for seed in range(4)]
    assert len(set(alone)) == 4
    bodies: list[dict[str, Any]] = [{"seed": seed, **given} for seed in range(4)]
    bodies += [{"max_new_tokens": 40}, {"repetition_penalty": 1.3, "max_new_tokens": 20}, {"do_sample": True}] * 3
    with ThreadPoolExecutor(len(bodies)) as pool:
        together = list(pool.map(lambda body: generate(server, TEXT=PROMPT, **body), bodies))
    assert together[:4] == alone


def test_bad_requests_harm_no_others(server: EmbeddedServer) -> None:
    good: dict[str, Any] = {"TEXT": PROMPT, "max_new_tokens": 40}
    expected = generate(server, **good)
    bad: list[dict[str, Any]] = [{"TEXT": PROMPT, "eos_token_id": 10**6}, {"TEXT": PROMPT * 20}, {"MESSAGES": "?"}]
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda body: post(server, f"{GPT2}/generate", body), [good, *bad] * 3))
    assert [status for status, _ in answers] == [200, 400, 400, 400] * 3
    assert {json.loads(text)["GENERATED_TEXT"] for status, text in answers if status == 200} == {expected}


def test_all_kinds_at_once_leave_the_server_up(server: EmbeddedServer) -> None:
    """Several threads of the model talk to Triton, whose Python backend takes that badly if they do it carelessly."""

    def call(number: int) -> bool:
        given = {"TEXT": f"{PROMPT} {number}", "max_new_tokens": 1 + number % 40}
        kind = number % 5
        if kind == 0:
            return post(server, f"{GPT2}/generate", {**given, "num_beams": 3})[0] == 200
        if kind == 1:
            return post(server, f"{GPT2}/generate", {**given, "max_new_tokens": 10**6})[0] == 400
        if kind == 2:
            return post(server, f"{GPT2}/generate", {**given, "do_sample": True, "num_return_sequences": 2})[0] == 200
        stream = text_stream(server, PROMPT, max_new_tokens=1 + number % 60)
        if kind == 3:
            return bool(stream.pieces())
        began = stream.began.wait(60)
        stream.client.stop_stream(cancel_requests=True)
        return began

    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(call, range(200)))
    server.check_alive()


# Bounds.


def test_a_request_ends_when_its_time_is_up(narrow: EmbeddedServer) -> None:
    begin = time.monotonic()
    text = generate(narrow, LLAMA, TEXT=PROMPT, **ENDLESS)
    assert 1.5 < time.monotonic() - begin < 20
    assert text.startswith(PROMPT) and len(text) > len(PROMPT)


def test_overload_is_refused_until_there_is_room(narrow: EmbeddedServer) -> None:
    stream = text_stream(narrow, PROMPT, LLAMA, **ENDLESS)
    assert stream.began.wait(60)
    with pytest.raises(TritonPipelinesError, match="max_requests") as refused:
        pipeline("text-generation", model=LLAMA, url=narrow.grpc_url, retries=0)(PROMPT)
    assert refused.value.status == "UNAVAILABLE"
    assert stream.pieces()
    assert generate(narrow, LLAMA, TEXT=PROMPT, max_new_tokens=3)


def test_a_direct_caller_that_leaves_frees_its_place(narrow: EmbeddedServer) -> None:
    tensors: dict[str, np.ndarray] = {
        "input_ids": np.arange(5, 12, dtype=np.int64),
        "prefix_length": np.array([0], np.int32),
        "eos_token_id": np.empty(0, np.int64),
        "prompt": np.array([b""], object),
    }
    stream = Stream(narrow, f"{LLAMA}_model", tensors, stream=True, max_time=60.0, **ENDLESS)
    assert stream.began.wait(60)
    begin = time.monotonic()
    stream.client.stop_stream(cancel_requests=True)
    while post(narrow, f"{LLAMA}/generate", {"TEXT": PROMPT, "max_new_tokens": 2})[0] != 200:
        assert time.monotonic() - begin < 1.5  # long before its time was up
        time.sleep(0.05)
