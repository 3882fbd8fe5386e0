"""Models that write about a picture: rows of many requests share a generate().

They do so where their settings, the sizes of their pictures and the lengths of their prompts are equal: nothing is
padded, and each row gets the text that it gets alone. Equal pictures are encoded once by models with an encoder apart.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from transformers.generation import GenerationConfig
from transformers.modeling_outputs import BaseModelOutput

from python_backend.batching import in_groups
from python_backend.beam_search import end_as_before
from python_backend.generation import PreTrainedModel, generate, lane_count, refusing, to_model
from python_backend.parameters import InvalidInput
from python_backend.sequences import ends_of, until_end


class Row(NamedTuple):
    """One picture to write about."""

    picture: Mapping[str, np.ndarray]
    """What the image processor made of it, by the names of the model's arguments."""
    prompt: np.ndarray
    """[length] token ids that the text begins with, or that ask for it; length 0: none."""
    config: GenerationConfig
    """Its settings but for the lengths."""
    most: int
    """New tokens."""
    fewest: int
    seed: int
    seconds: float
    """From when it begins to run until it ends with what there is."""

    @property
    def key(self) -> Hashable:
        """Equal for rows that may share a generate()."""
        if self.config.num_beams > 1 and self.config.do_sample:  # draws for the whole batch at once
            return id(self)
        shapes = tuple((name, array.shape) for name, array in self.picture.items())
        return (
            self.config.to_json_string(use_diff=False),
            self.most,
            self.fewest,
            self.seconds,
            len(self.prompt),
            shapes,
        )


class Writer:
    """Runs a model whose generation_config is taken away: rows bring their own.

    Args:
        max_rows: sequences or beams of one generate().
        max_pictures: of one pass of an encoder.
    """

    def __init__(self, model: PreTrainedModel, max_rows: int, max_pictures: int) -> None:
        self.model = model
        self.max_rows, self.max_pictures = max_rows, max_pictures
        end_as_before(self.decoder)
        for each in (model, self.decoder):
            each.generation_config = GenerationConfig()

    @property
    def decoder(self) -> PreTrainedModel:
        """What runs the loop."""
        return self.model

    @property
    def positions(self) -> int | None:
        """How many tokens a text may have, its prompt's included; None: nothing bounds it."""
        config = self.decoder.config.get_text_config(decoder=True)
        return getattr(config, "max_position_embeddings", None)

    @property
    def vocabulary(self) -> int:
        return int(self.decoder.get_output_embeddings().weight.shape[0])

    def first_tokens(self, prompt: int) -> int:
        """How many tokens stand in a text before the first new one, by the length of its prompt."""
        return max(prompt, 1)

    def run(self, rows: Sequence[Row]) -> list[list[list[int]] | InvalidInput]:
        """The sequences of each row, token ids, its prompt's included; or why its settings cannot be met."""
        return in_groups(
            list(zip(rows, self.encode(rows), strict=True)),
            lambda pair: pair[0].key,
            lambda pair: self.max_rows // lane_count(pair[0].config),
            refusing(lambda pairs: self.write(*zip(*pairs, strict=True))),
        )

    def encode(self, rows: Sequence[Row]) -> list[torch.Tensor | None]:
        """The states of an encoder of its own for each picture; None where the model has none."""
        return [None] * len(rows)

    @torch.inference_mode()
    def write(self, rows: Sequence[Row], states: Sequence[Any]) -> list[list[list[int]]]:
        """The sequences of rows of equal `key`."""
        config = copy.deepcopy(rows[0].config)
        config.max_new_tokens, config.max_length = rows[0].most, None
        config.min_new_tokens, config.min_length = rows[0].fewest, None
        config.max_time = rows[0].seconds
        sequences = generate(self.decoder, self.inputs(rows, states), config, [row.seed for row in rows]).tolist()
        first, ends = self.first_tokens(len(rows[0].prompt)), ends_of(config)
        whole = [until_end(sequence, first, ends) for sequence in sequences]
        count = len(whole) // len(rows)
        return [whole[at : at + count] for at in range(0, len(whole), count)]

    def inputs(self, rows: Sequence[Row], states: Sequence[Any]) -> dict[str, Any]:
        """The arguments of the decoder's generate()."""
        raise NotImplementedError

    def pictures(self, rows: Sequence[Row]) -> dict[str, torch.Tensor]:
        """What the image processor made of the rows, stacked."""
        return {name: to_model(self.model, np.stack([row.picture[name] for row in rows])) for name in rows[0].picture}

    def prompts(self, rows: Sequence[Row]) -> torch.Tensor:
        """[rows, length]"""
        return to_model(self.model, np.stack([row.prompt for row in rows]))


