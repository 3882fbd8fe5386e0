"""Generation by encoder-decoder models: rows of many requests share passes, and a row that is done leaves.

Rows that take the most likely token, or sample, run through `EncoderDecoder.step_by_step`: one decoder pass for all of
them at each step, whatever the settings of each; padding is in the encoder alone, in passes of similar length. All else
(beam search, guidance ...) runs through generate(), rows of equal settings together.
"""

from __future__ import annotations

import copy
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from transformers import LogitsProcessorList
from transformers.generation import GenerationConfig
from transformers.modeling_outputs import BaseModelOutput

from python_backend.batching import plan
from python_backend.beam_search import end_as_before
from python_backend.generation import PreTrainedModel, draw, generate, lane_count, refusing, uniform
from python_backend.parameters import InvalidInput
from python_backend.sequences import ends_of, until_end

WHOLE_ENCODERS = ("bigbird_pegasus", "led", "longt5", "pegasus_x")
"""Their attention looks at blocks of the text, which padding would move: rows of equal length share a pass."""


class Row(NamedTuple):
    """One text that waits."""

    ids: np.ndarray
    """[length] of the encoder."""
    config: GenerationConfig
    """Its settings but for the lengths."""
    most: int
    """New tokens."""
    fewest: int
    seed: int
    seconds: float
    """From when it begins to run until it ends with what there is."""


class Limits(NamedTuple):
    """What runs together."""

    rows: int
    """Sequences or beams of one decoder pass."""
    tokens: int
    """Rows times longest row of an encoder pass, and of what the decoder attends to."""
    pass_cost: int
    """What one more encoder pass costs, in tokens."""


