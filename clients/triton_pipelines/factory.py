"""pipeline(): the call of transformers, answered by a server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import tasks
from .async_pipelines import AsyncPipeline
from .core import missing
from .errors import InvalidInput, NotFound, TritonPipelinesError
from .pipelines import Pipeline
from .tasks.base import Task
from .transport import AsyncTransport, Transport, connect, connect_async

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
    retries: int = 6,
    shared_memory: bool | str = False,
    headers: Mapping[str, str] | None = None,
    transport: Transport | None = None,
    **defaults: Any,
) -> Pipeline:
    """A pipeline of a task that a server serves.

    task: such as "text-classification" or "ner"; without one, the server is asked what `model` is for.
    model: the deployment's name on the server; by default that of the task (text_classification).
    url: `host:port` or `grpc://host:port` for gRPC, `http://host:port` for HTTP; grpcs:// and https:// for TLS.
    batch_size: rows a request, for lists and iterables; by default 32 for texts, fewer for what is large.
    num_workers: requests on their way at the same time, for lists and iterables.
    request_timeout: seconds that one request may take, with its retries; None waits for ever.
    retries: how often a request is sent again when the server is full or away (Unavailable): after 0.25 s, 0.5 s, and
        so on up to every 8 s. A server that never answered is not waited for.
    shared_memory: whether large tensors go through memory that server and client share on one machine: True, False, or
        "auto" where the URL is that of this machine and the server allows it.
    headers: sent with every request, such as {"authorization": "Bearer ..."}.
    transport: carries the requests instead of a connection to `url`: see triton_pipelines.testing.
    defaults: parameters of the task, for the calls that do not give them.

    Nothing is sent before the first call, unless `task` is left out.
    """
    _check(task, model, defaults)
    if task is None and model is None:
        raise InvalidInput("give a task, or the name of a deployment: pipeline('text-classification')")
    found = None if task is None else tasks.find(task)
    transport = connect(url, headers=headers) if transport is None else transport
    return Pipeline(
        found or _task_of(str(model), transport),
        transport,
        model=model,
        batch_size=batch_size,
        num_workers=num_workers,
        request_timeout=request_timeout,
        retries=retries,
        shared_memory=shared_memory,
        **defaults,
    )


def async_pipeline(
    task: str,
    model: str | None = None,
    url: str = "localhost:8001",
    *,
    headers: Mapping[str, str] | None = None,
    transport: AsyncTransport | None = None,
    **options: Any,
) -> AsyncPipeline:
    """The same for an event loop. Takes the arguments of pipeline(); only `task` must be given."""
    _check(task, model, options)
    found = tasks.find(task)
    transport = connect_async(url, headers=headers) if transport is None else transport
    return AsyncPipeline(found, transport, model=model, **options)


def _check(task: str | None, model: Any, arguments: dict[str, Any]) -> None:
    """Refuse what only the server can choose."""
    for name, place in _ON_THE_SERVER.items():
        if arguments.pop(name, None) is not None:
            raise InvalidInput(f"{name} cannot be chosen by the client: {place}")
    if model is not None and not isinstance(model, str):
        raise InvalidInput(f"model must be the name of a deployment on the server, not a {type(model).__name__}")
    if model is not None and "/" in model:
        raise InvalidInput(
            f"model must be the name of a deployment on the server: deploy this checkpoint under a name with "
            f"scripts/install.py {task or 'TASK'} --checkpoint {model} --name NAME, then give model='NAME'"
        )


def _task_of(model: str, transport: Transport) -> Task:
    """The task of a deployment, by its tensors."""
    try:
        description = transport.describe(model)
    except NotFound as error:
        try:
            models = transport.models()
        except TritonPipelinesError:  # the server does not tell
            raise error from None
        raise missing(model, transport.url, models) from error
    matches = tasks.matching(description.inputs, description.outputs)
    if not matches:
        raise InvalidInput(f"the tensors of {model!r} are of no task: {description.inputs} -> {description.outputs}")
    return matches[0]
