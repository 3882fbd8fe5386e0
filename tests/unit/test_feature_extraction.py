"""Feature extraction: hidden states of tokens, pooled vectors, and requests that ask for different ones together."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from python_backend.parameters import InvalidInput
from tests.unit.ensemble import Ensemble, text

CHECKPOINTS = [f"feature_extraction_{name}" for name in ("bert", "distilbert", "gpt2", "bart")]
TEXTS = ["Call me Ishmael.", "The sea", "It is a truth universally acknowledged, that a single man must be in want."]


@pytest.fixture(scope="module", params=CHECKPOINTS)
def each(request: pytest.FixtureRequest, checkpoints: Path) -> Ensemble:
    return Ensemble("feature_extraction", checkpoints / request.param)


@pytest.fixture(scope="module")
def bert(checkpoints: Path) -> Ensemble:
    return Ensemble("feature_extraction", checkpoints / "feature_extraction_bert")


def features(ensemble: Ensemble, *texts: str, **parameters: Any) -> np.ndarray:
    return ensemble({"TEXT": text(*texts)}, **parameters)["features"]


def test_features_are_the_first_output_of_the_model(each: Ensemble) -> None:
    result = each({"TEXT": text(TEXTS[0])})
    model = transformers.AutoModel.from_pretrained(each.model.folder)
    with torch.inference_mode():
        expected = model(input_ids=torch.from_numpy(result["input_ids"]))[0].numpy()
    np.testing.assert_allclose(result["features"], expected, atol=1e-5)
    assert result["LENGTH"].tolist() == [[expected.shape[1]]]


def test_a_model_that_gives_one_vector_gives_it_whole(checkpoints: Path) -> None:
    dpr = Ensemble("feature_extraction", checkpoints / "feature_extraction_dpr")
    result = dpr({"TEXT": text(*TEXTS)})
    model = transformers.AutoModel.from_pretrained(dpr.model.folder)
    for line, row, (length,) in zip(TEXTS, result["features"], result["LENGTH"], strict=True):
        ids = torch.from_numpy(dpr({"TEXT": text(line)})["input_ids"])
        with torch.inference_mode():
            np.testing.assert_allclose(row, model(input_ids=ids)[0].numpy(), atol=1e-5)
        assert length == len(row) == 1


def test_requests_that_run_together_answer_as_they_do_alone(each: Ensemble) -> None:
    wishes: list[dict[str, Any]] = [{}, {"pooling": "mean"}, {"pooling": "cls", "normalize": True}, {"normalize": True}]
    sent = [({"TEXT": text(line)}, wish) for line in TEXTS for wish in wishes]
    for request, together in zip(sent, each.batch(*sent), strict=True):
        (alone,) = each.batch(request)
        assert isinstance(together, dict) and isinstance(alone, dict)
        np.testing.assert_allclose(together["features"], alone["features"], atol=1e-5)
        assert together["LENGTH"] == alone["LENGTH"]


def test_rows_of_one_request_are_padded_with_zeros(bert: Ensemble) -> None:
    result = bert({"TEXT": text(*TEXTS)})
    assert result["features"].shape[1] == result["LENGTH"].max()
    for line, row, (length,) in zip(TEXTS, result["features"], result["LENGTH"], strict=True):
        np.testing.assert_allclose(row[:length], features(bert, line)[0], atol=1e-5)
        assert not row[length:].any()


def test_mean_is_that_of_the_tokens_and_cls_the_first(bert: Ensemble) -> None:
    for line in TEXTS:
        tokens = features(bert, line)[0]
        np.testing.assert_allclose(features(bert, line, pooling="mean"), [[tokens.mean(0)]], atol=1e-6)
        np.testing.assert_array_equal(features(bert, line, pooling="cls"), [tokens[:1]])


def test_the_mean_leaves_padding_out(bert: Ensemble) -> None:
    pooled = bert({"TEXT": text(*TEXTS)}, pooling="mean")
    expected = [features(bert, line)[0].mean(0, keepdims=True) for line in TEXTS]
    np.testing.assert_allclose(pooled["features"], expected, atol=1e-5)
    assert pooled["LENGTH"].tolist() == [[1], [1], [1]]


@pytest.mark.parametrize("pooling", ["null", "mean", "cls"])
def test_normalized_vectors_have_length_one_and_keep_their_direction(bert: Ensemble, pooling: str) -> None:
    plain = features(bert, TEXTS[0], pooling=pooling)
    norms = np.linalg.norm(plain, axis=-1, keepdims=True)
    np.testing.assert_allclose(features(bert, TEXTS[0], pooling=pooling, normalize=True), plain / norms, atol=1e-6)


def test_special_tokens_are_the_callers_choice(bert: Ensemble) -> None:
    with_them, without = bert.batch(
        ({"TEXT": text("the sea")}, {}), ({"TEXT": text("the sea")}, {"add_special_tokens": False})
    )
    assert isinstance(with_them, dict) and isinstance(without, dict)
    assert with_them["input_ids"][0, 1:-1].tolist() == without["input_ids"][0].tolist()
    assert without["LENGTH"] == with_them["LENGTH"] - 2


def test_long_texts_are_cut_on_request_alone(bert: Ensemble) -> None:
    long = "the sea " * 200
    good, bad, cut = bert.batch(
        ({"TEXT": text(TEXTS[0])}, {}),
        ({"TEXT": text(long)}, {}),
        ({"TEXT": text(long)}, {"truncation": True, "max_length": 9}),
    )
    assert isinstance(good, dict) and isinstance(cut, dict)
    assert cut["LENGTH"] == [[9]]
    assert isinstance(bad, InvalidInput)
    assert "the model takes 128" in str(bad) and "truncation=true" in str(bad)


def test_a_text_without_tokens_is_refused(checkpoints: Path) -> None:
    gpt2 = Ensemble("feature_extraction", checkpoints / "feature_extraction_gpt2")
    with pytest.raises(InvalidInput, match="no tokens"):
        gpt2({"TEXT": text("")})
