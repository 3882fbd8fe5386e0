"""What a Whisper checkpoint can do, by its generation config, said before any work is done."""

from __future__ import annotations

from typing import Any

from python_backend.parameters import InvalidInput
from python_backend.whisper_languages import CODES, LANGUAGES


def check(parameters: dict[str, Any], generation: dict[str, Any]) -> None:
    """InvalidInput for parameters that the checkpoint cannot meet.

    Args:
        generation: its generation_config.json.
    """
    timestamps, language, task = (parameters[name] for name in ("return_timestamps", "language", "task"))
    if timestamps == "char":
        raise InvalidInput('Whisper has no "char" timestamps: return_timestamps must be "true" or "word".')
    if timestamps in ("true", "word") and "no_timestamps_token_id" not in generation:
        raise InvalidInput("This checkpoint cannot return timestamps: its generation config is too old.")
    if timestamps == "word" and "alignment_heads" not in generation:
        raise InvalidInput("This checkpoint cannot return the times of words: it names no alignment_heads.")
    if (language or task) and not generation.get("is_multilingual", True):
        raise InvalidInput("This checkpoint knows English alone: send neither language nor task.")
    if task and task not in generation.get("task_to_id", {}):
        raise InvalidInput(f'This checkpoint does not know the task "{task}".')
    if language:
        check_language(language, [token[2:-2] for token in generation.get("lang_to_id", {})])
    if parameters["no_speech_threshold"] is not None and parameters["logprob_threshold"] is None:
        raise InvalidInput("no_speech_threshold works together with logprob_threshold: send both.")


def check_language(language: str, known: list[str], some: int = 12) -> None:
    """InvalidInput, with some of the languages (codes) that the checkpoint knows, for another one."""
    name = language.lower().removeprefix("<|").removesuffix("|>")
    if CODES.get(name, name) in known:
        return
    if not known:
        raise InvalidInput("This checkpoint names no languages: leave out the parameter language.")
    names = ", ".join(f"{code} ({LANGUAGES.get(code, code)})" for code in known[:some])
    more = f" and {len(known) - some} more" if len(known) > some else ""
    raise InvalidInput(f'This checkpoint does not know the language "{language}". It knows {names}{more}.')


def check_long(parameters: dict[str, Any], generation: dict[str, Any]) -> None:
    """InvalidInput for audio of several windows without timestamps, by which Whisper finds where the next one starts.

    As in 4.48, a generation config that says nothing of timestamps turns them on by itself.
    """
    if parameters["return_timestamps"] in (None, "false") and generation.get("return_timestamps") is False:
        raise InvalidInput(
            "Whisper moves on through audio of more than 30 s by its timestamps: send return_timestamps=true, or "
            "chunk_length_s=30."
        )
