"""Zero-shot classification: texts to labels of the caller's own, by asking a model of natural language inference
whether "This example is LABEL." follows from the text. Follows ZeroShotClassificationPipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from tokenizers import Encoding

from python_backend import text
from python_backend.batching import grouped
from python_backend.candidate_labels import read, sentences
from python_backend.checkpoint import labels, read_json
from python_backend.classification import scores
from python_backend.forward import Forward
from python_backend.labelled import LabelledPostprocess
from python_backend.parameters import Bool, InvalidInput, Parameters, Text
from python_backend.stage import Request, Result

if TYPE_CHECKING:
    import torch

PARAMETERS = Parameters(
    Text("hypothesis_template", default="This example is {}.", doc="The hypothesis; {} is where the label goes."),
    Bool("multi_label", default=False, doc="Score each label by itself, rather than all against each other."),
)


class Preprocess(text.TextPreprocess):
    """TEXT [batch, 1] and CANDIDATE_LABELS [batch, labels], padded with empty strings, to pairs of the text and each
    label's hypothesis: token ids [batch, labels, length].

    Settings, besides TextPreprocess's (max_text_bytes also bounds the hypotheses of a text, all together):
        max_candidate_labels: of one text: each is a row to run. Default 100.
    """

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        super().load()
        self.max_labels = self.setting("max_candidate_labels", 100)

    def process_batch(self, requests: list[Request]) -> list[Result]:
        rows = [self.rows(request) for request in requests]
        pairs = iter(self.encode([row for request in rows for row in request]))
        results: list[Result] = []
        for request in rows:
            counts = [len(hypotheses) for _, hypotheses in request]
            results.append(grouped(self.tokenizer.tensors([next(pairs) for _ in range(sum(counts))]), counts))
        return results

    def rows(self, request: Request) -> list[tuple[str, list[str]]]:
        """Each text with its hypotheses."""
        template = request.parameters["hypothesis_template"]
        texts = text.read(request.tensors["TEXT"], "TEXT", self.max_bytes)
        labels = [read(row, self.max_labels, self.max_bytes) for row in request.tensors["CANDIDATE_LABELS"]]
        if not all(texts) or not all(labels):
            raise InvalidInput("You must include at least one label and at least one sequence.")
        return [(premise, sentences(template, row, self.max_bytes)) for premise, row in zip(texts, labels, strict=True)]

    def encode(self, rows: list[tuple[str, list[str]]]) -> list[Encoding]:
        """The pairs of all rows, in order. Each text is tokenized once for all of its hypotheses, and cut where it is
        too long; hypotheses are not (`only_first`)."""
        tokenizer = self.tokenizer.backend
        hypotheses = iter(tokenizer.encode_batch([one for _, row in rows for one in row], add_special_tokens=False))
        side = self.tokenizer.config.get("truncation_side", "right")
        tokenizer.enable_truncation(self.tokenizer.max_tokens, strategy="only_first", direction=side)
        try:
            premises = tokenizer.encode_batch([premise for premise, _ in rows], add_special_tokens=False)
            return [
                tokenizer.post_process(premise, next(hypotheses))
                for premise, (_, row) in zip(premises, rows, strict=True)
                for _ in row
            ]
        except Exception as error:  # the library raises bare exceptions: nothing left to cut
            raise InvalidInput(
                f"A hypothesis leaves no room for the text in the {self.tokenizer.max_tokens:,} tokens that the model "
                f"takes: {error}. Send shorter labels."
            ) from None
        finally:
            tokenizer.no_truncation()


class Model(Forward):
    """Token ids [batch, labels, length] to logits [batch, labels, classes]."""

    PARAMETERS = PARAMETERS
    auto_class = "AutoModelForSequenceClassification"
    row_dimensions = 2

    def reduce(self, outputs: Any) -> dict[str, torch.Tensor]:
        return {"logits": outputs.logits}


class Postprocess(LabelledPostprocess):
    """logits [batch, labels, classes] and CANDIDATE_LABELS [batch, labels] to LABEL and SCORE [batch, labels], best
    first, and COUNT [batch, 1], the labels of each row."""

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        numbers = read_json(self.folder, "config.json").get("label2id")
        numbers = numbers or {label: number for number, label in enumerate(labels(self.folder))}
        entailment = (number for label, number in numbers.items() if label.lower().startswith("entail"))
        self.entailment = next(entailment, -1)  # the last class where none is called entailment
        self.contradiction = -1 if self.entailment == 0 else 0

    def scores(self, logits: np.ndarray, parameters: dict[str, Any]) -> np.ndarray:
        """Entailment against contradiction of each label by itself, or entailment of all labels against each other."""
        if parameters["multi_label"] or len(logits) == 1:
            return scores(logits[:, [self.contradiction, self.entailment]], "softmax")[:, 1]
        return scores(logits[:, self.entailment], "softmax")

    def order(self, scores: np.ndarray) -> np.ndarray:
        return np.argsort(scores)[::-1]  # of equal ones the last, as the pipeline has it
