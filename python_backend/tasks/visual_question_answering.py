"""Visual question answering: pictures and questions to answers. Follows VisualQuestionAnsweringPipeline.

Models choose among answers that they know, with scores (ViLT), or write them (BLIP), without. Equal pictures of the
requests that wait are encoded once by BLIP; ViLT reads picture and question together.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np

from python_backend import checkpoint, images, text
from python_backend.batching import pad
from python_backend.checkpoint import read_json
from python_backend.classification import scores
from python_backend.forward import to_numpy
from python_backend.parameters import Choice, Int, Parameters
from python_backend.picture_to_text import WritingModel
from python_backend.sequences import NO_TOKEN
from python_backend.stage import Request, Result, Stage, Tensors
from python_backend.text import TOKENIZER

PARAMETERS = Parameters(
    Int("top_k", default=5, minimum=1, doc="How many answers to return, best first; of models that choose."),
    Choice(
        "padding",
        default="false",
        choices=("false", "true", "longest", "max_length", "do_not_pad"),
        doc="Without effect on the answer: the model does not look at padding.",
    ),
    *(parameter for parameter in TOKENIZER if parameter.name == "truncation"),
)


class Preprocess(images.ImagePreprocess):
    """IMAGE [batch, 1] and QUESTION [batch, 1] to pixel_values [batch, channels, height, width] FP32, pixel_size
    [batch, 2] INT32, and input_ids [batch, length] INT64 of the questions, padded with -1.

    Settings, besides ImagePreprocess's: max_text_bytes, of a question. Default 100,000.
    """

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        super().load()
        self.tokenizer = text.Tokenizer(self.folder)
        config = read_json(self.folder, "config.json")
        positions = text.max_tokens(config.get("text_config") or {}, {})
        self.tokenizer.max_tokens = min(self.tokenizer.max_tokens, positions)
        self.max_text_bytes = self.setting("max_text_bytes", 100_000)

    def process(self, request: Request) -> Tensors:
        questions = text.read(request.tensors["QUESTION"], "QUESTION", self.max_text_bytes)
        (encodings,) = self.tokenizer.encode([(questions, {**request.parameters, "max_length": None})])
        ids = pad([np.array(encoding.ids, np.int64) for encoding in encodings], fill=NO_TOKEN)
        return {**super().process(request), "input_ids": ids}


class Seen(NamedTuple):
    """One picture and its question."""

    pixels: np.ndarray
    """[channels, height, width]"""
    ids: np.ndarray
    """[length]"""


class Model(WritingModel):
    """Pictures and questions to logits [batch, answers] FP32, or to sequences [batch, 1, length] INT32, padded with -1;
    the other one is empty.

    Settings: WritingModel's; max_batch_pictures are those of a pass of ViLT too.
    """

    PARAMETERS = PARAMETERS
    task = "visual-question-answering"

    def load(self) -> None:
        super().load()
        self.writes = read_json(self.folder, "config.json")["model_type"] == "blip"
        if self.writes:
            from python_backend.picture_writers import BlipQuestions

            self.load_writer("AutoModelForVisualQuestionAnswering", BlipQuestions)
        else:
            self.model = self.load_model("AutoModelForVisualQuestionAnswering")
            self.max_batch_rows = self.setting("max_batch_pictures", 8)

    def process_batch(self, requests: list[Request]) -> list[Result]:
        return self.written(requests) if self.writes else self.chosen(requests)

    def written(self, requests: list[Request]) -> list[Result]:
        results = self.write(
            [
                self.rows_of(request, [{"pixel_values": row.pixels} for row in self.seen(request)])
                for request in requests
            ]
        )
        return [
            result if isinstance(result, Exception) else {"logits": np.empty((len(result), 0)), "sequences": result}
            for result in results
        ]

    def chosen(self, requests: list[Request]) -> list[Result]:
        of_requests = [self.seen(request) for request in requests]
        rows = [row for seen in of_requests for row in seen]
        groups: dict[Any, list[int]] = defaultdict(list)
        for index in sorted(range(len(rows)), key=lambda index: len(rows[index].ids)):
            groups[rows[index].pixels.shape].append(index)
        logits: list[Any] = [None] * len(rows)
        for group in groups.values():
            for at in range(0, len(group), self.max_batch_rows):
                part = group[at : at + self.max_batch_rows]
                for index, row in zip(part, self.forward([rows[index] for index in part]), strict=True):
                    logits[index] = row
        each = iter(logits)
        return [
            {"logits": np.stack([next(each) for _ in seen]), "sequences": np.empty((len(seen), 0, 0), np.int32)}
            for seen in of_requests
        ]

    def forward(self, rows: list[Seen]) -> np.ndarray:
        """[rows, answers] of pictures of equal size."""
        import torch

        ids = pad([row.ids for row in rows])
        mask = pad([np.ones_like(row.ids) for row in rows])
        pixels = torch.from_numpy(np.stack([row.pixels for row in rows])).to(self.device, self.model.dtype)
        with torch.inference_mode():
            outputs = self.model(
                input_ids=torch.from_numpy(ids).to(self.device),
                attention_mask=torch.from_numpy(mask).to(self.device),
                pixel_values=pixels,
            )
        return to_numpy(outputs.logits)

    def seen(self, request: Request) -> list[Seen]:
        """The rows of a request, without what is padding in them."""
        tensors = request.tensors
        rows = zip(tensors["pixel_values"], tensors["pixel_size"], tensors["input_ids"], strict=True)
        return [Seen(pixels[:, :height, :width], ids[ids != NO_TOKEN]) for pixels, (height, width), ids in rows]


class Postprocess(Stage):
    """logits to ANSWER and SCORE [batch, top_k], best first; or token ids to ANSWER [batch, 1], SCORE [batch, 0]."""

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        if read_json(self.folder, "config.json")["model_type"] == "blip":
            self.tokenizer = text.Tokenizer(self.folder)
        else:
            self.labels = np.array([label.encode() for label in checkpoint.labels(self.folder)], object)

    def process(self, request: Request) -> Tensors:
        logits, sequences = request.tensors["logits"], request.tensors["sequences"]
        if sequences.size:
            answers = [
                self.tokenizer.decode(ids[ids != NO_TOKEN].tolist(), skip_special_tokens=True).strip().encode()
                for (ids,) in sequences
            ]
            return {"ANSWER": np.array(answers, object)[:, None], "SCORE": np.empty((len(answers), 0), np.float32)}
        values = scores(logits, "sigmoid")
        best = np.argsort(-values, axis=-1, kind="stable")[:, : request.parameters["top_k"]]
        return {"ANSWER": self.labels[best], "SCORE": np.take_along_axis(values, best, axis=-1)}
