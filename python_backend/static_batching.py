"""Static batching: requests with equal settings run through one generate() together, from its start to its end.

The engine for what continuous batching does not do: beam search, guidance, speculation, and architectures without a
paged cache (state-space models and others).
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Hashable, Sequence

import numpy as np
import torch
from transformers import StoppingCriteria

from python_backend import rotary_positions
from python_backend.beam_search import end_as_before
from python_backend.generation import PreTrainedModel, generate, lane_count, logits_processors, look_back, to_model
from python_backend.generation_request import CHECK_INTERVAL, GenerationRequest
from python_backend.parameters import InvalidInput


def unloaded() -> RuntimeError:
    return RuntimeError("generation ended: the model is being unloaded")


class StaticBatching:
    """One thread that runs what waits, oldest first, joined by what waits with the same settings.

    Args:
        max_batch_rows: sequences, beams included, of one generate().
    """

    def __init__(self, model: PreTrainedModel, max_batch_rows: int) -> None:
        end_as_before(model)
        self.model = model
        self.max_batch_rows = max_batch_rows
        self.common_length = rotary_positions.common_length(model.config.get_text_config())
        self.padding_is_harmless = self._padding_is_harmless()
        self._waiting: deque[tuple[Hashable, GenerationRequest]] = deque()
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="static-batching", daemon=True)
        self._thread.start()

    def submit(self, request: GenerationRequest) -> None:
        key = self._key(request)
        with self._changed:
            self._waiting.append((key, request))
            self._changed.notify()

    def runs_alone(self, request: GenerationRequest) -> bool:
        """Whether it may grow so long that the rotary positions of others in its passes would change."""
        return self.common_length is not None and request.longest > self.common_length

    def close(self) -> None:
        self._closing.set()
        with self._changed:
            self._changed.notify()
        self._thread.join(timeout=10)

    def _key(self, request: GenerationRequest) -> Hashable:
        """Equal for requests that can share a generate()."""
        config = request.config
        beams_sample = config.num_beams > 1 and config.do_sample  # draws for the whole batch at once
        guided = config.guidance_scale not in (None, 1)
        if beams_sample or guided or config.prompt_lookup_num_tokens or config.token_healing:
            return id(request)
        if self.runs_alone(request):
            return id(request)
        if request.features and config.num_beams > 1:  # generate() repeats them without regard to whose they are
            return id(request)
        # Padding would count as tokens before for processors that look at them.
        pads = not look_back(logits_processors(self.model, config, request.prompt)) and self.padding_is_harmless
        shapes = tuple((name, array.shape[1:]) for name, array in request.features.items())
        of_tokens = any(shape[:1] == (len(request.prompt),) for _, shape in shapes)
        return config.to_json_string(use_diff=False), None if pads and not of_tokens else len(request.prompt), shapes

    def _padding_is_harmless(self) -> bool:
        """Whether padding on the left leaves the model's logits as they are, those behind the first token too. Not so
        for some state-space models, and for GIT. Found out before the thread starts: some models keep what a generate()
        is at in themselves."""
        ids = torch.tensor([[5, 6, 7, 8]], device=self.model.device)
        padded = torch.nn.functional.pad(ids, (3, 0))
        settings = {"max_new_tokens": 3, "output_logits": True, "return_dict_in_generate": True, "do_sample": False}
        with torch.inference_mode():
            plain, behind = (
                torch.cat(self.model.generate(inputs, attention_mask=mask, **settings).logits).float()
                for inputs, mask in ((ids, torch.ones_like(ids)), (padded, (padded != 0).long()))
            )
        return bool((plain - behind).abs().max() <= 1e-3 * plain.abs().max())

    # The engine's thread.

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing.is_set())
                if self._closing.is_set():
                    break
                batch = self._next_batch()
            self._generate([request for request in batch if request.check()])
        for _, request in self._waiting:
            request.fail(unloaded())

    def _next_batch(self) -> list[GenerationRequest]:
        key, first = self._waiting[0]
        most = max(1, self.max_batch_rows // lane_count(first.config))
        batch = [request for other, request in self._waiting if other == key][:most]
        taken = set(map(id, batch))
        self._waiting = deque(entry for entry in self._waiting if id(entry[1]) not in taken)
        return batch

    def _generate(self, batch: list[GenerationRequest]) -> None:
        if not batch:
            return
        if self.common_length is not None:
            rotary_positions.forget(self.model)
        try:
            _Batch(self.model, batch, self._closing).run()
        except Exception as error:
            if len(batch) > 1 and not any(any(request.sequences) for request in batch):
                for request in batch:
                    self._generate([request])
                return
            refused = isinstance(error, ValueError)  # generate() does, settings that the model cannot meet
            if not refused:
                logging.exception("generate() failed")
            for request in batch:
                request.fail(InvalidInput(str(error)) if refused else error)


class _Batch(StoppingCriteria):
    """One generate(): hands each row's tokens to its request as they come, and ends rows that are done."""

    def __init__(self, model: PreTrainedModel, requests: Sequence[GenerationRequest], closing: threading.Event) -> None:
        self.model = model
        self.closing = closing
        self.requests = requests
        self.config = requests[0].config
        self.width = max(len(request.prompt) for request in requests)
        self.rows = [(request, index) for request in requests for index in range(len(request.sequences))]
        self.checked = time.monotonic()

    def run(self) -> None:
        inputs = torch.zeros((len(self.requests), self.width), dtype=torch.long)
        mask = torch.zeros_like(inputs)
        for row, request in enumerate(self.requests):
            inputs[row, self.width - len(request.prompt) :] = torch.tensor(request.prompt)
            mask[row, self.width - len(request.prompt) :] = 1
        sequences = generate(
            self.model,
            {
                "input_ids": inputs.to(self.model.device),
                "attention_mask": mask.to(self.model.device),
                **self.features(),
            },
            self.config,
            [request.seed for request in self.requests],
            [self],
        )
        if self.config.num_beams > 1:
            for (request, index), ids in zip(self.rows, sequences[:, self.width :].tolist(), strict=True):
                request.take(index, self._without_padding(ids))
        for request in self.requests:
            request.finish()

    def features(self) -> dict[str, torch.Tensor]:
        """Those of all requests, one behind the other as their rows are."""
        joined = {}
        for name in self.requests[0].features:
            joined[name] = to_model(self.model, np.concatenate([request.features[name] for request in self.requests]))
        return joined

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor, **kwargs: object) -> torch.BoolTensor:
        if self.closing.is_set():
            for request in self.requests:
                request.fail(unloaded())
        done = self._ended_beams(input_ids) if self.config.num_beams > 1 else self._take(input_ids)
        return torch.tensor(done, device=input_ids.device)  # type: ignore[return-value]

    def _take(self, input_ids: torch.LongTensor) -> list[bool]:
        new = input_ids[:, self.width :].tolist()
        for (request, index), ids in zip(self.rows, new, strict=True):
            request.take(index, ids[len(request.sequences[index]) :])
        for request in self.requests:
            request.report()
        self._check()
        return [index not in request.running for request, index in self.rows]

    def _ended_beams(self, input_ids: torch.LongTensor) -> list[bool]:
        """Rows are beams here, several for each request, and change places: what they come to is known at the end."""
        self._check()
        rows = input_ids.tolist()
        each = len(rows) // len(self.requests)
        return [
            request.closed or request.expired or (request.stop is not None and request.stop.completed_by_last(ids))
            for index, request in enumerate(self.requests)
            for ids in rows[index * each : (index + 1) * each]
        ]

    def _without_padding(self, ids: list[int]) -> list[int]:
        end = len(ids)
        while end > 1 and ids[end - 1] in (self.config.pad_token_id, -1):
            end -= 1
        return ids[:end]

    def _check(self) -> None:
        if time.monotonic() - self.checked > CHECK_INTERVAL:
            self.checked = time.monotonic()
            for request in self.requests:
                if self.config.num_beams > 1:
                    request.check_caller()
                else:
                    request.check()
