"""Text to audio: speech and music. Follows TextToAudioPipeline.

Families, by the checkpoint's model type: VITS (MMS), SpeechT5 with its vocoder, Bark and MusicGen. Each has parameters
of its own; those of others are refused.

Where this differs from 4.48 on purpose:
* `voice_preset` is a parameter of its own (4.48: the tokenizer refuses it), and so are `speaking_rate`, `noise_scale`
  and `noise_scale_duration` of VITS (4.48: attributes of the model), and `seed`.
* Bark's `max_new_tokens` is that of its semantic model (4.48 raises TypeError), and a text longer than Bark reads is
  refused unless `truncation` is on (4.48 cuts it silently). Texts without a character that the model knows are refused.
* A parameter that has no effect on the checkpoint is refused (4.48: SpeechT5 ignores those of generation, and VITS
  with one voice ignores `speaker_id`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from python_backend import synthesis_checkpoint, text
from python_backend.batching import pad
from python_backend.checkpoint import read_json
from python_backend.forward import TorchStage
from python_backend.generation_parameters import GENERATION
from python_backend.parameters import Bool, Float, Int, InvalidInput, Parameter, Parameters, Text
from python_backend.stage import Request, Result, Stage, Tensors
from python_backend.synthesis_checkpoint import NAMES
from python_backend.vits_tokenizer import VitsTokenizer

SAMPLING = ("do_sample", "temperature", "top_k", "top_p")
PREFIXED = {
    "semantic": ("max_new_tokens", "min_new_tokens", *SAMPLING, "repetition_penalty"),
    "coarse": SAMPLING,
    "fine": ("temperature",),
}
"""Fields of generation that Bark takes for one of its models alone."""


def prefixed() -> list[Parameter]:
    by_name = {parameter.name: parameter for parameter in GENERATION}
    return [
        replace(by_name[name], name=f"{model}_{name}", doc=f"Bark: {name} of its {model} model alone.")
        for model, names in PREFIXED.items()
        for name in names
    ]


BARK = prefixed()
VITS = (
    Int("speaker_id", minimum=0, doc="VITS: which of its voices."),
    Float("speaking_rate", minimum=0.05, maximum=20, doc="VITS: above 1 is faster. Default: the checkpoint's."),
    Float(
        "noise_scale",
        minimum=0,
        maximum=10,
        doc="VITS: how much chance there is in the sound. Default: the checkpoint's.",
    ),
    Float(
        "noise_scale_duration",
        minimum=0,
        maximum=2,
        doc="VITS: how much chance there is in the pace. Default: as above.",
    ),
)
SPEECHT5 = (
    Float("threshold", minimum=0, doc="SpeechT5: probability of the end at which it ends. Default: 0.5."),
    Float("minlenratio", minimum=0, doc="SpeechT5: fewest frames a token of text. Default: 0."),
    Float("maxlenratio", minimum=0, doc="SpeechT5: most frames a token of text. Default: 20."),
)
PARAMETERS = Parameters(
    replace(text.TOKENIZER[0], doc="Cut a text that is longer than the model takes, instead of refusing it."),
    Bool("normalize", doc="VITS: letters in lower case; SpeechT5: numbers in words. Default: the checkpoint's."),
    Text("voice_preset", doc='Bark: the voice, "v2/en_speaker_6", one of those that came with the checkpoint.'),
    *VITS,
    *SPEECHT5,
    Float("min_eos_p", minimum=0, maximum=1, doc="Bark: probability of the end from which on it ends. Default: none."),
    *BARK,
    *(parameter for parameter in GENERATION if parameter.name != "num_return_sequences"),
)

TEXT_PARAMETERS = ("truncation", "normalize")
"""Those that matter to Preprocess alone."""
SAMPLES = (*SAMPLING, "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff", "renormalize_logits")
BOTH = ("max_new_tokens", "min_new_tokens", *SAMPLES, "remove_invalid_values", "num_beams")
"""Fields of generation that mean something to Bark and to MusicGen. Others are at odds with how Bark's models follow
one another, or with MusicGen's codebooks, which end together and share no vocabulary."""
OF_FAMILY = {
    "vits": ("normalize", *(parameter.name for parameter in VITS)),
    "speecht5": ("normalize", *(parameter.name for parameter in SPEECHT5)),
    "bark": (
        "voice_preset",
        "min_eos_p",
        *(parameter.name for parameter in BARK),
        *BOTH,
        "repetition_penalty",
        "no_repeat_ngram_size",
        "early_stopping",
        "length_penalty",
    ),
    "musicgen": (*BOTH, "max_length", "min_length", "guidance_scale"),
}
"""The parameters of each family, besides `truncation` and `seed`, which all have."""


