"""Text-to-audio models: token ids of many requests to waveforms, one synthesizer for each family.

What is random (the noise of VITS, the dropout of SpeechT5's decoder, sampled codes) is drawn for each row from its own
seed, so that a row sounds the same whichever others it shares an execution with.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from transformers import LogitsProcessor, LogitsProcessorList, SpeechT5HifiGan
from transformers.generation import GenerationConfig

from python_backend import checkpoint, synthesis_checkpoint
from python_backend.batching import in_groups, pad
from python_backend.beam_search import end_as_before
from python_backend.generation import (
    base_config,
    generation_config,
    new_tokens,
    random_numbers,
    random_seed,
    refusing,
    seeded,
)
from python_backend.parameters import InvalidInput
from python_backend.synthesis_checkpoint import VOCODER

TASK = "text-to-audio"
LoadModel = Callable[[str | type], Any]
"""TorchStage.load_model"""


class Text(NamedTuple):
    """One row that waits."""

    ids: np.ndarray
    """[tokens] int64."""
    speaker: np.ndarray
    """[size] float32, the speaker's embedding; else [0]."""
    parameters: Mapping[str, Any]
    """Those of its family; None: not sent."""

    def given(self, *names: str) -> dict[str, Any]:
        return {name: self.parameters[name] for name in names if self.parameters[name] is not None}

    @property
    def seed(self) -> int:
        """Another one each time where the request sends none."""
        seed = self.parameters["seed"]
        return random_seed() if seed is None else seed % 2**63  # PyTorch takes no longer ones


class Limits(NamedTuple):
    """How much a synthesizer does for a request."""

    max_batch_rows: int
    max_new_tokens: int
    max_seconds: float
    """That one batch generates."""
    max_audio_seconds: float
    """Of one waveform, where the model itself decides how long it is (VITS)."""


Waveform = np.ndarray
"""[channels, samples] float32."""


class Synthesizer(Protocol):
    def speak(self, rows: Sequence[Text]) -> list[Waveform | InvalidInput]:
        """The sound of each row, or why its parameters cannot be met."""


class Deadline:
    """Raises InvalidInput out of the forward passes of `modules` when time is up: a step inside an ensemble does not
    hear that its caller is gone, and these loops take no stopping criteria, or leave half a sound when they stop."""

    def __init__(self, seconds: float, *modules: torch.nn.Module) -> None:
        self.seconds = seconds
        self.end = float("inf")
        for module in modules:
            module.register_forward_pre_hook(self.check)

    def start(self) -> None:
        self.end = time.monotonic() + self.seconds

    def check(self, module: torch.nn.Module, inputs: Any) -> None:
        if time.monotonic() > self.end:
            raise InvalidInput(
                f"The sound was not ready after {self.seconds:g} s (max_seconds of this deployment). "
                "Send a shorter text, or ask for fewer tokens (max_new_tokens)."
            )


class Vits:
    """One forward pass a row: its waveform's last samples would change with padding behind them."""

    def __init__(self, folder: Path, load: LoadModel, limits: Limits) -> None:
        self.model = load("AutoModelForTextToWaveform")
        config = self.model.config
        self.defaults = {
            name: getattr(config, name) for name in ("speaking_rate", "noise_scale", "noise_scale_duration")
        }
        self.max_frames = limits.max_audio_seconds * config.sampling_rate / np.prod(config.upsample_rates)
        self.max_audio_seconds = limits.max_audio_seconds
        self.model.flow.register_forward_pre_hook(self.check_length)

    def check_length(self, module: torch.nn.Module, inputs: Any) -> None:
        if inputs[0].shape[-1] > self.max_frames:
            raise InvalidInput(
                f"The sound would last more than {self.max_audio_seconds:g} s (max_audio_seconds of this deployment). "
                "Send a shorter text, or a larger speaking_rate."
            )

    def speak(self, rows: Sequence[Text]) -> list[Waveform | InvalidInput]:
        return _one_by_one(rows, self.one)

    @torch.inference_mode()
    def one(self, row: Text) -> Waveform:
        for name, default in self.defaults.items():
            setattr(self.model, name, default if row.parameters[name] is None else row.parameters[name])
        ids = torch.from_numpy(row.ids)[None].to(self.model.device)
        with random_numbers(self.model.device, row.seed):
            output = self.model(ids, attention_mask=torch.ones_like(ids), **row.given("speaker_id"))
        return _waveform(output.waveform)


