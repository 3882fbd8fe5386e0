"""Model configurations beside config.pbtxt, chosen with Triton's --model-config-name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2
from tritonclient.grpc.model_config_pb2 import ModelConfig as Config

TYPES = model_config_pb2.DataType


def write(step: Path, name: str, config: Config, comment: str) -> Path:
    """configs/NAME.pbtxt of a step's folder."""
    path = step / "configs" / f"{name}.pbtxt"
    path.parent.mkdir(exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    lines = "".join(f"# {line}\n" for line in comment.splitlines())
    new.write_text(lines + text_format.MessageToString(config), encoding="utf-8")
    new.replace(path)
    return path


def set_parameters(config: Config, **parameters: str | int) -> None:
    for name, value in parameters.items():
        config.parameters[name].string_value = str(value)


def aoti(config: Config, dtype: str, max_batch: int | None) -> Config:
    """The stage in the Python backend as it is, on model.pt2."""
    made = Config()
    made.CopyFrom(config)
    if max_batch:
        made.max_batch_size = max_batch
    set_parameters(made, engine="aoti", dtype=dtype)
    return made


def native(config: Config, backend: str, filename: str, shapes: Mapping[str, Sequence[int]], max_batch: int) -> Config:
    """The model step in one of Triton's own backends, which batches requests of one shape.

    Args:
        shapes: of each input without the batch dimension, -1 where it varies.
    """
    made = Config(name=config.name, backend=backend, max_batch_size=max_batch, default_model_filename=filename)
    made.input.extend(config.input)
    made.output.extend(config.output)
    for tensor in made.input:
        tensor.ClearField("allow_ragged_batch")
        tensor.dims[:] = shapes[tensor.name]
    made.dynamic_batching.CopyFrom(config.dynamic_batching)
    made.instance_group.extend(config.instance_group)
    return made


def preprocess(config: Config, buckets: Sequence[int]) -> Config:
    """The preprocessor that goes with it: texts of similar length get one shape."""
    made = Config()
    made.CopyFrom(config)
    set_parameters(made, length_buckets=",".join(map(str, buckets)), max_tokens=buckets[-1])
    return made


def buckets(max_length: int) -> list[int]:
    """Lengths that texts are padded to: 8, 12, 16, 24 ..., so that at most a third of a longer text is padding."""
    lengths = {base << doubled for base in (8, 12) for doubled in range(max_length.bit_length())}
    return [length for length in sorted(lengths) if length < max_length] + [max_length]
