"""Fill mask: fillings of one and several masks, targets, and requests that ask for different ones together."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from python_backend.parameters import InvalidInput
from python_backend.stage import Tensors
from python_backend.tasks.fill_mask import Preprocess
from tests.unit.ensemble import Ensemble, Sent, lists, text

CHECKPOINTS = [f"fill_mask_{name}" for name in ("bert", "roberta", "albert")]
ONE = "Call me {}, said the rabbit."
TWO = "The {} of the people, by the {}."


@pytest.fixture(scope="module", params=CHECKPOINTS)
def each(request: pytest.FixtureRequest, checkpoints: Path) -> Ensemble:
    return Ensemble("fill_mask", checkpoints / request.param)


@pytest.fixture(scope="module")
def bert(checkpoints: Path) -> Ensemble:
    return Ensemble("fill_mask", checkpoints / "fill_mask_bert")


def masked(ensemble: Ensemble, *templates: str) -> np.ndarray:
    mask = ensemble.preprocess.tokenizer.special_tokens["mask_token"]
    return text(*(template.replace("{}", mask) for template in templates))


def fill(ensemble: Ensemble, *templates: str, targets: np.ndarray | None = None, **parameters: Any) -> Tensors:
    tensors = {"TEXT": masked(ensemble, *templates)}
    return ensemble(tensors if targets is None else {**tensors, "TARGETS": targets}, **parameters)


def probabilities(ensemble: Ensemble, template: str) -> np.ndarray:
    """[masks, vocabulary] straight from the model of transformers, whose head sees every token."""
    ids = fill(ensemble, template)["input_ids"]
    model = transformers.AutoModelForMaskedLM.from_pretrained(ensemble.model.folder)
    with torch.inference_mode():
        logits = model(input_ids=torch.from_numpy(ids)).logits
    return logits[0, ids[0] == ensemble.model.mask_id].softmax(-1).numpy()


@pytest.mark.parametrize("template", [ONE, TWO])
def test_fillings_are_the_most_probable_tokens_of_each_mask(each: Ensemble, template: str) -> None:
    expected = probabilities(each, template)
    result = fill(each, template, top_k=7)
    assert result["COUNT"] == [[template.count("{}")]]
    np.testing.assert_allclose(result["SCORE"][0], -np.sort(-expected)[:, :7], atol=1e-5)
    np.testing.assert_allclose(np.take_along_axis(expected, result["TOKEN"][0], 1), result["SCORE"][0], atol=1e-5)


def test_all_fillings_are_the_whole_vocabulary(each: Ensemble) -> None:
    result = fill(each, ONE, top_k=2000)
    assert sorted(result["TOKEN"].ravel()) == list(range(each.model.model.config.vocab_size))
    assert result["SCORE"].sum() == pytest.approx(1)


def test_the_head_sees_the_masks_alone(each: Ensemble) -> None:
    seen = []
    hook = each.model.model.get_output_embeddings().register_forward_hook(lambda *call: seen.append(call[-1].shape))
    fill(each, TWO, ONE)
    hook.remove()
    assert seen == [(3, each.model.model.config.vocab_size)]


def test_a_filling_alone_is_readable_and_others_keep_the_remaining_masks(bert: Ensemble) -> None:
    alone = fill(bert, ONE, targets=lists(["alice"]))
    assert alone["TOKEN_STR"].tolist() == [[["alice"]]]
    assert alone["SEQUENCE"].tolist() == [[["call me alice, said the rabbit."]]]
    several = fill(bert, "[SEP] the {} and [PAD] the {}", targets=lists(["people"]))
    assert several["SEQUENCE"].tolist() == [
        [["[CLS] [SEP] the people and the [MASK] [SEP]"], ["[CLS] [SEP] the [MASK] and the people [SEP]"]]
    ]


def test_requests_that_run_together_answer_as_they_do_alone(each: Ensemble) -> None:
    sent: list[Sent] = [
        ({"TEXT": masked(each, ONE)}, {}),
        ({"TEXT": masked(each, TWO, ONE, "{}")}, {"top_k": 2}),
        ({"TEXT": masked(each, TWO), "TARGETS": lists(["the", "people"])}, {"top_k": 4}),
        ({"TEXT": masked(each, ONE, TWO), "TARGETS": lists(["the"], ["people", "sea", "the"])}, {"top_k": 2}),
    ]
    for request, together in zip(sent, each.batch(*sent), strict=True):
        (alone,) = each.batch(request)
        assert isinstance(together, dict) and isinstance(alone, dict)
        np.testing.assert_allclose(together["SCORE"], alone["SCORE"], atol=1e-5)
        for name in ("TOKEN", "TOKEN_STR", "SEQUENCE", "COUNT"):
            np.testing.assert_array_equal(together[name], alone[name])


def test_targets_keep_the_scores_that_they_have_in_the_vocabulary(each: Ensemble) -> None:
    everything = fill(each, TWO, top_k=2000)
    chosen = fill(each, TWO, targets=lists(["the", "of", "people", "the"]), top_k=9)
    assert len(set(chosen["TOKEN"][0, 0])) == chosen["TOKEN"].shape[2] <= 3
    for mask in range(2):
        assert np.all(np.diff(chosen["SCORE"][0, mask]) <= 0)
        score = dict(zip(everything["TOKEN"][0, mask], everything["SCORE"][0, mask], strict=True))
        expected = [score[token] for token in chosen["TOKEN"][0, mask]]
        np.testing.assert_allclose(chosen["SCORE"][0, mask], expected, atol=1e-6)


def test_a_target_of_several_tokens_stands_for_its_first(bert: Ensemble) -> None:
    encoding = bert.preprocess.tokenizer.backend.encode("unhallowed", add_special_tokens=False)
    assert len(encoding) > 1
    assert fill(bert, ONE, targets=lists(["unhallowed"]))["TOKEN"].tolist() == [[[encoding.ids[0]]]]


def test_a_row_of_fewer_targets_is_padded(bert: Ensemble) -> None:
    result = fill(bert, ONE, ONE, targets=lists(["alice"], ["alice", "sea", "war"]))
    assert (result["TOKEN"][0, 0] >= 0).tolist() == [True, False, False]
    assert result["SCORE"][0, 0, 1:].tolist() == [0, 0]
    assert result["SEQUENCE"][0, 0, 1:].tolist() == result["TOKEN_STR"][0, 0, 1:].tolist() == ["", ""]
    assert (result["TOKEN"][1] >= 0).all()


@pytest.mark.parametrize(
    ("template", "targets", "parameters", "reason"),
    [
        ("Call me Ishmael.", None, {}, r"No mask_token \(\[MASK\]\) found on the input"),
        ("the " * 200 + "{}", None, {"truncation": True}, "No mask_token"),
        (ONE, lists([]), {}, "At least one target"),
        (ONE, lists([""]), {}, "At least one target"),
        (ONE, lists([" "]), {}, "At least one target"),
        (ONE, lists(["a", "b", "c"]), {}, "3 targets; this deployment takes 2"),
        (ONE, lists(["a" * 60_000, "b" * 60_000]), {}, r"120,000 bytes in a row; .* \(max_text_bytes\)"),
        (TWO, None, {"top_k": 11}, "22 fillings; this deployment gives 20"),
        (ONE, None, {"top_k": 0}, '"top_k" must be an integer of at least 1; got 0'),
    ],
)
def test_what_cannot_be_filled_is_refused(
    checkpoints: Path, template: str, targets: np.ndarray | None, parameters: dict[str, Any], reason: str
) -> None:
    small = Ensemble("fill_mask", checkpoints / "fill_mask_bert", max_targets="2", max_fillings="20")
    with pytest.raises(InvalidInput, match=reason):
        fill(small, template, targets=targets, **parameters)


def test_a_bad_request_fails_alone(bert: Ensemble) -> None:
    good, bad, other = bert.batch(*(({"TEXT": masked(bert, line)}, {}) for line in (ONE, "no hole", TWO)))
    assert isinstance(bad, InvalidInput)
    assert isinstance(good, dict) and isinstance(other, dict)
    np.testing.assert_array_equal(good["SEQUENCE"], fill(bert, ONE)["SEQUENCE"])


def test_a_tokenizer_without_a_mask_is_refused_when_it_is_loaded(checkpoints: Path) -> None:
    with pytest.raises(ValueError, match="does not define a mask_token"):
        Preprocess.local(checkpoints / "feature_extraction_gpt2")
