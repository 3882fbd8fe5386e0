"""What is read out of Triton's log."""

from __future__ import annotations

import pytest

from serving.triton_log import failure_reasons, load_seconds

LOADING = """W1123 13:07:51.626638 6779 pinned_memory_manager.cc:273] "Unable to allocate pinned system memory"
E1123 13:07:51.626809 6779 server.cc:241] "CudaDriverHelper has not been initialized."
I1123 13:07:51.628103 6779 model_lifecycle.cc:472] "loading: echo_preprocess:1"
I1123 13:07:51.628164 6779 model_lifecycle.cc:472] "loading: echo_model:1"
I1123 13:07:52.982244 6779 model_lifecycle.cc:839] "successfully loaded 'echo_preprocess'"
"""


def test_seconds_of_models_that_loaded_and_none_of_those_that_have_not_yet() -> None:
    assert load_seconds(LOADING) == {"echo_preprocess": pytest.approx(1.354141), "echo_model": None}


def error(source: str, message: str) -> str:
    """A line as Triton writes it."""
    return f'E1123 13:08:04.000001 7054 {source}] "{message}"\n'


def test_a_python_exception_is_told_with_its_place() -> None:
    exception = 'ValueError: no \\"x\\":\\n try this\\n\\nAt:\\n  /repo/boom_model/1/model.py(4): initialize\\n'
    log = (
        LOADING
        + error("backend_model.cc:692", f"ERROR: Failed to create instance: {exception}")
        + error("model_lifecycle.cc:642", f"failed to load 'boom_model' version 1: Internal: {exception}")
        + error(
            "model_repository_manager.cc:703", "Invalid argument: ensemble 'boom' depends on 'boom_model' which has"
        )
        + "error: creating server: Invalid argument - load failed for model 'boom'\n"
    )
    expected = 'boom_model: ValueError: no "x":\n try this (/repo/boom_model/1/model.py(4): initialize)'
    assert failure_reasons(log) == [expected]


def test_a_message_that_looks_like_a_place_stays_in_the_message() -> None:
    exception = "KeyError: a\\n\\nAt:\\n b\\n\\nAt:\\n  /m/1/model.py(4): initialize\\n"
    log = error("model_lifecycle.cc:642", f"failed to load 'm' version 1: Internal: {exception}")
    assert failure_reasons(log) == ["m: KeyError: a\n\nAt:\n b (/m/1/model.py(4): initialize)"]


def test_a_dead_stub_is_told_in_plain_words() -> None:
    reason = "Internal: Stub process 'die_model_0_0' is not healthy."
    (told,) = failure_reasons(error("model_lifecycle.cc:642", f"failed to load 'die_model' version 1: {reason}"))
    assert told.startswith("die_model: its Python process died while loading")


def test_a_configuration_that_does_not_parse_is_told_with_its_line() -> None:
    log = (
        LOADING
        + "[libprotobuf ERROR /tmp/x/text_format.cc:337] Error parsing text-format inference.ModelConfig: 8:9: no x\n"
        + error("model_repository_manager.cc:1460", "Poll failed for model directory 'bad': failed")
        + "error: creating server: Internal - failed to load all models\n"
    )
    assert failure_reasons(log) == [
        "Poll failed for model directory 'bad': failed",
        "Error parsing text-format inference.ModelConfig: 8:9: no x",
    ]


def test_without_an_error_the_last_lines_are_told() -> None:
    log = LOADING + "\n".join(f"line {number}" for number in range(9)) + "\n| a table |\n"
    assert failure_reasons(log) == [f"line {number}" for number in range(4, 9)]