class Preprocess(Stage):
    """TEXT [batch, 1] and SPEAKER_EMBEDDING [batch, size], which SpeechT5 needs, to input_ids and attention_mask
    [batch, length] INT64 and speaker_embeddings [batch, size] FP32; [batch, 0] for other families.

    Settings:
        max_text_bytes: of one text. Default 100,000.
        max_input_tokens: of one text, for models that set no limit themselves (VITS, where a character is two, and
            MusicGen). Default 2,048.
    """

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        self.config = read_json(self.folder, "config.json")
        self.family = synthesis_checkpoint.family(self.config)
        self.voices = synthesis_checkpoint.voices(self.folder)
        self.max_bytes = self.setting("max_text_bytes", 100_000)
        limit = synthesis_checkpoint.max_tokens(self.folder)
        self.limit_is_ours = limit is None
        self.limit = self.setting("max_input_tokens", 2_048) if limit is None else limit
        self.reader: Reader = VitsReader(self) if self.family == "vits" else FileReader(self)

    def process_batch(self, requests: list[Request]) -> list[Result]:
        rows = []
        for request in requests:
            self.check(request.parameters)
            texts = text.read(request.tensors["TEXT"], "TEXT", self.max_bytes)
            rows += [(each, request.parameters) for each in texts]
        ids = iter(self.reader.read(rows))
        return [self.tensors(request, [next(ids) for _ in request.tensors["TEXT"]]) for request in requests]

    def check(self, parameters: dict[str, Any]) -> None:
        """InvalidInput for parameters of another family."""
        own = ("truncation", "seed", *OF_FAMILY[self.family])
        for name, value in parameters.items():
            if value is not None and name not in own:
                raise InvalidInput(
                    f"{name} has no effect on this checkpoint, a {NAMES[self.family]}: leave it out. "
                    f"It takes {', '.join(own)}."
                )
        if parameters["voice_preset"] is not None:
            synthesis_checkpoint.check_voice(parameters["voice_preset"], self.voices)
        speaker, voices = parameters["speaker_id"], self.config.get("num_speakers", 1)
        if speaker is not None and speaker >= voices:
            raise InvalidInput(f"speaker_id is {speaker}; this checkpoint has voices 0 to {voices - 1}.")

    def tensors(self, request: Request, rows: list[list[int]]) -> Tensors:
        return {
            "input_ids": pad([np.array(ids, np.int64) for ids in rows]),
            "attention_mask": pad([np.ones(len(ids), np.int64) for ids in rows]),
            "speaker_embeddings": self.speakers(request, len(rows)),
        }

    def speakers(self, request: Request, rows: int) -> np.ndarray:
        given = request.tensors.get("SPEAKER_EMBEDDING")
        if self.family != "speecht5":
            if given is not None and given.size:
                raise InvalidInput(f"SPEAKER_EMBEDDING is for SpeechT5; this checkpoint is a {NAMES[self.family]}.")
            return np.empty((rows, 0), np.float32)
        size = self.config.get("speaker_embedding_dim", 512)
        if given is None or given.shape[-1] != size:
            had = "none came" if given is None else f"{given.shape[-1]} came"
            raise InvalidInput(
                f"SpeechT5 needs the voice: SPEAKER_EMBEDDING, {size} numbers (an x-vector, of the data set "
                f"Matthijs/cmu-arctic-xvectors for example); {had}."
            )
        if not np.isfinite(given).all():
            raise InvalidInput("SPEAKER_EMBEDDING holds numbers that are not finite.")
        return given.astype(np.float32)

    def refuse_length(self, tokens: int) -> InvalidInput:
        who = "this deployment takes" if self.limit_is_ours else "the model takes"
        ours = " (max_input_tokens)" if self.limit_is_ours else ""
        return InvalidInput(
            f"The text has {tokens:,} tokens; {who} {self.limit:,}{ours}. Cut it at the ends of sentences, send the "
            "parts and join their sound; or send the parameter truncation=true."
        )


class Reader(Protocol):
    def read(self, rows: list[tuple[str, dict[str, Any]]]) -> list[list[int]]:
        """The token ids of texts with their parameters. InvalidInput for one without, or with too many."""


