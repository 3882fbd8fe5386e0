"""Text to text: what summarization, translation and text2text-generation share. Follows Text2TextGenerationPipeline.

Preprocess makes token ids of a text with the checkpoint's prefix, Model generates, Postprocess makes text.

Greedy and beam-search texts are those of the pipeline of 4.48.1. Other than there, on purpose:
* Samples have their own random numbers, repeatable by `seed`.
* A text longer than the model's table of positions, or new tokens beyond it, is refused (there: an IndexError).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from python_backend import text
from python_backend.batching import pad
from python_backend.checkpoint import read_json
from python_backend.forward import TorchStage
from python_backend.generation_parameters import DEFAULT_MAX_LENGTH, GENERATION, checkpoint_defaults
from python_backend.languages import Frame, Languages, VocabularyMapping, framed
from python_backend.parameters import Bool, InvalidInput, Parameter, Parameters, Text
from python_backend.sequences import NO_TOKEN, padded
from python_backend.stage import Request, Result, Stage, Tensors

if TYPE_CHECKING:
    from transformers.generation import GenerationConfig

    from python_backend.encoder_decoder import Row

UNBOUNDED = (
    "fsmt", "longt5", "m2m_100", "mt5", "nllb-moe", "seamless_m4t", "seamless_m4t_v2", "switch_transformers", "t5",
    "umt5",
)  # fmt: skip
"""Models that know positions of any length, relative ones or waves."""

STOP_WARNING = (
    "Stopping on a multiple token sequence is not yet supported on transformers. The first token of the stop sequence "
    "will be used as the stop sequence string in the interim."
)


def parameters(*own: Parameter) -> Parameters:
    """The parameters of a task: its own, and those that all three have."""
    truncation = next(parameter for parameter in text.TOKENIZER if parameter.name == "truncation")
    return Parameters(
        *own,
        dataclasses.replace(truncation, doc="Cut a text that is longer than the model takes, instead of refusing it."),
        Bool("clean_up_tokenization_spaces", default=False, doc="Remove the spaces before punctuation in the answer."),
        Text("stop_sequence", doc="The answer ends with the first token of this text."),
        *GENERATION,
    )


class TextToText(Stage):
    """A stage of one of the tasks."""

    task: ClassVar[str]
    """The pipeline's name for it: "summarization"."""

    def task_name(self, parameters: dict[str, Any]) -> str:
        """What a request calls its task: a key of the checkpoint's task_specific_params, if it has any for it."""
        return self.task


