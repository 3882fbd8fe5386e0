"""generate(): its configuration out of request parameters, its lengths, and sampling that a seed repeats.

config = generation_config(base_config(model, folder, "translation"), request.parameters)   # the first once, in load()
sequences = generate(model, inputs, config, seeds=[7, 8])   # rows 0 and 1 sample each from its own seed
"""

from __future__ import annotations

import copy
import logging
import random
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from transformers import (
    EpsilonLogitsWarper,
    EtaLogitsWarper,
    InfNanRemoveLogitsProcessor,
    LogitNormalization,
    LogitsProcessor,
    LogitsProcessorList,
    MinPLogitsWarper,
    StoppingCriteria,
    StoppingCriteriaList,
    SuppressTokensLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
    TypicalLogitsWarper,
)
from transformers.generation import GenerationConfig

from python_backend.checkpoint import read_json
from python_backend.generation_parameters import DEFAULT_MAX_LENGTH, GENERATION, NOT_OF_THE_CONFIG, Removed
from python_backend.parameters import InvalidInput

PreTrainedModel: TypeAlias = Any
"""One that generates: transformers.PreTrainedModel with a GenerationMixin, which the type does not say."""

CONFIG_FIELDS = tuple(parameter.name for parameter in GENERATION if parameter.name not in NOT_OF_THE_CONFIG)
TOKEN_FIELDS = tuple(name for name in CONFIG_FIELDS if name.endswith("_token_id"))

SAMPLING_FIELDS = ("temperature", "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff")
"""Fields of a GenerationConfig that matter when it samples, and then alone."""

BLIND_TO_HISTORY = (
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
    MinPLogitsWarper,
    TypicalLogitsWarper,
    EpsilonLogitsWarper,
    EtaLogitsWarper,
    LogitNormalization,
    InfNanRemoveLogitsProcessor,
    SuppressTokensLogitsProcessor,
)


def base_config(model: PreTrainedModel, folder: Path, task: str) -> GenerationConfig:
    """What a checkpoint generates with unless a request says otherwise: its own generation config, then the
    task_specific_params of its config.json (as `Pipeline.__init__` applies them), then the defaults of transformers.

    `max_length` stays None where the checkpoint sets none. What transformers 5 dropped is off, and a warning says so.

    Args:
        task: the pipeline's name for it, "text-generation".
    """
    config = copy.deepcopy(model.generation_config)
    if config.forced_eos_token_id is None and not (folder / "generation_config.json").exists():
        config.forced_eos_token_id = assumed_end(read_json(folder, "config.json"))
    config.update(**(read_json(folder, "config.json").get("task_specific_params") or {}).get(task, {}))
    defaults = GenerationConfig._get_default_generation_params()
    del defaults["max_length"]
    config.update(**defaults, defaults_only=True)
    for field in GENERATION:
        if isinstance(field, Removed):
            if getattr(config, field.name) not in (None, field.off):
                logging.warning("the checkpoint's %s is ignored: %s", field.name, field.doc)
            setattr(config, field.name, defaults.get(field.name))
    return config


ASSUMED_ENDS = {
    "bart": 2, "blenderbot": 2, "blenderbot-small": 2, "fsmt": 2, "mbart": 2, "mvp": 2, "pegasus": 1, "pegasus_x": 1,
    "plbart": 2,
}  # fmt: skip
"""forced_eos_token_id of models whose config.json has none and that come without a generation_config.json: what 4.48
assumed, and 5.x no longer does."""


def assumed_end(config: Mapping[str, Any]) -> int | None:
    """forced_eos_token_id by a config.json, or by its decoder's."""
    for part in (config, config.get("decoder") or {}):
        end: int | None = part.get("forced_eos_token_id", ASSUMED_ENDS.get(part.get("model_type", "")))
        if end is not None:
            return end
    return None


def generation_config(base: GenerationConfig, parameters: Mapping[str, Any]) -> GenerationConfig:
    """The checkpoint's settings with those of a request (parsed GENERATION parameters; None: not sent) on top.

    Raises InvalidInput for settings that contradict each other.
    """
    config = copy.deepcopy(base)
    given = {name: parameters[name] for name in CONFIG_FIELDS if parameters.get(name) is not None}
    if given.get("early_stopping") in ("true", "false"):
        given["early_stopping"] = given["early_stopping"] == "true"
    try:
        config.update(**given)
    except ValueError as error:
        raise InvalidInput(str(error)) from None
    return config


def lane_count(config: GenerationConfig) -> int:
    """Sequences, or beams, that run for one row."""
    return max(config.num_beams, config.num_return_sequences)


def check_lanes(config: GenerationConfig, limit: int) -> None:
    """InvalidInput for more of them (`lane_count`) than the deployment runs, max_batch_rows."""
    if lane_count(config) > limit:
        raise InvalidInput(
            f"{lane_count(config):,} sequences or beams are asked for; this deployment runs {limit:,} (max_batch_rows)."
        )


