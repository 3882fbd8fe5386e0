"""The forward pass of a model stage as a module to export: tensors by name in, a tuple of tensors out."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch.export import Dim, ExportedProgram
from torch.overrides import TorchFunctionMode

from exporting.errors import ExportError
from exporting.samples import Samples
from python_backend.stage import Request, Tensors

Inputs = dict[str, torch.Tensor]
ONE_PASS = {
    "max_batch_tokens": "1000000000",
    "max_batch_rows": "1000000",
    "max_batch_seconds": "1000000",
    "pass_cost": "1000000",
    "threads": "1",
    "engine": "eager",
    "prepack": "false",
}
"""Settings of a stage that runs whatever it is given in one pass, on the weights as they lie."""


class Graph(torch.nn.Module):
    """What a stage runs: `Forward.call`, all tensors of its output.

    Args:
        inputs: of any size; they say which tensors there are.
    """

    def __init__(self, stage: Any, inputs: Inputs) -> None:
        super().__init__()
        self.stage = stage
        self.model = stage.model
        self.config = stage.model.config
        with torch.inference_mode():
            self.names = tuple(tensors(stage.call(dict(inputs))))
        self.forward = self._forward
        declare(self, inputs)

    def _forward(self, **inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        outputs = tensors(self.stage.call(inputs))
        return tuple(outputs[name] for name in self.names)


def declare(module: torch.nn.Module, inputs: Inputs) -> None:
    """Give a module's forward the signature that torch.export reads its inputs' names and order from."""
    forward = module.forward

    def named(**given: torch.Tensor) -> Any:
        return forward(**given)

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature([inspect.Parameter(name, kind) for name in inputs])
    named.__dict__["__signature__"] = signature
    module.forward = named


def tensors(outputs: Mapping[str, Any]) -> Inputs:
    """Those of a model's output, by name."""
    return {name: value for name, value in outputs.items() if isinstance(value, torch.Tensor)}


def pads(stage: Any) -> bool:
    """Whether rows of different lengths share its passes."""
    speech = getattr(stage, "batches", None)
    return bool(speech.pads if speech else stage.pads)


def inputs_of(stage: Any, sent: Tensors) -> Inputs:
    """What a stage's pass over the rows of one request is given."""
    requests = [Request(sent, stage.PARAMETERS.parse({}))]
    speech = getattr(stage, "batches", None)
    if speech:
        speech.pass_cost = 10**9  # no pass more than must be
    (batch,) = stage.passes(stage.rows(requests), requests)
    seen: Inputs = {}
    stage.compiled = lambda inputs: seen.update(inputs)
    with contextlib.suppress(AttributeError, TypeError):  # nothing came back to make results of
        stage.forward(batch)
    stage.compiled = None
    if speech and "attention_mask" in stage.accepted and "attention_mask" not in seen:
        first = next(iter(seen.values()))
        seen["attention_mask"] = torch.ones(first.shape[:2], dtype=torch.int64)
    return {name: tensor.clone() for name, tensor in seen.items()}


def traced(stage: Any, samples: Samples) -> tuple[Inputs, dict[str, dict[int, Any]]]:
    """Inputs to trace, and which of their dimensions may vary: those that differ between two samples."""
    sizes = samples.traced()
    first, second = (inputs_of(stage, samples.tensors(*size, ragged=pads(stage))) for size in sizes)
    shapes = {
        name: {axis: Dim.AUTO for axis, size in enumerate(tensor.shape) if second[name].shape[axis] != size}
        for name, tensor in first.items()
    }
    return first, shapes


class Static(TorchFunctionMode):
    """What models of an encoder and a decoder (BART and its like) decide by the values of tensors, without that.

    Their classifiers pick the hidden state of each row's last </s> by `hidden[mask, :]`, whose size no compiler knows,
    and check that rows have equally many: the last one alone is picked, and the check left out, since a tokenizer puts
    as many into each row. In float16, layers clamp what overflows: nothing does where it matters, or the comparison
    with eager PyTorch says so.
    """

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is torch.Tensor.__getitem__ and isinstance(args[1], tuple):
            states, (mask, *rest) = args
            if rest == [slice(None)] and isinstance(mask, torch.Tensor) and mask.dtype == torch.bool and mask.ndim == 2:
                places = mask * torch.arange(mask.shape[1], device=mask.device)
                rows = torch.arange(states.shape[0], device=mask.device)  # len() would fix the number of rows
                return states[rows, places.argmax(dim=1)]
        if function is torch.unique_consecutive:
            return args[0][:1]
        if function is torch.isfinite:
            return Finite()
        return function(*args, **(kwargs or {}))


class Finite:
    def all(self) -> bool:
        return True


@contextlib.contextmanager
def exportable() -> Iterator[None]:
    """transformers' own changes to models that torch.export would stumble over."""
    from transformers.exporters import exporter_dynamo  # noqa: F401  # registers them
    from transformers.exporters.utils import apply_patches

    with apply_patches("dynamo"):
        yield


def export(graph: torch.nn.Module, inputs: Inputs, shapes: dict[str, dict[int, Any]]) -> ExportedProgram:
    """ExportError where a dimension that has to vary does not in what was traced."""
    decodes = getattr(graph.config, "is_encoder_decoder", False)
    with torch.no_grad(), exportable(), Static() if decodes else contextlib.nullcontext():
        program = torch.export.export(graph, (), dict(inputs), dynamic_shapes=shapes, strict=False)
    for node in program.graph.nodes:
        for axis in shapes.get(node.target, ()) if node.op == "placeholder" else ():
            if str(size := node.meta["val"].shape[axis]).isdigit():
                raise ExportError(f"The traced model takes {node.target} of size {size} alone in dimension {axis}.")
    return program