class Preprocess(TextToText):
    """TEXT [batch, 1] to what the encoder reads.

    Outputs: input_ids, attention_mask [batch, length] INT64; forced_bos_token_id and eos_token_id [batch, n] INT64, the
    first token of the answer and the one of stop_sequence, n = 0 where nothing is to be changed; WARNING [batch, 1],
    what the pipeline would warn of, a line each; empty where it would not.

    Settings:
        max_text_bytes: of one text. Default 100,000.
        max_input_tokens: of one text, for models that set no limit themselves. Default 4,096.
    """

    def load(self) -> None:
        self.tokenizer = text.Tokenizer(self.folder)
        self.languages = Languages(self.tokenizer)
        self.mapping = VocabularyMapping(self.tokenizer)
        self.max_bytes = self.setting("max_text_bytes", 100_000)
        config = read_json(self.folder, "config.json")
        limit = input_limit(config)
        self.limit_is_ours = limit is None
        self.limit = self.setting("max_input_tokens", 4096) if limit is None else limit
        own = text.max_tokens({} if limit is None else config, self.tokenizer.config)
        self.tokenizer.max_tokens = min(own, self.limit)
        tasks = config.get("task_specific_params") or {}
        self.defaults = {task: checkpoint_defaults(self.folder, task) for task in ("", *tasks)}

    def settings_of(self, request: Request) -> dict[str, Any]:
        """What the checkpoint says about the request's task."""
        return self.defaults.get(self.task_name(request.parameters), self.defaults[""])

    def frame(self, request: Request) -> tuple[Frame | None, list[int]]:
        """What goes around a request's texts (None: what the tokenizer puts there), and the first token to force."""
        return None, []

    def process_batch(self, requests: list[Request]) -> list[Result]:
        rows: list[tuple[str, Frame | None, str]] = []
        counts = []
        forced = []
        for request in requests:
            frame, first = self.frame(request)
            prefix = self.settings_of(request)["prefix"] or ""
            texts = text.read(request.tensors["TEXT"], "TEXT", self.max_bytes)
            for each in texts:
                rest, code = self.languages.take_code(prefix + each)
                rows.append((rest, code or frame, request.parameters["truncation"]))
            counts.append(len(texts))
            forced.append(first)
        ids = iter(self.encode(rows))
        return [
            self.outputs(request, [next(ids) for _ in range(count)], first)
            for request, count, first in zip(requests, counts, forced, strict=True)
        ]

    def encode(self, rows: list[tuple[str, Frame | None, str]]) -> list[list[int]]:
        """Token ids of texts, each with what goes around it and its truncation: one call for those framed alike."""
        results: list[list[int]] = [[] for _ in rows]
        for frame in {frame for _, frame, _ in rows}:
            indices = [index for index, row in enumerate(rows) if row[1] == frame]
            with framed(self.tokenizer, frame):
                (encodings,) = self.tokenizer.encode_uncut([[rows[index][0] for index in indices]])
                for index, encoding in zip(indices, encodings, strict=True):
                    results[index] = self.fitting(rows[index][0], encoding, rows[index][2])
        return results

    def fitting(self, string: str, encoding: Any, truncation: str) -> list[int]:
        """The ids of an encoded text, cut where its request says so. InvalidInput where there are too many."""
        if truncation not in ("false", "do_not_truncate"):
            encoding = self.tokenizer.fit(string, encoding, {"truncation": truncation, "max_length": None})
        elif len(encoding) > self.limit:
            who = "this deployment takes" if self.limit_is_ours else "the model takes"
            ours = " (max_input_tokens)" if self.limit_is_ours else ""
            raise InvalidInput(
                f"The text has {len(encoding):,} tokens; {who} {self.limit:,}{ours}. "
                "Shorten it, or send the parameter truncation=true."
            )
        return self.mapping.ids(encoding, string)

    def outputs(self, request: Request, rows: list[list[int]], first: list[int]) -> Tensors:
        warnings, ends = [], []
        if request.parameters["stop_sequence"] is not None:
            encoding = self.tokenizer.backend.encode(request.parameters["stop_sequence"], add_special_tokens=False)
            ends = self.mapping.ids(encoding, request.parameters["stop_sequence"])
            if not ends:
                raise InvalidInput("stop_sequence has no tokens: leave it out, or send some text.")
            if len(ends) > 1:
                warnings.append(STOP_WARNING)
        lines = ["\n".join([*warnings, *self.length_warnings(request, len(ids))]) for ids in rows]
        return {
            "input_ids": pad([np.array(ids, np.int64) for ids in rows]),
            "attention_mask": pad([np.ones(len(ids), np.int64) for ids in rows]),
            "forced_bos_token_id": np.array([first] * len(rows), np.int64).reshape(len(rows), -1),
            "eos_token_id": np.array([ends[:1]] * len(rows), np.int64).reshape(len(rows), -1),
            "WARNING": np.array([[line.encode()] for line in lines], object),
        }

    def length_warnings(self, request: Request, input_length: int) -> list[str]:
        """The pipeline's `check_inputs`: what may be wrong with the lengths that are asked for."""
        return []

    def lengths(self, request: Request) -> tuple[int, int]:
        """min_length and max_length as the pipeline looks at them."""
        defaults = self.settings_of(request)
        least, most = request.parameters["min_length"], request.parameters["max_length"]
        return (
            (defaults.get("min_length") or 0) if least is None else least,
            (defaults.get("max_length") or DEFAULT_MAX_LENGTH) if most is None else most,
        )