def check_token_ids(config: GenerationConfig, vocabulary: int, given: Mapping[str, Any]) -> None:
    """InvalidInput for a token id of a request that the model does not have. The checkpoint's own are forgotten then:
    they are those of its class, as of a GPT-2 with another vocabulary.

    Args:
        given: the parameters of the request.
    """
    for name in TOKEN_FIELDS:
        value = getattr(config, name)
        tokens = value if isinstance(value, list) else [] if value is None else [value]
        known = [token for token in tokens if token < vocabulary]
        if len(known) == len(tokens):
            continue
        if given.get(name) is not None:
            raise InvalidInput(f"{name} is {max(tokens)}; the model has tokens 0 to {vocabulary - 1:,}.")
        setattr(config, name, known or None)


def check_prompt(ids: Sequence[int] | np.ndarray, vocabulary: int) -> None:
    """InvalidInput for a prompt that the model cannot read: its tokenizer has tokens that the model has not."""
    if (largest := int(np.max(ids, initial=0))) >= vocabulary:
        raise InvalidInput(
            f"The text has the token {largest:,}, which the checkpoint's tokenizer knows and its model does not: the "
            f"model has tokens 0 to {vocabulary - 1:,}."
        )


def new_tokens(
    base: GenerationConfig,
    parameters: Mapping[str, Any],
    prompt_length: int,
    positions: int | None = None,
    prefix_length: int = 0,
) -> tuple[int, int]:
    """The most and the fewest new tokens of a request, as 4.48 counts them (`_prepare_generated_length`).

    `max_length` counts the prompt; when neither the request nor the checkpoint sets a length, 20 new tokens.

    Args:
        prompt_length: tokens that are there already; of an encoder-decoder model, those of the decoder.
        positions: how many the model has; it bounds what comes from the checkpoint's settings.
        prefix_length: tokens of a prefix, which `max_length` and `min_length` of a request do not count.

    Raises InvalidInput when `max_length` leaves no room for a new token.
    """
    most = _first(parameters.get("max_new_tokens"), base.max_new_tokens)
    if most is None:
        length = parameters.get("max_length")
        if prefix_length:
            length = (length or base.max_length or DEFAULT_MAX_LENGTH) + prefix_length
        if length is None:
            length = base.max_length or DEFAULT_MAX_LENGTH
            length += prompt_length if length == DEFAULT_MAX_LENGTH else 0
            length = min(length, positions or length)
        most = length - prompt_length
        if most <= 0:
            raise InvalidInput(
                f"The prompt has {prompt_length:,} tokens and max_length, which counts them too, is {length:,}: no "
                "room for new ones. Shorten the prompt, raise max_length, or send max_new_tokens instead."
            )
    fewest = _first(parameters.get("min_new_tokens"), base.min_new_tokens)
    if fewest is None:
        length = parameters.get("min_length")
        length = (base.min_length or 0) if length is None else length + prefix_length
        fewest = max(0, length - prompt_length)
    return most, fewest


def asks_for_length(base: GenerationConfig, parameters: Mapping[str, Any]) -> bool:
    """Whether a request itself says how long its answer may be: its `max_length` is nothing where the checkpoint has a
    max_new_tokens."""
    by_length = base.max_new_tokens is None and parameters.get("max_length") is not None
    return by_length or parameters.get("max_new_tokens") is not None


def limited_new_tokens(
    base: GenerationConfig,
    parameters: Mapping[str, Any],
    first_tokens: int,
    positions: int | None,
    limit: int,
    room: int | None = None,
) -> tuple[int, int]:
    """`new_tokens` within the model's and the deployment's limits. InvalidInput beyond them, unless it is the
    checkpoint's own settings that go there: these are cut.

    Args:
        first_tokens: that are there before the first new one.
        positions: see new_tokens.
        limit: the deployment's, max_new_tokens_limit.
        room: for how many new tokens the model has positions. Default: what `positions` leaves.
    """
    if room is None:
        room = limit if positions is None else positions - first_tokens
    if room <= 0:
        raise InvalidInput(f"The text has {first_tokens:,} tokens; the model takes {positions:,}. Shorten it.")
    most, fewest = new_tokens(base, parameters, first_tokens, positions)
    if not asks_for_length(base, parameters):
        most = min(most, room, limit)
    if most > limit:
        raise InvalidInput(
            f"{most:,} new tokens are asked for; this deployment generates {limit:,} at most (max_new_tokens_limit)."
        )
    if most > room:
        raise InvalidInput(f"{most:,} new tokens are asked for; the model generates {room:,} at most.")
    return most, min(fewest, most)


def logits_processors(model: PreTrainedModel, config: GenerationConfig, prompt: Sequence[int]) -> LogitsProcessorList:
    """What generate() would do to the logits of one sequence after this prompt, warpers of sampling included."""
    config = copy.deepcopy(config)
    config.max_length = len(prompt) + config.max_new_tokens
    model._prepare_special_tokens(config, device=model.device)
    return model._get_logits_processor(
        config,
        input_ids_seq_length=len(prompt),
        encoder_input_ids=torch.tensor([prompt], device=model.device),
        device=model.device,
    )