class FileReader:
    """By tokenizer.json: SpeechT5, Bark, MusicGen."""

    def __init__(self, stage: Preprocess) -> None:
        self.stage = stage
        self.tokenizer = text.Tokenizer(stage.folder)
        self.tokenizer.max_tokens = stage.limit
        self.special = stage.family != "bark"
        self.least = 2 if stage.family == "speecht5" else 1  # the end alone is no text; it is to MusicGen
        self.normalizes = bool(self.tokenizer.config.get("normalize"))
        if stage.family == "speecht5":
            from transformers.models.speecht5.number_normalizer import EnglishNumberNormalizer

            self.normalizer = EnglishNumberNormalizer()

    def read(self, rows: list[tuple[str, dict[str, Any]]]) -> list[list[int]]:
        texts = [self.normalized(*row) for row in rows]
        (encodings,) = self.tokenizer.encode_uncut([texts], self.special)
        return [self.fit(*item) for item in zip(texts, encodings, (row[1] for row in rows), strict=True)]

    def normalized(self, string: str, parameters: dict[str, Any]) -> str:
        asked = parameters["normalize"]
        wanted = self.normalizes if asked is None else asked
        return self.normalizer(string) if wanted and self.stage.family == "speecht5" else string

    def fit(self, string: str, encoding: Any, parameters: dict[str, Any]) -> list[int]:
        if len(encoding) < self.least:
            raise InvalidInput("The text is empty: send something to say.")
        if parameters["truncation"] in ("false", "do_not_truncate"):
            if len(encoding) > self.stage.limit:
                raise self.stage.refuse_length(len(encoding))
            return encoding.ids
        settings = {"truncation": parameters["truncation"], "max_length": None}
        return self.tokenizer.fit(string, encoding, settings, self.special).ids


class VitsReader:
    def __init__(self, stage: Preprocess) -> None:
        self.stage = stage
        self.tokenizer = VitsTokenizer(stage.folder)

    def read(self, rows: list[tuple[str, dict[str, Any]]]) -> list[list[int]]:
        return [self.ids(*row) for row in rows]

    def ids(self, string: str, parameters: dict[str, Any]) -> list[int]:
        ids = self.tokenizer.ids(string, parameters["normalize"])
        if not ids:
            raise InvalidInput("The text has no character that the model knows: send something to say.")
        if len(ids) > self.stage.limit and parameters["truncation"] in ("false", "do_not_truncate"):
            raise self.stage.refuse_length(len(ids))
        return ids[: self.stage.limit]


class Model(TorchStage):
    """Token ids to audio [batch, channels, samples] FP32, padded with zeros, and count [batch, 1] INT32, how many
    samples of a row are real.

    Settings, besides TorchStage's:
        max_batch_rows: rows that generate together, and beams of a row. Default 8.
        max_new_tokens_limit: of one request. Default 1,536: 30 s of MusicGen, more than Bark has positions for.
        max_seconds: that a batch generates; after them its requests fail. Default 300.
        max_audio_seconds: of one waveform of VITS. Default 300.
    """

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        from python_backend.synthesis import SYNTHESIZERS, Limits

        super().load()
        self.family = synthesis_checkpoint.family(read_json(self.folder, "config.json"))
        limits = Limits(
            max_batch_rows=self.setting("max_batch_rows", 8),
            max_new_tokens=self.setting("max_new_tokens_limit", 1_536),
            max_seconds=self.setting("max_seconds", 300.0),
            max_audio_seconds=self.setting("max_audio_seconds", 300.0),
        )
        self.synthesizer = SYNTHESIZERS[self.family](self.folder, self.load_model, limits)

    def process_batch(self, requests: list[Request]) -> list[Result]:
        from python_backend.synthesis import Text

        names = [name for name in (*OF_FAMILY[self.family], "seed") if name not in TEXT_PARAMETERS]
        rows = []
        for request in requests:
            tensors = request.tensors
            parameters = {name: request.parameters[name] for name in names}
            each = zip(tensors["input_ids"], tensors["attention_mask"], tensors["speaker_embeddings"], strict=True)
            rows += [Text(ids[: np.count_nonzero(mask)], speaker, parameters) for ids, mask, speaker in each]
        spoken = iter(self.synthesizer.speak(rows))
        return [self.result([next(spoken) for _ in request.tensors["input_ids"]]) for request in requests]

    def result(self, spoken: list[Any]) -> Result:
        failed = next((one for one in spoken if isinstance(one, Exception)), None)
        if failed is not None:
            return failed
        return {"audio": pad(spoken), "count": np.array([[audio.shape[-1]] for audio in spoken], np.int32)}


class Postprocess(Stage):
    """count [batch, 1] to SAMPLING_RATE [batch, 1], and DIMENSIONS [batch, 1] of the pipeline's array, which families
    shape differently: 1 [samples], 2 [1, samples], 3 [1, channels, samples]. The sound itself goes by this stage."""

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        self.sound = synthesis_checkpoint.sound(self.folder)

    def process(self, request: Request) -> Tensors:
        shape = request.tensors["count"].shape
        return {
            "SAMPLING_RATE": np.full(shape, self.sound.sampling_rate, np.int32),
            "DIMENSIONS": np.full(shape, self.sound.dimensions, np.int32),
        }
