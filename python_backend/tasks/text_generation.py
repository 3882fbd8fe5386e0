"""Text generation: a prompt, or a chat, to what a causal language model goes on with. Follows TextGenerationPipeline.

Preprocess makes token ids, Model generates, Postprocess makes text. With stream=true the model answers a request many
times, once for each group of new tokens; what Postprocess needs to make text of a group flows through the model.

Greedy and beam-search texts are those of the pipeline of 4.48.1. Other than there, on purpose:
* Samples have their own random numbers, repeatable by `seed`.
* The answer to MESSAGES is the new message's text; the client library puts it into the chat.
* A prompt with which the new tokens go beyond the model's table of positions is refused (there: an IndexError).
* handle_long_generation="hole" also works with max_length, and without any length for prompts above 20 tokens.
* An assistant's message is continued where it ends, also when its text occurs in the template's end too.
* max_time counts from the request's arrival.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from python_backend import checkpoint, text, vllm_request
from python_backend.chat import ChatTemplate, read_messages
from python_backend.detokenization import Detokenizer, StopStrings
from python_backend.forward import TorchStage
from python_backend.generation_parameters import DEFAULT_MAX_LENGTH, GENERATION, checkpoint_defaults
from python_backend.parameters import Bool, Choice, InvalidInput, Parameters, Text
from python_backend.stage import Request, Stage, Tensors
from python_backend.streaming import DecoupledStage, Reply, Unavailable

if TYPE_CHECKING:
    from python_backend.continuous_batching import ContinuousBatching
    from python_backend.generation_request import GenerationRequest

TASK = "text-generation"

PARAMETERS = Parameters(
    Bool("stream", default=False, doc="Answer with every group of new tokens instead of once."),
    Bool("return_full_text", doc="Put the prompt before what is generated. Default: true, but not for MESSAGES."),
    Bool("clean_up_tokenization_spaces", default=True, doc="Remove the spaces before punctuation and contractions."),
    Text("prefix", doc="Goes before the prompt, and not into the answer. Default: the checkpoint's own."),
    Bool("add_special_tokens", doc="Let the tokenizer add its own, as at the beginning of a text. Default: true."),
    Choice(
        "truncation",
        choices=("false", "true", "longest_first", "only_first", "do_not_truncate"),
        doc="Cut a prompt that is longer than max_length, or than the model takes. Default: where max_length comes "
        "with max_new_tokens or a prefix, as then alone it leaves room for new tokens.",
    ),
    Choice(
        "handle_long_generation",
        choices=("hole",),
        doc='"hole": cut a long prompt on its left to make room for the new tokens.',
    ),
    Text("stop_sequence", doc="Generation ends at any of its tokens. For whole strings use STOP."),
    Bool(
        "continue_final_message",
        doc="Let the model go on with the last of MESSAGES. Default: when it is the assistant's.",
    ),
    *GENERATION,
)

# For XLNet and Transformer-XL, as the pipeline has it: short prompts need more text before them.
XL_MODELS = ("xlnet", "transfo-xl")
XL_PREFIX = """
    In 1991, the remains of Russian Tsar Nicholas II and his family (except for Alexei and Maria) are discovered. The
    voice of Nicholas's young son, Tsarevich Alexei Nikolaevich, narrates the remainder of the story. 1883 Western
    Siberia, a young Grigori Rasputin is asked by his father and a group of men to perform magic. Rasputin has a vision
    and denounces one of the men as a horse thief. Although his father initially slaps him for making such an
    accusation, Rasputin watches as the man is chased outside and beaten. Twenty years later, Rasputin sees a vision of
    the Virgin Mary, prompting him to become a priest. Rasputin quickly becomes famous, with people, even a bishop,
    begging for his blessing. <eod> </s> <eos>
    """

MAX_STOP_STRINGS = 16
MAX_STOP_BYTES = 256
"""Of one of them."""


def stop_of(tensors: Tensors) -> list[str]:
    """The strings of STOP [n]; none where it was not sent."""
    given = tensors.get("STOP", np.empty(0, object))
    if len(given) > MAX_STOP_STRINGS or not all(0 < len(string) <= MAX_STOP_BYTES for string in given):
        raise InvalidInput(f"STOP takes up to {MAX_STOP_STRINGS} strings, of 1 to {MAX_STOP_BYTES} bytes each.")
    return text.read(given, "STOP", MAX_STOP_BYTES)


def check_chat(parameters: dict[str, Any]) -> None:
    """InvalidInput for a parameter that is for TEXT, and not for MESSAGES."""
    if parameters["return_full_text"]:
        raise InvalidInput(
            "return_full_text=true is for TEXT. The answer to MESSAGES is the new message, or the rest of the last "
            "one; put it behind the messages that you have."
        )


class Preprocess(Stage):
    """TEXT [1], or MESSAGES [1] with a JSON chat, to the token ids of one prompt.

    Outputs: input_ids [length] INT64; prefix_length [1] INT32, tokens of the prefix; eos_token_id [n] INT64, the tokens
    of stop_sequence, if any; prompt [1], the text that goes before the generated one, empty where none does.

    Settings: max_text_bytes, of TEXT or MESSAGES. Default 100,000. engine: "vllm" makes what that backend takes instead
    (python_backend/vllm_request.py), of STOP as well; written by scripts/export.py.
    """

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        self.for_vllm = self.setting("engine", "") == "vllm"
        self.tokenizer = text.Tokenizer(self.folder)
        self.chat = ChatTemplate(self.folder, self.tokenizer)
        self.max_bytes = self.setting("max_text_bytes", 100_000)
        self.defaults = checkpoint_defaults(self.folder, TASK)
        model_type = checkpoint.read_json(self.folder, "config.json").get("model_type")
        self.prefix = self.defaults["prefix"] or (XL_PREFIX if model_type in XL_MODELS else "")

    def process(self, request: Request) -> Tensors:
        parameters = request.parameters
        prefix = self.prefix if parameters["prefix"] is None else parameters["prefix"]
        added = parameters["add_special_tokens"]
        if self.for_vllm:
            return self.process_for_vllm(request, prefix)
        if "MESSAGES" in request.tensors:
            prompt, before = self.chat_prompt(request), ""
            ids = self.encode(prompt, False, parameters["truncation"], parameters["max_length"])
        else:
            before = self.text(request, "TEXT")
            truncation = parameters["truncation"] or self.default_truncation(prefix, parameters)
            ids = self.encode(prefix + before, added is None or added, truncation, parameters["max_length"])
            if parameters["return_full_text"] is False:
                before = ""
        if parameters["handle_long_generation"] == "hole":
            ids = self.with_hole(ids, parameters)
        stop = parameters["stop_sequence"]
        return {
            "input_ids": np.array(ids or [self.first_token(parameters)], np.int64),
            "prefix_length": np.array([len(self.ids(prefix, bool(added))) if prefix else 0]),
            "eos_token_id": np.array(self.ids(stop, False) if stop else [], np.int64),
            "prompt": np.array([before.encode()], object),
        }

    def process_for_vllm(self, request: Request, prefix: str) -> Tensors:
        parameters = request.parameters
        if set_here := [
            name
            for name in ("add_special_tokens", "truncation", "handle_long_generation")
            if parameters[name] is not None
        ]:
            raise InvalidInput(f"{', '.join(set_here)}: this deployment runs on vLLM, which tokenizes by itself.")
        shown = ""
        if "MESSAGES" in request.tensors:
            prompt = self.chat_prompt(request)
            begins = self.tokenizer.special_tokens.get("bos_token")
            if begins and prompt.startswith(begins) and self.ids("", True)[:1] == self.ids(begins, False):
                prompt = prompt.removeprefix(begins)  # vLLM puts it there
        else:
            text_before = self.text(request, "TEXT")
            prompt = prefix + text_before
            shown = "" if parameters["return_full_text"] is False else text_before
        ends = self.ids(parameters["stop_sequence"], False) if parameters["stop_sequence"] else []
        length = len(self.ids(prompt, True))
        return vllm_request.tensors(prompt, length, shown, stop_of(request.tensors), ends, parameters, self.defaults)

    def text(self, request: Request, name: str) -> str:
        if len(request.tensors.keys() - {"STOP"}) != 1:
            raise InvalidInput("Send either TEXT or MESSAGES.")
        return text.read(request.tensors[name], name, self.max_bytes)[0]

    def chat_prompt(self, request: Request) -> str:
        check_chat(request.parameters)
        messages = read_messages(self.text(request, "MESSAGES"))
        return self.chat.render(messages, request.parameters["continue_final_message"])

    def ids(self, string: str, add_special_tokens: bool) -> list[int]:
        return self.tokenizer.backend.encode(string, add_special_tokens=add_special_tokens).ids

    def default_truncation(self, prefix: str, parameters: dict[str, Any]) -> str:
        """A max_length alone makes the 4.48 tokenizer cut the prompt to it, which leaves no room for new tokens unless
        something else makes it."""
        makes_room = prefix or parameters["max_new_tokens"] or self.defaults.get("max_new_tokens")
        return "true" if parameters["max_length"] and makes_room else "false"

    def encode(
        self, prompt: str, add_special_tokens: bool, truncation: str | None, max_length: int | None
    ) -> list[int]:
        if truncation in (None, "false", "do_not_truncate"):
            return self.ids(prompt, add_special_tokens)
        side = self.tokenizer.config.get("truncation_side", "right")
        self.tokenizer.backend.enable_truncation(max_length or self.tokenizer.max_tokens, direction=side)
        try:
            return self.ids(prompt, add_special_tokens)
        finally:
            self.tokenizer.backend.no_truncation()

    def with_hole(self, ids: list[int], parameters: dict[str, Any]) -> list[int]:
        """The end of the prompt, cut so that the new tokens find room."""
        room = self.tokenizer.max_tokens
        new = parameters["max_new_tokens"]
        if new is None:
            length = parameters["max_length"] or self.defaults.get("max_length") or DEFAULT_MAX_LENGTH
            default = parameters["max_length"] is None and length == DEFAULT_MAX_LENGTH
            new = DEFAULT_MAX_LENGTH if default else length - len(ids)
        if new < 0 or new >= room:
            raise InvalidInput(
                f'handle_long_generation="hole" finds no room: the prompt has {len(ids):,} tokens, the model takes '
                f"{room:,}. Send max_new_tokens, less than that."
            )
        return ids[-(room - new) :]

    def first_token(self, parameters: dict[str, Any]) -> int:
        """What an empty prompt begins with."""
        token = parameters["bos_token_id"]
        if token is None:
            token = self.defaults.get("bos_token_id")
        if token is None:
            raise InvalidInput("The prompt is empty, and the checkpoint has no bos_token_id: send a prompt, or that.")
        return token


class Model(DecoupledStage, TorchStage):
    """Token ids to more of them, by whichever engine does what a request asks.

    * Continuous batching (python_backend/continuous_batching.py): greedy generation and sampling, also of several
      sequences, with any penalty, constraint or stop string. Requests join and leave the batch at every token.
    * Static batching (python_backend/static_batching.py): beam search, guidance, prompt lookup; and everything for
      models whose attention cannot be paged (state-space models and others), found out when the model is loaded.
      Requests with equal settings share a generate().

    Sampling follows the request's `seed` alone, in both. Beams are not streamed: their text is known at the end.

    Inputs: Preprocess's outputs, and STOP [n], strings that end generation (the answer includes them).
    Outputs, of every answer: sequences [rows, length] INT64, prompt and generated ids (streamed: the end of them),
    padded on the right; lengths [rows] INT32 without the padding; prompt_length [1] INT32, ids of the prompt among
    them; sent [1] INT32, ids that are in earlier answers; prompt [1], text to put before; final [1] BOOL.

    Settings, besides TorchStage's:
        max_new_tokens_limit: of one request. Default 1,024.
        max_seconds: of one request, from its arrival; then it ends with what there is. Default 120.
        max_requests: that run or wait; more are refused. Default 128.
        max_batch_rows: sequences, or beams, that run together. Default 16.
        max_batch_tokens: tokens of one forward pass of continuous batching; a longer prompt takes several. Default 512.
        cache_mib: memory of the paged cache. Default 0: 512 on a CPU, half of what is free on a GPU.
    """

    PARAMETERS = PARAMETERS
    task = TASK
    auto_class = "AutoModelForCausalLM"
    remedy = 'Shorten it, or send truncation=true or handle_long_generation="hole" with max_new_tokens.'
    """For a prompt that is too long."""
    reads_tokens_alone = True
    """Every token of a prompt has its embedding; those that stand for images need none."""

    def load(self) -> None:
        from python_backend import generation, rotary_positions
        from python_backend.static_batching import StaticBatching

        super().load()
        self.model = self.load_model(self.auto_class)
        self.base = generation.base_config(self.model, self.folder, self.task)
        self.model.generation_config = type(self.base)()  # nothing beside what a request's own configuration says
        config = self.model.config.get_text_config()
        self.vocabulary = config.vocab_size
        embeddings: Any = self.model.get_input_embeddings()
        self.embedded = int(embeddings.weight.shape[0])
        self.positions = text.max_tokens(config.to_dict(), {})
        # Rotary positions have no table that ends: as in the pipeline, what is generated may go beyond those trained.
        self.room = text.UNLIMITED if getattr(config, "rope_parameters", None) else self.positions
        self.detokenizer = Detokenizer(text.Tokenizer(self.folder))
        self.max_new_tokens_limit = self.setting("max_new_tokens_limit", 1024)
        self.max_seconds = self.setting("max_seconds", 120.0)
        self.max_requests = self.setting("max_requests", 128)
        self.max_batch_rows = self.setting("max_batch_rows", 16)
        self.open_requests: set[Answer] = set()
        self.count_tokens = self.counter("triton_pipelines_generated_tokens_total", "Tokens that were generated.")
        self.static = StaticBatching(self.model, self.max_batch_rows)
        if self.static.common_length is not None:
            rotary_positions.one_pass_at_a_time(self.model)
        self.continuous = self.continuous_batching()

    def continuous_batching(self) -> ContinuousBatching | None:
        """The engine, after a trial run; None, with the reason logged, where it does not do the model."""
        import torch

        from python_backend.continuous_batching import CacheLimits, ContinuousBatching

        memory = self.setting("cache_mib", 0) << 20
        if not memory:
            memory = 512 << 20 if self.device == "cpu" else torch.cuda.mem_get_info(self.device)[0] // 2
        try:
            limits = CacheLimits.within(memory, self.model, self.setting("max_batch_tokens", 512), self.max_batch_rows)
            return ContinuousBatching.tried(self.model, limits)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            logging.warning("%s: static batching alone, since continuous batching fails here: %s", self.name, reason)
            return None

    def start(self, request: Request, reply: Reply) -> None:
        if len(self.open_requests) >= self.max_requests:
            raise Unavailable(
                f"{self.name} has {self.max_requests} requests running or waiting (max_requests); try again later."
            )
        answer = Answer(self, reply, request)
        generation_request = self.generation_request(request, answer)
        config = generation_request.config
        together = self.continuous and self.continuous.takes(config) and not self.static.runs_alone(generation_request)
        engine = self.continuous if self.continuous and together else self.static
        self.open_requests.add(answer)
        try:
            engine.submit(generation_request)
        except Exception:
            self.open_requests.discard(answer)
            raise

    def generation_request(self, request: Request, answer: Answer) -> GenerationRequest:
        from python_backend import generation
        from python_backend.generation_request import GenerationRequest

        tensors, parameters = request
        config = generation.generation_config(self.base, parameters)
        if tensors["eos_token_id"].size:
            config.eos_token_id = tensors["eos_token_id"].tolist()
        generation.check_token_ids(config, self.vocabulary, parameters)
        generation.check_lanes(config, self.max_batch_rows)
        if parameters["stream"] and config.num_return_sequences > 1:
            raise InvalidInput("stream=true is for one sequence: send several requests, or leave it out.")
        prompt = tensors["input_ids"].tolist()
        if self.reads_tokens_alone:
            generation.check_prompt(prompt, self.embedded)
        config.max_new_tokens, fewest = self.new_tokens(parameters, len(prompt), int(tensors["prefix_length"][0]))
        config.min_new_tokens, config.min_length, config.max_length = fewest or None, 0, None
        if config.eos_token_id == -1:
            config.eos_token_id = None
        seconds = self.max_seconds if config.max_time is None else min(config.max_time, self.max_seconds)
        stop = self.stop_strings(tensors, config.stop_strings)
        config.max_time, config.stop_strings = None, None
        seed = generation.random_seed() if parameters["seed"] is None else parameters["seed"]
        return GenerationRequest(prompt, config, answer, seed=seed, seconds=seconds, stop=stop)

    def new_tokens(self, parameters: dict[str, Any], prompt_length: int, prefix_length: int) -> tuple[int, int]:
        """The most and the fewest new tokens, within this deployment's limits. InvalidInput beyond them, unless it is
        the checkpoint's own settings that go there: these are cut."""
        from python_backend import generation

        room = self.room if self.continuous is None else min(self.room, self.continuous.capacity)
        longest = min(self.positions, room - 1)
        if prompt_length > longest:
            raise InvalidInput(
                f"The prompt has {prompt_length:,} tokens; this deployment takes {longest:,}. {self.remedy}"
            )
        most, fewest = generation.new_tokens(self.base, parameters, prompt_length, self.positions, prefix_length)
        if not generation.asks_for_length(self.base, parameters):
            return min(most, room - prompt_length, self.max_new_tokens_limit), fewest
        if most > self.max_new_tokens_limit:
            raise InvalidInput(
                f"{most:,} new tokens are asked for; this deployment generates {self.max_new_tokens_limit:,} at most "
                "(max_new_tokens_limit)."
            )
        if prompt_length + most > room:
            raise InvalidInput(
                f"The prompt has {prompt_length:,} tokens and {most:,} new ones are asked for; together they may be "
                f"{room:,}. Ask for {room - prompt_length:,}, or shorten the prompt."
            )
        return most, fewest

    def stop_strings(self, tensors: Tensors, default: str | list[str] | None) -> StopStrings | None:
        """Those of the request, or else the checkpoint's."""
        strings = stop_of(tensors) or ([default] if isinstance(default, str) else default)
        return StopStrings(strings, self.detokenizer) if strings else None

    def close(self) -> None:
        self.static.close()
        if self.continuous is not None:
            self.continuous.close()


