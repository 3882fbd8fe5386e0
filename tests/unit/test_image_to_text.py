"""Image to text: pictures of all requests share passes where nothing has to be padded."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from python_backend.parameters import InvalidInput
from python_backend.picture_writers import same_as
from python_backend.sequences import until_end
from tests.unit.ensemble import Ensemble, Sent, text
from tests.unit.pictures import NARROW, SCENE, TALL, TINY, check_batches

TASK = "image_to_text"
NAMES = ("vit_gpt2", "donut", "blip", "git", "pix2struct")


@pytest.fixture(scope="module")
def ensembles(checkpoints: Path) -> dict[str, Ensemble]:
    settings = {"max_batch_rows": "4", "max_text_bytes": "2000", "max_new_tokens_limit": "60"}
    return {name: Ensemble(TASK, checkpoints / f"{TASK}_{name}", **settings) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_texts_do_not_depend_on_neighbours(ensembles: dict[str, Ensemble], name: str) -> None:
    check_batches(ensembles[name], (SCENE, NARROW, TINY, TALL), max_new_tokens=6)


@pytest.mark.parametrize("name", ["blip", "git"])
def test_requests_may_differ_in_prompts_and_settings(ensembles: dict[str, Ensemble], name: str) -> None:
    sent: list[Sent] = [
        ({"IMAGE": text(SCENE), "PROMPT": text("The whale")}, {"max_new_tokens": 6}),
        ({"IMAGE": text(SCENE)}, {"max_new_tokens": 6}),
        ({"IMAGE": text(TINY, SCENE), "PROMPT": text("It was the best of times", "a")}, {"max_new_tokens": 4}),
        ({"IMAGE": text(SCENE), "PROMPT": text("The whale")}, {"max_new_tokens": 5, "num_beams": 2}),
        ({"IMAGE": text(SCENE), "PROMPT": text("The whale")}, {"max_new_tokens": 6, "do_sample": True, "seed": 3}),
    ]
    for (tensors, parameters), result in zip(sent, ensembles[name].batch(*sent), strict=True):
        assert isinstance(result, dict)
        assert result["GENERATED_TEXT"].tolist() == ensembles[name](tensors, **parameters)["GENERATED_TEXT"].tolist()


def test_equal_settings_share_a_generate(ensembles: dict[str, Ensemble], monkeypatch: pytest.MonkeyPatch) -> None:
    ensemble = ensembles["blip"]
    shared = []
    write = ensemble.model.writer.write

    def counted(rows: Any, states: Any) -> Any:
        shared.append(len(rows))
        return write(rows, states)

    monkeypatch.setattr(ensemble.model.writer, "write", counted)
    one: Sent = ({"IMAGE": text(SCENE)}, {"max_new_tokens": 3})
    longer: Sent = ({"IMAGE": text(SCENE)}, {"max_new_tokens": 4})
    ensemble.batch(one, longer, one, one, longer)
    assert sorted(shared) == [2, 3]
    shared.clear()
    ensemble.batch(*[one] * 6)
    assert shared == [4, 2]


def test_a_seed_repeats_whoever_shares_the_batch(ensembles: dict[str, Ensemble]) -> None:
    ensemble = ensembles["vit_gpt2"]
    drawn = {"do_sample": True, "num_beams": 1, "max_new_tokens": 8, "num_return_sequences": 2}
    sent: list[Sent] = [({"IMAGE": text(SCENE)}, {**drawn, "seed": seed}) for seed in (1, 2, 1)]
    first, other, same = (result["GENERATED_TEXT"].tolist() for result in ensemble.batch(*sent))  # type: ignore[index]
    assert first == same != other
    assert first[0][0] != first[0][1]
    assert ensemble({"IMAGE": text(SCENE)}, **drawn, seed=1)["GENERATED_TEXT"].tolist() == first


@pytest.mark.parametrize(
    ("name", "tensors", "parameters", "message"),
    [
        ("vit_gpt2", {"PROMPT": text("a")}, {}, "does not support conditional text generation"),
        ("blip", {"PROMPT": text(b"\xff")}, {}, "UTF-8"),
        ("blip", {"PROMPT": text("a" * 3000)}, {}, "max_text_bytes"),
        ("blip", {"PROMPT": text("the whale " * 60)}, {}, "takes 64"),
        ("blip", {}, {"max_new_tokens": 61}, "max_new_tokens_limit"),
        ("git", {}, {"num_beams": 9}, "max_batch_rows"),
        ("vit_gpt2", {}, {"eos_token_id": 5_000}, "eos_token_id is 5000"),
        ("vit_gpt2", {}, {"num_beams": 2, "num_return_sequences": 3}, "num_return_sequences"),
    ],
)
def test_what_cannot_be_fails_alone(
    ensembles: dict[str, Ensemble], name: str, tensors: dict[str, np.ndarray], parameters: dict[str, Any], message: str
) -> None:
    refused, answered = ensembles[name].batch(
        ({"IMAGE": text(SCENE), **tensors}, parameters), ({"IMAGE": text(SCENE)}, {"max_new_tokens": 2})
    )
    assert isinstance(answered, dict)
    with pytest.raises(InvalidInput, match=message):
        raise refused  # type: ignore[misc]


def test_no_token_ends_a_text_where_the_caller_says_so(ensembles: dict[str, Ensemble]) -> None:
    result = ensembles["donut"]({"IMAGE": text(SCENE)}, eos_token_id=-1, max_new_tokens=12)
    assert result["sequences"].shape == (1, 1, 13)


def test_time_that_is_up_ends_a_text_and_no_neighbour(ensembles: dict[str, Ensemble]) -> None:
    settings = {"eos_token_id": -1, "max_new_tokens": 50}
    sent = {"IMAGE": text(SCENE)}
    ended, whole = ensembles["git"].batch((sent, {**settings, "max_time": 0}), (sent, settings))
    assert isinstance(ended, dict) and isinstance(whole, dict)
    assert ended["sequences"].shape[2] < 10
    assert whole["sequences"].shape[2] > 50


def test_parts() -> None:
    assert until_end([0, 5, 0, 0], 1, {0}) == [0, 5, 0]
    assert until_end([7, 2, 5, 6, 2, 1, 1], 3, {2}) == [7, 2, 5, 6, 2]
    assert until_end([0, 5], 1, set()) == [0, 5]
    zeros, ones = np.zeros(5_000), np.ones(5_000)
    nearly = zeros.copy()
    nearly[-1] = 1
    arrays = [zeros, ones, nearly, zeros.copy(), zeros[:10], zeros.reshape(50, 100), zeros.reshape(100, 50)]
    assert same_as([{"pixel_values": array} for array in arrays]) == [0, 1, 2, 0, 4, 5, 6]
