"""ONNX: model.onnx, written by torch.onnx, run by ONNX Runtime."""

from __future__ import annotations

import contextlib
import importlib.util
import io
from pathlib import Path
from typing import Any

import torch

from exporting.errors import ExportError
from exporting.graph import Inputs, export

PACKAGES = ("onnx", "onnxscript", "onnxruntime")


def check_packages() -> None:
    if missing := [name for name in PACKAGES if importlib.util.find_spec(name) is None]:
        raise ExportError(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing: "
            "pip install -r requirements-export.txt"
        )


def write(module: Any, inputs: Inputs, shapes: dict[str, dict[int, Any]], path: Path) -> None:
    """Write the module to `path`, with its weights where they fit into 2 GB, else beside it."""
    from transformers.exporters import exporter_onnx
    from transformers.exporters.utils import apply_fx_node_fixes, apply_patches

    with torch.no_grad(), apply_patches("onnx"), contextlib.redirect_stdout(io.StringIO()):
        program = export(module, inputs, shapes)
        apply_fx_node_fixes("onnx", program.graph_module)
        made = torch.onnx.export(
            program,
            args=(),
            kwargs=dict(inputs),
            input_names=list(inputs),
            output_names=list(module.outputs),
            custom_translation_table=exporter_onnx._ONNX_TRANSLATION_TABLE,
            dynamo=True,
            verbose=False,
        )
    assert made is not None  # with dynamo=True
    exporter_onnx.apply_onnx_ir_fixes(made)
    made.save(str(path), external_data=weights(module) > 1_900_000_000)


def weights(module: torch.nn.Module) -> int:
    """Bytes."""
    return sum(tensor.nbytes for tensor in (*module.parameters(), *module.buffers()))


class Session:
    """model.onnx in ONNX Runtime, on the CPU: tensors by name in and out."""

    def __init__(self, path: Path, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.inputs = [tensor.name for tensor in self.session.get_inputs()]
        self.outputs = [tensor.name for tensor in self.session.get_outputs()]

    def __call__(self, inputs: Inputs) -> Inputs:
        given = {name: inputs[name].numpy() for name in self.inputs}
        made = self.session.run(self.outputs, given)
        return {name: torch.from_numpy(array) for name, array in zip(self.outputs, made, strict=True)}