class Answer:
    """Turns what a generation request comes to into answers to its caller: the request's listener."""

    def __init__(self, model: Model, reply: Reply, request: Request) -> None:
        self.model = model
        self.reply = reply
        self.streams = request.parameters["stream"]
        self.prompt = request.tensors["prompt"]
        self.prompt_length = self.sent = len(request.tensors["input_ids"])

    def progressed(self, request: GenerationRequest) -> None:
        if self.streams and self.prompt_length + len(request.sequences[0]) > self.sent:
            self.reply.send(self.tensors(request, final=False))

    def finished(self, request: GenerationRequest) -> None:
        self.model.open_requests.discard(self)
        self.model.count_tokens(sum(map(len, request.sequences)))
        self.reply.send(self.tensors(request, final=True), final=True)

    def failed(self, error: Exception) -> None:
        self.model.open_requests.discard(self)
        self.reply.fail(error)

    def cancelled(self) -> bool:
        return self.reply.cancelled()

    def tensors(self, request: GenerationRequest, final: bool) -> Tensors:
        rows = [[*request.prompt, *sequence] for sequence in request.sequences]
        start = self.model.detokenizer.boundary(rows[0], self.sent) if self.streams else 0
        lengths = [len(row) - start for row in rows]
        sequences = np.zeros((len(rows), max(lengths)), np.int64)
        for index, row in enumerate(rows):
            sequences[index, : lengths[index]] = row[start:]
        tensors = {
            "sequences": sequences,
            "lengths": np.array(lengths),
            "prompt_length": np.array([max(0, self.prompt_length - start)]),
            "sent": np.array([self.sent - start]),
            "prompt": self.prompt,
            "final": np.array([final]),
        }
        self.prompt = np.array([b""], object)
        self.sent = len(rows[0])
        return tensors


class Postprocess(Stage):
    """The ids of an answer to GENERATED_TEXT [rows]: the whole text or, streamed, the piece that these ids settle."""

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        self.detokenizer = Detokenizer(text.Tokenizer(self.folder))

    def process(self, request: Request) -> Tensors:
        tensors = request.tensors
        prompt_length, sent, final = (tensors[name][0].item() for name in ("prompt_length", "sent", "final"))
        cleaned = self.cleans_up(request)
        before = tensors["prompt"][0].decode()
        pieces = [
            self.detokenizer.new_text(row[:length].tolist(), prompt_length, sent, final, cleaned)
            for row, length in zip(tensors["sequences"], tensors["lengths"], strict=True)
        ]
        return {"GENERATED_TEXT": np.array([(before + piece).encode() for piece in pieces], object)}

    def cleans_up(self, request: Request) -> bool:
        """Whether the spaces before punctuation go."""
        return request.parameters["clean_up_tokenization_spaces"]
