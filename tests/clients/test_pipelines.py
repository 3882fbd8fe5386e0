"""The driver: requests out of items, several under way, results in order, errors where they belong."""

import itertools
import random
import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.clients.fake import FakeTransport, fake, floats, sent
from triton_pipelines import (
    InvalidInput,
    NotFound,
    Pipeline,
    ServerError,
    TritonPipelinesError,
    Unavailable,
    Unsupported,
    tasks,
)
from triton_pipelines.transport import Request, Tensors


def echo(request: Request) -> Tensors:
    """The text itself as the label. Refuses a request with a text that says "bad", and is busy at "busy"."""
    texts = [row[0] for row in sent(request, "TEXT")]
    if "bad" in texts:
        raise InvalidInput("bad text")
    if "busy" in texts:
        raise Unavailable("queue full")
    return {"LABEL": request.tensors["TEXT"], "SCORE": floats(*[[1.0]] * len(texts))}


def pipeline(**options: Any) -> tuple[Pipeline, FakeTransport]:
    return fake("text-classification", echo, **options)


def labels(results: Any) -> list[str]:
    return [result["label"] for result in results]


def numbers(count: int) -> list[str]:
    return [str(number) for number in range(count)]


def sizes(transport: FakeTransport) -> list[int]:
    return [len(request.tensors["TEXT"]) for request in transport.requests]


def test_lists_are_cut_into_batches() -> None:
    classify, transport = pipeline(batch_size=4, num_workers=1)
    assert labels(classify(numbers(10))) == numbers(10)
    assert sizes(transport) == [4, 4, 2]
    classify(numbers(3), batch_size=2)
    assert sizes(transport)[3:] == [2, 1]


def test_results_keep_their_order_when_answers_do_not() -> None:
    def slow(request: Request) -> Tensors:
        time.sleep(random.Random(sent(request, "TEXT")[0][0]).random() / 50)
        return echo(request)

    classify, transport = fake("text-classification", slow, batch_size=3, num_workers=8)
    assert labels(classify(numbers(100))) == numbers(100)
    assert 1 < transport.most_at_once <= 8


def test_an_endless_generator_is_pulled_only_as_far_as_requests_are_under_way() -> None:
    pulled = 0

    def endless() -> Iterator[str]:
        nonlocal pulled
        for pulled in itertools.count(1):
            yield str(pulled)

    classify, transport = pipeline(batch_size=4, num_workers=3)
    results = classify(endless())
    assert pulled == 0
    for expected in range(1, 200):
        assert next(results)["label"] == str(expected)
        assert pulled - expected < 4 * 3 + 4
    results.close()
    assert sum(sizes(transport)) <= pulled


def test_one_worker_and_batches_of_one_answer_an_item_before_the_next_is_pulled() -> None:
    answered: list[str] = []

    def dialogue() -> Iterator[str]:
        yield "0"
        for number in range(1, 5):
            assert answered == numbers(number)
            yield str(number)

    classify, _ = pipeline()
    for result in classify(dialogue(), batch_size=1, num_workers=1):
        answered.append(result["label"])
    assert answered == numbers(5)


def test_finished_results_do_not_wait_for_a_slow_generator() -> None:
    release = threading.Event()

    def slow() -> Iterator[str]:
        yield from numbers(2)
        while not transport.requests:  # the first batch is under way
            time.sleep(0.001)
        time.sleep(0.05)
        yield "2"
        release.wait(10)
        yield "3"

    classify, transport = pipeline(batch_size=1, num_workers=8)
    results = classify(slow())
    assert next(results)["label"] == "0"  # comes while the generator still has more to give
    release.set()
    assert labels(results) == ["1", "2", "3"]


def test_closing_a_generator_waits_for_what_is_under_way_and_sends_no_more() -> None:
    second, release = threading.Event(), threading.Event()

    def held(request: Request) -> Tensors:
        if sent(request, "TEXT") == [["0"]]:
            second.wait(10)
        else:
            second.set()
            release.wait(10)
        return echo(request)

    classify, transport = fake("text-classification", held, batch_size=1, num_workers=2)
    results = classify(str(number) for number in itertools.count())
    next(results)
    threading.Timer(0.1, release.set).start()
    results.close()
    assert release.is_set()
    count = len(transport.requests)
    time.sleep(0.05)
    assert len(transport.requests) == count <= 3
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("triton-")]


def test_datasets_are_iterables() -> None:
    class Dataset:
        """As PyTorch has them: it need not say where it ends but by its length."""

        def __len__(self) -> int:
            return 5

        def __getitem__(self, index: int) -> str:
            return str(index)

    classify, _ = pipeline()
    results = classify(Dataset())
    assert not isinstance(results, list)
    assert labels(results) == numbers(5)
    assert labels(classify(iter(numbers(2)))) == numbers(2)
    assert labels(classify(dict.fromkeys(numbers(3)).keys())) == numbers(3)


