"""pipeline(): the call of transformers, answered by a server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import tasks
from .errors import InvalidInput
from .pipelines import Pipeline, naming_deployments
from .tasks.base import Task
from .transport import Transport, connect

_CHECKPOINT = "it comes with the deployment's checkpoint: scripts/install.py TASK --checkpoint ... --name ..."
_HUB = "checkpoints are fetched where the server is: scripts/install.py TASK --checkpoint ..."
_PLACEMENT = "the server chooses: instance_group in <task>_model/config.pbtxt"
# Arguments of transformers.pipeline() that are settled where the server is, and where that is.
_ON_THE_SERVER = {
    "config": _CHECKPOINT,
    "tokenizer": _CHECKPOINT,
    "feature_extractor": _CHECKPOINT,
    "image_processor": _CHECKPOINT,
    "processor": _CHECKPOINT,
    "modelcard": _CHECKPOINT,
    "decoder": _CHECKPOINT,
    "use_fast": _CHECKPOINT,
    "assistant_model": _CHECKPOINT,
    "revision": f"{_HUB} --revision ...",
    "token": _HUB,
    "use_auth_token": _HUB,
    "code_revision": _HUB,
    "trust_remote_code": _HUB,
    "device": _PLACEMENT,
    "device_map": _PLACEMENT,
    "torch_dtype": "it is the parameter `dtype` in <task>_model/config.pbtxt",
    "model_kwargs": "what a model is loaded with is in <task>_model/config.pbtxt",
    "framework": "the engine is what <task>_model/config.pbtxt runs",
    "binary_output": "results are Python values",
    "pipeline_class": "the pipeline is the deployment's own code",
}


def pipeline(
    task: str | None = None,
    model: str | None = None,
    url: str = "localhost:8001",
    *,
    batch_size: int | None = None,
    num_workers: int | None = None,
    request_timeout: float | None = 300.0,
    headers: Mapping[str, str] | None = None,
    **defaults: Any,
) -> Pipeline:
    """A pipeline of a task that a server serves.

    task: such as "text-classification" or "ner"; without one, the server is asked what `model` is for.
    model: the deployment's name on the server; by default that of the task (text_classification).
    url: `host:port` or `grpc://host:port` for gRPC, `http://host:port` for HTTP; grpcs:// and https:// for TLS.
    batch_size: rows a request, for lists and iterables; by default 32 for texts, fewer for what is large.
    num_workers: requests on their way at the same time, for lists and iterables.
    request_timeout: seconds one request may take; None waits for ever.
    headers: sent with every request, such as {"authorization": "Bearer ..."}.
    defaults: parameters of the task, for the calls that do not give them.

    Nothing is sent before the first call, unless `task` is left out.
    """
    for name, place in _ON_THE_SERVER.items():
        if defaults.pop(name, None) is not None:
            raise InvalidInput(f"{name} cannot be chosen by the client: {place}")
    if model is not None and not isinstance(model, str):
        raise InvalidInput(f"model must be the name of a deployment on the server, not a {type(model).__name__}")
    if model is not None and "/" in model:
        raise InvalidInput(
            f"model must be the name of a deployment on the server: deploy this checkpoint under a name with "
            f"scripts/install.py {task or 'TASK'} --checkpoint {model} --name NAME, then give model='NAME'"
        )
    if task is None and model is None:
        raise InvalidInput("give a task, or the name of a deployment: pipeline('text-classification')")
    found = None if task is None else tasks.find(task)
    transport = connect(url, timeout=request_timeout, headers=headers)
    if found is None:
        found = _task_of(str(model), transport)
    return Pipeline(found, transport, model=model, batch_size=batch_size, num_workers=num_workers, **defaults)


def _task_of(model: str, transport: Transport) -> Task:
    """The task of a deployment, by its tensors."""
    with naming_deployments(model, transport):
        description = transport.describe(model)
    matches = tasks.matching(description.inputs, description.outputs)
    if not matches:
        raise InvalidInput(f"the tensors of {model!r} are of no task: {description.inputs} -> {description.outputs}")
    return matches[0]
