"""Made checkpoints are the same wherever and whenever they are made, and made once."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import make_checkpoints
from checkpoints import encoders, vocabulary, weights
from checkpoints.recipe import RECIPES, Recipe, label_maps

TOKENIZERS = [
    lambda: vocabulary.wordpiece("BertTokenizer"),
    vocabulary.roberta,
    vocabulary.gpt2,
    vocabulary.llama3,
    vocabulary.mistral,
    vocabulary.albert,
    vocabulary.xlm_roberta,
    vocabulary.deberta_v2,
    vocabulary.whisper,
]


def tiny() -> Recipe:
    config = encoders.bert(hidden_size=8, intermediate_size=8, num_attention_heads=2, **label_maps(["a", "b"]))
    return Recipe("BertForSequenceClassification", config, vocabulary.wordpiece("BertTokenizer"), {"classifier": 4.0})


def test_weights_depend_on_name_and_shape_alone() -> None:
    first = weights.draw("encoder.weight", np.zeros((4, 8), np.float32), {})
    assert np.array_equal(first, weights.draw("encoder.weight", np.ones((4, 8), np.float32), {}))
    assert not np.array_equal(first, weights.draw("decoder.weight", np.zeros((4, 8), np.float32), {}))
    assert first.dtype == np.float32
    np.testing.assert_allclose(first[0, :3], [0.1527571, 0.0199653, 0.4001731], rtol=1e-5)


def test_gains_spread_the_first_match() -> None:
    plain = weights.draw("classifier.weight", np.zeros((4, 8)), {})
    assert np.allclose(weights.draw("classifier.weight", np.zeros((4, 8)), {"classif": 3.0, "weight": 9.0}), 3 * plain)


def test_norms_stay_near_one_and_counters_as_they_are() -> None:
    assert abs(weights.draw("norm.weight", np.zeros(500), {}).mean() - 1) < 0.02
    assert abs(weights.draw("norm.bias", np.zeros(500), {}).mean()) < 0.02
    assert weights.draw("norm.num_batches_tracked", np.array(7), {}) == 7


def test_a_bias_is_added_to_the_logits_of_a_tied_head() -> None:
    random = np.random.RandomState(0)
    arrays = {"embed.weight": random.randn(5, 4), "norm.weight": np.ones(4), "norm.bias": np.zeros(4)}
    weights.bias_tokens(arrays, "embed", "norm", {2: 1.5})
    for state in random.randn(3, 4):
        hidden = state * arrays["norm.weight"] + arrays["norm.bias"]
        without = hidden[1:] @ arrays["embed.weight"][:, 1:].T
        assert np.allclose(hidden @ arrays["embed.weight"].T - without, [0, 0, 1.5, 0, 0])


@pytest.mark.parametrize("make", TOKENIZERS)
def test_vocabularies_are_the_same_on_every_run(make: Any) -> None:
    assert make() == make()


@pytest.mark.parametrize("make", TOKENIZERS)
def test_special_tokens_are_in_the_vocabulary(make: Any) -> None:
    files = make()
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(files["tokenizer.json"])
    special = [token for token in files["special_tokens_map.json"].values() if isinstance(token, str)]
    assert all(tokenizer.token_to_id(token) is not None for token in special)
    text = "Alice met Mr. Bennet."
    assert tokenizer.decode(tokenizer.encode(text).ids).strip().lower() == text.lower()


def test_a_checkpoint_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    tiny.__module__ = "checkpoints.text_classification"
    monkeypatch.setitem(RECIPES, "tiny", tiny)
    make_checkpoints.make("tiny", tmp_path)
    assert capsys.readouterr().out.startswith("tiny: made")
    before = make_checkpoints.contents(tmp_path / "tiny")
    config = json.loads(before["config.json"])
    assert (config["vocab_size"], config["id2label"]) == (1000, {"0": "a", "1": "b"})

    make_checkpoints.make("tiny", tmp_path)
    assert capsys.readouterr().out == "tiny: there\n"

    (tmp_path / make_checkpoints.FINGERPRINTS).unlink()
    make_checkpoints.make("tiny", tmp_path)
    assert capsys.readouterr().out.startswith("tiny: as before")
    assert make_checkpoints.contents(tmp_path / "tiny") == before

    (tmp_path / "tiny" / "config.json").write_text("{}")
    (tmp_path / make_checkpoints.FINGERPRINTS).unlink()
    make_checkpoints.make("tiny", tmp_path)
    assert make_checkpoints.contents(tmp_path / "tiny") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [make_checkpoints.FINGERPRINTS, "tiny"]


def test_unknown_names_are_refused_with_those_there_are(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("sys.argv", ["make_checkpoints.py", "fill_mask_nothing"])
    assert make_checkpoints.main() == 2
    assert "fill_mask_bert" in capsys.readouterr().err


def test_a_checkpoint_is_made_again_when_a_recipe_changes_that_its_own_takes_from() -> None:
    sources = make_checkpoints.sources("image_segmentation")
    assert {"image_segmentation", "object_detection", "image_classification", "recipe", "weights"} <= sources
    assert not {"translation", "summarization"} & sources
