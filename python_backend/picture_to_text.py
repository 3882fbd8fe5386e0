"""Stages of tasks whose models write about a picture: image-to-text, and answers to questions about pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from python_backend import text
from python_backend.forward import TorchStage
from python_backend.parameters import InvalidInput
from python_backend.sequences import NO_TOKEN, padded
from python_backend.stage import Request, Tensors

if TYPE_CHECKING:
    from python_backend.picture_writers import Row, Writer


class WritingModel(TorchStage):
    """A model that generates text about pictures, by python_backend/picture_writers.py.

    Settings, besides TorchStage's:
        max_batch_rows: sequences or beams of one pass. Default 16.
        max_batch_pictures: of one pass of the encoder. Default 8.
        max_new_tokens_limit: of one request. Default 1,024.
        max_seconds: that rows of a request generate; then they end with what there is. Default 120.
    """

    task: ClassVar[str]
    """The pipeline's name for it: "image-to-text"."""

    def load_writer(self, auto_class: str, writer: type[Writer]) -> None:
        from python_backend import generation

        model: Any = self.load_model(auto_class)
        self.base = generation.base_config(model, self.folder, self.task)
        self.base.stop_strings = None
        self.max_new_tokens_limit = self.setting("max_new_tokens_limit", 1024)
        self.max_seconds = self.setting("max_seconds", 120.0)
        self.count_tokens = self.counter("triton_pipelines_generated_tokens_total", "Tokens that were generated.")
        if self.base.pad_token_id is None:
            self.base.pad_token_id = text.Tokenizer(self.folder).token_id("pad_token")
        self.writer = writer(model, self.setting("max_batch_rows", 16), self.setting("max_batch_pictures", 8))

    def rows_of(self, request: Request, pictures: list[Tensors]) -> list[Row]:
        """The rows of a request. InvalidInput for settings that cannot be met."""
        from python_backend import generation
        from python_backend.picture_writers import Row

        parameters = request.parameters
        config = generation.generation_config(self.base, parameters)
        generation.check_token_ids(config, self.writer.vocabulary, parameters)
        if config.eos_token_id == -1:
            config.eos_token_id = None
        generation.check_lanes(config, self.writer.max_rows)
        seconds = self.max_seconds if config.max_time is None else min(config.max_time, self.max_seconds)
        config.max_new_tokens = config.min_new_tokens = config.max_length = config.min_length = config.max_time = None
        seed = parameters.get("seed")
        rows = []
        for picture, ids in zip(pictures, request.tensors["input_ids"], strict=True):
            prompt = ids[ids != NO_TOKEN]
            first, positions = self.writer.first_tokens(len(prompt)), self.writer.positions
            most, fewest = generation.limited_new_tokens(
                self.base, parameters, first, positions, self.max_new_tokens_limit
            )
            drawn = generation.random_seed() if seed is None else seed
            rows.append(Row(picture, prompt, config, most, fewest, drawn, seconds))
        return rows

    def write(self, of_requests: list[list[Row]]) -> list[np.ndarray | InvalidInput]:
        """The sequences of each request: [rows, sequences, length], as `padded` makes them."""
        written = self.writer.run([row for rows in of_requests for row in rows])
        self.count_tokens(sum(len(ids) for each in written if isinstance(each, list) for ids in each))
        sequences = iter(written)
        return [padded([next(sequences) for _ in rows]) for rows in of_requests]
