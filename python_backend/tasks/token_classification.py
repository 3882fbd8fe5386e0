"""Token classification: texts to labelled tokens, or to entities of several tokens. Follows
TokenClassificationPipeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tokenizers

from python_backend import checkpoint, text
from python_backend.batching import grouped, pad
from python_backend.classification import scores
from python_backend.entities import STRATEGIES, Entity, Join, Token, aggregate, without_overlaps
from python_backend.forward import Forward
from python_backend.parameters import Choice, Int, InvalidInput, Parameters
from python_backend.records import columns
from python_backend.stage import Request, Result, Stage, Tensors

if TYPE_CHECKING:
    import torch

PARAMETERS = Parameters(
    Choice(
        "aggregation_strategy",
        default="none",
        choices=STRATEGIES,
        doc="How tokens become entities: none (each by itself), simple (neighbours of one tag), or words first, which "
        "take the label of their first token (first), of their average (average) or of their surest token (max).",
    ),
    Int("stride", minimum=0, doc="Take all of a long text, in chunks that overlap by that many tokens."),
    Choice(
        "truncation",
        default="true",
        choices=("true", "false"),
        doc="Cut a text that is longer than the model takes, or than max_length, instead of refusing it.",
    ),
    Int("max_length", minimum=1, doc="Tokens to keep of a text, or of each chunk. Default: what the model takes."),
)


class Preprocess(text.TextPreprocess):
    """TEXT [batch, 1] to token ids [batch, rows, length]: one row a text or, with stride, one a chunk.

    With them come special_tokens_mask [batch, rows, length] BOOL, the tokens that the tokenizer added, and
    offset_mapping [batch, rows, length, 2] INT32, where in the text each token begins and ends, in characters.

    Settings, besides TextPreprocess's: max_rows, of one request, a text's missing to the most of another counted as
    well. Default 2,048.
    """

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        super().load()
        self.max_rows = self.setting("max_rows", 2_048)

    def process_batch(self, requests: list[Request]) -> list[Result]:
        texts = [self.texts(request) for request in requests]
        uncut = self.tokenizer.encode_uncut(texts)
        return [self.outputs(*each) for each in zip(requests, texts, uncut, strict=True)]

    def outputs(self, request: Request, texts: Sequence[text.Text], uncut: list[tokenizers.Encoding]) -> Tensors:
        max_chunks = self.max_rows // len(texts)
        rows = [self.rows(*item, request.parameters, max_chunks) for item in zip(texts, uncut, strict=True)]
        encodings = [encoding for chunks in rows for encoding in chunks]
        tensors = {
            **self.tokenizer.tensors(encodings),
            "special_tokens_mask": pad([np.array(encoding.special_tokens_mask, bool) for encoding in encodings]),
            "offset_mapping": pad([np.array(encoding.offsets, np.int32) for encoding in encodings]),
        }
        return grouped(tensors, [len(chunks) for chunks in rows])

    def rows(
        self, string: text.Text, uncut: tokenizers.Encoding, parameters: dict[str, Any], max_chunks: int
    ) -> list[tokenizers.Encoding]:
        """One encoding for each row that a text takes."""
        stride, limit = parameters["stride"], self.tokenizer.max_tokens
        if stride is None:
            return [self.tokenizer.fit(string, uncut, parameters)]
        limit = min(parameters["max_length"] or limit, limit)
        if stride >= limit:
            raise InvalidInput(
                f"`stride` must be less than the {limit:,} tokens of a chunk (or even lower if the tokenizer adds "
                f"special tokens); got {stride:,}."
            )
        if parameters["aggregation_strategy"] == "none":
            raise InvalidInput(
                '`stride` was provided to process all the text but `aggregation_strategy="none"`, please select '
                "another one instead: simple, first, average or max."
            )
        return self.tokenizer.split(string, uncut, limit, stride, max_chunks)


class Model(Forward):
    """Token ids [batch, rows, length] to logits [batch, rows, length, labels]."""

    PARAMETERS = PARAMETERS
    auto_class = "AutoModelForTokenClassification"
    per_token = ("logits",)
    row_dimensions = 2

    def reduce(self, outputs: Any) -> dict[str, torch.Tensor]:
        return {"logits": outputs.logits}


class Postprocess(Stage):
    """logits [batch, rows, length, labels] to ENTITY, SCORE, INDEX (-1 with an aggregation_strategy), WORD, START and
    END, each [batch, entities], and COUNT [batch, 1].

    IGNORE_LABELS [batch, n], optional: labels that are left out, or tags where tokens are aggregated. Default: "O".
    """

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        self.tokenizer = text.Tokenizer(self.folder)
        self.labels = checkpoint.labels(self.folder)
        self.unknown = self.tokenizer.token_id("unk_token")
        # Tokens within a word are marked as such in WordPiece vocabularies, and are told by spaces elsewhere.
        self.marks_subwords = bool(getattr(self.tokenizer.backend.model, "continuing_subword_prefix", None))
        decoder = self.tokenizer.backend.decoder
        self.join: Join = decoder.decode if decoder else " ".join

    def process(self, request: Request) -> Tensors:
        texts = [data.decode() for data in request.tensors["TEXT"].ravel()]
        ignored: Any = request.tensors.get("IGNORE_LABELS", [[b"O"]] * len(texts))
        strategy = request.parameters["aggregation_strategy"]
        found = [
            self.entities(request.tensors, item, string, strategy, {_label(label) for label in ignored[item]})
            for item, string in enumerate(texts)
        ]
        return columns(found, {"ENTITY": "", "SCORE": 0.0, "INDEX": -1, "WORD": "", "START": -1, "END": -1})

    def entities(self, tensors: Tensors, item: int, string: str, strategy: str, ignored: set[str]) -> list[Entity]:
        """The entities of a text, over all of its rows."""
        found: list[Entity] = []
        lengths = np.count_nonzero(tensors["attention_mask"][item], axis=-1)
        lengths = lengths[lengths > 0]
        for row, length in enumerate(lengths):
            tokens = self.tokens({name: tensors[name][item, row, :length] for name in PER_TOKEN}, string)
            found += aggregate(tokens, strategy, self.labels, self.join)
        found = [entity for entity in found if entity.label not in ignored]
        return without_overlaps(found) if len(lengths) > 1 else found

    def tokens(self, row: Tensors, string: str) -> list[Token]:
        """The tokens of a row, without those that the tokenizer added (`gather_pre_entities`)."""
        all_scores = scores(row["logits"], "softmax")
        best = all_scores.argmax(axis=-1)
        tokens = []
        for index in np.flatnonzero(~row["special_tokens_mask"]).tolist():
            token, (start, end) = int(row["input_ids"][index]), row["offset_mapping"][index].tolist()
            word, source = self.tokenizer.backend.id_to_token(token) or "", string[start:end]
            if token == self.unknown:
                word, is_subword = source, False
            elif self.marks_subwords:
                is_subword = len(word) != len(source)
            else:
                is_subword = start > 0 and " " not in string[start - 1 : start + 1]
            each, label = all_scores[index], int(best[index])
            tokens.append(Token(index, word, start, end, is_subword, each, label, float(each[label])))
        return tokens


PER_TOKEN = ("input_ids", "special_tokens_mask", "offset_mapping", "logits")
"""What the postprocessor reads of each token."""


def _label(data: bytes) -> str:
    return text.decode(data, "IGNORE_LABELS", max_bytes=len(data))
