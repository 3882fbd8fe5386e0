"""Continuous batching: requests join and leave the running batch at every token, and share one paged cache.

transformers' ContinuousBatchingManager runs the model, schedules and pages. This module gives each request its own
logits processors and its own random numbers, turns its outputs into calls of the request, and starts it anew when its
thread has died.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from transformers import LogitsProcessor, LogitsProcessorList
from transformers.generation import GenerationConfig
from transformers.generation.configuration_utils import ContinuousBatchingConfig
from transformers.generation.continuous_batching.cb_logits_processors import ContinuousBatchingLogitsProcessorList
from transformers.generation.continuous_batching.continuous_api import ContinuousBatchingManager
from transformers.generation.continuous_batching.model_runner import infer_max_single_request_tokens
from transformers.generation.continuous_batching.utils import find_head_dim, find_num_key_value_heads
from transformers.utils.generic import is_flash_attention_requested

from python_backend.generation import SAMPLING_FIELDS, PreTrainedModel, draw, logits_processors, look_back, uniform
from python_backend.generation_request import CHECK_INTERVAL, GenerationRequest
from python_backend.streaming import Unavailable

if TYPE_CHECKING:
    from transformers.generation.continuous_batching.requests import (
        FutureRequestState,
        GenerationOutput,
        RequestState,
    )

START_SECONDS = 120


@dataclass
class Row:
    """How the next token of one sequence is chosen.

    Args:
        settings: equal for rows whose processors do the same to any scores; None where they look at the tokens before.
        seed: None takes the most likely token.
        error: what its processors raised.
    """

    prompt_length: int
    processors: LogitsProcessorList
    settings: Hashable | None = None
    seed: int | None = None
    sequence: int = 0
    error: Exception | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> Row:
        return self  # the manager copies a request that it starts over to make room; the row stays the same


def row(model: PreTrainedModel, request: GenerationRequest, sequence: int) -> Row:
    config = request.config
    processors = logits_processors(model, config, request.prompt)
    named = (*SAMPLING_FIELDS, "do_sample", "renormalize_logits", "remove_invalid_values")
    settings = tuple(getattr(config, name) for name in named)
    seed = request.seed if config.do_sample else None
    return Row(len(request.prompt), processors, None if look_back(processors) else settings, seed, sequence)


class RowProcessors(ContinuousBatchingLogitsProcessorList):
    """Each sequence's own logits processors, in the manager's place for processors.

    The manager takes the most likely token. So a sampled row's token is drawn here, and made the most likely.
    """

    def __init__(self) -> None:
        super().__init__(LogitsProcessorList())
        self.do_processing = True
        self._batch: list[tuple[Row, RequestState]] = []

    def check_kwargs(self, kwargs: dict[str, Any]) -> None:
        pass

    def prepare_tensor_args(
        self, requests_in_batch: list[FutureRequestState], arg_storage: torch.Tensor
    ) -> torch.Tensor:
        """Called before the forward pass: remember whose tokens come out of it, in their order."""
        states = [request.state for request in requests_in_batch if request.has_new_token]
        self._batch = [(state.logit_processor_kwargs["row"], state) for state in states]
        return arg_storage

    def __call__(
        self, input_ids: torch.LongTensor, scores: torch.Tensor, logits_processor_args: torch.Tensor
    ) -> torch.Tensor:
        """Called after it, with scores [rows or more, vocabulary] float32 of the last tokens."""
        groups: dict[Hashable, list[int]] = defaultdict(list)
        for index, (row, _) in enumerate(self._batch):
            if row.processors or row.seed is not None:
                groups[index if row.settings is None else row.settings].append(index)
        for indices in groups.values():
            try:
                self._process(indices, scores)
            except Exception as error:  # raised here, it would end the manager's thread and everybody's request
                for index in indices:
                    self._batch[index][0].error = error
        return scores

    def _process(self, indices: list[int], scores: torch.Tensor) -> None:
        rows, states = zip(*(self._batch[index] for index in indices), strict=True)
        at = torch.tensor(indices, device=scores.device)
        history = None
        if rows[0].settings is None:
            history = torch.tensor([states[0].initial_tokens + states[0].generated_tokens], device=scores.device)
        chosen = rows[0].processors(history, scores[at])
        if rows[0].seed is not None:
            # The manager may have made what was generated part of the prompt, so count all.
            lengths = [len(state.initial_tokens) + len(state.generated_tokens) for state in states]
            uniforms = [
                uniform(row.seed, row.sequence, length - row.prompt_length)
                for row, length in zip(rows, lengths, strict=True)
            ]
            chosen[torch.arange(len(at), device=at.device), draw(chosen, uniforms)] = torch.inf
        scores[at] = chosen


@dataclass(frozen=True)
class CacheLimits:
    """What the manager may hold.

    Args:
        cache_tokens: tokens that all running requests together hold in the cache.
        max_batch_tokens: tokens of one forward pass; a longer prompt takes several.
        max_batch_rows: sequences that run at the same time.
    """

    cache_tokens: int
    max_batch_tokens: int
    max_batch_rows: int

    @classmethod
    def within(cls, memory: int, model: PreTrainedModel, max_batch_tokens: int, max_batch_rows: int) -> CacheLimits:
        """Limits with a cache of so many bytes, or smaller where the rows cannot fill it."""
        config = model.config.get_text_config()
        per_layer = 2 * find_num_key_value_heads(config) * find_head_dim(config) * model.dtype.itemsize
        tokens = memory // (per_layer * config.num_hidden_layers)
        positions = getattr(config, "max_position_embeddings", None)
        if positions:
            tokens = min(tokens, max_batch_rows * positions)
        return cls(max(tokens, max_batch_tokens), max_batch_tokens, max(max_batch_rows, 1))


class ContinuousBatching:
    """The engine for what continuous batching does: greedy generation and sampling, with any logits processors.

    Raises whatever it may be when the manager cannot do the model; `tried` is one that was seen to work.
    """

    def __init__(self, model: PreTrainedModel, limits: CacheLimits) -> None:
        if model.config._attn_implementation != "sdpa" and not is_flash_attention_requested(model.config):
            raise ValueError("its attention is neither SDPA nor Flash Attention")
        self.model = model
        self.limits = limits
        self._lock = threading.Lock()
        self._session = _Session(model, limits)
        self.capacity = self._session.capacity

    @classmethod
    def tried(cls, model: PreTrainedModel, limits: CacheLimits) -> ContinuousBatching:
        """The engine after a trial run, which is its warm-up too. Raises the reason when it does not fit the model."""
        manager_logger = logging.getLogger("ContinuousBatchingLogger")
        level = manager_logger.level
        manager_logger.setLevel(logging.CRITICAL)  # a model that does not fit is no error
        try:
            engine = cls(model, limits)
            try:
                engine.verify()
            except Exception:
                engine.close()
                raise
            return engine
        finally:
            manager_logger.setLevel(level)

    @staticmethod
    def takes(config: GenerationConfig) -> bool:
        """Beam search, guidance and speculation are not for this engine."""
        plain = config.num_beams == 1 and config.guidance_scale in (None, 1) and not config.use_mtp
        return plain and config.prompt_lookup_num_tokens is None and not config.token_healing

    def submit(self, request: GenerationRequest) -> None:
        """Take a request on. Its prompt and new tokens must be within `capacity`."""
        rows = [row(self.model, request, sequence) for sequence in range(len(request.sequences))]
        self._submit(request, rows)

    def _submit(self, request: GenerationRequest, rows: list[Row]) -> None:
        with self._lock:
            if not self._session.alive:
                self._session.close()  # its cache makes room for the next one's
                self._session = _Session(self.model, self.limits)
            self._session.submit(request, rows)

    def close(self) -> None:
        with self._lock:
            self._session.close()

    def verify(self) -> None:
        """Compare the logits of a small batch with those of plain forward passes: raises ValueError when they differ,
        since not every architecture that runs under the manager reads its cache."""
        vocabulary = self.model.config.get_text_config().vocab_size
        probes = [_Probe([(3 + 7 * index) % vocabulary for index in range(length)]) for length in (9, 4)]
        for probe in probes:
            self._submit(probe.request, [Row(len(probe.request.prompt), LogitsProcessorList([probe]))])
        for probe in probes:
            probe.compare(self.model)


class _Session:
    """One life of the manager's thread, the thread that reads its outputs, and the requests it serves."""

    def __init__(self, model: PreTrainedModel, limits: CacheLimits) -> None:
        page = 256 if is_flash_attention_requested(model.config) else 16
        self.manager = ContinuousBatchingManager(
            model,
            GenerationConfig(do_sample=False, eos_token_id=-1),
            ContinuousBatchingConfig(
                page_size=page,
                num_blocks=-(-limits.cache_tokens // page),
                max_batch_tokens=limits.max_batch_tokens,
                max_requests_per_batch=limits.max_batch_rows,
                # Both would hide the step between forward pass and choice of the token, where each row has its own way.
                use_cuda_graph=False,
                use_async_batching=False,
                auto_switch_to_flash=False,
            ),
        )
        self.manager.logit_processor = RowProcessors()
        self._sequences: dict[str, tuple[GenerationRequest, int, Row]] = {}
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._closed = False
        self.manager.start()
        self.capacity = self._wait_for_cache()
        self._reader = threading.Thread(target=self._read, name="continuous-batching-reader", daemon=True)
        self._reader.start()

    @property
    def alive(self) -> bool:
        status = self.manager.background_thread_status
        return not self._closed and self.manager.is_running() and status.can_accept_new_requests() is None

    def submit(self, request: GenerationRequest, rows: list[Row]) -> None:
        with self._lock:
            if self._closed:
                raise Unavailable("Generation is being restarted; try again.")
            for index, row in enumerate(rows):
                name = str(next(self._numbers))
                self._sequences[name] = request, index, row
                self.manager.add_request(
                    request.prompt,
                    name,
                    max_new_tokens=request.config.max_new_tokens,
                    streaming=True,
                    eos_token_id=sorted(request.eos) or -1,
                    row=row,
                )

    def close(self) -> None:
        self._closed = True
        self.manager.stop(block=True, timeout=10, hard_stop=True)
        self._reader.join(timeout=10)

    def _wait_for_cache(self) -> int:
        """How many tokens one request may come to. The manager makes its cache in its own thread."""
        deadline = time.monotonic() + START_SECONDS
        while self.manager.batch_processor is None:
            error = self.manager.background_thread_status.fatal_error
            if error is not None or time.monotonic() > deadline:
                raise RuntimeError(f"continuous batching did not start: {error or 'too slow'}") from error
            time.sleep(0.01)
        return infer_max_single_request_tokens(self.manager.batch_processor.cache)

    # The reader's thread.

    def _read(self) -> None:
        """Outputs to requests, as long as the manager's thread lives."""
        checked = time.monotonic()
        running = True
        while running:
            running = self.manager.is_running()
            for output in self._outputs():
                self._deliver(output)
            if time.monotonic() - checked > CHECK_INTERVAL:
                checked = time.monotonic()
                self._check()
        self._end()

    def _outputs(self) -> list[GenerationOutput]:
        """The last output of each sequence (it holds all of its tokens) among those that are there, or one that comes
        within CHECK_INTERVAL."""
        outputs = self.manager.output_router.output_queue
        latest: dict[str, GenerationOutput] = {}
        with contextlib.suppress(queue.Empty):
            output = outputs.get(timeout=CHECK_INTERVAL)
            while True:
                latest[output.request_id] = output
                output = outputs.get_nowait()
        return list(latest.values())

    def _deliver(self, output: GenerationOutput) -> None:
        request, index, row = self._sequences.get(output.request_id, (None, 0, None))
        if request is None or row is None:  # it was dropped meanwhile
            return
        try:
            if row.error is not None or output.error is not None:
                raise row.error or RuntimeError(output.error)
            goes_on = request.take(index, output.generated_tokens[len(request.sequences[index]) :])
            request.report()
        except Exception as error:  # this request's matter: the thread serves the others
            self._drop(request)
            request.fail(error)
            return
        if not goes_on:
            self._remove(output.request_id, cancel=not output.is_finished())

    def _check(self) -> None:
        with self._lock:
            requests = {id(request): request for request, _, _ in self._sequences.values()}
        for request in requests.values():
            if not request.check():
                self._drop(request)

    def _drop(self, request: GenerationRequest) -> None:
        """Free the request's places in the batch."""
        with self._lock:
            names = [name for name, (owner, _, _) in self._sequences.items() if owner is request]
        for name in names:
            self._remove(name, cancel=True)

    def _remove(self, name: str, cancel: bool) -> None:
        with self._lock:
            del self._sequences[name]
        if cancel:
            self.manager.cancel_request(name)

    def _end(self) -> None:
        with self._lock:
            self._closed = True
            left = {id(request): request for request, _, _ in self._sequences.values()}
            self._sequences.clear()
        reason = self.manager.background_thread_status.fatal_error or "the model is being unloaded"
        for request in left.values():
            request.fail(RuntimeError(f"generation ended: {reason}"))


class _Probe(LogitsProcessor):
    """A greedy request that records its logits."""

    def __init__(self, prompt: list[int]) -> None:
        config = GenerationConfig(max_new_tokens=4, num_return_sequences=1)
        self.request = GenerationRequest(prompt, config, self, seed=0, seconds=START_SECONDS)
        self.logits: list[torch.Tensor] = []
        self.error: Exception | None = None
        self.done = threading.Event()

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        self.logits.append(scores[0].clone())
        return scores

    def compare(self, model: PreTrainedModel) -> None:
        self.done.wait()
        if self.error is not None:
            raise self.error
        ids = [*self.request.prompt, *self.request.sequences[0]]
        with torch.inference_mode():
            logits = model(torch.tensor([ids], device=model.device)).logits[0].float()
        expected = logits[len(self.request.prompt) - 1 : -1]
        difference = (torch.stack(self.logits) - expected).abs().max()
        tolerance = (1e-3 if model.dtype == torch.float32 else 5e-2) * expected.abs().max()
        if not difference <= tolerance:
            raise ValueError(f"its logits there differ from those of a plain forward pass by {difference:.3g}")

    def progressed(self, request: GenerationRequest) -> None:
        pass

    def finished(self, request: GenerationRequest) -> None:
        self.done.set()

    def failed(self, error: Exception) -> None:
        self.error = error
        self.done.set()

    def cancelled(self) -> bool:
        return False