class EncoderDecoder:
    """Runs an encoder-decoder model, whose generation_config is taken away: rows bring their own."""

    def __init__(self, model: PreTrainedModel, limits: Limits) -> None:
        end_as_before(model)
        model.generation_config = GenerationConfig()
        config = model.config
        if layers := getattr(config, "num_decoder_layers", None):  # T5 and its kin: the cache is made for num_layers
            config.num_layers = max(config.num_layers, layers)
        self.model = model
        self.limits = limits
        self.pads = model.config.model_type not in WHOLE_ENCODERS
        self.steps = True

    def check(self, config: GenerationConfig) -> None:
        """Find out whether the model can run step by step: whether that says what generate() says."""
        config = copy.deepcopy(config)
        config.num_beams = config.num_return_sequences = 1
        config.do_sample = config.early_stopping = False
        config.length_penalty = 1.0
        row = Row(np.array([5, 6, 7, 8]), config, most=4, fewest=4, seed=0, seconds=60)
        rows = [row, row._replace(ids=row.ids[:2])]
        want = self.by_generate(rows)
        try:
            found = list(self.step_by_step(rows))
            if found != want:
                raise RuntimeError(f"{found}, not {want}")
        except Exception as error:
            self.steps = False
            logging.warning("generate() alone runs this model, since it differs step by step: %r", error)

    def run(self, rows: Sequence[Row]) -> list[list[list[int]] | InvalidInput]:
        """The sequences of each row, token ids from the decoder's start on, or why its settings cannot be met."""
        results: list[Any] = [None] * len(rows)
        for run, indices in self._batches(rows):
            for index, sequences in zip(indices, refusing(run)([rows[index] for index in indices]), strict=True):
                results[index] = sequences
        return results

    def _batches(self, rows: Sequence[Row]) -> Iterator[tuple[Callable[[list[Row]], Any], list[int]]]:
        """What runs which rows, longest first."""
        groups: dict[Hashable, list[int]] = defaultdict(list)
        for index, row in enumerate(rows):
            groups[None if self.steps and _is_plain(row.config) else self._key(row)].append(index)
        for key, group in groups.items():
            batch: list[int] = []
            lanes = 0
            for index in sorted(group, key=lambda index: -len(rows[index].ids)):
                more = lane_count(rows[index].config)
                longest = len(rows[(batch or [index])[0]].ids)
                if batch and (lanes + more > self.limits.rows or (lanes + more) * longest > self.limits.tokens):
                    yield self.step_by_step if key is None else self.by_generate, batch
                    batch, lanes = [], 0
                batch.append(index)
                lanes += more
            yield self.step_by_step if key is None else self.by_generate, batch

    def _key(self, row: Row) -> Hashable:
        """Equal for rows that can share a generate()."""
        config = row.config
        if (config.num_beams > 1 and config.do_sample) or config.guidance_scale not in (None, 1):
            return id(row)  # draws for the whole batch at once
        length = None if self.pads and not _looks_at_input(config) else len(row.ids)
        return config.to_json_string(use_diff=False), row.most, row.fewest, row.seconds, length

    # generate().

    def by_generate(self, rows: list[Row]) -> list[list[list[int]]]:
        """The sequences of rows of equal `_key`."""
        config = copy.deepcopy(rows[0].config)
        config.max_new_tokens, config.max_length = rows[0].most, None
        config.min_length, config.min_new_tokens = 1 + rows[0].fewest, None
        config.max_time = rows[0].seconds
        ids, mask = self._padded([row.ids for row in rows])
        sequences = generate(
            self.model, {"input_ids": ids, "attention_mask": mask}, config, [row.seed for row in rows]
        ).tolist()
        count = len(sequences) // len(rows)
        ends = ends_of(config)
        return [
            [until_end(sequence, 1, ends) for sequence in sequences[at : at + count]]
            for at in range(0, len(sequences), count)
        ]

    # Step by step.

    @torch.inference_mode()
    def step_by_step(self, rows: list[Row]) -> list[list[list[int]]]:
        """The sequences of rows without beams."""
        start = time.monotonic()
        lanes = [Lane(row, number, start) for row in rows for number in range(lane_count(row.config))]
        states, mask = self.encode([row.ids for row in rows])
        of_row = torch.tensor([lane_count(row.config) for row in rows], device=states.device)
        states, mask = states.repeat_interleave(of_row, dim=0), mask.repeat_interleave(of_row, dim=0)
        deciders = self.deciders(lanes)
        ids = torch.tensor([lane.tokens for lane in lanes], device=states.device)
        cache = None
        running = lanes
        while True:
            outputs = self.model(
                encoder_outputs=BaseModelOutput(last_hidden_state=states),
                attention_mask=mask,
                decoder_input_ids=ids[:, -1:],
                past_key_values=cache,
                use_cache=True,
            )
            cache = outputs.past_key_values
            tokens = decide(deciders, running, ids, outputs.logits[:, -1].float())
            now = time.monotonic()
            for lane, token in zip(running, tokens.tolist(), strict=True):
                lane.take(token, now)
            going = [at for at, lane in enumerate(running) if lane.goes_on]
            if not going:
                break
            ids = torch.cat([ids, tokens[:, None]], dim=1)
            # To leave means to copy what stays: rows go when a quarter of them is done.
            if 4 * len(going) <= 3 * len(running):
                stay = torch.tensor(going, device=states.device)
                cache.batch_select_indices(stay)
                states, mask, ids = states[stay], mask[stay], ids[stay]
                running = [running[at] for at in going]
                deciders = regrouped(deciders, going, states.device)
        sequences: dict[int, list[list[int]]] = defaultdict(list)
        for lane in lanes:
            sequences[id(lane.row)].append(lane.tokens)
        return [sequences[id(row)] for row in rows]

    def encode(self, texts: Sequence[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
        """The encoder's states [texts, longest, width] and the attention mask [texts, longest]."""
        lengths = np.array([len(ids) for ids in texts])
        _, mask = self._padded(texts)
        states: torch.Tensor | None = None
        for batch in plan(lengths, self.limits.tokens, self.limits.pass_cost if self.pads else 0):
            ids, attended = self._padded([texts[index] for index in batch])
            part = self.model.get_encoder()(input_ids=ids, attention_mask=attended, return_dict=True).last_hidden_state
            if states is None:
                states = part.new_zeros((len(texts), int(lengths.max()), part.shape[-1]))
            states[torch.from_numpy(batch).to(part.device), : part.shape[1]] = part
        assert states is not None
        return states, mask

    def _padded(self, texts: Sequence[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
        """Token ids and attention mask, [texts, longest] each."""
        width = max(map(len, texts))
        ids = torch.full((len(texts), width), getattr(self.model.config, "pad_token_id", None) or 0)
        mask = torch.zeros_like(ids)
        for at, text in enumerate(texts):
            ids[at, : len(text)] = torch.from_numpy(text)
            mask[at, : len(text)] = 1
        return ids.to(self.model.device), mask.to(self.model.device)

    def deciders(self, lanes: Sequence[Lane]) -> list[Decider]:
        """What chooses the tokens of the lanes, and gives each lane its first one."""
        groups: dict[Hashable, list[int]] = defaultdict(list)
        for at, lane in enumerate(lanes):
            row = lane.row
            alone = _looks_at_input(row.config)
            length = row.most if row.config.forced_eos_token_id is not None else None
            groups[row.config.to_json_string(use_diff=False), length, id(row) if alone else None].append(at)
        deciders = []
        for group in groups.values():
            config, row = copy.deepcopy(lanes[group[0]].row.config), lanes[group[0]].row
            config.max_length, config.max_new_tokens = 1 + row.most, None
            config.min_length, config.min_new_tokens = 0, None  # lanes see to it themselves
            self.model._prepare_special_tokens(config, device=self.model.device)
            processors = self.model._get_logits_processor(
                config,
                input_ids_seq_length=1,
                encoder_input_ids=torch.from_numpy(row.ids)[None].to(self.model.device),
                device=self.model.device,
            )
            start: Any = config._decoder_start_token_tensor
            for at in group:
                lanes[at].tokens.append(int(start))
            places = torch.tensor(group, device=self.model.device)
            deciders.append(Decider(processors, config.do_sample, sorted(ends_of(config)), places))
        return deciders


class Lane:
    """One sequence on its way."""

    def __init__(self, row: Row, number: int, start: float) -> None:
        self.row = row
        self.deadline = start + row.seconds
        self.number = number
        """Of the sequence among its row's."""
        self.tokens: list[int] = []
        self.goes_on = True
        self.ends = ends_of(row.config)

    @property
    def new(self) -> int:
        """How many tokens it has got."""
        return len(self.tokens) - 1

    def take(self, token: int, now: float) -> None:
        """The next token; ignored behind the end."""
        if self.goes_on:
            self.tokens.append(token)
            self.goes_on = token not in self.ends and self.new < self.row.most and now < self.deadline


class Decider(NamedTuple):
    """What chooses the next token of some lanes: those of equal settings."""

    processors: LogitsProcessorList
    samples: bool
    ends: list[int]
    places: torch.Tensor
    """[lanes] where they are among those that run."""


def decide(deciders: list[Decider], lanes: list[Lane], ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
    """[lanes] the next token of each.

    Args:
        ids: [lanes, length] all tokens so far.
        scores: [lanes, vocabulary] logits, float32.
    """
    tokens = torch.empty(len(lanes), dtype=torch.long, device=scores.device)
    for processors, samples, ends, places in deciders:
        mine = [lanes[at] for at in places.tolist()]
        own = scores[places]
        short = [at for at, lane in enumerate(mine) if lane.new < lane.row.fewest]
        if short and ends:
            own[torch.tensor(short)[:, None], torch.tensor(ends)] = -torch.inf
        own = processors(cast(torch.LongTensor, ids[places]), cast(torch.FloatTensor, own))
        if samples:
            tokens[places] = draw(own, [uniform(lane.row.seed, lane.number, lane.new) for lane in mine])
        else:
            tokens[places] = own.argmax(dim=-1)
    return tokens


def regrouped(deciders: list[Decider], going: list[int], device: torch.device) -> list[Decider]:
    """The deciders of the lanes at the places `going`, which move together."""
    place = {old: new for new, old in enumerate(going)}
    groups = [(decider, [place[at] for at in decider.places.tolist() if at in place]) for decider in deciders]
    return [decider._replace(places=torch.tensor(group, device=device)) for decider, group in groups if group]


def _is_plain(config: GenerationConfig) -> bool:
    """Whether nothing but logits processors stands between the logits and the next token."""
    guided = config.guidance_scale not in (None, 1)
    return config.num_beams == 1 and not (guided or config.prompt_lookup_num_tokens or config.token_healing)


def _looks_at_input(config: GenerationConfig) -> bool:
    """Whether logits depend on the encoder's token ids, where padding would count."""
    return config.encoder_repetition_penalty not in (None, 1) or bool(config.encoder_no_repeat_ngram_size)