class SpeechT5:
    """Spectrograms, then the vocoder. Rows with texts of one length and equal parameters generate together."""

    def __init__(self, folder: Path, load: LoadModel, limits: Limits) -> None:
        self.model = load("AutoModelForTextToSpectrogram")
        vocoder: Any = checkpoint.model(folder / VOCODER, SpeechT5HifiGan, str(self.model.device))
        self.vocoder = vocoder.to(self.model.dtype)
        self.limits = limits
        self.deadline = Deadline(limits.max_seconds, self.model.speecht5.decoder.wrapped_decoder)
        self.generators: list[torch.Generator] = []
        self.model.speecht5.decoder.prenet._consistent_dropout = self.dropout

    def dropout(self, embeddings: torch.Tensor, probability: float) -> torch.Tensor:
        """SpeechT5SpeechDecoderPrenet._consistent_dropout, which draws one mask for all rows, with one for each."""
        chance = torch.full_like(embeddings[0], probability)
        masks = torch.stack([torch.bernoulli(chance, generator=generator) for generator in self.generators])
        return torch.where(masks == 1, embeddings, 0) / (1 - probability)

    def speak(self, rows: Sequence[Text]) -> list[Waveform | InvalidInput]:
        return _together(rows, self.limits.max_batch_rows, lambda row: len(row.ids), self.group)

    @torch.inference_mode()
    def group(self, rows: list[Text]) -> list[Waveform]:
        config, device = self.model.config, self.model.device
        ids = torch.from_numpy(np.stack([row.ids for row in rows])).to(device)
        speakers = torch.from_numpy(np.stack([row.speaker for row in rows])).to(device, self.model.dtype)
        given = rows[0].given("threshold", "minlenratio", "maxlenratio")
        # The decoder has so many positions: steps of `reduction_factor` frames.
        longest = config.max_speech_positions * config.reduction_factor / ids.shape[1]
        if given.get("minlenratio", 0) > longest:
            raise InvalidInput(
                f"minlenratio must be at most {longest:.4g} for this text: the model has no more frames."
            )
        given["maxlenratio"] = min(given.get("maxlenratio", 20.0), longest)
        self.generators = [torch.Generator(device).manual_seed(row.seed) for row in rows]
        self.deadline.start()
        spectrograms, lengths = self.model.generate_speech(
            ids, speakers, attention_mask=torch.ones_like(ids), return_output_lengths=True, **given
        )
        each = zip(spectrograms, lengths, strict=True)
        return [_waveform(self.vocoder(spectrogram[:length])[None]) for spectrogram, length in each]


class Bark:
    """Three models and a codec, one row at a time: rows that share a batch all last as long as the longest."""

    def __init__(self, folder: Path, load: LoadModel, limits: Limits) -> None:
        self.model = load("AutoModelForTextToWaveform")
        self.limits = limits
        model = self.model
        self.deadline = Deadline(limits.max_seconds, model.semantic, model.coarse_acoustics, model.fine_acoustics)
        end_as_before(model.semantic)
        end_as_before(model.coarse_acoustics)
        self.semantic = model.generation_config.semantic_config
        self.max_input = self.semantic.get("max_input_semantic_length", 256)
        self.room = model.config.semantic_config.block_size - self.max_input
        """Positions of the semantic model behind the text; the last token needs none."""
        voices = synthesis_checkpoint.voices(folder)
        self.voice = lru_cache(maxsize=32)(
            lambda name: {
                key: torch.from_numpy(array).to(model.device)
                for key, array in synthesis_checkpoint.read_voice(folder, voices[name]).items()
            }
        )

    def speak(self, rows: Sequence[Text]) -> list[Waveform | InvalidInput]:
        return _one_by_one(rows, self.one)

    def one(self, row: Text) -> Waveform:
        name = row.parameters["voice_preset"]
        ids = np.zeros((2, self.max_input), np.int64)
        ids[:, : len(row.ids)] = row.ids, np.ones_like(row.ids)
        tokens, mask = torch.from_numpy(ids).to(self.model.device)
        arguments = self.arguments(row)
        self.deadline.start()
        with random_numbers(self.model.device, row.seed), torch.inference_mode():
            audio = self.model.generate(
                tokens[None],
                attention_mask=mask[None],
                history_prompt=None if name is None else self.voice(name),
                **arguments,
            )
        return _waveform(audio)

    def arguments(self, row: Text) -> dict[str, Any]:
        """The arguments of generate(). Those without a prefix are for all three models, but lengths: the semantic
        model decides how long the sound is."""
        skipped = ("voice_preset", "seed")
        given = {name: value for name, value in row.parameters.items() if value is not None and name not in skipped}
        for name in ("max_new_tokens", "min_new_tokens"):
            if name in given:
                given.setdefault(f"semantic_{name}", given.pop(name))
        room = min(self.room, self.limits.max_new_tokens)
        asked = given.get("semantic_max_new_tokens")
        if asked is not None and asked > room:
            ours = room == self.limits.max_new_tokens
            who, name = ("this deployment", " (max_new_tokens_limit)") if ours else ("the model", "")
            raise InvalidInput(f"{asked:,} new tokens are asked for; {who} generates {room:,} at most{name}.")
        given["semantic_max_new_tokens"] = min(asked or self.semantic.get("max_new_tokens", 768), room)
        beams, most = given.get("num_beams", 1), self.limits.max_batch_rows
        if beams > most:
            raise InvalidInput(f"num_beams is {beams:,}; this deployment takes {most} at most (max_batch_rows).")
        if given.get("early_stopping") in ("true", "false"):
            given["early_stopping"] = given["early_stopping"] == "true"
        return given


