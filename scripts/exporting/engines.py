"""One engine of each format: made, checked, put in its place, configured."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
import transformers

from exporting import aoti, checks, configuration, native, onnx, tensorrt, torchscript
from exporting.configuration import Config
from exporting.deployment import Deployment
from exporting.errors import ExportError
from exporting.graph import ONE_PASS, Graph, Inputs, export, inputs_of, pads, tensors, traced
from exporting.samples import Samples, samples
from python_backend.compiled import FILE, CompiledModel, Description
from python_backend.prepacking import prepack

Progress = Callable[[str], AbstractContextManager[None]]
SECONDS = 0.5
"""To time each of the two at one size of input."""


def make_aoti(
    deployment: Deployment, dtype: str, max_batch: int | None, max_length: int | None, progress: Progress
) -> list[Path]:
    """model.pt2 and aoti.pbtxt."""
    aoti.check_compiler()
    quiet()
    with progress(f"Loading {deployment.name} in {dtype}"):
        stage = deployment.stage("model", **ONE_PASS, dtype=dtype)
        sent = samples(deployment, stage, max_length)
        inputs, shapes = traced(stage, sent)
        graph = Graph(stage, inputs)
    with progress("Tracing"), explained("traced"):
        program = export(graph, inputs, shapes)
    path = deployment.folder / FILE
    with replacing(path) as new:
        actual = str(stage.model.dtype).removeprefix("torch.")
        description = Description.here(list(inputs), graph.names, actual, stage.device.partition(":")[0])
        with progress("Compiling"), explained("compiled"):
            aoti.compile(program, description, new)
        del program
        with progress("Loading the engine"):
            engine = CompiledModel(new, stage.device)
        compiled = lambda given: engine(given).tensors  # noqa: E731
        rows = max_batch or deployment.config("model").max_batch_size
        sizes = {size: inputs_of(stage, sent.tensors(*size, ragged=pads(stage))) for size in sent.checked(rows)}
        check(deployment, stage, sent, sizes, eager, compiled, dtype)
    config = configuration.aoti(deployment.config("model"), actual, max_batch)
    comment = (
        f"Written by scripts/export.py: {FILE}, compiled with torch {torch.__version__}, on {description.device}, "
        f"{actual}.\nChosen with --model-config-name=aoti."
    )
    return [path, configuration.write(deployment.step("model"), "aoti", config, comment)]


def make_native(
    format: str, deployment: Deployment, dtype: str, max_batch: int | None, max_length: int | None, progress: Progress
) -> list[Path]:
    """model.onnx, model.pt or model.plan, and the configurations of the model step and of the preprocessor."""
    native.check_task(deployment, format)
    if format != "torchscript":
        onnx.check_packages()
        if dtype == "bfloat16":
            raise ExportError(f"--format {format} takes float32 and float16; ONNX Runtime has little for bfloat16.")
    quiet()
    config = deployment.config("model")
    rows = max_batch or config.max_batch_size
    with progress(f"Loading {deployment.name} in {dtype}"):
        stage = deployment.stage("model", **ONE_PASS, dtype=dtype)
        native.check_stage(deployment, stage)
        if format == "tensorrt" and dtype != "float32":
            tensorrt.keep_norms_in_float32(stage.model)
        sent = samples(deployment, stage, max_length, padded=True)
        inputs, varying = native.traced(stage, sent, config)
        module = native.Native(stage, config, inputs, sent.unused)
    shapes = {
        name: [-1 if axis in varying[name] else size for axis, size in enumerate(tensor.shape)][1:]
        for name, tensor in inputs.items()
    }
    filename, name, backend = NATIVE[format]
    path = deployment.folder / (tensorrt.SOURCE if format == "tensorrt" else filename)
    with replacing(path) as new:
        with progress("Exporting"), explained("exported"):
            if format == "torchscript":
                torchscript.write(module, inputs, new)
            else:
                onnx.write(module, inputs, varying, new)
        with progress("Loading the engine"):
            threads = os.cpu_count() or 1
            engine = torchscript.Script(new, module.outputs) if format == "torchscript" else onnx.Session(new, threads)
        sizes = {size: native.sent(config, native.request(stage, sent, *size)) for size in sent.checked(min(rows, 32))}

        def run(stage: Any, given: Inputs) -> Inputs:
            step = native.Native(stage, config, given, sent.unused)
            return dict(zip(step.outputs, step(**given), strict=True))

        check(deployment, stage, sent, sizes, run, engine, dtype)
    written = [path]
    made = configuration.native(config, backend, filename, shapes, rows)
    if format == "tensorrt":
        profiles = tensorrt.profiles(shapes, rows, sent.max_length)
        plan = deployment.folder / filename
        tensorrt.check_gpu(path, plan, profiles)
        with replacing(plan) as new, progress("Building the engine"):
            tensorrt.build(path, new, profiles)
        written.append(plan)
        made = tensorrt.finish(made, profiles)
    comment = f"Written by scripts/export.py: {filename}, {dtype}.\nChosen with --model-config-name={name}."
    return [*written, *configure(deployment, name, made, sent, comment)]


def configure(deployment: Deployment, name: str, made: Config, sent: Samples, comment: str) -> list[Path]:
    """The configuration of the model step and, where it takes texts, of the preprocessor, which pads them."""
    written = []
    if sent.unit == "tokens":
        lengths = configuration.buckets(sent.max_length)
        padded = configuration.preprocess(deployment.config("preprocess"), lengths)
        step = deployment.step("preprocess")
        written.append(configuration.write(step, name, padded, f"{comment}\nTexts are padded to few lengths."))
    return [*written, configuration.write(deployment.step("model"), name, made, comment)]


def check(
    deployment: Deployment,
    stage: Any,
    sent: Samples,
    sizes: dict[tuple[int, int], Inputs],
    run: Callable[[Any, Inputs], Inputs],
    engine: checks.Run,
    dtype: str,
) -> None:
    """Print how the engine compares with eager PyTorch; ExportError where it is not good enough.

    Args:
        sizes: the inputs to compare at, by size.
        run: a stage on inputs, eagerly.
    """
    exact = deployment.stage("model", **ONE_PASS, dtype="float32") if dtype != "float32" else None
    if stage.device == "cpu":
        prepack(stage.model)  # as it is served
    torch.set_num_threads(os.cpu_count() or 1)
    print(f"\n{checks.HEADER}", flush=True)
    for inputs in sizes.values():
        size = f"{' x '.join(map(str, next(iter(inputs.values())).shape))} {sent.unit}"
        with torch.inference_mode(), explained("run"):
            reference = partial(run, exact) if exact else None
            print(checks.compare(size, inputs, partial(run, stage), engine, reference, SECONDS), flush=True)
    print(flush=True)


def eager(stage: Any, inputs: Inputs) -> Inputs:
    dtype = stage.model.dtype
    given = {name: tensor.to(dtype) if tensor.is_floating_point() else tensor for name, tensor in inputs.items()}
    return tensors(stage.call(given))


def quiet() -> None:
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    logging.getLogger("onnxscript").setLevel(logging.ERROR)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file to write, and with it what it needs beside it; they take the place of `path` where nothing fails."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new-") as folder:
        yield Path(folder, path.name)
        for file in Path(folder).iterdir():
            file.replace(path.with_name(file.name))


@contextmanager
def explained(done: str) -> Iterator[None]:
    """What the libraries raise as an ExportError, without what they print besides."""
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    except ExportError:
        raise
    except Exception as error:
        lines = str(error).strip().splitlines() or [""]
        raise ExportError(
            f"The model cannot be {done}: {type(error).__name__}: {lines[0][:500]}\n"
            "It is served by the default engine all the same."
        ) from error


NATIVE = {
    "onnx": ("model.onnx", "onnxruntime", "onnxruntime"),
    "torchscript": ("model.pt", "libtorch", "pytorch"),
    "tensorrt": ("model.plan", "tensorrt", "tensorrt"),
}
"""Of each format: the file, the name of its configuration, Triton's backend."""

Maker = Callable[[Deployment, str, int | None, int | None, Progress], list[Path]]
MAKERS: dict[str, Maker] = {"aoti": make_aoti, **{format: partial(make_native, format) for format in NATIVE}}
