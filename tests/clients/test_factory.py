"""pipeline(): names of tasks, and the arguments that only a server can honour."""

from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from tests.clients.fake import FakeTransport
from triton_pipelines import InvalidInput, NotFound, factory, pipeline, tasks
from triton_pipelines.transport import Description

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("name", "task", "model"),
    [
        ("sentiment-analysis", "text-classification", "text_classification"),
        ("ner", "token-classification", "token_classification"),
        ("text-to-speech", "text-to-audio", "text_to_audio"),
        *((name, name, name.replace("-", "_")) for name in tasks.TASKS),
    ],
)
def test_names_and_aliases(name: str, task: str, model: str) -> None:
    made = pipeline(name)
    assert (made.task, made.model, made.url) == (task, model, "grpc://localhost:8001")
    assert pipeline(name, "mine").model == "mine"


def test_unknown_tasks_are_answered_with_the_list() -> None:
    with pytest.raises(InvalidInput, match=r"'fill_mask' is not a task; there are .*fill-mask.*ner"):
        pipeline("fill_mask")


@pytest.mark.parametrize(
    ("argument", "place"),
    [
        ({"device": 0}, "instance_group in <task>_model/config.pbtxt"),
        ({"device_map": "auto"}, "config.pbtxt"),
        ({"torch_dtype": "bfloat16"}, "`dtype` in <task>_model/config.pbtxt"),
        ({"tokenizer": "bert"}, "scripts/install.py"),
        ({"revision": "main"}, "scripts/install.py TASK --checkpoint ... --revision"),
        ({"trust_remote_code": True}, "scripts/install.py"),
        ({"model_kwargs": {}}, "config.pbtxt"),
        ({"framework": "pt"}, "config.pbtxt"),
    ],
)
def test_what_only_a_server_can_honour_is_refused_with_its_place(argument: dict[str, Any], place: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        pipeline("ner", **argument)
    assert next(iter(argument)) in str(refused.value)
    assert place in str(refused.value)


def test_what_is_none_is_not_given() -> None:
    assert pipeline("ner", device=None, tokenizer=None).task == "token-classification"


def test_a_checkpoint_is_no_deployment() -> None:
    with pytest.raises(InvalidInput, match=r"install.py ner --checkpoint dslim/bert-base-NER --name NAME"):
        pipeline("ner", "dslim/bert-base-NER")
    with pytest.raises(InvalidInput, match="not a object"):
        pipeline("ner", object())  # type: ignore[arg-type]


def test_a_task_or_a_model_is_needed() -> None:
    with pytest.raises(InvalidInput, match="give a task"):
        pipeline()


@pytest.mark.parametrize("task", tasks.TASKS)
def test_the_task_of_a_deployment_is_told_by_its_tensors(monkeypatch: pytest.MonkeyPatch, task: str) -> None:
    file = ROOT / "model_repository" / task.replace("-", "_") / "config.pbtxt"
    config = text_format.Parse(file.read_text(encoding="utf-8"), model_config_pb2.ModelConfig())
    inputs, outputs = (tuple(tensor.name for tensor in tensors) for tensors in (config.input, config.output))
    transport = FakeTransport(lambda request: {}, names=("mine",))
    transport.description = Description(inputs, outputs, 8)
    monkeypatch.setattr(factory, "connect", lambda url, **options: transport)
    assert pipeline(model="mine").task == task
    with pytest.raises(NotFound, match="'yours'"):
        pipeline(model="yours")


def test_a_model_of_no_task_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    transport = FakeTransport(lambda request: {})
    transport.description = Description(("x",), ("y",), 8)
    monkeypatch.setattr(factory, "connect", lambda url, **options: transport)
    with pytest.raises(InvalidInput, match="tensors of 'mine' are of no task"):
        pipeline(model="mine")
