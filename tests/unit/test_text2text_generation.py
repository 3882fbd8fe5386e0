"""What all three tasks share, on text2text-generation: batches of strangers, steps and generate(), limits, seeds."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import T5Config, T5ForConditionalGeneration
from transformers.generation import GenerationConfig

from python_backend.encoder_decoder import EncoderDecoder, Limits, Row
from python_backend.parameters import InvalidInput
from python_backend.stage import Request, Tensors
from python_backend.tasks.translation import Preprocess
from tests.cases.texts import BATCH, GETTYSBURG, LINCOLN, LONG, SHORT
from tests.unit.ensemble import Ensemble, Sent, text

TASK = "text2text_generation"
NAMES = ("t5", "bart")
TEXTS = [*BATCH, LINCOLN, "Call me", "Alice " * 40, "a"]


@pytest.fixture(scope="module", params=NAMES)
def ensemble(request: pytest.FixtureRequest, checkpoints: Path) -> Ensemble:
    return Ensemble(TASK, checkpoints / f"{TASK}_{request.param}", max_seconds="30", max_batch_rows="12")


@pytest.fixture(scope="module")
def bart(checkpoints: Path) -> Ensemble:
    return Ensemble(TASK, checkpoints / f"{TASK}_bart", max_new_tokens_limit="50", max_batch_rows="4")


@pytest.fixture(scope="module")
def t5(checkpoints: Path) -> Ensemble:
    return Ensemble(TASK, checkpoints / f"{TASK}_t5", max_input_tokens="200")


def answers(result: Any) -> list[list[str]]:
    """GENERATED_TEXT as strings; an error is raised."""
    if isinstance(result, Exception):
        raise result
    return [[answer.decode() for answer in row] for row in result["GENERATED_TEXT"]]


def sent(*texts: str, **parameters: Any) -> Sent:
    return {"TEXT": text(*texts)}, parameters


def alone(ensemble: Ensemble, string: str, **parameters: Any) -> list[str]:
    (row,) = answers(ensemble({"TEXT": text(string)}, **parameters))
    return row


@pytest.mark.parametrize("settings", [{}, {"num_beams": 3}, {"do_sample": True, "seed": 7, "num_return_sequences": 2}])
def test_rows_of_a_batch_get_the_answers_that_they_get_alone(ensemble: Ensemble, settings: dict[str, Any]) -> None:
    settings = {"max_new_tokens": 30, **settings}
    together = answers(ensemble({"TEXT": text(*TEXTS)}, **settings))
    assert together == [alone(ensemble, string, **settings) for string in TEXTS]
    assert len({len(row[0]) for row in together}) > 4


def test_strangers_of_any_settings_get_the_answers_that_they_get_alone(ensemble: Ensemble) -> None:
    settings: list[dict[str, Any]] = [
        {"max_new_tokens": 5},
        {"max_new_tokens": 40, "min_new_tokens": 35},
        {"max_length": 20, "repetition_penalty": 1.6},
        {"do_sample": True, "seed": 1, "temperature": 1.5},
        {"do_sample": True, "seed": 2, "top_k": 5, "num_return_sequences": 3},
        {"num_beams": 2, "num_return_sequences": 2},
        {"num_beams": 2, "num_return_sequences": 2, "max_new_tokens": 12},
        {"no_repeat_ngram_size": 2, "max_new_tokens": 25},
        {"encoder_repetition_penalty": 3.0},
        {"encoder_no_repeat_ngram_size": 1},
        {"encoder_no_repeat_ngram_size": 1, "num_beams": 2},
        {"forced_bos_token_id": 60, "forced_eos_token_id": 61, "max_new_tokens": 9},
        {"decoder_start_token_id": 33},
        {"eos_token_id": -1, "max_new_tokens": 17},
        {"stop_sequence": "more"},
    ]
    requests = [sent(TEXTS[at % len(TEXTS)], SHORT, **each) for at, each in enumerate(settings)]
    together = [answers(result) for result in ensemble.batch(*requests)]
    apart = [answers(ensemble(*[tensors], **parameters)) for tensors, parameters in requests]
    assert together == apart
    assert len({str(each) for each in together}) > 12


def test_steps_say_what_generate_says(ensemble: Ensemble) -> None:
    engine = ensemble.model.engine
    assert engine.steps
    settings: list[dict[str, Any]] = [
        {},
        {"min_new_tokens": 20, "max_new_tokens": 30},
        {"repetition_penalty": 1.6, "no_repeat_ngram_size": 2},
        {"encoder_repetition_penalty": 3.0},
        {"forced_bos_token_id": 60, "forced_eos_token_id": 61, "max_new_tokens": 9},
        {"do_sample": True, "seed": 3, "top_p": 0.9, "num_return_sequences": 2},
    ]
    for each in settings:
        rows = rows_of(ensemble, SHORT, **each)
        assert engine.step_by_step(rows) == engine.by_generate(rows), each


def rows_of(ensemble: Ensemble, *texts: str, **parameters: Any) -> list[Row]:
    request = Request({"TEXT": text(*texts)}, ensemble.parameters.parse(parameters))
    (tensors,) = ensemble.preprocess.process_batch([request])
    rows: list[Row] = ensemble.model.rows(Request(tensors, request.parameters))
    return rows


def test_rows_that_are_done_leave_the_batch(ensemble: Ensemble, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, widths = ensemble.model.engine, []
    forward = engine.model.forward

    def watched(*arguments: Any, **inputs: Any) -> Any:
        widths.append(len(inputs["decoder_input_ids"]))
        return forward(*arguments, **inputs)

    monkeypatch.setattr(engine.model, "forward", watched)
    rows = [
        row._replace(most=4 * (at + 1), config=row.config)
        for at, row in enumerate(rows_of(ensemble, *["Call me"] * 8, eos_token_id=-1))
    ]
    lengths = [len(sequences[0]) - 1 for sequences in engine.run(rows)]
    assert lengths == [row.most for row in rows]
    assert len(widths) == 32 and widths == sorted(widths, reverse=True)
    assert sum(widths) < 0.75 * 8 * 32


def test_the_encoder_runs_texts_of_similar_length_together(t5: Ensemble, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, shapes = t5.model.engine.model.get_encoder(), []
    forward = encoder.forward

    def watched(*arguments: Any, **inputs: Any) -> Any:
        shapes.append(tuple(inputs["input_ids"].shape))
        return forward(*arguments, **inputs)

    monkeypatch.setattr(encoder, "forward", watched)
    t5({"TEXT": text("a", "Alice " * 90, "Call me", "Alice " * 80)}, max_new_tokens=1)
    assert sorted(rows for rows, _ in shapes) == [2, 2]


def test_a_seed_repeats_a_sample_whoever_shares_the_batch(ensemble: Ensemble) -> None:
    settings: dict[str, Any] = {"do_sample": True, "num_return_sequences": 3, "max_new_tokens": 12}
    mine = sent(SHORT, seed=5, **settings)
    first, *_ = ensemble.batch(mine, sent(GETTYSBURG, seed=6, **settings), sent("Call me"))
    *_, last = ensemble.batch(sent(LINCOLN, **settings), mine)
    assert answers(first) == answers(last)
    assert len(set(answers(first)[0])) > 1
    assert alone(ensemble, SHORT, seed=6, **settings) != answers(first)[0]
    assert alone(ensemble, SHORT, **settings) != alone(ensemble, SHORT, **settings)


def test_beams_that_sample_follow_their_seed(ensemble: Ensemble) -> None:
    settings: dict[str, Any] = {"do_sample": True, "num_beams": 2, "max_new_tokens": 8, "seed": 4}
    first, second = ensemble.batch(sent(SHORT, **settings), sent("Call me", **settings))
    assert (answers(first)[0], answers(second)[0]) == (
        alone(ensemble, SHORT, **settings),
        alone(ensemble, "Call me", **settings),
    )


@pytest.mark.parametrize(
    ("texts", "parameters", "message"),
    [
        ([LONG], {}, r"tokens; the model takes 128\. Shorten it, or send the parameter truncation=true"),
        (["a", b"\xff"], {}, "UTF-8"),
        (["a" * 200_000], {}, "max_text_bytes"),
        (["a"], {"max_new_tokens": 51}, r"51 new tokens .* 50 at most \(max_new_tokens_limit\)"),
        (["a"], {"max_length": 1}, "no room for new ones"),
        (["a"], {"num_beams": 5}, r"5 sequences .* runs 4 \(max_batch_rows\)"),
        (["a"], {"num_return_sequences": 2}, "num_return_sequences"),
        (["a"], {"num_beams": 2, "num_return_sequences": 3}, "num_return_sequences"),
        (["a"], {"forced_bos_token_id": 5000}, "forced_bos_token_id is 5000; the model has tokens 0 to 999"),
        (["a"], {"stop_sequence": ""}, "stop_sequence has no tokens"),
        (["a"], {"truncation": "only_second"}, "truncated|too long|second"),
    ],
)
def test_a_bad_request_fails_alone(bart: Ensemble, texts: list[Any], parameters: dict[str, Any], message: str) -> None:
    if parameters.get("truncation"):
        texts = [LONG]
    good, bad, other = bart.batch(sent(SHORT), ({"TEXT": text(*texts)}, parameters), sent("Call me"))
    assert isinstance(bad, InvalidInput)
    with pytest.raises(InvalidInput, match=message):
        raise bad
    assert (answers(good)[0], answers(other)[0]) == (alone(bart, SHORT), alone(bart, "Call me"))


def test_a_model_without_a_table_of_positions_has_the_deployment_s_limit(t5: Ensemble) -> None:
    with pytest.raises(InvalidInput, match=r"this deployment takes 200 \(max_input_tokens\)"):
        t5({"TEXT": text("Alice " * 300)})
    assert t5({"TEXT": text("Alice " * 300)}, truncation=True)["input_ids"].shape == (1, 128)
    assert t5({"TEXT": text("Alice " * 150)}, max_new_tokens=1)["input_ids"].shape == (1, 151)


def test_a_text_is_cut_to_the_tokenizers_length_where_the_model_has_no_table(checkpoints: Path, tmp_path: Path) -> None:
    """M2M100 names a number of positions, which are waves: there are as many as a text has tokens."""
    shutil.copy(checkpoints / "text2text_generation_t5/tokenizer.json", tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "m2m_100", "max_position_embeddings": 128}')
    (tmp_path / "tokenizer_config.json").write_text('{"model_max_length": 1000}')
    assert Preprocess.local(tmp_path).tokenizer.max_tokens == 1000


def test_a_decoder_may_have_more_layers_than_its_encoder() -> None:
    sizes: Any = {"d_model": 16, "d_kv": 8, "d_ff": 16, "num_heads": 2, "vocab_size": 20, "decoder_start_token_id": 0}
    config = T5Config(**sizes, num_layers=1, num_decoder_layers=3)
    engine = EncoderDecoder(T5ForConditionalGeneration(config).eval(), Limits(rows=4, tokens=100, pass_cost=32))
    engine.check(GenerationConfig(decoder_start_token_id=0, eos_token_id=1, pad_token_id=0))
    assert engine.steps


def test_time_that_is_up_ends_a_text_and_no_neighbour(bart: Ensemble) -> None:
    sent = {"TEXT": text(SHORT)}
    for beams in (1, 2):
        settings = {"max_new_tokens": 50, "eos_token_id": -1, "num_beams": beams}
        ended, whole = bart.batch((sent, {**settings, "max_time": 0.0}), (sent, settings))
        assert isinstance(ended, dict) and isinstance(whole, dict)
        assert ended["sequences"].shape[-1] <= 3
        assert whole["sequences"].shape[-1] == 51


def test_more_rows_than_run_together_run_in_turn(bart: Ensemble) -> None:
    strings = [f"{word} {'me ' * at}" for at, word in enumerate(GETTYSBURG.split()[:11])]
    for settings in ({"max_new_tokens": 9}, {"max_new_tokens": 9, "num_beams": 3}):
        together = answers(bart({"TEXT": text(*strings)}, **settings))
        assert together == [alone(bart, string, **settings) for string in strings]


def test_outputs_are_rectangular(ensemble: Ensemble) -> None:
    result = ensemble({"TEXT": text(SHORT, "a")}, num_beams=3, num_return_sequences=3, max_new_tokens=20)
    assert result["GENERATED_TEXT"].shape == (2, 3)
    assert result["sequences"].dtype == np.int32 and result["sequences"].shape[:2] == (2, 3)
    assert result["WARNING"].tolist() == [[b""], [b""]]


def test_a_stop_sequence_of_several_tokens_is_warned_of(t5: Ensemble) -> None:
    result = t5({"TEXT": text(SHORT, "a")}, stop_sequence="Call me Ishmael")
    assert [b"multiple token sequence" in line for (line,) in result["WARNING"]] == [True, True]
    assert t5({"TEXT": text(SHORT)}, stop_sequence="<extra_id_0>")["WARNING"].tolist() == [[b""]]


def test_a_model_that_differs_step_by_step_runs_through_generate(
    checkpoints: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(EncoderDecoder, "step_by_step", lambda self, rows: [[[0]] for _ in rows])
    other = Ensemble(TASK, checkpoints / f"{TASK}_t5")
    assert not other.model.engine.steps and "generate() alone" in caplog.text
    assert len(alone(other, SHORT, max_new_tokens=8)[0]) > 3


def test_tensors_of_one_request_stay_together(ensemble: Ensemble) -> None:
    requests = [sent(*TEXTS[:3]), sent(TEXTS[3]), sent(*TEXTS[4:6])]
    counts = [len(answers(result)) for result in ensemble.batch(*requests)]
    assert counts == [3, 1, 2]
    tensors: Tensors = ensemble({"TEXT": text("a", LINCOLN)}, max_new_tokens=1)
    assert tensors["attention_mask"].sum(axis=1).tolist()[0] < tensors["input_ids"].shape[1]
