"""TorchScript: model.pt, a traced model for Triton's PyTorch backend."""

from __future__ import annotations

from pathlib import Path

import torch

from exporting.graph import Inputs
from exporting.native import Native


def write(module: Native, inputs: Inputs, path: Path) -> None:
    """Write the module to `path`. The backend finds inputs by the names of forward's arguments, outputs by order."""
    with torch.no_grad():
        traced = torch.jit.trace(module, example_kwarg_inputs=inputs, check_trace=False, strict=False)
    traced.save(str(path))


class Script:
    """model.pt: tensors by name in and out."""

    def __init__(self, path: Path, outputs: tuple[str, ...]) -> None:
        self.module = torch.jit.load(str(path))
        self.outputs = outputs

    def __call__(self, inputs: Inputs) -> Inputs:
        with torch.inference_mode():
            return dict(zip(self.outputs, self.module(**inputs), strict=True))
