"""Request parameters of every task that generates: the scalar fields of transformers 4.48's GenerationConfig.

    PARAMETERS = Parameters(Bool("return_full_text", ...), *GENERATION)

All of them are null unless the caller sends them: null leaves the checkpoint's own setting. No torch here, since light
stages parse the same parameters; `python_backend.generation` makes a GenerationConfig of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from python_backend.checkpoint import read_json
from python_backend.parameters import Bool, Choice, Float, Int, Parameter

SMALLEST = 1e-6
"""Of parameters that must be above zero."""
NGRAM = 1000
"""Longest n-gram that may be forbidden to repeat, or looked up: transformers makes a list for each of its tokens, text
or no text."""
STEEPEST = 50
"""Of length_penalty either way: the power of a sequence's length that it stands for is a float."""


@dataclass(frozen=True)
class Removed(Parameter):
    """A field that transformers 5 no longer has: the value that switches it off is taken, others are refused."""

    off: float = field(kw_only=True)

    def convert(self, value: Any) -> None:
        if value != self.off:
            raise ValueError

    @property
    def kind(self) -> str:
        return f"{self.off} ({self.doc.rstrip('.')})"


GENERATION: tuple[Parameter, ...] = (
    # Length.
    Int("max_length", minimum=1, doc="Most tokens in all, the prompt's included. Without any limit: 20 new ones."),
    Int("max_new_tokens", minimum=1, doc="Most tokens to generate; goes before max_length."),
    Int("min_length", minimum=0, doc="Fewest tokens in all, the prompt's included."),
    Int("min_new_tokens", minimum=0, doc="Fewest tokens to generate; goes before min_length."),
    Choice("early_stopping", choices=("true", "false", "never"), doc="When beam search ends."),
    Float("max_time", minimum=0, doc="Seconds after which generation ends with what there is."),
    # Strategy.
    Bool("do_sample", doc="Sample instead of taking the most likely token."),
    Int("num_beams", minimum=1, doc="Beams of beam search; 1: none."),
    Int("num_return_sequences", minimum=1, doc="Sequences per input: at most num_beams, or samples."),
    Int("seed", minimum=0, doc="Makes sampling repeatable, whichever requests share the batch. Default: random."),
    # What changes the next token's probabilities.
    Float("temperature", minimum=SMALLEST, doc="Divides the logits of a sample: below 1 sharper, above 1 flatter."),
    Int("top_k", minimum=0, doc="Sample among this many most likely tokens; 0: all."),
    Float("top_p", minimum=0, maximum=1, doc="Sample among the most likely tokens that make up this probability."),
    Float("min_p", minimum=0, maximum=1, doc="Least probability, as a share of the most likely token's."),
    Float("typical_p", minimum=SMALLEST, maximum=1, doc="Locally typical sampling: the probability to keep."),
    Float("epsilon_cutoff", minimum=0, maximum=1, doc="Least probability of a token to sample."),
    Float("eta_cutoff", minimum=0, maximum=1, doc="Least probability, less where the distribution is flat."),
    Float("repetition_penalty", minimum=SMALLEST, doc="Above 1: tokens that were there become less likely."),
    Float("encoder_repetition_penalty", minimum=SMALLEST, doc="Above 1: tokens of the input become more likely."),
    Float(
        "length_penalty",
        minimum=-STEEPEST,
        maximum=STEEPEST,
        doc="Beam search: above 0 favours long sequences, below 0 short ones.",
    ),
    Int(
        "no_repeat_ngram_size",
        minimum=0,
        maximum=NGRAM,
        doc="No sequence of this many tokens occurs twice; 0: any may.",
    ),
    Int(
        "encoder_no_repeat_ngram_size",
        minimum=0,
        maximum=NGRAM,
        doc="No sequence of this many tokens is repeated from the input.",
    ),
    Float("guidance_scale", minimum=0, doc="Classifier-free guidance: above 1 holds closer to the prompt."),
    Bool("renormalize_logits", doc="Normalize the logits after all that changes them."),
    Bool("remove_invalid_values", doc="Replace NaN and infinite logits."),
    # Special tokens.
    Int("pad_token_id", minimum=0, doc="The token that fills up rows of a batch."),
    Int("bos_token_id", minimum=0, doc="What an empty prompt begins with."),
    Int("eos_token_id", minimum=-1, doc="The token that ends a sequence; -1: none does."),
    Int("forced_bos_token_id", minimum=0, doc="The first token to generate after the decoder's start."),
    Int("forced_eos_token_id", minimum=0, doc="The last token when max_length is reached."),
    Int("decoder_start_token_id", minimum=0, doc="What an encoder-decoder model's output starts with."),
    # Speculation without a second model: never changes what greedy generation gives.
    Int("prompt_lookup_num_tokens", minimum=1, maximum=NGRAM, doc="Tokens to try at once out of the prompt."),
    Int("max_matching_ngram_size", minimum=1, maximum=NGRAM, doc="Longest n-gram to look up in the prompt."),
    # Gone in transformers 5.
    Removed("num_beam_groups", off=1, doc="Transformers 5 has no diverse beam search; use num_beams or do_sample."),
    Removed("diversity_penalty", off=0, doc="Transformers 5 has no diverse beam search."),
    Removed("penalty_alpha", off=0, doc="Transformers 5 has no contrastive search; use repetition_penalty."),
    Removed("low_memory", off=False, doc="Transformers 5 runs all beams at once; lower num_beams to save memory."),
)

NOT_OF_THE_CONFIG = {"seed"}
"""Parameters that are no field of a GenerationConfig."""

DEFAULT_MAX_LENGTH = 20


def checkpoint_defaults(folder: Path, task: str) -> dict[str, Any]:
    """What the checkpoint's files say about generation, as `Pipeline.__init__` reads them: generation_config.json (or
    config.json for want of it), then config.json's task_specific_params of the task, "text-generation" say.

    Among its own keys is "prefix", what the pipeline puts before each text.
    """
    config = read_json(folder, "config.json")
    defaults = read_json(folder, "generation_config.json") or config
    task_specific = (config.get("task_specific_params") or {}).get(task, {})
    return {**defaults, "prefix": config.get("prefix"), **task_specific}
