"""What a server serves."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from . import tasks
from .errors import TritonPipelinesError, Unsupported
from .transport import Headers, Transport, connect

_STEPS = ("_preprocess", "_model", "_postprocess")


@dataclass(frozen=True)
class Deployment:
    """An ensemble, and the task that it answers. Ready when its steps are, too."""

    name: str
    task: str | None
    ready: bool


def deployments(url: str, headers: Headers) -> list[Deployment]:
    """All deployments of the server, by name. One that keeps its list to itself is asked for those named like tasks."""
    with closing(connect(url, headers=headers)) as transport:
        try:
            models = transport.models()
        except Unsupported:
            names = [name.replace("-", "_") for name in sorted(tasks.TASKS)]
            return [Deployment(name, _task(name, transport), True) for name in names if transport.ready(name)]
        return [
            Deployment(
                name,
                _task(name, transport),
                all(models[each] for each in (name, *(f"{name}{step}" for step in _STEPS)) if each in models),
            )
            for name in sorted(models)
            if f"{name}_preprocess" in models
        ]


def is_ready(url: str, headers: Headers, model: str | None) -> bool:
    """Whether a model is ready, or else the server with all that it serves."""
    with closing(connect(url, headers=headers)) as transport:
        return transport.ready(model)


def _task(name: str, transport: Transport) -> str | None:
    try:
        description = transport.describe(name)
    except TritonPipelinesError:  # it is not ready, or the server does not tell
        return None
    matching = tasks.matching(description.inputs, description.outputs)
    return matching[0].name if matching else None