class Model(TextToText, TorchStage):
    """Token ids to token ids, by python_backend/encoder_decoder.py: rows of all waiting requests together.

    Outputs: sequences [batch, sequences, length] INT32, from the decoder's first token on, padded with -1.

    Settings, besides TorchStage's:
        max_new_tokens_limit: of one request. Default 1,024.
        max_seconds: that rows of a request generate; then they end with what there is. Default 120.
        max_batch_rows: sequences, or beams, of one decoder pass. Default 64.
        max_batch_tokens: rows times longest text of one pass. Default 16,384.
        pass_cost: what one more encoder pass costs, in tokens: larger means fewer passes with more padding. Default 32
            on a CPU, 1,024 on a GPU.
    """

    def load(self) -> None:
        from python_backend.encoder_decoder import EncoderDecoder, Limits

        super().load()
        model: Any = self.load_model("AutoModelForSeq2SeqLM")
        tasks = read_json(self.folder, "config.json").get("task_specific_params") or {}
        self.bases = {task: self.base_config(model, task) for task in ("", *tasks)}
        self.max_new_tokens_limit = self.setting("max_new_tokens_limit", 1024)
        self.max_seconds = self.setting("max_seconds", 120.0)
        limits = Limits(
            self.setting("max_batch_rows", 64),
            self.setting("max_batch_tokens", 16_384),
            self.setting("pass_cost", 32 if self.device == "cpu" else 1024),
        )
        self.vocabulary = int(model.get_output_embeddings().weight.shape[0])
        self.embedded = int(model.get_input_embeddings().weight.shape[0])
        self.positions = getattr(model.config, "max_position_embeddings", None)
        self.room = output_limit(model.config.to_dict())
        self.count_tokens = self.counter("triton_pipelines_generated_tokens_total", "Tokens that were generated.")
        self.engine = EncoderDecoder(model, limits)
        self.engine.check(self.base(self.PARAMETERS.parse({})))

    def base_config(self, model: Any, task: str) -> GenerationConfig:
        """What the checkpoint generates with as `task`, unless a request says otherwise."""
        from python_backend import generation

        config = generation.base_config(model, self.folder, task)
        config.stop_strings = None
        if config.pad_token_id is None:
            config.pad_token_id = text.Tokenizer(self.folder).token_id("pad_token")
        return config

    def base(self, parameters: dict[str, Any]) -> GenerationConfig:
        """The checkpoint's settings for the task of a request."""
        return self.bases.get(self.task_name(parameters), self.bases[""])

    def process_batch(self, requests: list[Request]) -> list[Result]:
        rows: list[Row] = []
        results: list[Any] = []
        for request in requests:
            try:
                own = self.rows(request)
                results.append(range(len(rows), len(rows) + len(own)))
                rows += own
            except InvalidInput as error:
                results.append(error)
        sequences = self.engine.run(rows)
        self.count_tokens(sum(len(ids) for each in sequences if isinstance(each, list) for ids in each))
        return [self.result(own, sequences) for own in results]

    def result(self, own: range | Exception, sequences: list[list[list[int]] | InvalidInput]) -> Result:
        """The tensors of a request whose rows are `own` of all, or its failure."""
        if isinstance(own, Exception):
            return own
        joined = padded([sequences[index] for index in own])
        return joined if isinstance(joined, Exception) else {"sequences": joined}

    def rows(self, request: Request) -> list[Row]:
        """The rows of a request. InvalidInput for settings that cannot be met."""
        from python_backend import generation
        from python_backend.encoder_decoder import Row

        tensors, parameters = request
        base = self.base(parameters)
        config = generation.generation_config(base, parameters)
        if tensors["eos_token_id"].size:
            config.eos_token_id = int(tensors["eos_token_id"][0, 0])
        if tensors["forced_bos_token_id"].size and parameters["forced_bos_token_id"] is None:
            config.forced_bos_token_id = int(tensors["forced_bos_token_id"][0, 0])
        generation.check_token_ids(config, self.vocabulary, parameters)
        if config.eos_token_id == -1:
            config.eos_token_id = None
        generation.check_lanes(config, self.engine.limits.rows)
        most, fewest = generation.limited_new_tokens(
            base, parameters, 1, self.positions, self.max_new_tokens_limit, self.room
        )
        seconds = self.max_seconds if config.max_time is None else min(config.max_time, self.max_seconds)
        config.max_new_tokens = config.min_new_tokens = config.max_length = config.max_time = None
        config.min_length = 0
        seed = parameters["seed"]
        generation.check_prompt(tensors["input_ids"].ravel(), self.embedded)
        return [
            Row(
                ids[: np.count_nonzero(mask)],
                config,
                most,
                fewest,
                generation.random_seed() if seed is None else seed,
                seconds,
            )
            for ids, mask in zip(tensors["input_ids"], tensors["attention_mask"], strict=True)
        ]


class Postprocess(Stage):
    """Token ids to texts [batch, sequences]."""

    output: ClassVar[str]
    """The name of the tensor: "SUMMARY_TEXT"."""

    def load(self) -> None:
        self.tokenizer = text.Tokenizer(self.folder)

    def process(self, request: Request) -> Tensors:
        cleaned = request.parameters["clean_up_tokenization_spaces"]
        sequences = request.tensors["sequences"]
        rows = [ids[ids != NO_TOKEN].tolist() for row in sequences for ids in row]
        texts = self.tokenizer.backend.decode_batch(rows, skip_special_tokens=True)
        encoded = [(text.clean_up(string) if cleaned else string).encode() for string in texts]
        return {self.output: np.array(encoded, object).reshape(sequences.shape[:2])}


def input_limit(config: dict[str, Any]) -> int | None:
    """How many tokens the encoder takes; None where it sets no limit."""
    own = config.get("encoder") or config
    if own["model_type"] in UNBOUNDED:
        return None
    positions = own.get("max_encoder_position_embeddings")
    limit = positions or text.max_tokens(own, {})
    return None if limit >= text.UNLIMITED else limit


def output_limit(config: dict[str, Any]) -> int:
    """How many new tokens the decoder has positions for, behind its first one."""
    own = config.get("decoder") or config
    if own["model_type"] in UNBOUNDED:
        return text.UNLIMITED
    return own.get("max_decoder_position_embeddings") or text.max_tokens(own, {})
