"""Text classification: texts of any length in one batch, pairs, cutting, and what turns logits into scores."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from python_backend.parameters import InvalidInput
from python_backend.stage import Request
from python_backend.tasks.text_classification import Postprocess
from tests.unit.ensemble import Ensemble, Sent, text

CHECKPOINTS = [f"text_classification_{name}" for name in ("albert", "bert", "distilbert", "gpt2", "roberta", "xlnet")]
SHORT, LONGER = "What a day", "It was the best of times, it was the worst of times"


@pytest.fixture(scope="module", params=CHECKPOINTS)
def each(request: pytest.FixtureRequest, checkpoints: Path) -> Ensemble:
    return Ensemble("text_classification", checkpoints / request.param)


@pytest.fixture(scope="module")
def bert(checkpoints: Path) -> Ensemble:
    return Ensemble("text_classification", checkpoints / "text_classification_bert", max_text_bytes="1000")


def test_logits_are_those_of_the_models_own_tokenizer_and_forward_pass(each: Ensemble) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(each.model.folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(each.model.folder)
    with torch.inference_mode():
        expected = model(**tokenizer(LONGER, return_tensors="pt")).logits.numpy()
    np.testing.assert_allclose(each({"TEXT": text(LONGER)})["logits"], expected, atol=1e-5)


def test_requests_that_run_together_answer_as_they_do_alone(each: Ensemble) -> None:
    sent: list[Sent] = [
        ({"TEXT": text(SHORT)}, {}),
        ({"TEXT": text(LONGER, SHORT)}, {"top_k": "null", "function_to_apply": "none"}),
        ({"TEXT": text(SHORT), "TEXT_PAIR": text(LONGER)}, {"function_to_apply": "sigmoid"}),
        ({"TEXT": text(" ".join([LONGER] * 5))}, {"truncation": "true", "max_length": 9}),
    ]
    for request, together in zip(sent, each.batch(*sent), strict=True):
        (alone,) = each.batch(request)
        assert isinstance(together, dict) and isinstance(alone, dict)
        np.testing.assert_array_equal(together["LABEL"], alone["LABEL"])
        np.testing.assert_allclose(together["SCORE"], alone["SCORE"], atol=1e-4)


def test_bad_texts_fail_alone(bert: Ensemble) -> None:
    most = bert.preprocess.tokenizer.max_tokens
    texts = [SHORT, b"\xff", "x" * 1001, "a " * most, LONGER]
    first, *bad, last = bert.batch(*(({"TEXT": text(each)}, {}) for each in texts))
    assert isinstance(first, dict) and isinstance(last, dict)
    for error, reason in zip(bad, ("not valid UTF-8", "1,001 bytes", "truncation"), strict=True):
        assert isinstance(error, InvalidInput) and reason in str(error)


def test_rows_without_a_token_fail_alone(bert: Ensemble) -> None:
    """What no preprocessor sends, but who calls the model's step itself may."""
    (good,) = bert.preprocess.process_batch([Request({"TEXT": text(SHORT)}, bert.parameters.parse({}))])
    empty = {**good, "attention_mask": np.zeros_like(good["attention_mask"])}
    for others in ([], [good]):
        *answers, error = bert.model._process_all([Request(tensors, {}) for tensors in (*others, empty)])
        assert isinstance(error, InvalidInput) and "no row has a token" in str(error)
        assert all(isinstance(answer, dict) for answer in answers)


@pytest.mark.parametrize(("parameters", "tokens"), [({}, None), ({"max_length": 7}, 7)])
def test_long_texts_are_cut_on_request(bert: Ensemble, parameters: dict[str, Any], tokens: int | None) -> None:
    most = bert.preprocess.tokenizer.max_tokens
    result = bert({"TEXT": text("a " * most)}, truncation="true", **parameters)
    assert result["input_ids"].shape == (1, tokens or most)


def test_what_the_tokenizer_cuts_to_is_no_limit_of_the_model(bert: Ensemble, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = bert.preprocess.tokenizer
    most = tokenizer.max_tokens
    monkeypatch.setattr(tokenizer, "max_tokens", 9)

    def tokens(**parameters: Any) -> int:
        return int(bert({"TEXT": text("a " * 20)}, **parameters)["input_ids"].shape[1])

    assert [tokens(), tokens(truncation="true"), tokens(truncation="true", max_length=12)] == [22, 9, 12]
    with pytest.raises(InvalidInput, match=f"takes {most}"):
        bert({"TEXT": text("a " * most)})


def test_best_labels_first(bert: Ensemble) -> None:
    stage = bert.postprocess
    stage.labels = np.array([b"no", b"perhaps", b"yes"], object)
    logits = np.array([[1, 3, 2], [3, 1, 2]], np.float32)

    def answer(**parameters: Any) -> list[list[bytes]]:
        return list(stage.process(Request({"logits": logits}, stage.PARAMETERS.parse(parameters)))["LABEL"].tolist())

    assert answer() == [[b"perhaps"], [b"no"]]
    assert answer(top_k=2) == [[b"perhaps", b"yes"], [b"no", b"yes"]]
    assert answer(top_k="null") == [[b"perhaps", b"yes", b"no"], [b"no", b"yes", b"perhaps"]]


@pytest.mark.parametrize(
    ("problem", "labels", "function"),
    [
        (None, 3, "softmax"),
        (None, 1, "sigmoid"),
        ("single_label_classification", 3, "softmax"),
        ("multi_label_classification", 3, "sigmoid"),
        ("regression", 1, "none"),
        ("regression", 3, "none"),
    ],
)
def test_default_functions_are_those_of_the_pipeline_of_4_48(problem: str | None, labels: int, function: str) -> None:
    assert Postprocess().default_function(problem, labels) == function


@pytest.mark.parametrize(
    ("config", "labels"),
    [
        ({}, [b"LABEL_0", b"LABEL_1"]),
        ({"id2label": None, "num_labels": 3}, [b"LABEL_0", b"LABEL_1", b"LABEL_2"]),
        ({"id2label": {"10": "k", "9": "j"}}, [b"j", b"k"]),
        ({"id2label": {"0": 0, "1": 1}}, [b"0", b"1"]),
    ],
)
def test_labels_of_any_kind_have_names(config: dict[str, Any], labels: list[bytes], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert Postprocess.local(tmp_path).labels.tolist() == labels
