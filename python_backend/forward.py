"""One forward pass over a merged batch: the model stage of every task that does not generate.

class Model(Forward):
    auto_class = "AutoModelForTokenClassification"
    per_token = ("logits",)

    def reduce(self, outputs):
        return {"logits": outputs.logits}
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from python_backend import checkpoint
from python_backend.batching import Rows, Tensors, plan
from python_backend.compiled import FILE, CompiledModel
from python_backend.parameters import InvalidInput
from python_backend.stage import Request, Result, Stage

if TYPE_CHECKING:  # imported in load alone: a task's module serves its light stages too
    import torch
    from transformers import PreTrainedModel


PADDING_COUNTS = (
    "big_bird", "canine", "convbert", "funnel", "mobilebert", "nystromformer", "reformer", "yoso",
)  # fmt: skip
"""Model types that look at padding whatever the attention mask says: by convolutions and neighbours of a token, by
blocks, buckets and pools of the text."""
SUMMARIES_OF_PADDING = ("last", "mean")
"""So do classifiers (XLNet's, XLM's) that take the last place of a row, or the mean of all, for the text."""


class TorchStage(Stage):
    """A model stage on PyTorch: its device, threads and dtype.

    Settings (`parameters` of config.pbtxt):
        dtype: auto, float32 (default), bfloat16 or float16. Change it for speed; it costs digits.
        threads: intra-op threads of one instance on a CPU. Default: the machine's cores shared among the instances.
        prepack: on a CPU, keep a second copy of the weights of linear layers in the layout that runs fastest. Default
            true; false where memory is short.
    """

    def load(self) -> None:
        import torch

        if self.device == "auto":
            self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.threads = self.setting("threads", max(1, (os.cpu_count() or 1) // self.instances))
        torch.set_num_threads(self.threads)
        self.dtype = self.setting("dtype", "float32")

    def load_model(self, auto_class: str | type) -> PreTrainedModel:
        """The checkpoint's model as the settings say; `auto_class` as in checkpoint.model."""
        prepacked = self.setting("prepack", True)
        return checkpoint.model(self.folder, auto_class, self.device, self.dtype, prepacked=prepacked)


class Pass(NamedTuple):
    """One forward pass over some of the rows that wait."""

    inputs: Tensors
    """[rows, ...] each."""
    indices: np.ndarray
    """[rows] their places among all rows that wait."""
    lengths: np.ndarray
    """[rows] their tokens; none where nothing is padded."""
    origins: list[tuple[Request, int]]
    """Of each row: the request that it came with, and which of the request's rows it is."""

    @property
    def padding(self) -> int:
        """Tokens of padding in the pass."""
        return int((self.lengths.max() - self.lengths).sum()) if len(self.lengths) else 0


