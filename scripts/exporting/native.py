"""The whole model step as one module, for Triton's own backends: the tensors of config.pbtxt in, and out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from tritonclient.utils import triton_to_np_dtype

from exporting.configuration import TYPES, Config
from exporting.deployment import Deployment
from exporting.errors import ExportError
from exporting.graph import Inputs, declare
from exporting.samples import Samples
from python_backend.stage import Tensors

TASKS = (
    "text_classification",
    "token_classification",
    "question_answering",
    "zero_shot_classification",
    "image_classification",
)
REASONS = {
    "audio_classification": "its model step cuts, groups and masks audio by its length",
    "feature_extraction": "its model step pools and normalizes as each request asks",
    "fill_mask": "its model step reduces to the best tokens as each request asks",
    "image_feature_extraction": "its model step chooses and reshapes as each request asks",
}


def check_task(deployment: Deployment, format: str) -> None:
    if deployment.task not in TASKS:
        raise ExportError(
            f"{deployment.task.replace('_', '-')} cannot run in the backend that --format {format} is for: "
            f"{REASONS[deployment.task]}. Use --format aoti, which keeps that step.\n"
            f"These can: {', '.join(TASKS).replace('_', '-')}"
        )


def check_stage(deployment: Deployment, stage: Any) -> None:
    if deployment.task != "image_classification" and not stage.pads:
        raise ExportError(
            f"{deployment.name} has no padding token, or looks at padding: its texts cannot be padded to one length, "
            "which Triton's own backends need to batch them. Use --format aoti."
        )


class Native(torch.nn.Module):
    """What a model step makes of a batch of requests of one shape: `Forward.call` and `Forward.reduce` between the
    inputs and outputs of its configuration. Inputs that the model does not take are there and are not looked at."""

    def __init__(self, stage: Any, config: Config, sent: Inputs, unused: Sequence[str] = ()) -> None:
        super().__init__()
        self.stage = stage
        self.model = stage.model
        self.config = stage.model.config
        self.outputs = tuple(output.name for output in config.output)
        self.used = tuple(name for name in sent if name in stage.accepted and name not in unused)
        self.forward = self._forward
        declare(self, {tensor.name: sent[tensor.name] for tensor in config.input})

    def _forward(self, **inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        given = {name: inputs[name] for name in self.used}
        dimensions = self.stage.row_dimensions
        shape = next(iter(given.values())).shape[:dimensions]
        if dimensions == 2:
            given = {name: tensor.flatten(0, 1) for name, tensor in given.items()}
        dtype = self.model.dtype
        given = {name: tensor.to(dtype) if tensor.is_floating_point() else tensor for name, tensor in given.items()}
        reduced = self.stage.reduce(self.stage.call(given))
        results = (reduced[name].float() for name in self.outputs)
        return tuple(tensor.unflatten(0, shape) if dimensions == 2 else tensor for tensor in results)


def sent(config: Config, tensors: Tensors) -> Inputs:
    """The tensors of a request as PyTorch's, those alone that the configuration has, and in its types."""
    return {
        tensor.name: torch.from_numpy(
            np.ascontiguousarray(tensors[tensor.name], triton_to_np_dtype(TYPES.Name(tensor.data_type)[5:]))
        )
        for tensor in config.input
    }


def request(stage: Any, samples: Samples, rows: int, steps: int, per_item: int = 2) -> Tensors:
    """The tensors of one request, or of several that Triton joined: of items with several rows, where items have."""
    if stage.row_dimensions == 1:
        return samples.tensors(rows, steps, ragged=stage.pads)
    tensors = samples.tensors(rows * per_item, steps, ragged=stage.pads)
    return {name: array.reshape(rows, per_item, *array.shape[2:]) for name, array in tensors.items()}


def traced(stage: Any, samples: Samples, config: Config) -> tuple[Inputs, dict[str, dict[int, Any]]]:
    """Inputs to trace, and which of their dimensions may vary."""
    (rows, steps), (other_rows, other_steps) = samples.traced()
    first = sent(config, request(stage, samples, rows, steps, 2))
    second = sent(config, request(stage, samples, other_rows, other_steps, 7))
    shapes = {
        name: {axis: torch.export.Dim.AUTO for axis, size in enumerate(x.shape) if second[name].shape[axis] != size}
        for name, x in first.items()
    }
    if any(axis > 0 for axis in shapes.get("pixel_values", ())):
        raise ExportError(
            "The image processor gives pictures of several sizes, which the backend cannot batch. Use --format aoti."
        )
    return first, shapes
