"""TensorRT: model.plan, built of an ONNX model on the GPU that will serve it."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from exporting.configuration import Config
from exporting.errors import ExportError

SOURCE = "tensorrt.onnx"
"""What the engine is built of, in the model's version folder."""
SHORT = 128
"""Tokens up to which texts have an optimization profile of their own."""
MAX_ROWS = 32
"""Rows of an item with several: candidate labels, chunks of a context."""


class Range(NamedTuple):
    """Of an input's shape in an optimization profile."""

    minimum: tuple[int, ...]
    optimum: tuple[int, ...]
    maximum: tuple[int, ...]


Profile = dict[str, Range]


def profiles(shapes: Mapping[str, Sequence[int]], max_batch: int, max_length: int) -> list[Profile]:
    """Optimization profiles: one for short texts and one for all, or one for pictures. Triton takes, for each batch,
    the one whose optimum is nearest.

    Args:
        shapes: of each input without the batch dimension, -1 where it varies: rows and length, or length alone.
    """
    varies = any(-1 in shape for shape in shapes.values())
    lengths = [(1, min(32, max_length), min(SHORT, max_length))] if varies else [(1, 1, 1)]
    if varies and max_length > SHORT:
        lengths.append((1, max_length // 2, max_length))
    batches = 1, max(1, max_batch // 2), max_batch
    made = []
    for length in lengths:
        ranges = zip(batches, (1, 4, MAX_ROWS), length, strict=True)
        sizes = [{"batch": batch, "rows": rows, "length": tokens} for batch, rows, tokens in ranges]
        made.append({name: Range(*(_shape(shape, size) for size in sizes)) for name, shape in shapes.items()})
    return made


def _shape(shape: Sequence[int], size: Mapping[str, int]) -> tuple[int, ...]:
    names = ("rows", "length")[-sum(dimension == -1 for dimension in shape) :] if -1 in shape else ()
    varying = iter(names)
    return size["batch"], *(size[next(varying)] if dimension == -1 else dimension for dimension in shape)


def keep_norms_in_float32(model: torch.nn.Module) -> int:
    """Let the layer norms of a half precision model compute in float32, as autocast does: their sums overflow float16.
    The engine takes its types from the ONNX model (a strongly typed network). Returns how many there are."""
    found = 0
    for module in model.modules():
        if isinstance(module, torch.nn.LayerNorm) and module.weight is not None:
            module.float()
            module.forward = _float32_norm(module)  # type: ignore[method-assign]
            found += 1
    return found


def _float32_norm(module: torch.nn.LayerNorm) -> Any:
    def forward(states: torch.Tensor) -> torch.Tensor:
        wide = torch.nn.functional.layer_norm(
            states.float(), module.normalized_shape, module.weight, module.bias, module.eps
        )
        return wide.to(states.dtype)

    return forward


def command(onnx: Path, plan: Path, made: Sequence[Profile]) -> str:
    """What builds the same engine with NVIDIA's trtexec."""
    parts = [trtexec() or "trtexec", f"--onnx={onnx}", f"--saveEngine={plan}", "--stronglyTyped"]
    for number, profile in enumerate(made):
        parts.append(f"--profile={number}")
        for option, at in (("minShapes", 0), ("optShapes", 1), ("maxShapes", 2)):
            shapes = (f"{name}:{'x'.join(map(str, ranges[at]))}" for name, ranges in profile.items())
            parts.append(f"--{option}={','.join(shapes)}")
    return shlex.join(parts)


def trtexec() -> str | None:
    """Where NVIDIA's images have it."""
    return shutil.which("trtexec", path=f"{os.environ.get('PATH', '')}:/usr/src/tensorrt/bin")


def check_gpu(onnx: Path, plan: Path, made: Sequence[Profile]) -> None:
    """ExportError, with what to do elsewhere, where no engine can be built."""
    lacks = "" if torch.cuda.is_available() else "no GPU"
    if not lacks and importlib.util.find_spec("tensorrt") is None and not trtexec():
        lacks = "no TensorRT (its trtexec, or pip install tensorrt, of the release that the server has)"
    if lacks:
        raise ExportError(
            f"{onnx} is written and checked. An engine is built by TensorRT on the GPU that will serve it; here is "
            f"{lacks}.\nThere, run this command again; or build it with\n  {command(onnx, plan, made)}"
        )


def build(onnx: Path, plan: Path, made: Sequence[Profile]) -> None:
    """Build the engine: by trtexec, which is of the server's own release where it is in the server's image."""
    if trtexec():
        done = subprocess.run(shlex.split(command(onnx, plan, made)), capture_output=True, text=True)
        if done.returncode:
            raise ExportError(f"trtexec could not build an engine of {onnx}:\n{(done.stdout + done.stderr)[-2000:]}")
        return
    import tensorrt as trt

    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse_from_file(str(onnx)):
        errors = "; ".join(str(parser.get_error(at)) for at in range(parser.num_errors))
        raise ExportError(f"TensorRT cannot read {onnx}: {errors}")
    settings = builder.create_builder_config()
    for ranges in made:
        profile = builder.create_optimization_profile()
        for name, sizes in ranges.items():
            profile.set_shape(name, *sizes)
        settings.add_optimization_profile(profile)
    engine = builder.build_serialized_network(network, settings)
    if engine is None:
        raise ExportError(f"TensorRT could not build an engine of {onnx}; its messages are above.")
    plan.write_bytes(engine)


def finish(config: Config, made: Sequence[Profile]) -> Config:
    """The engine's profiles, for Triton to choose among, in one instance."""
    del config.instance_group[:]
    config.instance_group.add(count=1, profile=[str(number) for number in range(len(made))])
    config.instance_group[0].kind = config.instance_group[0].KIND_GPU
    return config
