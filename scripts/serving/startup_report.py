"""What serve.py prints when everything is ready: what is served, where, and a line to try it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from repository import latest_version, read_record, task_of
from serving.embedded_server import EmbeddedServer
from serving.triton_log import load_seconds

SAMPLES = {
    "TEXT": "Triton serves what the pipeline knows.",
    "QUESTION": "Who serves?",
    "CONTEXT": "Triton serves what the pipeline knows.",
    "CANDIDATE_LABELS": ["technology", "cooking"],
}
"""What the report's curl line sends, for inputs that plain JSON can carry."""
FILES = {"IMAGE", "AUDIO", "VIDEO"}
"""Inputs that it cannot. Some are optional: there are others in their place, and one of them is needed."""


def report(server: EmbeddedServer) -> str:
    """What is served, where, and a line to try it."""
    seconds = load_seconds(server.log.read_text(encoding="utf-8", errors="replace"))
    rows = [("deployment", "checkpoint", "engine", "dtype", "loaded in")]
    configs = {name: server.get(f"v2/models/{name}/config") for name in server.names}
    for name, config in configs.items():
        model = server.get(f"v2/models/{name}_model/config")
        engine = server.model_config_name or "eager"
        if not (server.repository / f"{name}_model" / "configs" / f"{engine}.pbtxt").is_file():
            engine = "eager"
        dtype = model.get("parameters", {}).get("dtype", {}).get("string_value", "")
        loaded = max(seconds.get(step["model_name"]) or 0 for step in config["ensemble_scheduling"]["step"])
        rows.append((name, _checkpoint(server.repository, name), engine, dtype, f"{loaded:.1f} s"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    urls = f"HTTP     {server.http_url}\ngRPC     {server.grpc_url}\nmetrics  {server.metrics_url}"
    return "\n\n".join(("\n".join(lines), urls, f"Try      {_try(server, configs)}", "Ctrl+C stops."))


def _checkpoint(repository: Path, name: str) -> str:
    record = read_record(repository, name)
    revision = str(record.get("revision") or "")[:7]
    return str(record.get("checkpoint", "(not recorded)")) + (f"@{revision}" if revision else "")


def _try(server: EmbeddedServer, configs: dict[str, Any]) -> str:
    """A command that asks one deployment: curl where plain JSON can carry the inputs, else the client."""
    for name, config in sorted(configs.items(), key=lambda item: not _answers_text(item[1])):
        names = [tensor["name"] for tensor in config["input"]]
        if FILES & set(names):
            continue
        needed = [tensor["name"] for tensor in config["input"] if not tensor.get("optional")] or ["TEXT"]
        if set(needed) <= set(SAMPLES):
            body = json.dumps({tensor: SAMPLES[tensor] for tensor in needed})
            body = body.replace("pipeline", _mask(server.repository, name) or "pipeline")
            return f"curl {server.http_url}/v2/models/{name}/generate -d {shlex.quote(body)}"
    task = task_of(server.repository, name).replace("_", "-")
    return f"python -m triton_pipelines {task} FILE --model {name} --url {server.grpc_url}"


def _answers_text(config: dict[str, Any]) -> bool:
    return any(tensor["data_type"] == "TYPE_STRING" for tensor in config["output"])


def _mask(repository: Path, name: str) -> str:
    """The token that a fill-mask deployment looks for in a text."""
    model = f"{name}_preprocess"
    path = repository / model / str(latest_version(repository, model)) / "tokenizer_config.json"
    if task_of(repository, name) != "fill_mask" or not path.is_file():
        return ""
    return str(json.loads(path.read_text(encoding="utf-8")).get("mask_token", ""))