class Forward(TorchStage):
    """Runs the rows of all waiting requests in micro-batches of similar length (text) or equal shape (the rest).

    Settings, besides TorchStage's:
        max_batch_tokens: rows times longest row of one pass stay within it: bounds memory. Default 16,384.
        max_batch_rows: rows of one pass where nothing is padded (images, audio). Default 32.
        pass_cost: what one more pass costs, in tokens: larger means fewer passes with more padding. Default 32 on a
            CPU, 1,024 on a GPU.
        engine: eager (default), or aoti: model.pt2, which scripts/export.py compiles, in place of the weights.
    """

    auto_class: ClassVar[str]
    per_token: ClassVar[tuple[str, ...]] = ()
    """Outputs [rows, length, ...]: cut to the row's own length, padded to the request's longest row."""
    row_dimensions: ClassVar[int] = 1
    """2 where items need several forward rows: inputs are [batch, rows, ...]."""

    def load(self) -> None:
        import torch

        super().load()
        self.workers = self.threads if self.device == "cpu" else 1
        self.load_engine()
        self.accepted = set(inspect.signature(self.model.forward).parameters)
        self.read_tensors = self.accepted | {"attention_mask"}
        self.pool = ThreadPoolExecutor(self.workers, "pass", initializer=torch.set_num_threads, initargs=(1,))
        self.count_tokens = self.counter("triton_pipelines_tokens_total", "Tokens that forward passes ran.")
        self.count_padding = self.counter("triton_pipelines_padding_total", "Tokens of padding that they ran as well.")
        self.max_batch_tokens = self.setting("max_batch_tokens", 16_384)
        self.max_batch_rows = self.setting("max_batch_rows", 32)
        self.pass_cost = self.setting("pass_cost", 32 if self.device == "cpu" else 1024)
        config = self.model.config
        config.use_cache = False  # decoders would keep keys and values for a next pass: there is none
        pad_token_id = getattr(config, "pad_token_id", None)
        self.padding = {"input_ids": pad_token_id or 0}
        # Rows of equal length need no padding, where padding would count: with no mask for it, or in spite of one.
        looks_at_padding = (
            config.model_type in PADDING_COUNTS or getattr(config, "summary_type", None) in SUMMARIES_OF_PADDING
        )
        self.pads = "attention_mask" in self.accepted and not looks_at_padding
        # Without a padding token, models that look for the last real token (GPT-2 and other decoders) refuse batches or
        # take the wrong one. -1 is no token, so every position counts as real.
        if pad_token_id is None:
            self.pads = False
            config.pad_token_id = -1

    def load_engine(self) -> None:
        """The weights, or the compiled pass that takes their place."""
        self.compiled: CompiledModel | None = None
        if self.engine() == "aoti":
            self.compiled = CompiledModel(self.folder / FILE, self.device, self.workers)
            dtype = self.compiled.description.dtype
            self.model = checkpoint.model_without_weights(self.folder, self.auto_class, dtype)
            words = getattr(self.model.config, "vocab_size", None)
            types = getattr(self.model.config, "type_vocab_size", None)
            self.compiled.limits = {"input_ids": words, "token_type_ids": types}
        else:
            self.model = self.load_model(self.auto_class)

    def engine(self) -> str:
        name = self.setting("engine", "eager")
        if name not in ("eager", "aoti"):
            raise ValueError(f"{self.name}/config.pbtxt: engine must be eager or aoti; got {name!r}")
        return name

    def reduce(self, outputs: Any) -> dict[str, torch.Tensor]:
        """What goes home out of a forward pass, rows first."""
        raise NotImplementedError

    def process_batch(self, requests: list[Request]) -> list[Result]:
        rows = self.rows(requests)
        outputs: dict[str, list[np.ndarray | None]] = {}
        passes = list(self.passes(rows, requests))
        for batch, outcome in zip(passes, self.run(passes), strict=True):
            for name, results in outcome.items():
                collected = outputs.setdefault(name, [None] * len(rows))  # None stays where a row has no token
                for index, result in zip(batch.indices, results, strict=True):
                    collected[index] = result
        self.count_tokens(sum(int(batch.lengths.sum()) for batch in passes))
        if padding := sum(batch.padding for batch in passes):
            self.count_padding(padding)
        if not outputs:
            raise InvalidInput("attention_mask is all zeros: no row has a token.")
        split = {name: rows.split(output) for name, output in outputs.items()}
        return [dict(zip(split, arrays, strict=True)) for arrays in zip(*split.values(), strict=True)]

    def rows(self, requests: list[Request]) -> Rows:
        """The rows of all requests."""
        return Rows([self.inputs(request) for request in requests], self.row_dimensions, self.padding)

    def inputs(self, request: Request) -> Tensors:
        """The forward inputs of a request, those that it has and the model takes, and the mask that says how long its
        rows are."""
        return {name: tensor for name, tensor in request.tensors.items() if name in self.read_tensors and tensor.size}

    def passes(self, rows: Rows, requests: list[Request]) -> Iterator[Pass]:
        """The passes that run all rows, but those without a token."""
        origins = [(requests[request], row) for request, row in rows.origins]
        if "attention_mask" not in rows.tensors:
            for indices in rows.by_shape(min(self.max_batch_rows, -(-len(rows) // self.workers))):
                yield Pass(rows.stacked(indices), indices, np.empty(0, int), [origins[index] for index in indices])
            return
        lengths = rows.lengths()
        share = -(-int(lengths.sum()) // self.workers)
        max_tokens = self.max_batch_tokens if share < 4 * self.pass_cost else share + int(lengths.max())
        for indices in plan(lengths, min(max_tokens, self.max_batch_tokens), self.pass_cost if self.pads else 0):
            inputs = rows.padded(indices, int(lengths[indices[0]]))
            if "attention_mask" not in self.accepted:
                del inputs["attention_mask"]
            yield Pass(inputs, indices, lengths[indices], [origins[index] for index in indices])

    def run(self, passes: list[Pass]) -> Iterator[dict[str, list[np.ndarray]]]:
        """The results of each pass. On a CPU several passes run side by side, each on one thread: passes that share all
        threads wait for each other at every operation, the longer the more other work the cores have."""
        return (self.pool.map if len(passes) > 1 and self.workers > 1 else map)(self.forward, passes)

    def forward(self, batch: Pass) -> dict[str, list[np.ndarray]]:
        """The results of each row of a pass, by output."""
        import torch

        with torch.inference_mode():
            inputs = {name: self.to_device(array) for name, array in batch.inputs.items()}
            return self.results((self.compiled or self.call)(inputs), batch)

    def call(self, inputs: dict[str, torch.Tensor]) -> Any:
        """The pass itself: what scripts/export.py exports."""
        return self.model(**inputs)

    def results(self, outputs: Any, batch: Pass) -> dict[str, list[np.ndarray]]:
        """Each row's part of the outputs of a pass. A task overrides it, rather than `reduce`, where requests differ in
        what they need of a pass, and reduces on the device so that little leaves it."""
        results = {name: list(to_numpy(output)) for name, output in self.reduce(outputs).items()}
        for name in results.keys() & self.per_token:
            results[name] = [row[:length] for row, length in zip(results[name], batch.lengths, strict=True)]
        return results

    def to_device(self, array: np.ndarray) -> torch.Tensor:
        import torch

        tensor = torch.from_numpy(array).to(self.device, non_blocking=True)
        return tensor.to(self.model.dtype) if tensor.is_floating_point() else tensor


class ImageForward(Forward):
    """Forward passes over pictures. A request's pictures may differ in size: pixel_values [batch, channels, height,
    width] and pixel_mask [batch, height, width] are padded for the way here, and pixel_size [batch, 2] says how much of
    each row is real. Rows of equal size share a pass; none is padded, so that each gets the answer that it gets alone.
    """

    def rows(self, requests: list[Request]) -> Rows:
        rows = super().rows(requests)
        sizes = [size for request in requests for size in request.tensors["pixel_size"]]
        for name in rows.tensors.keys() & {"pixel_values", "pixel_mask"}:
            rows.tensors[name] = [
                array[..., :height, :width] for array, (height, width) in zip(rows.tensors[name], sizes, strict=True)
            ]
        if "pixel_mask" in rows.tensors:  # travels as bytes; models take the processors' integers
            rows.tensors["pixel_mask"] = [mask.astype(np.int64) for mask in rows.tensors["pixel_mask"]]
        return rows


def to_numpy(tensor: torch.Tensor) -> np.ndarray:
    """A tensor of any device and floating-point type as an array; half precision becomes FP32."""
    return (tensor.float() if tensor.is_floating_point() else tensor).cpu().numpy()
