"""Question answering: the best spans of hand-made logits, contexts in chunks, answers in characters and in words."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from python_backend.parameters import InvalidInput
from python_backend.spans import Span, best_spans, probabilities
from python_backend.stage import Tensors
from python_backend.tasks.question_answering import Postprocess, context_sequence
from tests.unit.ensemble import Ensemble, Sent, text

CHECKPOINTS = [f"question_answering_{name}" for name in ("bert", "roberta", "distilbert")]
QUESTION = "Who met Mr. Bennet?"
CONTEXTS = [
    "Alice met Mr. Bennet in Gettysburg, Pennsylvania.",
    "Élodie\u2019s cafe\u0301 in Zürich — 東京 — naïve\tcrème 👩\u200d🚀 for 5 €.",
    "مرحبا بالعالم، Alice.",
    "x",
]
LONG = "It is a truth universally acknowledged, that a single man must be in want of a wife. " * 20

Answer = tuple[str, float, int, int]


@pytest.fixture(scope="module", params=CHECKPOINTS)
def each(request: pytest.FixtureRequest, checkpoints: Path) -> Ensemble:
    return Ensemble("question_answering", checkpoints / request.param)


@pytest.fixture(scope="module")
def bert(checkpoints: Path) -> Ensemble:
    settings = {"max_rows": "64", "max_text_bytes": "2000", "max_answers": "500"}
    return Ensemble("question_answering", checkpoints / CHECKPOINTS[0], **settings)


def sent(*pairs: tuple[str, str]) -> Tensors:
    questions, contexts = zip(*pairs, strict=True)
    return {"QUESTION": text(*questions), "CONTEXT": text(*contexts)}


def answers(result: Tensors, item: int = 0) -> list[Answer]:
    """The real answers to a question: answer, score, start and end."""
    rows = (result[name][item, : result["COUNT"][item, 0]].tolist() for name in ("ANSWER", "SCORE", "START", "END"))
    return list(zip(*rows, strict=True))


def ask(ensemble: Ensemble, context: str, question: str = QUESTION, **parameters: Any) -> list[Answer]:
    return answers(ensemble(sent((question, context)), **parameters))


# Spans of tokens.


def logits(*probabilities: float) -> np.ndarray:
    return np.log(np.array(probabilities, np.float32))


START, END = logits(0.2, 0.3, 0.4, 0.1), logits(0.2, 0.1, 0.3, 0.4)
ALL = np.ones(4, bool)


@pytest.mark.parametrize(
    ("top_k", "max_answer_len", "expected"),
    [
        (1, 15, [(2, 3, 0.16)]),
        (3, 15, [(2, 3, 0.16), (1, 3, 0.12), (2, 2, 0.12)]),  # 0.4 * 0.4, then 0.3 * 0.4 and 0.4 * 0.3
        (3, 2, [(2, 3, 0.16), (2, 2, 0.12), (1, 2, 0.09)]),
        (3, 1, [(2, 2, 0.12), (3, 3, 0.04), (1, 1, 0.03)]),
    ],
)
def test_best_spans_end_behind_their_start(
    top_k: int, max_answer_len: int, expected: list[tuple[int, int, float]]
) -> None:
    spans, null_score = best_spans(START, END, ALL, top_k, max_answer_len)
    assert sorted(span[:2] for span in spans) == sorted(span[:2] for span in expected)
    assert [span.score for span in spans] == pytest.approx([score for _, _, score in expected])
    assert null_score == pytest.approx(0.2 * 0.2)


def test_tokens_that_are_no_part_of_an_answer_have_no_probability() -> None:
    allowed = np.array([True, True, False, True])
    np.testing.assert_allclose(probabilities(START, allowed), [1 / 3, 1 / 2, 0, 1 / 6], rtol=1e-6)
    spans, _ = best_spans(START, END, allowed, 3, 15)
    assert [span[:2] for span in spans] == [(1, 3), (3, 3), (1, 1)]


@pytest.mark.parametrize("seed", range(5))
def test_best_spans_are_those_of_trying_all(seed: int) -> None:
    random = np.random.default_rng(seed)
    start, end = random.normal(size=(2, 30)).astype(np.float32)
    allowed = random.random(30) < 0.7
    starts, ends = probabilities(start, allowed), probabilities(end, allowed)
    expected = {
        (first, last): float(starts[first] * ends[last])
        for first in range(1, 30)
        for last in range(first, min(first + 6, 30))
        if allowed[first] and allowed[last]
    }
    best = sorted(expected, key=lambda span: -expected[span])
    for top_k in (1, 4, 20):
        spans, _ = best_spans(start, end, allowed, top_k, 6)
        assert [(span.start, span.end) for span in spans] == best[:top_k]
        assert [span.score for span in spans] == [expected[span] for span in best[:top_k]]


def test_spans_without_a_score_are_none() -> None:
    for top_k in (6, 15, 16, 17, 1000):
        spans, _ = best_spans(START, END, ALL, top_k, 15)
        assert [span.score for span in spans] == pytest.approx([0.16, 0.12, 0.12, 0.09, 0.04, 0.03])
    assert best_spans(START, END, ~ALL, 3, 15) == ([], 0)
    assert best_spans(START, END, np.arange(4) == 0, 3, 15) == ([], 1)


def test_equal_spans_come_in_the_order_of_the_text() -> None:
    flat = np.zeros(5, np.float32)
    expected = [(first, last) for first in range(1, 5) for last in range(first, min(first + 2, 5))]
    for top_k in (1, 3, 10):
        spans, _ = best_spans(flat, flat, np.ones(5, bool), top_k, 2)
        assert [(span.start, span.end) for span in spans] == expected[:top_k]


# Tokens to characters.

TOKENS = {  # [CLS] who ? [SEP] Mr ##s . Long [SEP], the context being "Mrs. Long"
    "offset_mapping": np.array([[0, 0], [0, 3], [3, 4], [0, 0], [0, 2], [2, 3], [3, 4], [5, 9], [0, 0]]),
    "word_ids": np.array([-1, 0, 1, -1, 0, 0, 1, 2, -1]),
    "sequence_ids": np.array([-1, 0, 0, -1, 1, 1, 1, 1, -1]),
}


@pytest.mark.parametrize(
    ("start", "end", "aligned", "as_they_are"),
    [
        (4, 4, (0, 3), (0, 2)),  # half a word
        (5, 7, (0, 9), (2, 9)),
        (6, 6, (3, 4), (3, 4)),
        (0, 5, (0, 3), (0, 3)),  # a special token is of no word: nothing is aligned
        (5, 8, (2, 0), (2, 0)),
        (1, 1, (0, 3), (0, 3)),  # a word of the question stands for that of the same number in the context
        (2, 2, (3, 4), (3, 4)),
    ],
)
def test_answers_are_aligned_to_words(
    checkpoints: Path, start: int, end: int, aligned: tuple[int, int], as_they_are: tuple[int, int]
) -> None:
    stage = Postprocess.local(checkpoints / CHECKPOINTS[0])
    assert stage.characters(Span(start, end, 1), TOKENS, align_to_words=True) == aligned
    assert stage.characters(Span(start, end, 1), TOKENS, align_to_words=False) == as_they_are


# The stages on checkpoints.


@pytest.mark.parametrize("context", CONTEXTS)
def test_answers_are_the_best_spans_of_the_model(each: Ensemble, context: str) -> None:
    result = each(sent((QUESTION, context)), top_k=3, align_to_words=False)
    ids, types = result["input_ids"][0], result["token_type_ids"][0]
    model = transformers.AutoModelForQuestionAnswering.from_pretrained(each.model.folder)
    with torch.inference_mode():
        outputs = model(torch.from_numpy(ids), **({"token_type_ids": torch.from_numpy(types)} if types.size else {}))
    encoding = each.preprocess.tokenizer.backend.encode(QUESTION, context)
    assert ids[0].tolist() == encoding.ids
    allowed = np.array([sequence == 1 for sequence in encoding.sequence_ids])
    allowed[0] = True
    spans, _ = best_spans(outputs.start_logits[0].numpy(), outputs.end_logits[0].numpy(), allowed, 3, 15)
    for (answer, score, start, end), span in zip(answers(result), spans, strict=True):
        assert (start, end) == (encoding.offsets[span.start][0], encoding.offsets[span.end][1])
        assert answer == context[start:end] and score == pytest.approx(span.score, abs=1e-5)


@pytest.mark.parametrize("context", [*CONTEXTS, LONG])
def test_answers_are_parts_of_the_context_best_first(each: Ensemble, context: str) -> None:
    found = ask(each, context, top_k=4)
    scores = [score for _, score, _, _ in found]
    assert scores == sorted(scores, reverse=True) and 1 <= len(found) <= 4
    assert all(answer == context[start:end] for answer, _, start, end in found)
    assert ask(each, context) == found[:1]


def test_answers_are_whole_words(each: Ensemble) -> None:
    context = CONTEXTS[0]
    for answer, _, start, end in ask(each, context, top_k=10):
        assert answer
        assert not context[start - 1 : start + 1].isalpha() or start == 0
        assert not context[end - 1 : end + 1].isalpha() or end == len(context)


def test_requests_that_run_together_answer_as_they_do_alone(each: Ensemble) -> None:
    wishes: list[dict[str, Any]] = [{}, {"top_k": 3}, {"max_seq_len": 40, "doc_stride": 10, "top_k": 2}]
    requests: list[Sent] = [(sent((QUESTION, context)), wish) for context in (*CONTEXTS, LONG) for wish in wishes]
    for request, together in zip(requests, each.batch(*requests), strict=True):
        (alone,) = each.batch(request)
        assert isinstance(together, dict) and isinstance(alone, dict)
        assert [answer[2:] for answer in answers(together)] == [answer[2:] for answer in answers(alone)]
        np.testing.assert_allclose(together["SCORE"], alone["SCORE"], atol=1e-5)


def test_items_of_one_request_answer_as_they_do_alone(each: Ensemble) -> None:
    contexts = [CONTEXTS[0], LONG, *CONTEXTS[1:]]
    result = each(sent(*((QUESTION, context) for context in contexts)), max_seq_len=50, doc_stride=5)
    assert result["input_ids"].shape[0] == len(contexts) and result["input_ids"].shape[1] > 1
    for item, context in enumerate(contexts):
        assert [answer[2:] for answer in answers(result, item)] == [
            answer[2:] for answer in ask(each, context, max_seq_len=50, doc_stride=5)
        ]


def test_chunks_hold_the_question_and_all_of_the_context(each: Ensemble) -> None:
    whole = each.preprocess.tokenizer.backend.encode(QUESTION, LONG)
    context = [offsets for offsets, sequence in zip(whole.offsets, whole.sequence_ids, strict=True) if sequence == 1]
    question = whole.sequence_ids.count(0)
    result = each(sent((QUESTION, LONG)), max_seq_len=60, doc_stride=20)
    joined: list[tuple[int, int]] = []
    for row, mask in enumerate(result["attention_mask"][0]):
        sequence = result["sequence_ids"][0, row, : mask.sum()]
        assert mask.sum() <= 60 and (row + 1 == len(result["input_ids"][0]) or mask.sum() == 60)
        assert np.count_nonzero(sequence == 0) == question
        offsets = list(map(tuple, result["offset_mapping"][0, row, : mask.sum()][sequence == 1].tolist()))
        if joined:
            assert offsets[:20] == joined[-20:]
        joined += offsets[20:] if joined else offsets
        # Only the context, and the first token, "no answer", are to be asked.
        p_mask = result["p_mask"][0, row, : mask.sum()]
        assert p_mask.tolist() == [at > 0 and value != 1 for at, value in enumerate(sequence)]
    assert joined == context


def test_the_default_chunk_is_what_the_model_takes_with_an_overlap_of_half_of_it(each: Ensemble) -> None:
    result = each(sent((QUESTION, LONG)))
    assert result["input_ids"].shape[2] == 128
    ends = [
        row[sequence == 1][:, 1]
        for row, sequence in zip(result["offset_mapping"][0], result["sequence_ids"][0], strict=True)
    ]
    assert ends[1].tolist()[:64] == ends[0].tolist()[-64:]


@pytest.mark.parametrize("context", CONTEXTS)
def test_no_answer_is_an_answer_where_it_is_asked_for(each: Ensemble, context: str) -> None:
    without, within = (
        [answer for answer in ask(each, context, top_k=400, handle_impossible_answer=wish) if answer[1] > 0]
        for wish in (False, True)
    )
    (empty,) = (answer for answer in within if answer[0] == "")
    assert empty[2:] == (0, 0) and all(answer for answer, *_ in without)
    assert [answer for answer in within if answer != empty] == without[: len(within) - 1]


@pytest.mark.parametrize("top_k", [1, 5])
def test_a_context_of_spaces_has_the_empty_answer(bert: Ensemble, top_k: int) -> None:
    assert ask(bert, "   ", top_k=top_k) == [("", 0.0, 0, 0)]


@pytest.mark.parametrize(("side", "sequence"), [("left", 0), ("right", 1)])
def test_the_context_comes_first_where_the_tokenizer_pads_on_the_left(
    tmp_path: Path, checkpoints: Path, side: str, sequence: int
) -> None:
    folder = checkpoints / CHECKPOINTS[0]
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (tmp_path / name).symlink_to(folder / name)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"padding_side": side, "model_max_length": 128}))
    ensemble = Ensemble("question_answering", tmp_path)
    result = ensemble(sent((QUESTION, CONTEXTS[0])))
    pair = (QUESTION, CONTEXTS[0])[:: 1 if sequence else -1]
    assert result["input_ids"][0, 0].tolist() == ensemble.preprocess.tokenizer.backend.encode(*pair).ids
    assert bool(result["p_mask"].any()) is (side == "right")


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"tokenizer_class": "BertTokenizer"}, 1),
        ({"tokenizer_class": "XLNetTokenizer"}, 0),
        ({"tokenizer_class": "LlamaTokenizerFast"}, 0),
        ({"tokenizer_class": "LlamaTokenizer", "padding_side": "right"}, 1),
        ({"padding_side": "left"}, 0),
        ({}, 1),
    ],
)
def test_side_of_padding(config: dict[str, str], expected: int) -> None:
    assert context_sequence(config) == expected


@pytest.mark.parametrize(
    ("question", "context", "parameters", "reason"),
    [
        ("", "x", {}, "`question` cannot be empty"),
        ("x", "", {}, "`context` cannot be empty"),
        ("x", "x", {"doc_stride": 64, "max_seq_len": 32}, r"`doc_stride` \(64\) is larger than `max_seq_len` \(32\)"),
        (LONG[:1000], LONG[:1000], {}, "has room for 0 tokens"),
        (QUESTION, LONG[:1000], {"max_seq_len": 30, "doc_stride": 28}, "the overlap of 28"),
        (QUESTION, LONG, {"max_seq_len": 30, "doc_stride": 18}, "chunks; this deployment takes 64"),
        (QUESTION, LONG, {"top_k": 250}, "answers to compare; this deployment takes 500"),
        ("x" * 2001, "x", {}, "QUESTION has 2,001 bytes; this deployment takes 2,000"),
        ("x", "x" * 2001, {}, "CONTEXT has 2,001 bytes; this deployment takes 2,000"),
    ],
)
def test_what_cannot_be_answered_is_refused(
    bert: Ensemble, question: str, context: str, parameters: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidInput, match=reason):
        ask(bert, context, question, **parameters)


def test_a_bad_request_fails_alone(bert: Ensemble) -> None:
    good, bad, other = bert.batch(
        (sent((QUESTION, CONTEXTS[0])), {}),
        (sent((QUESTION, "")), {}),
        (sent((QUESTION, CONTEXTS[1])), {"top_k": 2}),
    )
    assert isinstance(good, dict) and isinstance(bad, InvalidInput) and isinstance(other, dict)
    assert answers(good)[0][2:] == ask(bert, CONTEXTS[0])[0][2:] and len(answers(other)) == 2


def test_a_failed_request_leaves_the_tokenizer_as_it_was(bert: Ensemble) -> None:
    with pytest.raises(InvalidInput):
        ask(bert, LONG[:1000], LONG[:1000])
    assert bert.preprocess.tokenizer.backend.truncation is None