class Musicgen:
    """Codes of a codec, all codebooks of a step at once. Rows with equal parameters generate together; their texts are
    padded, which the attention mask hides."""

    def __init__(self, folder: Path, load: LoadModel, limits: Limits) -> None:
        self.model = load("AutoModelForTextToWaveform")
        self.limits = limits
        self.deadline = Deadline(limits.max_seconds, self.model.decoder)
        self.base = base_config(self.model, folder, TASK)
        self.codebooks = self.model.decoder.num_codebooks
        self.text_pad = self.model.config.text_encoder.pad_token_id or 0

    def speak(self, rows: Sequence[Text]) -> list[Waveform | InvalidInput]:
        return _together(rows, self.limits.max_batch_rows, lambda row: None, self.group)

    def config(self, parameters: Mapping[str, Any]) -> GenerationConfig:
        config = generation_config(self.base, parameters)
        if config.num_beams > 1:
            raise InvalidInput("MusicGen takes no beams: leave num_beams out.")
        if config.guidance_scale is not None and config.guidance_scale < 1:
            raise InvalidInput(f"guidance_scale is {config.guidance_scale:g}; MusicGen takes 1 (no guidance) and more.")
        most, config.min_new_tokens = new_tokens(self.base, parameters, 1)
        if most > self.limits.max_new_tokens:
            if parameters["max_new_tokens"] is not None or parameters["max_length"] is not None:
                raise InvalidInput(
                    f"{most:,} new tokens are asked for; this deployment generates {self.limits.max_new_tokens:,} at "
                    "most (max_new_tokens_limit)."
                )
            most = self.limits.max_new_tokens
        config.max_new_tokens, config.max_length, config.min_length = most, None, None
        return config

    @torch.inference_mode()
    def group(self, rows: list[Text]) -> list[Waveform]:
        config = self.config(rows[0].parameters)
        ids = torch.from_numpy(pad([row.ids for row in rows], self.text_pad))
        mask = torch.from_numpy(pad([np.ones_like(row.ids) for row in rows]))
        processors = LogitsProcessorList()
        if config.do_sample:
            seeds = [row.seed for row in rows]
            draws = [(seed, codebook) for seed in seeds for codebook in range(self.codebooks)]
            config, own = seeded(self.model, config, draws)
            processors = GuidedFirst(own)
        self.deadline.start()
        audio = self.model.generate(
            ids.to(self.model.device),
            attention_mask=mask.to(self.model.device),
            generation_config=config,
            logits_processor=processors,
        )
        return list(audio.float().cpu().numpy())


class GuidedFirst(LogitsProcessorList):
    """MusicGen's generate() appends what joins guided and unguided logits; it has to come before all that samples."""

    def append(self, processor: LogitsProcessor) -> None:
        self.insert(0, processor)


SYNTHESIZERS: dict[str, Any] = {"bark": Bark, "musicgen": Musicgen, "speecht5": SpeechT5, "vits": Vits}


def _together(
    rows: Sequence[Text], size: int, key: Callable[[Text], Any], speak: Callable[[list[Text]], list[Waveform]]
) -> list[Waveform | InvalidInput]:
    """The sound of rows, those of equal `key` and parameters together, at most `size` at a time."""

    def settings(row: Text) -> Hashable:
        return key(row), tuple(value for name, value in row.parameters.items() if name != "seed")

    return in_groups(rows, settings, lambda row: size, refusing(speak))


def _one_by_one(rows: Sequence[Text], speak: Callable[[Text], Waveform]) -> list[Waveform | InvalidInput]:
    attempt = refusing(lambda alone: [speak(alone[0])])
    return [attempt([row])[0] for row in rows]


def _waveform(audio: torch.Tensor) -> Waveform:
    """[1, samples] of any floating-point type."""
    return audio.float().cpu().numpy()
