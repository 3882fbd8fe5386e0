"""Another checkpoint under load: no request fails, and each is answered by one version from its start to its end."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

import rollout
from install import install
from repository import versions
from rollout import RolloutError, add, main, roll_out, served_version
from serving.embedded_server import EmbeddedServer
from triton_pipelines import Pipeline, pipeline

pytestmark = pytest.mark.alone

TASK = "text_classification"
TEXTS = ["Call me Ishmael.", "It was the best of times, it was the worst of times.", "To be"]


@pytest.fixture
def server(checkpoints: Path, tmp_path: Path) -> Iterator[EmbeddedServer]:
    install(TASK, checkpoint=str(checkpoints / f"{TASK}_bert"), repository=tmp_path)
    with EmbeddedServer(tmp_path, [TASK]) as running:
        yield running


class Load:
    """Threads that ask without pause, and keep every answer or error."""

    def __init__(self, classify: Pipeline, threads: int = 6) -> None:
        self.classify = classify
        self.answers: list[tuple[int, Any]] = []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(number,)) for number in range(threads)]

    def run(self, number: int) -> None:
        while not self.stopping.is_set():
            which = number % len(TEXTS)
            try:
                self.answers.append((which, self.classify(TEXTS[which], top_k=None)))
            except Exception as error:
                self.answers.append((which, error))

    def __enter__(self) -> "Load":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)


def answers_of(classify: Pipeline) -> list[Any]:
    return [classify(text, top_k=None) for text in TEXTS]


def is_one_of(answer: Any, *known: Any) -> bool:
    def equal(one: Any, other: Any) -> bool:
        labels = [each["label"] for each in one] == [each["label"] for each in other]
        return labels and np.allclose([each["score"] for each in one], [each["score"] for each in other], atol=1e-4)

    return any(equal(answer, each) for each in known)


def test_a_new_checkpoint_and_back_without_a_failed_request(
    server: EmbeddedServer, checkpoints: Path, tmp_path: Path
) -> None:
    with pipeline("text-classification", url=server.grpc_url) as classify:
        before = answers_of(classify)
        with Load(classify) as load:
            version = add(tmp_path, TASK, str(checkpoints / f"{TASK}_distilbert"))
            roll_out(tmp_path, TASK, version, server.http_url)
            after = answers_of(classify)
            seen = len(load.answers)
            roll_out(tmp_path, TASK, 1, server.http_url)
            again = answers_of(classify)
        assert not any(is_one_of(one, other) for one, other in zip(before, after, strict=True))
        assert all(is_one_of(one, other) for one, other in zip(before, again, strict=True))
        failed = [answer for _, answer in load.answers if isinstance(answer, Exception)]
        assert not failed, f"{len(failed)} of {len(load.answers)} failed: {failed[0]}"
        assert seen > 50
        for which, answer in load.answers:
            assert is_one_of(answer, before[which], after[which])
        assert {is_one_of(answer, after[which]) for which, answer in load.answers} == {True, False}


def test_a_version_that_does_not_load_changes_nothing(
    server: EmbeddedServer, checkpoints: Path, tmp_path: Path
) -> None:
    with pipeline("text-classification", url=server.grpc_url) as classify:
        before = answers_of(classify)
        version = add(tmp_path, TASK, str(checkpoints / f"{TASK}_distilbert"))
        (tmp_path / f"{TASK}_model" / str(version) / "config.json").write_text("{}")
        with Load(classify, threads=3) as load, pytest.raises(RolloutError, match="is still version 1"):
            roll_out(tmp_path, TASK, version, server.http_url)
        assert load.answers and all(is_one_of(answer, before[which]) for which, answer in load.answers)
        assert served_version(tmp_path, TASK, server.http_url) == 1


def test_a_second_checkpoint_is_deployed_while_the_first_is_served(
    server: EmbeddedServer, checkpoints: Path, tmp_path: Path
) -> None:
    with pipeline("text-classification", url=server.grpc_url) as classify, Load(classify, threads=3) as load:
        before = answers_of(classify)
        install(TASK, checkpoint=str(checkpoints / f"{TASK}_distilbert"), name="second", repository=tmp_path)
        rollout.load(server.http_url, "second")
        with pipeline("text-classification", "second", url=server.grpc_url) as other:
            assert not is_one_of(other(TEXTS[0], top_k=None), before[0])
    assert all(is_one_of(answer, before[which]) for which, answer in load.answers)


def test_wrong_calls_are_told(server: EmbeddedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["--repository", str(tmp_path), "--url", server.http_url]
    for arguments, message in (
        (["other", "--version", "1"], "no deployment 'other'"),
        ([TASK, "--version", "7"], "has no version 7"),
        ([TASK, "--version", "0"], "has no version 0"),
        ([TASK, "--version", "1"], "is version 1 already"),
        ([TASK, "--checkpoint", str(tmp_path / "nothing")], "neither a folder nor the id"),
    ):
        assert main([*arguments, *call]) == 1
        assert message in capsys.readouterr().err


def test_without_its_server_nothing_is_installed(
    checkpoints: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = str(checkpoints / f"{TASK}_bert")
    install(TASK, checkpoint=checkpoint, repository=tmp_path)
    call = ["--repository", str(tmp_path), "--url", "http://127.0.0.1:9"]
    assert main([TASK, "--checkpoint", checkpoint, *call]) == 1
    assert "cannot be asked" in capsys.readouterr().err
    assert versions(tmp_path, f"{TASK}_model") == [1]


def test_the_configuration_that_the_server_runs_changes_too(checkpoints: Path, tmp_path: Path) -> None:
    """As the exporter writes it: by protobuf, with defaults left out."""
    install(TASK, checkpoint=str(checkpoints / f"{TASK}_bert"), repository=tmp_path)
    step = tmp_path / f"{TASK}_model"
    config = text_format.Parse((step / "config.pbtxt").read_text(), model_config_pb2.ModelConfig())
    config.version_policy.latest.num_versions = 1
    (step / "configs").mkdir()
    (step / "configs/other.pbtxt").write_text(text_format.MessageToString(config))
    with (
        EmbeddedServer(tmp_path, [TASK], model_config_name="other") as server,
        pipeline("text-classification", url=server.grpc_url) as classify,
    ):
        before = answers_of(classify)
        version = add(tmp_path, TASK, str(checkpoints / f"{TASK}_distilbert"))
        for wanted in (version, 1):
            roll_out(tmp_path, TASK, wanted, server.http_url)
            same = [is_one_of(one, other) for one, other in zip(answers_of(classify), before, strict=True)]
            assert same == [wanted == 1] * len(TEXTS)
            assert server.get(f"v2/models/{TASK}_model")["versions"] == [str(wanted)]
