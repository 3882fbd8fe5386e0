"""Question answering: a question and a context to the parts of the context that answer it. Follows
QuestionAnsweringPipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tokenizers

from python_backend import checkpoint, text
from python_backend.batching import grouped, pad
from python_backend.forward import Forward
from python_backend.parameters import Bool, Int, InvalidInput, Parameters
from python_backend.records import columns
from python_backend.spans import Span, best_spans, numbers, outside
from python_backend.stage import Request, Result, Stage, Tensors

if TYPE_CHECKING:
    import torch

PARAMETERS = Parameters(
    Int("top_k", default=1, minimum=1, doc="How many answers to return at most, best first."),
    Int(
        "doc_stride", minimum=0, doc="Tokens by which chunks of a long context overlap. Default: 128, or half a chunk."
    ),
    Int("max_answer_len", default=15, minimum=1, doc="The longest answer, in tokens."),
    Int("max_seq_len", minimum=1, doc="Tokens of a chunk with the question. Default: 384, or what the model takes."),
    Int("max_question_len", default=64, minimum=1, doc="Without effect, as in the pipeline with a fast tokenizer."),
    Bool("handle_impossible_answer", default=False, doc="Whether the empty answer is among the answers."),
    Bool("align_to_words", default=True, doc="Extend answers to whole words."),
)

LEFT_PADDED = ("CodeLlama", "Cohere", "Gemma", "Llama", "XLNet")
"""Tokenizers that pad on the left unless their configuration says otherwise: the pipeline puts the context first."""


def context_sequence(tokenizer_config: dict[str, Any]) -> int:
    """Which text of a pair the context is: 1, or 0 where the tokenizer pads on the left."""
    family = tokenizer_config.get("tokenizer_class", "").removesuffix("Fast").removesuffix("Tokenizer")
    side = tokenizer_config.get("padding_side", "left" if family in LEFT_PADDED else "right")
    return 1 if side == "right" else 0


class Preprocess(Stage):
    """QUESTION [batch, 1] and CONTEXT [batch, 1] to token ids [batch, rows, length]: one row a chunk of the context.

    With them come, of each token: p_mask BOOL, true where no answer may start or end; offset_mapping [..., 2] INT32,
    where in its text it begins and ends, in characters; word_ids INT32, the number of its word in its text; and
    sequence_ids INT32, which text of the pair it is of. Special tokens have neither: -1.

    Settings:
        max_text_bytes: of one question or context. Default 100,000.
        max_rows: of one request, a context's missing to the most of another counted as well. Default 2,048.
        max_answers: rows times top_k of one question. Default 10,000.
    """

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        self.tokenizer = text.tokenizer(self)
        self.context = context_sequence(self.tokenizer.config)
        self.cls_id = self.tokenizer.token_id("cls_token")
        self.max_bytes = self.setting("max_text_bytes", 100_000)
        self.max_rows = self.setting("max_rows", 2_048)
        self.max_answers = self.setting("max_answers", 10_000)

    def process_batch(self, requests: list[Request]) -> list[Result]:
        pairs = [self.pairs(request) for request in requests]
        uncut = self.tokenizer.encode_uncut(pairs)
        return [self.outputs(*each) for each in zip(requests, pairs, uncut, strict=True)]

    def pairs(self, request: Request) -> list[text.Text]:
        questions, contexts = (self.texts(request, name) for name in ("QUESTION", "CONTEXT"))
        firsts, seconds = (questions, contexts) if self.context == 1 else (contexts, questions)
        return list(zip(firsts, seconds, strict=True))

    def texts(self, request: Request, name: str) -> list[str]:
        texts = text.read(request.tensors[name], name, self.max_bytes)
        if not all(texts):
            raise InvalidInput(f"`{name.lower()}` cannot be empty")
        return texts

    def outputs(self, request: Request, pairs: list[text.Text], uncut: list[tokenizers.Encoding]) -> Tensors:
        limit, stride = self.chunk(request.parameters)
        max_chunks = self.max_rows // len(pairs)
        rows = [
            self.tokenizer.split(pair, encoding, limit, stride, max_chunks, self.context)
            for pair, encoding in zip(pairs, uncut, strict=True)
        ]
        answers = max(map(len, rows)) * request.parameters["top_k"]
        if answers > self.max_answers:
            raise InvalidInput(
                f"top_k={request.parameters['top_k']} makes {answers:,} answers to compare; "
                f"this deployment takes {self.max_answers:,} a question (max_answers)."
            )
        encodings = [encoding for chunks in rows for encoding in chunks]
        tensors = {
            **self.tokenizer.tensors(encodings),
            "p_mask": pad([self.p_mask(encoding) for encoding in encodings]),
            "offset_mapping": pad([np.array(encoding.offsets, np.int32) for encoding in encodings]),
            "word_ids": pad([numbers(encoding.word_ids) for encoding in encodings]),
            "sequence_ids": pad([numbers(encoding.sequence_ids) for encoding in encodings]),
        }
        return grouped(tensors, [len(chunks) for chunks in rows])

    def chunk(self, parameters: dict[str, Any]) -> tuple[int, int]:
        """The tokens of a chunk, and those by which chunks overlap."""
        limit = parameters["max_seq_len"] or min(self.tokenizer.max_tokens, 384)
        stride = parameters["doc_stride"]
        if stride is not None and stride > limit:
            raise InvalidInput(f"`doc_stride` ({stride}) is larger than `max_seq_len` ({limit})")
        limit = min(limit, self.tokenizer.most_tokens)
        return limit, min(limit // 2, 128) if stride is None else stride

    def p_mask(self, encoding: tokenizers.Encoding) -> np.ndarray:
        """[length] true where no answer may start or end: outside of the context, but for the token that some models
        use for "no answer". Nowhere with the context first, as in the pipeline."""
        if self.context == 0:
            return np.zeros(len(encoding), bool)
        return outside(encoding, self.context, self.cls_id)


class Model(Forward):
    """Token ids [batch, rows, length] to start_logits and end_logits [batch, rows, length]."""

    PARAMETERS = PARAMETERS
    auto_class = "AutoModelForQuestionAnswering"
    per_token = ("start_logits", "end_logits")
    row_dimensions = 2

    def reduce(self, outputs: Any) -> dict[str, torch.Tensor]:
        return {"start_logits": outputs.start_logits, "end_logits": outputs.end_logits}


class Answer(NamedTuple):
    answer: str
    score: float
    start: int
    end: int


class Postprocess(Stage):
    """start_logits and end_logits [batch, rows, length], what the preprocessor says of the tokens, and CONTEXT to
    ANSWER, SCORE, START and END [batch, answers], best first, and COUNT [batch, 1]."""

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        self.context = context_sequence(checkpoint.read_json(self.folder, "tokenizer_config.json"))

    def process(self, request: Request) -> Tensors:
        contexts = [data.decode() for data in request.tensors["CONTEXT"].ravel()]
        answers = [
            self.answers({name: tensor[item] for name, tensor in request.tensors.items()}, context, request.parameters)
            for item, context in enumerate(contexts)
        ]
        return columns(answers, {"ANSWER": "", "SCORE": 0.0, "START": -1, "END": -1})

    def answers(self, rows: Tensors, context: str, parameters: dict[str, Any]) -> list[Answer]:
        """The answers to one question out of all rows of its context."""
        top_k, max_answer_len = parameters["top_k"], parameters["max_answer_len"]
        found: list[tuple[Span, Tensors]] = []
        null_scores = []
        for row, length in enumerate(np.count_nonzero(rows["attention_mask"], axis=-1)):
            if length:
                tokens = {name: rows[name][row, :length] for name in PER_TOKEN}
                logits = tokens["start_logits"], tokens["end_logits"]
                spans, null_score = best_spans(*logits, ~tokens["p_mask"], top_k, max_answer_len)
                found += [(span, tokens) for span in spans]
                null_scores.append(null_score)
        found.sort(key=lambda each: each[0].score, reverse=True)
        answers = []
        for span, tokens in found[:top_k]:
            start, end = self.characters(span, tokens, parameters["align_to_words"])
            answers.append(Answer(context[start:end], span.score, start, end))
        if parameters["handle_impossible_answer"]:
            answers.append(Answer("", min(null_scores), 0, 0))
        elif not answers:  # a context of spaces has no token to answer with
            answers.append(Answer("", 0.0, 0, 0))
        return sorted(answers, key=lambda answer: answer.score, reverse=True)[:top_k]

    def characters(self, span: Span, tokens: Tensors, align_to_words: bool) -> tuple[int, int]:
        """Where in the context a span of tokens begins and ends (`get_indices`)."""
        offsets = tokens["offset_mapping"]
        first, last = offsets[span.start], offsets[span.end]
        if align_to_words:
            words = self.word(span.start, tokens), self.word(span.end, tokens)
            if all(map(len, words)):
                first, last = offsets[words[0][0]], offsets[words[1][-1]]
        return int(first[0]), int(last[1])

    def word(self, token: int, tokens: Tensors) -> np.ndarray:
        """The tokens of the context's word that a token is of; none for a special token."""
        number = tokens["word_ids"][token]
        return np.flatnonzero((tokens["word_ids"] == number) & (tokens["sequence_ids"] == self.context) & (number >= 0))


PER_TOKEN = ("start_logits", "end_logits", "p_mask", "offset_mapping", "word_ids", "sequence_ids")
"""What the postprocessor reads of each token."""
