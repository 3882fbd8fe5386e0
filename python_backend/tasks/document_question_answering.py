"""Document question answering: a question and a picture of a document, or its words, to the answers in it. Follows
DocumentQuestionAnsweringPipeline: LayoutLM and LayoutLMv3 find the answer among the words, which Tesseract reads unless
they are sent; Donut writes it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image

from python_backend import images, ocr, text
from python_backend.batching import pad
from python_backend.documents import DONUT, LAYOUTLM, Document, DocumentTokenizer, Limits, kind_of
from python_backend.forward import Forward, Pass, TorchStage
from python_backend.parameters import Bool, Int, InvalidInput, Parameters, Text
from python_backend.picture_to_text import WritingModel
from python_backend.records import columns
from python_backend.sequences import NO_TOKEN
from python_backend.spans import Span, best_spans
from python_backend.stage import Request, Result, Stage, Tensors

if TYPE_CHECKING:
    import torch

    from python_backend.picture_writers import Row

PARAMETERS = Parameters(
    Int("top_k", default=1, minimum=1, doc="How many answers to return at most, best first."),
    Int("doc_stride", minimum=0, doc="Tokens by which chunks of a long document overlap. Default: 256, or half one."),
    Int("max_answer_len", default=15, minimum=1, doc="The longest answer, in tokens."),
    Int("max_seq_len", minimum=1, doc="Tokens of a chunk with the question. Default: what the model takes."),
    Int("max_question_len", minimum=1, doc="Tokens to keep of the question. Default: all."),
    Bool("handle_impossible_answer", default=False, doc="Whether the empty answer is among the answers."),
    Text(
        "lang", doc='What the picture is written in, for Tesseract: "eng+deu". Default: the checkpoint\'s, or English.'
    ),
    Text("tesseract_config", doc='More flags of Tesseract: "--psm 6". Default: none, or the checkpoint\'s.'),
)

PROMPT = "<s_docvqa><s_question>{}</s_question><s_answer>"


class Picture(NamedTuple):
    pixels: np.ndarray
    """[channels, height, width]; [0, 0, 0] for a model that does not look at it."""
    document: Document | None
    """What Tesseract reads in it, where it is asked to."""


NO_PICTURE = Picture(np.zeros((0, 0, 0), np.float32), None)


class Preprocess(images.ImagePreprocess):
    """QUESTION [batch, 1], and IMAGE [batch, 1], or WORDS [batch, n] with BOXES [batch, n, 4], or all of them, to what
    the model reads. Empty strings at the end of WORDS are padding; BOXES are left, top, right and bottom in thousandths
    of the page.

    LayoutLM and LayoutLMv3: token ids [batch, rows, length] of the question and the words, one row a chunk of the
    words. With them come, of each token: its box; p_mask, true where no answer may start or end; and word_ids, the
    number of its word in its text, -1 for special tokens. And words [batch, n], as they were sent or read. LayoutLMv3
    looks at the picture, too: pixel_values [batch, channels, height, width], pixel_size [batch, 2].
    Donut: the picture, and token ids [batch, 1, length] of the prompt. What a model does not take is empty.

    Settings, besides ImagePreprocess's:
        max_text_bytes: of one question, or of all words of a document. Default 100,000.
        max_rows: of one request, a document's missing to the most of another counted as well. Default 512.
        max_answers: rows times top_k of one question. Default 10,000.
        max_ocr_seconds: that Tesseract may read one picture. Default 60.
    """

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        self.kind = kind_of(self.folder)
        self.lang, self.tesseract_config = None, None
        super().load()
        limits = Limits(
            self.setting("max_text_bytes", 100_000), self.setting("max_rows", 512), self.setting("max_answers", 10_000)
        )
        self.documents = DocumentTokenizer(self.folder, limits)
        self.max_ocr_seconds = self.setting("max_ocr_seconds", 60.0)

    def load_processor(self) -> Any:
        if self.kind == LAYOUTLM:
            return None
        processor = super().load_processor()
        if getattr(processor, "apply_ocr", False):  # done here instead, for a request may say how
            processor.apply_ocr = False
            self.lang, self.tesseract_config = processor.ocr_lang, processor.tesseract_config
        return processor

    def process(self, request: Request) -> Tensors:
        questions = text.read(request.tensors["QUESTION"], "QUESTION", self.documents.limits.text_bytes)
        sent = None if self.kind == DONUT else self.documents.sent(request)
        pictures = self.pictures(request, reads=sent is None and self.kind != DONUT)
        pixels = [picture.pixels for picture in pictures]
        tensors = {"pixel_values": pad(pixels), "pixel_size": np.array([array.shape[-2:] for array in pixels])}
        if self.kind == DONUT:
            return {**tensors, **self.prompts(questions)}
        documents = sent or [picture.document for picture in pictures if picture.document is not None]
        return {**tensors, **self.documents(questions, documents, request.parameters)}

    def pictures(self, request: Request, reads: bool) -> list[Picture]:
        """The picture of each row; of equal ones, which several questions may be about, one is read.

        Args:
            reads: whether Tesseract is to read its words.
        """
        files = request.tensors.get("IMAGE")
        if files is None:
            if reads:
                raise InvalidInput("Send IMAGE, or WORDS and BOXES: the document that the question is about.")
            if self.kind == DONUT:
                raise InvalidInput("Send IMAGE: this model reads the picture itself, and no words.")
        if files is None or (self.processor is None and not reads):
            return [NO_PICTURE] * len(request.tensors["QUESTION"])
        rows = files.ravel().tolist()
        read = {data: self.picture(data, request, reads) for data in dict.fromkeys(rows)}
        return [read[data] for data in rows]

    def picture(self, data: bytes, request: Request, reads: bool) -> Picture:
        image = self.decode(data)
        pixels = NO_PICTURE.pixels if self.processor is None else self.features(image)["pixel_values"]
        return Picture(pixels, self.recognize(image, request.parameters) if reads else None)

    def recognize(self, image: Image.Image, parameters: dict[str, Any]) -> Document:
        """The words that Tesseract finds."""
        lang, config = parameters["lang"], parameters["tesseract_config"]
        ocr.check(lang, config)
        lang, config = lang or self.lang, self.tesseract_config if config is None else config
        return Document(*ocr.read(image, lang, config, self.max_ocr_seconds))

    def prompts(self, questions: list[str]) -> Tensors:
        """The tensors of Donut, but for the picture."""
        prompts = [PROMPT.format(question) for question in questions]
        tokenizer = self.documents.tokenizer
        tensors = tokenizer.tensors(tokenizer.backend.encode_batch(prompts, add_special_tokens=False))
        count = len(questions)
        nothing = np.zeros((count, 0, 0), np.int64)
        return {
            "input_ids": tensors["input_ids"][:, None],
            "attention_mask": tensors["attention_mask"][:, None],
            "bbox": np.zeros((count, 0, 0, 4), np.int64),
            **dict.fromkeys(("token_type_ids", "p_mask", "word_ids"), nothing),
            "words": np.zeros((count, 0), object),
        }


class Model(Forward, WritingModel):
    """Token ids and the picture to what tells the answer; what a model does not give is empty.

    LayoutLM and LayoutLMv3: start_logits and end_logits [batch, rows, length] FP32.
    Donut: sequences [batch, length] INT32, token ids of the prompt and the answer, padded with -1.

    Settings: Forward's, and for Donut WritingModel's.
    """

    PARAMETERS = PARAMETERS
    auto_class = "AutoModelForDocumentQuestionAnswering"
    per_token = ("start_logits", "end_logits")
    row_dimensions = 2

    task = "document-question-answering"

    def load(self) -> None:
        self.writes = kind_of(self.folder) == DONUT
        if self.writes:
            from python_backend.picture_writers import Encoded

            TorchStage.load(self)
            self.load_writer("VisionEncoderDecoderModel", Encoded)
        else:
            super().load()

    def process_batch(self, requests: list[Request]) -> list[Result]:
        if self.writes:
            return self.written(requests)
        results: list[Result] = [{}] * len(requests)
        for pictured in (False, True):  # LayoutLMv3 goes without a picture where there is none
            indices = [
                at for at, request in enumerate(requests) if (request.tensors["pixel_values"].size > 0) is pictured
            ]
            if not indices:
                continue
            for at, logits in zip(indices, super().process_batch([requests[at] for at in indices]), strict=True):
                nothing = np.zeros((len(requests[at].tensors["input_ids"]), 0), np.int32)
                results[at] = logits if isinstance(logits, Exception) else {**logits, "sequences": nothing}
        return results

    def inputs(self, request: Request) -> Tensors:
        return {name: tensor for name, tensor in super().inputs(request).items() if name != "pixel_values"}

    def forward(self, batch: Pass) -> dict[str, list[np.ndarray]]:
        """The results of a pass; each chunk of a document comes with its picture."""
        pictures = [picture_of(request, row // request.tensors["input_ids"].shape[1]) for request, row in batch.origins]
        if pictures[0].size:
            batch = batch._replace(inputs={**batch.inputs, "pixel_values": np.stack(pictures)})
        return super().forward(batch)

    def reduce(self, outputs: Any) -> dict[str, torch.Tensor]:
        """Logits of the tokens; behind them stand those of LayoutLMv3's patches of the picture, which `per_token` cuts
        off."""
        return {"start_logits": outputs.start_logits, "end_logits": outputs.end_logits}

    def written(self, requests: list[Request]) -> list[Result]:
        """What Donut writes for each request."""
        results = self.write([self.prompted(request) for request in requests])
        return [result if isinstance(result, Exception) else written_result(result[:, 0]) for result in results]

    def prompted(self, request: Request) -> list[Row]:
        """A picture and the beginning of its answer, for each item of a request."""
        ids, mask = request.tensors["input_ids"][:, 0], request.tensors["attention_mask"][:, 0]
        pictures = [{"pixel_values": picture_of(request, item)} for item in range(len(ids))]
        return self.rows_of(Request({"input_ids": np.where(mask > 0, ids, NO_TOKEN)}, {}), pictures)


def picture_of(request: Request, item: int) -> np.ndarray:
    """[channels, height, width] pixels of an item of a request."""
    height, width = request.tensors["pixel_size"][item]
    return request.tensors["pixel_values"][item, :, :height, :width]


def written_result(sequences: np.ndarray) -> Tensors:
    """The tensors of a request that Donut answers."""
    nothing = np.zeros((len(sequences), 0, 0), np.float32)
    return {"start_logits": nothing, "end_logits": nothing, "sequences": sequences}


class Answer(NamedTuple):
    answer: str
    score: float
    start: int
    end: int


class Postprocess(Stage):
    """start_logits and end_logits [batch, rows, length], with what the preprocessor says of the tokens, or sequences
    [batch, length], to ANSWER, SCORE, START and END [batch, answers], best first, and COUNT [batch, 1].

    START and END number words. Where the model writes its answer instead, both are -1, and SCORE is 1, or 0 when what
    it wrote holds no answer.
    """

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        self.kind = kind_of(self.folder)
        self.tokenizer = text.Tokenizer(self.folder)

    def process(self, request: Request) -> Tensors:
        if self.kind == DONUT:
            answers = [[self.written(ids[ids >= 0].tolist())] for ids in request.tensors["sequences"]]
        else:
            answers = [
                self.found({name: tensor[item] for name, tensor in request.tensors.items()}, request.parameters)
                for item in range(len(request.tensors["words"]))
            ]
        return columns(answers, {"ANSWER": "", "SCORE": 0.0, "START": -1, "END": -1})

    def found(self, rows: Tensors, parameters: dict[str, Any]) -> list[Answer]:
        """The answers to one question out of all chunks of its document (`postprocess_extractive_qa`)."""
        words = [word.decode() for word in rows["words"]]
        top_k, max_answer_len = parameters["top_k"], parameters["max_answer_len"]
        answers = []
        null_scores = []
        for row, length in enumerate(np.count_nonzero(rows["attention_mask"], axis=-1)):
            if length:
                start, end, p_mask, word_ids = (rows[name][row, :length] for name in PER_TOKEN)
                spans, null_score = best_spans(start, end, ~p_mask, top_k, max_answer_len)
                null_scores.append(null_score)
                answers += [answer for span in spans if (answer := in_words(span, word_ids, words)) is not None]
        if parameters["handle_impossible_answer"]:
            answers.append(Answer("", min(null_scores), 0, 0))
        return sorted(answers, key=lambda answer: answer.score, reverse=True)[:top_k]

    def written(self, ids: list[int]) -> Answer:
        """The answer in what Donut wrote (`postprocess_encoder_decoder_single`)."""
        sequence = self.tokenizer.decode(ids)
        for name in ("eos_token", "pad_token"):
            sequence = sequence.replace(self.tokenizer.special_tokens[name], "")
        sequence = re.sub(r"<.*?>", "", sequence, count=1).strip()  # what begins the prompt
        answer = re.search(r"<s_answer>(.*)</s_answer>", sequence)
        return Answer(answer.group(1).strip(), 1.0, -1, -1) if answer else Answer("", 0.0, -1, -1)


PER_TOKEN = ("start_logits", "end_logits", "p_mask", "word_ids")
"""What the postprocessor reads of each token."""


def in_words(span: Span, word_ids: np.ndarray, words: list[str]) -> Answer | None:
    """An answer out of a span of tokens; None where it begins or ends in a special one."""
    first, last = int(word_ids[span.start]), int(word_ids[span.end])
    if first < 0 or last < 0:
        return None
    return Answer(" ".join(words[first : last + 1]), span.score, first, last)
