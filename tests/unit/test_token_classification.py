"""Token classification: the aggregation strategies on hand-made tokens, long texts in chunks, places in the text."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from python_backend.entities import STRATEGIES, Entity, Token, aggregate, without_overlaps
from python_backend.parameters import InvalidInput
from python_backend.records import columns
from python_backend.stage import Request, Tensors
from python_backend.tasks.token_classification import Postprocess, Preprocess
from tests.unit.ensemble import Ensemble, Sent, lists, text

CHECKPOINTS = [f"token_classification_{name}" for name in ("bert", "fnet", "roberta", "xlm_roberta")]
TEXTS = [
    "Alice met Mr. Bennet in Gettysburg, Pennsylvania.",
    "Élodie\u2019s cafe\u0301 in Zürich — 東京 — naïve\tcrème 👩\u200d🚀 for 5 €.",
    "مرحبا بالعالم، Alice.",
    "x",
    "",
]
LONG = "It is a truth universally acknowledged, that a single man must be in want of a wife. " * 20

Named = tuple[str, float, str, int, int]


@pytest.fixture(scope="module", params=CHECKPOINTS)
def each(request: pytest.FixtureRequest, checkpoints: Path) -> Ensemble:
    return Ensemble("token_classification", checkpoints / request.param)


@pytest.fixture(scope="module")
def bert(checkpoints: Path) -> Ensemble:
    settings = {"max_rows": "64", "max_text_bytes": "2000"}
    return Ensemble("token_classification", checkpoints / CHECKPOINTS[0], **settings)


def named(result: Tensors, item: int = 0) -> list[Named]:
    """The real entities of an item: label, score, word, start and end."""
    rows = (result[name][item, : result["COUNT"][item, 0]].tolist() for name in NAMES)
    return list(zip(*rows, strict=True))


NAMES = ("ENTITY", "SCORE", "WORD", "START", "END")


def classify(ensemble: Ensemble, *texts: str, ignored: np.ndarray | None = None, **parameters: Any) -> Tensors:
    tensors = {"TEXT": text(*texts)}
    return ensemble(tensors if ignored is None else {**tensors, "IGNORE_LABELS": ignored}, **parameters)


# Aggregation: "Micro|soft| com|pany was" as the pipeline's documentation has it.

LABELS = ["O", "B-ENT", "I-ENT", "I-NAME"]


def tokens(*scores: list[float]) -> list[Token]:
    words = [("Micro", 0, False), ("##soft", 5, True), ("com", 10, False), ("##pany", 13, True), ("was", 18, False)]
    return [
        Token(at + 1, word, start, start + len(word.strip("#")), subword, np.array(row), int(np.argmax(row)), max(row))
        for at, ((word, start, subword), row) in enumerate(zip(words, scores, strict=False))
    ]


def join(words: list[str]) -> str:
    return " ".join(words).replace(" ##", "")


MICROSOFT = tokens([0.1, 0.6, 0.2, 0.1], [0, 0, 0.2, 0.8], [0, 0.1, 0.5, 0.4], [0, 0.1, 0.6, 0.3], [0.9, 0, 0.1, 0])


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (
            "none",
            [
                Entity("B-ENT", 0.6, 1, "Micro", 0, 5),
                Entity("I-NAME", 0.8, 2, "##soft", 5, 9),
                Entity("I-ENT", 0.5, 3, "com", 10, 13),
                Entity("I-ENT", 0.6, 4, "##pany", 13, 17),
                Entity("O", 0.9, 5, "was", 18, 21),
            ],
        ),
        (
            "simple",
            [
                Entity("ENT", 0.6, -1, "Micro", 0, 5),
                Entity("NAME", 0.8, -1, "##soft", 5, 9),
                Entity("ENT", 0.55, -1, "company", 10, 17),
                Entity("O", 0.9, -1, "was", 18, 21),
            ],
        ),
        # B-ENT of "Micro", then I-ENT of "com": one entity with the mean of 0.6 and 0.5.
        ("first", [Entity("ENT", 0.55, -1, "Microsoft company", 0, 17), Entity("O", 0.9, -1, "was", 18, 21)]),
        # "soft" is surer than "Micro": NAME; "pany" than "com": ENT.
        (
            "max",
            [
                Entity("NAME", 0.8, -1, "Microsoft", 0, 9),
                Entity("ENT", 0.6, -1, "company", 10, 17),
                Entity("O", 0.9, -1, "was", 18, 21),
            ],
        ),
        # Means of "Micro" and "soft": 0.05, 0.3, 0.2, 0.45.
        (
            "average",
            [
                Entity("NAME", 0.45, -1, "Microsoft", 0, 9),
                Entity("ENT", 0.55, -1, "company", 10, 17),
                Entity("O", 0.9, -1, "was", 18, 21),
            ],
        ),
    ],
)
def test_strategies(strategy: str, expected: list[Entity]) -> None:
    found = aggregate(MICROSOFT, strategy, LABELS, join)
    assert [entity._replace(score=0) for entity in found] == [entity._replace(score=0) for entity in expected]
    assert [entity.score for entity in found] == pytest.approx([entity.score for entity in expected])


@pytest.mark.parametrize(
    ("labels", "groups"),
    [
        (["B-PER", "I-PER", "I-PER"], [("PER", 3)]),
        (["B-PER", "B-PER"], [("PER", 1), ("PER", 1)]),  # a new one begins
        (["I-PER", "I-LOC"], [("PER", 1), ("LOC", 1)]),
        (["NOUN", "NOUN", "VERB"], [("NOUN", 2), ("VERB", 1)]),  # no B- and I-: neighbours of one label
        (["PER", "I-PER"], [("PER", 2)]),
        (["ART-1", "ART-2"], [("1", 1), ("2", 1)]),
    ],
)
def test_neighbours_of_one_tag_are_one_entity(labels: list[str], groups: list[tuple[str, int]]) -> None:
    row = [Token(at, "w", 2 * at, 2 * at + 1, False, np.eye(len(labels))[at], at, 1.0) for at, _ in enumerate(labels)]
    found = aggregate(row, "simple", labels, join)
    assert [(entity.label, len(entity.word.split())) for entity in found] == groups


def test_of_no_token_comes_no_entity() -> None:
    assert [aggregate([], strategy, LABELS, join) for strategy in STRATEGIES] == [[]] * len(STRATEGIES)
    assert without_overlaps([]) == []


def test_of_overlapping_entities_the_longest_stays_and_of_equally_long_ones_the_surest() -> None:
    short, long, last = (
        Entity("PER", *rest) for rest in ((0.9, -1, "Al", 0, 2), (0.2, -1, "Alice", 0, 5), (0.5, -1, "Bo", 6, 8))
    )
    sure = last._replace(score=0.8)
    assert without_overlaps([short, last, long, sure]) == [long, sure]
    assert without_overlaps([sure, last]) == [sure]


def test_records_become_columns_with_their_number() -> None:
    tensors = columns([[("a", 1), ("b", 2)], [], [("c", 3)]], {"NAME": "", "VALUE": -1})
    assert tensors["COUNT"].tolist() == [[2], [0], [1]]
    assert tensors["NAME"].tolist() == [["a", "b"], ["", ""], ["c", ""]]
    assert tensors["VALUE"].tolist() == [[1, 2], [-1, -1], [3, -1]]
    assert columns([[], []], {"NAME": ""})["NAME"].shape == (2, 0)


# The stages on checkpoints.


@pytest.mark.parametrize("line", TEXTS)
def test_tokens_have_the_best_label_of_the_model(each: Ensemble, line: str) -> None:
    result = classify(each, line, ignored=lists([""]))
    ids = result["input_ids"][0]
    model = transformers.AutoModelForTokenClassification.from_pretrained(each.model.folder)
    with torch.inference_mode():
        expected = model(input_ids=torch.from_numpy(ids)).logits[0].softmax(-1).numpy()
    count = result["COUNT"][0, 0]
    assert count == ids.shape[1] - 2  # all but the two that the tokenizer added
    assert result["INDEX"][0].tolist() == list(range(1, count + 1))
    np.testing.assert_allclose(result["SCORE"][0], expected[1:-1].max(-1), atol=1e-5)
    assert result["ENTITY"][0].tolist() == [each.postprocess.labels[label] for label in expected[1:-1].argmax(-1)]
    names = [each.postprocess.tokenizer.backend.id_to_token(token) for token in ids[0, 1:-1]]
    unknown = each.postprocess.unknown
    for token, name, (_, _, word, start, end) in zip(ids[0, 1:-1], names, named(result), strict=True):
        assert word == (line[start:end] if token == unknown else name)


@pytest.mark.parametrize("strategy", STRATEGIES[1:])
@pytest.mark.parametrize("line", TEXTS)
def test_entities_cover_the_text_in_order(each: Ensemble, strategy: str, line: str) -> None:
    found = named(classify(each, line, ignored=lists([""]), aggregation_strategy=strategy))
    places = [(start, end) for _, _, _, start, end in found]
    for side in zip(*places, strict=True):  # tokens of one character's bytes share their place
        assert list(side) == sorted(side)
    covered = {at for start, end in places for at in range(start, end)}
    assert covered >= {at for at, character in enumerate(line) if character.isalnum()}
    assert covered <= set(range(len(line)))


def test_words_of_a_marked_vocabulary_are_whole(bert: Ensemble) -> None:
    found = named(classify(bert, TEXTS[0], ignored=lists([""]), aggregation_strategy="first"))
    cuts = {start for _, _, _, start, _ in found} | {end for _, _, _, _, end in found}
    assert not any(TEXTS[0][cut - 1 : cut + 1].isalpha() for cut in cuts if 0 < cut < len(TEXTS[0]))


def test_requests_that_run_together_answer_as_they_do_alone(each: Ensemble) -> None:
    wishes: list[dict[str, Any]] = [
        {},
        {"aggregation_strategy": "max"},
        {"aggregation_strategy": "simple", "stride": 9},
    ]
    sent: list[Sent] = [({"TEXT": text(line)}, wish) for line in (*TEXTS, LONG) for wish in wishes]
    for request, together in zip(sent, each.batch(*sent), strict=True):
        (alone,) = each.batch(request)
        assert isinstance(together, dict) and isinstance(alone, dict)
        assert [entity[2:] for entity in named(together)] == [entity[2:] for entity in named(alone)]
        np.testing.assert_allclose(together["SCORE"], alone["SCORE"], atol=1e-5)


def test_items_of_one_request_answer_as_they_do_alone(each: Ensemble) -> None:
    wish: dict[str, Any] = {"aggregation_strategy": "simple", "stride": 20}
    result = classify(each, LONG, *TEXTS, **wish)
    assert result["input_ids"].shape[0] == len(TEXTS) + 1 and result["input_ids"].shape[1] > 1
    for item, line in enumerate((LONG, *TEXTS)):
        alone = named(classify(each, line, **wish))
        assert [entity[2:] for entity in named(result, item)] == [entity[2:] for entity in alone]


def test_a_long_text_is_cut_unless_it_is_to_be_refused(each: Ensemble) -> None:
    result = classify(each, LONG)
    assert result["input_ids"].shape == (1, 1, 128)
    assert classify(each, LONG, max_length=20)["input_ids"].shape == (1, 1, 20)
    with pytest.raises(InvalidInput, match=r"the model takes 128.*truncation=true"):
        classify(each, LONG, truncation=False)


def test_chunks_hold_all_of_a_text_and_overlap_by_stride(each: Ensemble) -> None:
    whole = each.preprocess.tokenizer.backend.encode(LONG)
    result = classify(each, LONG, aggregation_strategy="simple", stride=30, max_length=50)
    joined: list[tuple[int, int]] = []
    for row, mask in zip(result["offset_mapping"][0], result["attention_mask"][0], strict=True):
        offsets = list(map(tuple, row[: mask.sum()][1:-1].tolist()))
        assert len(offsets) <= 48
        if joined:
            assert offsets[:30] == joined[-30:]
        joined += offsets[30:] if joined else offsets
    assert joined == whole.offsets[1:-1]


def test_entities_of_chunks_do_not_overlap(each: Ensemble) -> None:
    for strategy in STRATEGIES[1:]:
        found = named(classify(each, LONG, ignored=lists([""]), aggregation_strategy=strategy, stride=40))
        assert all(before[4] <= after[3] for before, after in pairwise(found))
        assert found[-1][4] > len(LONG) - 20


def test_chunks_that_cut_a_text_on_the_left(tmp_path: Path, checkpoints: Path) -> None:
    folder = checkpoints / CHECKPOINTS[0]
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).symlink_to(folder / name)
    (tmp_path / "tokenizer_config.json").write_text('{"truncation_side": "left", "model_max_length": 128}')
    stage = Preprocess.local(tmp_path)
    result = stage.process_batch([Request({"TEXT": text(LONG)}, stage.PARAMETERS.parse({}))])[0]
    assert result["offset_mapping"][0, 0, 1:-1].tolist() == [
        list(pair) for pair in stage.tokenizer.backend.encode(LONG).offsets[1:-1][-126:]
    ]


def test_labels_are_ignored_row_by_row(bert: Ensemble) -> None:
    everything = classify(bert, TEXTS[0], TEXTS[0], ignored=lists([""], [""]))
    labels = sorted({label for label, *_ in named(everything)})
    assert len(labels) > 1
    result = classify(bert, TEXTS[0], TEXTS[0], ignored=lists(labels[:1], labels[1:]))
    assert {label for label, *_ in named(result, 0)} == set(labels[1:])
    assert {label for label, *_ in named(result, 1)} == set(labels[:1])
    assert named(classify(bert, TEXTS[0])) == [entity for entity in named(everything) if entity[0] != "O"]


def test_tags_are_ignored_where_tokens_are_aggregated(bert: Ensemble) -> None:
    wish = {"aggregation_strategy": "simple"}
    everything = named(classify(bert, TEXTS[0], ignored=lists([""]), **wish))
    assert any(label == "PER" for label, *_ in everything)
    kept = named(classify(bert, TEXTS[0], ignored=lists(["PER", "B-LOC"]), **wish))
    assert kept == [entity for entity in everything if entity[0] != "PER"]


@pytest.mark.parametrize(
    ("line", "parameters", "reason"),
    [
        (LONG[:1000], {"stride": 10}, '`stride` was provided .* `aggregation_strategy="none"`, please select another'),
        ("x", {"stride": 128, "aggregation_strategy": "simple"}, "`stride` must be less than the 128 tokens"),
        ("x", {"stride": 20, "max_length": 20, "aggregation_strategy": "simple"}, "less than the 20 tokens"),
        (LONG[:1000], {"stride": 127, "aggregation_strategy": "max"}, "room for 126 tokens .* the overlap of 127"),
        (LONG[:1000], {"stride": 125, "aggregation_strategy": "max"}, "makes .* chunks; this deployment takes 64"),
        (LONG[:1000], {"max_length": 1}, "special tokens alone are more than 1 tokens: raise max_length"),
        (LONG + LONG, {}, "TEXT has 3,4.. bytes; this deployment takes 2,000"),
    ],
)
def test_what_cannot_be_classified_is_refused(
    bert: Ensemble, line: str, parameters: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidInput, match=reason):
        classify(bert, line, **parameters)


def test_a_bad_request_fails_alone(bert: Ensemble) -> None:
    good, bad, other = bert.batch(
        ({"TEXT": text(TEXTS[0])}, {}),
        ({"TEXT": text(b"\xff")}, {}),
        ({"TEXT": text(TEXTS[1])}, {"aggregation_strategy": "first"}),
    )
    assert isinstance(good, dict) and isinstance(other, dict)
    assert isinstance(bad, InvalidInput) and "not valid UTF-8" in str(bad)
    assert [entity[2:] for entity in named(good)] == [entity[2:] for entity in named(classify(bert, TEXTS[0]))]


def test_unknown_tokens_are_words_of_their_own(checkpoints: Path) -> None:
    stage = Postprocess.local(checkpoints / CHECKPOINTS[0])
    ids = [stage.tokenizer.token_id("cls_token"), stage.unknown, stage.unknown, stage.tokenizer.token_id("sep_token")]
    row = {
        "input_ids": np.array(ids),
        "special_tokens_mask": np.array([True, False, False, True]),
        "offset_mapping": np.array([[0, 0], [0, 1], [1, 3], [0, 0]]),
        "logits": np.zeros((4, len(stage.labels)), np.float32),
    }
    found = stage.tokens(row, "東京x")
    assert [(token.word, token.start, token.end, token.is_subword) for token in found] == [
        ("東", 0, 1, False),
        ("京x", 1, 3, False),
    ]