class Git(Writer):
    """The text goes on behind its prompt, which begins with [CLS]."""

    def inputs(self, rows: Sequence[Row], states: Sequence[Any]) -> dict[str, Any]:
        prompts = self.prompts(rows)
        if not prompts.shape[1]:
            prompts = prompts.new_full((len(rows), 1), rows[0].config.bos_token_id)
        return {**self.pictures(rows), "input_ids": prompts}


class Encoded(Writer):
    """Models whose decoder looks at an encoder's states: ViT with GPT-2, Donut, Pix2Struct."""

    @property
    def encoder(self) -> torch.nn.Module:
        return self.model.get_encoder()

    @torch.inference_mode()
    def encode(self, rows: Sequence[Row]) -> list[torch.Tensor | None]:
        """The encoder's states [patches, width] of each picture; those of equal size share a pass, equal ones run
        once."""
        first = same_as([row.picture for row in rows])
        distinct = sorted(set(first))
        states = in_groups(
            [rows[index] for index in distinct],
            lambda row: tuple(array.shape for array in row.picture.values()),
            lambda row: self.max_pictures,
            lambda part: self.encoder(**self.pictures(part), return_dict=True).last_hidden_state,
        )
        of_picture = dict(zip(distinct, states, strict=True))
        return [of_picture[index] for index in first]

    def inputs(self, rows: Sequence[Row], states: Sequence[Any]) -> dict[str, Any]:
        inputs: dict[str, Any] = {"encoder_outputs": BaseModelOutput(last_hidden_state=torch.stack(list(states)))}
        if "attention_mask" in rows[0].picture:  # of the patches
            inputs["attention_mask"] = to_model(self.model, np.stack([row.picture["attention_mask"] for row in rows]))
        if len(rows[0].prompt):
            inputs["decoder_input_ids"] = self.prompts(rows)
        return inputs


class Blip(Encoded):
    """The text goes on behind its prompt, without the [SEP] that ends it. As BlipForConditionalGeneration.generate."""

    @property
    def decoder(self) -> PreTrainedModel:
        return self.model.text_decoder

    @property
    def encoder(self) -> torch.nn.Module:
        return self.model.vision_model

    def first_tokens(self, prompt: int) -> int:
        return max(prompt - 1, 1)

    def inputs(self, rows: Sequence[Row], states: Sequence[Any]) -> dict[str, Any]:
        tokens = self.prompts(rows)[:, :-1]
        if not tokens.shape[1]:
            tokens = tokens.new_zeros((len(rows), 1))
        tokens[:, 0] = self.model.config.text_config.bos_token_id
        return {"input_ids": tokens, **attended(torch.stack(list(states)))}


class BlipQuestions(Blip):
    """The prompt is a question, which an encoder reads beside the picture. As BlipForQuestionAnswering.generate."""

    def first_tokens(self, prompt: int) -> int:
        return 1

    def inputs(self, rows: Sequence[Row], states: Sequence[Any]) -> dict[str, Any]:
        questions = self.prompts(rows)
        read = self.model.text_encoder(
            input_ids=questions,
            attention_mask=torch.ones_like(questions),
            **attended(torch.stack(list(states))),
            return_dict=True,
        )
        start = questions.new_full((len(rows), 1), self.model.decoder_start_token_id)
        return {"input_ids": start, **attended(read.last_hidden_state)}


WRITERS: dict[str, type[Writer]] = {
    "blip": Blip,
    "git": Git,
    "pix2struct": Encoded,
    "vision-encoder-decoder": Encoded,
}
"""By model type."""


def attended(states: torch.Tensor) -> dict[str, torch.Tensor]:
    """States for a decoder that looks at all of them."""
    mask = torch.ones(states.shape[:2], dtype=torch.long, device=states.device)
    return {"encoder_hidden_states": states, "encoder_attention_mask": mask}


def same_as(pictures: Sequence[Mapping[str, np.ndarray]]) -> list[int]:
    """Of each picture the index of the first one that is equal to it."""
    seen: dict[Hashable, list[int]] = defaultdict(list)
    first = []
    for index, picture in enumerate(pictures):
        # A look at some of it tells most of them apart.
        alike = seen[tuple((array.shape, array.ravel()[::997].tobytes()) for array in picture.values())]
        found = next((other for other in alike if _equal(pictures[other], picture)), None)
        if found is None:
            alike.append(index)
        first.append(index if found is None else found)
    return first


def _equal(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> bool:
    return all(np.array_equal(one[name], array) for name, array in other.items())