@pytest.mark.parametrize("size", [1, 4, 32])
@pytest.mark.parametrize("bad", [0, 3, 9])
def test_a_bad_item_of_a_list_is_named(size: int, bad: int) -> None:
    texts = numbers(10)
    texts[bad] = "bad"
    classify, _ = pipeline(batch_size=size)
    with pytest.raises(InvalidInput, match=f"text-classification, item {bad}: bad text") as refused:
        classify(texts)
    assert (refused.value.item, refused.value.task, refused.value.status) == (bad, "text-classification", "INVALID_ARG")


@pytest.mark.parametrize("size", [1, 4, 32])
@pytest.mark.parametrize("word", ["bad", 3])
def test_the_results_before_a_bad_item_of_an_iterable_are_delivered(size: int, word: Any) -> None:
    texts: list[Any] = numbers(10)
    texts[7] = word
    classify, _ = pipeline(batch_size=size)
    delivered = []
    with pytest.raises(InvalidInput) as refused:
        for result in classify(iter(texts)):
            delivered.append(result["label"])
    assert delivered == numbers(7)
    assert refused.value.item == 7


def test_rows_of_a_refused_request_are_sent_one_by_one_up_to_the_bad_one() -> None:
    classify, transport = pipeline(batch_size=8, num_workers=1)
    with pytest.raises(InvalidInput):
        classify([*numbers(2), "bad", *numbers(20)])
    assert sizes(transport) == [8, 1, 1, 1]


def test_a_busy_server_is_no_reason_to_send_rows_again() -> None:
    classify, transport = pipeline(num_workers=1)
    with pytest.raises(Unavailable) as busy:
        classify(["a", "b", "busy"])
    assert busy.value.item == 0  # the first of the request that failed
    assert sizes(transport) == [3]


def test_an_error_of_a_single_item_has_no_position() -> None:
    classify, _ = pipeline()
    with pytest.raises(InvalidInput, match=r"^text-classification: bad text$") as refused:
        classify("bad", top_k=1)
    assert refused.value.item is None


def test_an_exception_of_the_generator_itself_comes_after_the_results_before_it() -> None:
    def broken() -> Iterator[str]:
        yield from numbers(5)
        raise RuntimeError("disk full")

    classify, _ = pipeline(batch_size=2, num_workers=2)
    delivered = []
    with pytest.raises(RuntimeError, match="disk full"):
        for result in classify(broken()):
            delivered.append(result["label"])
    assert delivered == numbers(5)


def test_the_server_s_limit_of_rows_is_asked_once_and_kept() -> None:
    transport = FakeTransport(echo, max_batch_size=2)
    classify = Pipeline(tasks.find("text-classification"), transport, num_workers=1)
    classify(numbers(5))
    list(classify(iter(numbers(2))))
    classify("one")
    assert transport.described == 1
    assert sizes(transport) == [2, 2, 1, 2, 1]


def test_single_items_do_not_ask_for_limits() -> None:
    classify, transport = pipeline()
    classify("a")
    classify(["a"])
    classify([])
    classify(numbers(3), batch_size=1)
    assert transport.described == 0


def test_a_server_that_keeps_its_configuration_to_itself_is_fine() -> None:
    class Closed(FakeTransport):
        def describe(self, model: str) -> Any:
            raise Unsupported("restricted")

    transport = Closed(echo)
    classify = Pipeline(tasks.find("text-classification"), transport)
    assert labels(classify(numbers(3))) == numbers(3)
    assert sizes(transport) == [3]


def test_an_unknown_deployment_says_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("ner", "ner_preprocess", "ner_model", "ner_postprocess", "other")
    unloaded = {"text_classification": False, "text_classification_preprocess": False}

    def missing(request: Request) -> Tensors:
        raise NotFound("Request for unknown model")

    transport = FakeTransport(missing, names=names)
    monkeypatch.setattr(transport, "models", lambda: {**dict.fromkeys(names, True), **unloaded})
    classify = Pipeline(tasks.find("text-classification"), transport)
    for inputs in ("a", ["a", "b"]):
        with pytest.raises(NotFound, match=r"no deployment 'text_classification'; it has ner\.") as refused:
            classify(inputs)
        assert refused.value.task == "text-classification"


def test_a_deployment_of_another_task_is_told() -> None:
    classify, transport = fake("fill-mask", echo)
    for inputs in ("a", ["a", "b"]):
        with pytest.raises(Unsupported, match=r"'fill_mask' is for another task: its answer has no TOKEN, "):
            classify(inputs)
    assert len(transport.requests) == 2


