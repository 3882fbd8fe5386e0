"""The client against a real server: it goes away and comes back, one of its processes dies, callers fork or leave."""

from __future__ import annotations

import asyncio
import io
import json
import multiprocessing
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from install import install
from serving.embedded_server import EmbeddedServer
from tests.conftest import Servers
from triton_pipelines import DeadlineExceeded, Pipeline, Unavailable, Unsupported, async_pipeline, pipeline
from triton_pipelines.__main__ import main

TASK = "text_classification"
TEXTS = ["Call me Ishmael.", "It was the best of times, it was the worst of times.", "To be, or not to be"]
LLAMA = "text_generation_llama"
LONG: dict[str, Any] = {"max_new_tokens": 1000, "eos_token_id": -1}


@pytest.fixture(scope="module")
def repository(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    install(TASK, checkpoint=str(checkpoints / f"{TASK}_bert"), repository=folder)
    return folder


@pytest.fixture(scope="module")
def server(repository: Path) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(repository, [TASK], stop_timeout=0.5) as running:
        yield running


def classify(server: EmbeddedServer, protocol: str, **options: Any) -> Pipeline:
    url = server.http_url if protocol == "http" else server.grpc_url
    return pipeline("text-classification", url=url, top_k=None, **options)


def many(count: int) -> Iterator[str]:
    return (TEXTS[number % len(TEXTS)] for number in range(count))


def right(results: list[Any], expected: list[Any]) -> bool:
    """Whether these are the answers to `many`, in its order, with scores as close as other batches allow."""
    return all(
        result["label"] == known["label"] and abs(result["score"] - known["score"]) < 1e-4
        for number, answer in enumerate(results)
        for result, known in zip(answer, expected[number % len(TEXTS)], strict=True)
    )


def test_a_fork_opens_connections_of_its_own(server: EmbeddedServer) -> None:
    for protocol in ("grpc", "http"):
        run = classify(server, protocol)
        expected = run(TEXTS)
        with multiprocessing.get_context("fork").Pool(2) as pool:
            got = pool.map(run, [[text] for text in TEXTS * 4])  # the pipeline itself is handed over, too
        assert len(got) == 12 and right([result for (result,) in got], expected)
        assert right(run(TEXTS), expected)


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_an_event_loop_gets_the_same_answers(server: EmbeddedServer, protocol: str) -> None:
    expected = classify(server, protocol)(TEXTS)
    url = server.http_url if protocol == "http" else server.grpc_url
    run = async_pipeline("text-classification", url=url, top_k=None)

    async def ask() -> None:
        assert right(await run(TEXTS), expected)
        assert right([result async for result in run(many(100), batch_size=4)], expected)
        together = await asyncio.gather(*(run([text]) for text in many(30)))
        assert right([result for (result,) in together], expected)

    async def leave() -> None:
        await ask()
        await run.aclose()

    asyncio.run(ask())
    asyncio.run(leave())  # another loop


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_the_time_a_caller_gives_reaches_the_queue(server: EmbeddedServer, protocol: str) -> None:
    run = classify(server, protocol, retries=0)
    with pytest.raises((DeadlineExceeded, Unavailable)):
        run(TEXTS[0], request_timeout=0.001)
    assert run(TEXTS[0], request_timeout=30)


def test_an_event_loop_streams_and_cancels(served: Servers) -> None:
    server = served(LLAMA)

    async def check(url: str) -> None:
        generate = async_pipeline("text-generation", LLAMA, url)
        whole = await generate("Alice was", max_new_tokens=12)
        pieces = [piece async for piece in generate.stream("Alice was", max_new_tokens=12)]
        assert "Alice was" + "".join(pieces) == whole[0]["generated_text"]
        stream = generate.stream("Alice was", **LONG)
        await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]
        task = asyncio.create_task(generate("Alice was", **LONG))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await generate.aclose()

    for url in (server.grpc_url, server.http_url):
        asyncio.run(check(url))


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_shared_memory_gives_the_same_answers(
    server: EmbeddedServer, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = classify(server, protocol)(TEXTS)
    monkeypatch.setattr("triton_pipelines.shared_memory.LEAST_BYTES", 1)
    with classify(server, protocol, shared_memory=True) as run:
        assert right(list(run(many(60), batch_size=3)), expected)
        assert 1 <= len(regions(server)) <= 4
        for region in regions(server):  # as if it had been started anew
            run._transport.unshare(region["name"])
        assert right(run(TEXTS), expected) and right(run(TEXTS), expected)
        assert len(regions(server)) == 1
    assert regions(server) == []
    url = server.http_url if protocol == "http" else server.grpc_url

    async def ask() -> None:
        async with async_pipeline("text-classification", url=url, top_k=None, shared_memory="auto") as run:
            assert right(await run(TEXTS), expected)
            assert len(regions(server)) == 1

    asyncio.run(ask())
    assert regions(server) == []


@pytest.mark.alone
def test_closing_a_generator_cancels_what_is_under_way(served: Servers) -> None:
    generate = pipeline("text-generation", LLAMA, served(LLAMA).grpc_url, num_workers=2)

    def prompts() -> Iterator[str]:
        yield "Alice was"
        time.sleep(0.3)  # by then it is under way
        raise KeyboardInterrupt

    began = time.monotonic()
    whole = generate("Alice was", **LONG)
    alone = time.monotonic() - began
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        list(generate(prompts(), **LONG))
    assert time.monotonic() - began < max(0.8, alone / 2)
    assert whole


def test_the_command_line(served: Servers, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    server = ["--url", served(LLAMA).grpc_url]
    assert main(["list", *server]) == 0
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"name": LLAMA, "task": "text-generation", "ready": True} in listed
    assert main(["health", *server]) == 0
    assert main(["health", *server, "--model", "other"]) == 1
    assert [line.split()[1:] for line in capsys.readouterr().out.splitlines()] == [["ready"], ["not", "ready"]]
    assert main(["text-generation", "Alice was", *server, "--model", LLAMA, "-p", "max_new_tokens=4"]) == 0
    (generated,) = json.loads(capsys.readouterr().out)
    assert generated["generated_text"].startswith("Alice was")
    monkeypatch.setattr("sys.stdin", io.StringIO("Who are you?\nReally?\n/exit\n"))
    assert main(["chat", *server, "--model", LLAMA, "-p", "max_new_tokens=4"]) == 0
    answers = capsys.readouterr().out.split("> ")
    assert len(answers) == 4 and all(len(answer) > 1 for answer in answers[1:3])


def regions(server: EmbeddedServer) -> list[Any]:
    return list(server.get("v2/systemsharedmemory/status"))


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_what_needs_a_key(
    repository: Path, protocol: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("triton_pipelines.shared_memory.LEAST_BYTES", 1)
    restricted = "shared-memory,model-repository:key=open"
    options = [f"--grpc-restricted-protocol={restricted}", f"--http-restricted-api={restricted}"]
    header = "key" if protocol == "http" else "triton-grpc-protocol-key"
    with EmbeddedServer(repository, [TASK], stop_timeout=0.5, options=options) as server:
        assert classify(server, protocol, shared_memory="auto")(TEXTS)
        with pytest.raises(Unsupported, match=r"shared_memory=True: .*restricted"):
            classify(server, protocol, shared_memory=True)(TEXTS)
        assert classify(server, protocol, shared_memory=True, headers={header: "open"})(TEXTS)
        url = ["--url", server.http_url if protocol == "http" else server.grpc_url]
        for key in ([], ["-H", f"{header}=open"]):
            assert main(["list", *url, *key]) == 0
            assert json.loads(capsys.readouterr().out)["name"] == TASK
