"""Requests of many callers run together, pad little, and never change each other's answers."""

import re
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest

from python_backend.text import Tokenizer
from serving.embedded_server import EmbeddedServer
from tests.conftest import Servers
from triton_pipelines import InvalidInput, pipeline

TASK = "text_classification"
NAME = f"{TASK}_bert_long"
COUNT = 64


@pytest.fixture(scope="module")
def server(served: Servers) -> EmbeddedServer:
    return served(NAME)


@pytest.fixture(scope="module")
def classify(server: EmbeddedServer) -> Callable[..., Any]:
    return partial(pipeline("text-classification", model=NAME, url=server.grpc_url), top_k=None)


@pytest.fixture(scope="module")
def texts(served: Servers) -> list[str]:
    """Texts of 5 to 400 tokens, spread evenly, in an order that mixes them."""
    tokenizer = Tokenizer(served.checkpoints / NAME).backend
    words = (served.checkpoints.parent / "tests/data/page.txt").read_text().split()
    found = []
    for at in range(COUNT):
        length = 5 + (at * 37 % COUNT) * 395 // (COUNT - 1)
        text = " ".join(words[at : at + 400])
        found.append(text[: tokenizer.encode(text).offsets[length - 2][1]])
    counts = [len(tokenizer.encode(text)) for text in found]
    assert min(counts) == 5 and max(counts) == 400
    return found


def together(call: Callable[[str], Any], texts: list[str]) -> list[Any]:
    """What each call gives, or raises, when all start at once."""
    barrier = Barrier(len(texts))

    def run(text: str) -> Any:
        barrier.wait()
        try:
            return call(text)
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(texts)) as pool:
        return list(pool.map(run, texts))


def executions(server: EmbeddedServer) -> int:
    (statistics,) = server.get(f"v2/models/{NAME}_model/stats")["model_stats"]
    return int(statistics["execution_count"])


def metric(server: EmbeddedServer, name: str) -> int:
    with urllib.request.urlopen(server.metrics_url) as answer:
        (value,) = re.findall(rf'^{name}{{model="{NAME}_model"}} (\d+)', answer.read().decode(), re.M)
    return int(value)


def same(answer: list[dict[str, Any]], alone: list[dict[str, Any]]) -> bool:
    return answer == [{"label": one["label"], "score": pytest.approx(one["score"], abs=1e-5)} for one in alone]


def test_requests_of_mixed_lengths_share_executions_with_little_padding(
    server: EmbeddedServer, classify: Callable[..., Any], texts: list[str]
) -> None:
    alone = [classify(text) for text in texts]
    before = (
        executions(server),
        metric(server, "triton_pipelines_tokens_total"),
        metric(server, "triton_pipelines_padding_total"),
    )
    answers = together(classify, texts)
    after = (
        executions(server),
        metric(server, "triton_pipelines_tokens_total"),
        metric(server, "triton_pipelines_padding_total"),
    )
    assert all(map(same, answers, alone))
    ran, tokens, padding = (new - old for new, old in zip(after, before, strict=True))
    assert ran <= COUNT // 4
    assert padding / (tokens + padding) < 0.1


def test_rows_of_one_request_are_like_requests_of_one_row(classify: Callable[..., Any], texts: list[str]) -> None:
    assert all(map(same, classify(texts, batch_size=COUNT), [classify(text) for text in texts]))


def test_one_bad_item_among_31_good_ones_fails_alone(classify: Callable[..., Any], texts: list[str]) -> None:
    good = texts[:31]
    alone = [classify(text) for text in good]
    too_long = " ".join(["word"] * 2000)
    *answers, refused = together(classify, [*good, too_long])
    assert all(map(same, answers, alone))
    assert isinstance(refused, InvalidInput) and refused.status == "INVALID_ARG"
    assert re.search(r"has 4,002 tokens; the model takes 512.*truncation=true", str(refused))