def look_back(processors: LogitsProcessorList) -> bool:
    """Whether any of these processors looks at the tokens so far, and not at the scores alone."""
    return not all(isinstance(processor, BLIND_TO_HISTORY) for processor in processors)


# Sampling.


def random_seed() -> int:
    return secrets.randbits(63)


def uniform(seed: int, sequence: int, position: int) -> float:
    """A number in [0, 1) that depends on the arguments alone: the draw for one token of one sequence."""
    return random.Random(f"{seed} {sequence} {position}").random()


def draw(scores: torch.Tensor, uniforms: Sequence[float]) -> torch.Tensor:
    """[rows] token ids, each drawn from softmax(scores[row]) by inverting its cumulative distribution at the row's
    uniform number. So a row's token depends on nothing outside the row."""
    cumulative = scores.softmax(dim=-1).cumsum(dim=-1, dtype=torch.float64)
    target = torch.tensor(uniforms, dtype=torch.float64, device=scores.device)[:, None] * cumulative[:, -1:]
    return torch.searchsorted(cumulative, target, right=True)[:, 0].clamp(max=scores.shape[-1] - 1)


class SeededSampling(LogitsProcessor):
    """Leaves each row one token, drawn from its own seed. The last processor of a generate() with do_sample=False.

    Args:
        draws: seed and number of the sequence among the seed's, for each row.
    """

    def __init__(self, draws: Sequence[tuple[int, int]]) -> None:
        self.draws = draws
        self.start: int | None = None

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        length = input_ids.shape[-1]
        if self.start is None:
            self.start = length
        tokens = draw(scores, [uniform(seed, sequence, length - self.start) for seed, sequence in self.draws])
        only = torch.full_like(scores, -torch.inf)
        return only.scatter_(1, tokens[:, None], 0.0)  # type: ignore[return-value]


def seeded(
    model: PreTrainedModel, config: GenerationConfig, draws: Sequence[tuple[int, int]]
) -> tuple[GenerationConfig, LogitsProcessorList]:
    """A sampling configuration without beams as one that is greedy over what SeededSampling leaves: the configuration
    and the processors to hand to generate(). `draws` as in SeededSampling."""
    warpers = GenerationConfig(do_sample=True, **{name: getattr(config, name) for name in SAMPLING_FIELDS})
    greedy = copy.deepcopy(config)
    greedy.do_sample = False
    greedy.num_return_sequences = 1
    return greedy, LogitsProcessorList([*model._get_logits_processor(warpers), SeededSampling(draws)])


def generate(
    model: PreTrainedModel,
    inputs: Mapping[str, Any],
    config: GenerationConfig,
    seeds: Sequence[int],
    criteria: Sequence[StoppingCriteria] = (),
) -> torch.Tensor:
    """generate() over a merged batch in which sampling is each row's own matter.

    Args:
        inputs: what generate() takes, rows first.
        seeds: one for each row. Sampling with beams draws all rows from the first: run such a request alone.

    Returns:
        [rows * num_return_sequences, length] token ids.
    """
    processors = LogitsProcessorList()
    config = copy.deepcopy(config)
    config.return_dict_in_generate = False
    samples = config.do_sample and config.num_beams == 1
    if samples:
        count = config.num_return_sequences
        inputs = {name: _repeated(tensor, count) for name, tensor in inputs.items()} if count > 1 else inputs
        config, processors = seeded(model, config, [(seed, sequence) for seed in seeds for sequence in range(count)])
    with torch.inference_mode(), random_numbers(model.device, seeds[0] if config.do_sample else None):
        return model.generate(
            **inputs,
            generation_config=config,
            logits_processor=processors,
            stopping_criteria=StoppingCriteriaList(criteria),
        )


def refusing(run: Callable[[list[Any]], Any]) -> Callable[[list[Any]], Any]:
    """A function of rows that gives an InvalidInput for each of them where it raises a ValueError: generate() refuses
    settings that the model cannot meet."""

    def attempt(rows: list[Any]) -> Any:
        try:
            return run(rows)
        except ValueError as error:
            return [InvalidInput(str(error))] * len(rows)

    return attempt


@contextmanager
def random_numbers(device: torch.device, seed: int | None) -> Iterator[None]:
    """PyTorch's own random numbers from a seed (None: as they come), and as they were afterwards."""
    if seed is None:
        yield
        return
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed % 2**63)  # it takes no longer ones
        yield


def to_model(model: PreTrainedModel, array: np.ndarray) -> torch.Tensor:
    """An array on the model's device, floating-point numbers in the type of its weights."""
    tensor = torch.from_numpy(array).to(model.device)
    return tensor.to(model.dtype) if tensor.is_floating_point() else tensor


def _repeated(value: Any, count: int) -> Any:
    """Each row `count` times, of a tensor or of an encoder's outputs."""
    if isinstance(value, torch.Tensor):
        return value.repeat_interleave(count, dim=0)
    return type(value)(**{name: _repeated(part, count) for name, part in value.items()})


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)
