"""Pre- and postprocessors in a process of their own, as Triton runs each: which of the large libraries do they load?

    python -m tests.unit.light_stages TASK REPOSITORY < REQUESTS

REQUESTS, pickled, are what the preprocessors of the repository's deployments are sent: by name, tensors and parameters.
Prints JSON: the libraries that are loaded once all postprocessors are, and after each preprocessor's answer.
"""

from __future__ import annotations

import importlib
import json
import pickle
import sys
from pathlib import Path
from typing import Any

from python_backend.stage import Request

LARGE = ("torch", "transformers")


def initialized(stage: Any, repository: str, model: str) -> Any:
    config = {"parameters": {}, "instance_group": [{"count": 1}], "output": []}
    stage.initialize(
        {
            "model_name": model,
            "model_repository": str(Path(repository, model)),
            "model_version": "1",
            "model_instance_kind": "CPU",
            "model_config": json.dumps(config),
        }
    )
    return stage


def loaded() -> list[str]:
    return [name for name in LARGE if sys.modules.get(name) is not None]


def main(task: str, repository: str) -> None:
    module = importlib.import_module(f"python_backend.tasks.{task}")
    requests = pickle.load(sys.stdin.buffer)
    for name in requests:
        initialized(module.Postprocess(), repository, f"{name}_postprocess")
    found = {"postprocess": loaded()}
    for name, (tensors, given) in requests.items():
        stage = initialized(module.Preprocess(), repository, f"{name}_preprocess")
        (result,) = stage.process_batch([Request(tensors, module.PARAMETERS.parse(given))])
        if isinstance(result, Exception):
            raise result
        found[name] = loaded()
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
