"""The base of every stage: Triton requests in, plain arrays to the task, responses or errors out.

A stage is one Python model of an ensemble. Task code overrides `load`, and `process` (one request) or `process_batch`
(all requests of one execution), and sees numpy arrays alone. So a stage also runs without a server:

    stage = Preprocess.local("model_repository/fill_mask_preprocess/1")
    stage.process(Request({"TEXT": np.array([[b"Hello [MASK]"]], object)}, stage.PARAMETERS.parse({"top_k": 2})))
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np

from python_backend.parameters import InvalidInput, Parameters

try:
    import triton_python_backend_utils as pb_utils  # exists only inside Triton's Python stub
except ImportError:
    pb_utils = None

Tensors = dict[str, np.ndarray]
Result = Tensors | Exception
Setting = TypeVar("Setting", bool, int, float, str)


class Request(NamedTuple):
    """What a stage gets: tensors by their config.pbtxt names (batch dimension first; TYPE_STRING is an object array of
    bytes; an optional input that was not sent is absent), and every parameter of the task, checked and defaulted."""

    tensors: Tensors
    parameters: dict[str, Any]


class Stage:
    """One Python model of an ensemble."""

    PARAMETERS: ClassVar[Parameters] = Parameters()
    """The request parameters of the task; Triton hands a request's parameters to each step of its ensemble."""

    name: str
    folder: Path
    """The model's version folder, where the checkpoint's files lie."""
    settings: Mapping[str, str]
    """`parameters` of config.pbtxt."""
    instances: int = 1
    """How many instances of the model share the machine (instance_group of config.pbtxt)."""
    device: str = "auto"
    """"cpu", "cuda:0" ..., or "auto" where the configuration leaves it open."""

    def __init__(self) -> None:
        self._metrics: list[Any] = []

    def load(self) -> None:
        """Read the checkpoint and warm up. Called once, before the first request."""

    def process(self, request: Request) -> Tensors:
        """The outputs for one request, which may hold several rows."""
        raise NotImplementedError

    def process_batch(self, requests: list[Request]) -> list[Result]:
        """The outputs, or the failure, of each request that Triton batched into one execution.

        An override that works on all requests in one call may simply raise: the requests then run one by one, so that
        a bad one fails alone.
        """
        return [self._attempt(request) for request in requests]

    def setting(self, name: str, default: Setting) -> Setting:
        """A `parameters` entry of config.pbtxt, converted to the type of its default."""
        text = self.settings.get(name)
        if text is None:
            return default
        try:
            if isinstance(default, bool):
                return {"true": True, "false": False}[text.lower()]
            return type(default)(text)
        except (KeyError, ValueError):
            kind = type(default).__name__
            raise ValueError(
                f"{self.name}/config.pbtxt: parameter {name} must be of type {kind}; got {text!r}"
            ) from None

    def counter(self, name: str, description: str) -> Callable[[int], None]:
        """A Prometheus counter of this model among Triton's metrics, as the function that adds to it. Without a server
        it counts nothing."""
        if pb_utils is None:
            return lambda amount: None
        family = pb_utils.MetricFamily(name=name, description=description, kind=pb_utils.MetricFamily.COUNTER)
        metric = family.Metric(labels={"model": self.name})
        self._metrics.append((family, metric))  # Triton forgets what Python lets go of
        return metric.increment

    @classmethod
    def local(cls, folder: str | Path, settings: Mapping[str, str] | None = None) -> Any:
        """A loaded stage without a server, for tests and tools."""
        stage = cls()
        stage.folder = Path(folder)
        stage.name = stage.folder.parent.name
        stage.settings = settings or {}
        stage.load()
        return stage

    # What Triton calls.

    def initialize(self, args: dict[str, str]) -> None:
        config = json.loads(args["model_config"])
        self.name = args["model_name"]
        self.folder = Path(args["model_repository"], args["model_version"])
        self.settings = {key: value["string_value"] for key, value in config["parameters"].items()}
        self.instances = sum(group["count"] for group in config["instance_group"])
        if args["model_instance_kind"] == "GPU":
            self.device = f"cuda:{args['model_instance_device_id']}"
        self._output_types = {
            output["name"]: pb_utils.triton_string_to_numpy(output["data_type"]) for output in config["output"]
        }
        self.load()

    def execute(self, requests: list[Any]) -> list[Any]:
        parsed: list[Request | Exception] = [self.read(request) for request in requests]
        good = [request for request in parsed if isinstance(request, Request)]
        results = iter(self._process_all(good) if good else ())
        return [self.respond(next(results) if isinstance(request, Request) else request) for request in parsed]

    # Between Triton and the task.

    def read(self, request: Any) -> Request | Exception:
        """A Triton request as plain arrays and checked parameters, or why it cannot be."""
        try:
            given = request.parameters()
            parameters = self.PARAMETERS.parse(json.loads(given) if given else {})
            return Request({tensor.name(): tensor.as_numpy() for tensor in request.inputs()}, parameters)
        except Exception as error:
            return error

    def respond(self, result: Result) -> Any:
        """A Triton response with the outputs that config.pbtxt declares, in its types, or with the error."""
        if not isinstance(result, Exception):
            try:
                return pb_utils.InferenceResponse(
                    [
                        pb_utils.Tensor(name, np.ascontiguousarray(result[name], dtype))
                        for name, dtype in self._output_types.items()
                    ]
                )
            except Exception as error:  # raised out of execute, it would be the answer of every request in the batch
                result = error
        return pb_utils.InferenceResponse(error=self.triton_error(result))

    def triton_error(self, error: Exception) -> Any:
        if isinstance(error, InvalidInput):
            return pb_utils.TritonError(str(error), pb_utils.TritonError.INVALID_ARG)
        logging.error("%s failed", self.name, exc_info=error)
        return pb_utils.TritonError(f"{self.name}: {type(error).__name__}: {error}", pb_utils.TritonError.INTERNAL)

    def _process_all(self, requests: list[Request]) -> list[Result]:
        try:
            return self.process_batch(requests)
        except Exception as error:
            if len(requests) == 1:
                return [error]
            return [self._process_all([request])[0] for request in requests]

    def _attempt(self, request: Request) -> Result:
        try:
            return self.process(request)
        except Exception as error:
            return error