def test_threads_may_share_a_pipeline() -> None:
    classify, _ = pipeline(batch_size=2)
    results: dict[int, list[str]] = {}

    def work(number: int) -> None:
        results[number] = labels(classify([f"{number}-{index}" for index in range(20)]))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: [f"{number}-{index}" for index in range(20)] for number in range(8)}


@pytest.mark.parametrize("arguments", [{"batch_size": 0}, {"num_workers": -1}])
def test_sizes_must_make_sense(arguments: dict[str, Any]) -> None:
    classify, _ = pipeline()
    with pytest.raises(InvalidInput, match=next(iter(arguments))):
        classify(numbers(3), **arguments)


def test_num_workers_of_zero_is_one_as_in_transformers() -> None:
    classify, transport = pipeline(batch_size=1, num_workers=0)
    classify(numbers(5))
    assert transport.most_at_once == 1


def test_a_pipeline_closes_its_transport() -> None:
    classify, transport = pipeline()
    with classify as entered:
        assert entered is classify
    assert transport.closed


def test_numpy_values_are_python_values() -> None:
    classify, transport = pipeline()
    classify("a", max_length=np.int64(4), truncation=np.bool_(True))
    assert transport.request.parameters == {"max_length": 4, "truncation": True}
    assert [type(value) for value in transport.request.parameters.values()] == [int, bool]


def test_every_error_is_of_the_family() -> None:
    assert issubclass(InvalidInput, TritonPipelinesError)
    assert issubclass(InvalidInput, ValueError)
    assert issubclass(Unavailable, ConnectionError)


def test_errors_in_the_place_of_results() -> None:
    classify, _ = pipeline(batch_size=4, num_workers=1)
    results = classify(["0", "bad", "2", 3, "busy"], on_error="return")
    assert [type(result).__name__ for result in results] == [
        "dict",
        "InvalidInput",
        "dict",
        "InvalidInput",
        "Unavailable",
    ]
    assert [result.item for result in results if isinstance(result, TritonPipelinesError)] == [1, 3, 4]
    assert isinstance(classify("bad", on_error="return")[0], InvalidInput)
    with pytest.raises(InvalidInput, match="neither"):
        classify("a", on_error="ignore")


def test_a_failed_request_is_an_error_for_each_of_its_items() -> None:
    classify, transport = pipeline(batch_size=2, num_workers=1)
    results = list(classify(iter(["0", "1", "busy", "3", "4"]), on_error="return"))
    assert [isinstance(result, Unavailable) for result in results] == [False, False, True, True, False]
    assert [results[2].item, results[3].item] == [2, 3]
    assert sizes(transport) == [2, 2, 1]


def test_what_breaks_the_server_is_found_where_errors_are_kept() -> None:
    def answer(request: Request) -> Tensors:
        if ["1"] in sent(request, "TEXT"):
            raise ServerError("RuntimeError")
        return echo(request)

    classify, transport = fake("text-classification", answer)
    assert [isinstance(result, ServerError) for result in classify(numbers(3), on_error="return")] == [
        False,
        True,
        False,
    ]
    with pytest.raises(ServerError):
        classify(numbers(3))
    assert sizes(transport) == [3, 1, 1, 1, 3]


def test_requests_are_cut_where_they_have_too_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triton_pipelines.batching.REQUEST_BYTES", 100)
    classify, transport = pipeline(batch_size=32)
    texts = ["a" * size for size in (40, 40, 40, 200, 10, 10)]
    assert labels(classify(texts)) == texts
    assert sizes(transport) == [2, 1, 1, 2]


def test_progress(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    classify, _ = pipeline(batch_size=2)
    assert len(classify(numbers(5), progress=True)) == 5
    assert re.fullmatch(r"text-classification: 5/5, \S+/s, \d\.\d s\n", capsys.readouterr().err)
    monkeypatch.setattr("triton_pipelines.progress._EVERY", 0)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    results = classify(iter(numbers(3)), progress=True)
    next(results)
    assert re.fullmatch(r"\rtext-classification: 1, \S+/s\033\[K", capsys.readouterr().err)
    results.close()
    assert capsys.readouterr().err.endswith(" s\033[K\n")


class Series:
    """What a column of pandas looks like, with an index of its own."""

    ndim = 1

    def __init__(self, *values: Any) -> None:
        self.values = values
        self.dtype = np.dtype(object)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> Any:
        raise KeyError(index)


@pytest.mark.parametrize("column", [Series("a", "b"), np.array(["a", "b"], dtype=object), np.array(["a", "b"])])
def test_columns_are_lists(column: Any) -> None:
    classify, _ = pipeline()
    results = classify(column)
    assert isinstance(results, list) and labels(results) == ["a", "b"]


def test_a_gap_in_a_column_is_named() -> None:
    classify, _ = pipeline()
    with pytest.raises(InvalidInput, match=r"item 1: .* must be a string, not float"):
        classify(Series("a", float("nan")))
