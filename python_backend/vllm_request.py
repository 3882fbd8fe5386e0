"""A request for text generation as Triton's vLLM backend takes it. That backend has tensors of its own, tokenizes by
itself, and knows a part of what GenerationConfig has; the rest is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from python_backend.generation_parameters import DEFAULT_MAX_LENGTH, GENERATION
from python_backend.parameters import InvalidInput
from python_backend.stage import Tensors

SAME = ("temperature", "top_p", "min_p", "repetition_penalty", "seed")
"""Parameters that have one name and meaning in both."""
KNOWN = {
    *SAME,
    *("max_length", "max_new_tokens", "min_new_tokens", "do_sample", "num_return_sequences", "top_k", "eos_token_id"),
    *("pad_token_id", "bos_token_id"),
}
SETTINGS = (*SAME, "do_sample", "top_k", "max_length", "max_new_tokens", "min_new_tokens", "eos_token_id")
"""Those that the checkpoint may have defaults for."""
NEUTRAL = {"num_beams": 1, "num_beam_groups": 1, "early_stopping": "false"}
"""Values of others that change nothing."""


def tensors(
    prompt: str,
    prompt_length: int,
    shown: str,
    stop: list[str],
    stop_ids: list[int],
    parameters: dict[str, Any],
    defaults: dict[str, Any],
) -> Tensors:
    """text_input, stream, sampling_parameters and exclude_input_in_output, each [1].

    Args:
        prompt: all that the model reads.
        prompt_length: its tokens.
        shown: the prompt as far as it is part of the answer; empty: it is not. A stream never repeats it.
        stop, stop_ids: strings and tokens that end generation.
        parameters: the request's.
        defaults: the checkpoint's.
    """
    names = {parameter.name for parameter in GENERATION} - KNOWN
    if unknown := sorted(name for name in names if parameters[name] not in (None, NEUTRAL.get(name))):
        raise InvalidInput(f"{', '.join(unknown)}: this deployment runs on vLLM, which takes no such parameter.")
    if parameters["stream"] and (parameters["num_return_sequences"] or 1) > 1:
        raise InvalidInput("stream=true is for one sequence: send several requests, or leave it out.")
    sampling = sampling_parameters(prompt_length, stop, stop_ids, parameters, defaults)
    return {
        "text_input": np.array([prompt.encode()], object),
        "stream": np.array([parameters["stream"]]),
        "sampling_parameters": np.array([json.dumps(sampling).encode()], object),
        "exclude_input_in_output": np.array([parameters["stream"] or not shown]),
    }


def sampling_parameters(
    prompt_length: int, stop: list[str], stop_ids: list[int], parameters: dict[str, Any], defaults: dict[str, Any]
) -> dict[str, Any]:
    """vLLM's SamplingParams."""
    chosen: dict[str, Any] = {
        name: defaults.get(name) if parameters[name] is None else parameters[name] for name in SETTINGS
    }
    samples = bool(chosen["do_sample"])
    made = {name: chosen[name] for name in SAME if chosen[name] is not None}
    if not samples:
        made = {name: value for name, value in made.items() if name == "repetition_penalty"} | {"temperature": 0.0}
    elif chosen["top_k"] != 0:
        made["top_k"] = 50 if chosen["top_k"] is None else chosen["top_k"]  # as GenerationConfig has it
    length = chosen["max_length"]
    if parameters["max_length"] is None and length == DEFAULT_MAX_LENGTH:  # nobody's choice: see new_tokens
        length = None
    if chosen["max_new_tokens"] is None and length and length <= prompt_length:
        raise InvalidInput(f"max_length={length:,} leaves no room behind a prompt of {prompt_length:,} tokens.")
    made["max_tokens"] = chosen["max_new_tokens"] or (length - prompt_length if length else DEFAULT_MAX_LENGTH)
    if chosen["min_new_tokens"]:
        made["min_tokens"] = chosen["min_new_tokens"]
    made["n"] = parameters["num_return_sequences"] or 1
    if made["n"] > 1 and not samples:
        raise InvalidInput("num_return_sequences above 1 needs do_sample=true: this deployment has no beams.")
    if stop:
        made |= {"stop": stop, "include_stop_str_in_output": True}
    end = parameters["eos_token_id"]
    if end == -1:
        made["ignore_eos"] = True
    elif end is not None:
        stop_ids = [*stop_ids, end]
    if stop_ids:
        made["stop_token_ids"] = stop_ids
    return made
