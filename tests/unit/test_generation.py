"""Generation without a server: parameters, lengths, seeded sampling, text of token ids piece by piece, stop strings."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LogitsProcessorList,
    PreTrainedTokenizerFast,
    StopStringCriteria,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
)
from transformers.generation import GenerationConfig

from python_backend.detokenization import CLEANED_UP, Detokenizer, StopStrings, settled_length
from python_backend.generation import (
    base_config,
    check_prompt,
    check_token_ids,
    draw,
    generate,
    generation_config,
    logits_processors,
    look_back,
    new_tokens,
    uniform,
)
from python_backend.generation_parameters import GENERATION, checkpoint_defaults
from python_backend.parameters import InvalidInput, Parameters
from python_backend.text import Tokenizer, clean_up

PARAMETERS = Parameters(*GENERATION)
CHECKPOINTS = ("text_generation_gpt2", "text_generation_llama", "text_generation_mistral")


def sent(**given: Any) -> dict[str, Any]:
    return PARAMETERS.parse(given)


# Parameters.


def test_nothing_sent_is_all_null() -> None:
    assert set(sent().values()) == {None}


@pytest.mark.parametrize(
    ("name", "off", "on", "reason"),
    [
        ("num_beam_groups", 1, 2, "diverse beam search"),
        ("diversity_penalty", 0.0, 0.5, "diverse beam search"),
        ("penalty_alpha", 0, 0.6, "contrastive search"),
        ("low_memory", False, True, "num_beams"),
    ],
)
def test_fields_that_transformers_5_dropped_are_refused_unless_off(name: str, off: Any, on: Any, reason: str) -> None:
    assert sent(**{name: off})[name] is None
    with pytest.raises(InvalidInput, match=reason):
        sent(**{name: on})


def test_unsent_parameters_leave_the_checkpoints_settings() -> None:
    base = GenerationConfig(temperature=0.5, top_k=7, num_beams=1, do_sample=True, eos_token_id=[1, 2])
    config = generation_config(base, sent(top_k=3))
    assert (config.temperature, config.top_k, config.eos_token_id) == (0.5, 3, [1, 2])
    assert base.top_k == 7


@pytest.mark.parametrize(("given", "value"), [("true", True), (False, False), ("never", "never")])
def test_early_stopping(given: Any, value: Any) -> None:
    config = generation_config(GenerationConfig(num_beams=1), sent(early_stopping=given, num_beams=2))
    assert config.early_stopping is value or config.early_stopping == value


@pytest.mark.parametrize(("penalty_alpha", "warned"), [(0.6, True), (0.0, False)])
def test_a_checkpoints_own_dropped_settings_are_off(
    tmp_path: Path, penalty_alpha: float, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    model = GPT2LMHeadModel(GPT2Config(vocab_size=20, n_embd=8, n_layer=1, n_head=2))
    model.generation_config = GenerationConfig(penalty_alpha=penalty_alpha, top_k=4)
    base = base_config(model, tmp_path, "text-generation")
    assert (base.penalty_alpha, base.num_beam_groups, base.top_k) == (None, 1, 4)
    assert ("contrastive" in caplog.text) == warned


@pytest.mark.parametrize("given", [{"num_return_sequences": 2}, {"num_beams": 2, "num_return_sequences": 3}])
def test_contradictions_are_the_callers(given: dict[str, int]) -> None:
    with pytest.raises(InvalidInput, match="num_return_sequences"):
        generation_config(GenerationConfig(num_beams=1, do_sample=False), sent(**given))


def test_token_ids_must_be_the_models() -> None:
    check_token_ids(GenerationConfig(eos_token_id=[5, 9]), 10, {"eos_token_id": 9})
    with pytest.raises(InvalidInput, match=r"eos_token_id is 10; the model has tokens 0 to 9"):
        check_token_ids(GenerationConfig(eos_token_id=10), 10, {"eos_token_id": 10})


def test_token_ids_of_a_class_that_the_checkpoints_model_lacks_are_forgotten() -> None:
    config = GenerationConfig(bos_token_id=50_256, eos_token_id=[5, 50_256], pad_token_id=0)
    check_token_ids(config, 10, {"eos_token_id": None})
    assert (config.bos_token_id, config.eos_token_id, config.pad_token_id) == (None, [5], 0)


def test_a_prompt_must_be_of_the_models_tokens() -> None:
    check_prompt([0, 9], 10)
    with pytest.raises(InvalidInput, match="has the token 10, which the checkpoint's tokenizer knows"):
        check_prompt(np.array([3, 10]), 10)


def test_the_base_is_the_checkpoint_with_its_parameters_for_the_task(tmp_path: Path) -> None:
    config = GPT2Config(vocab_size=20, n_embd=8, n_layer=1, n_head=2)
    config.task_specific_params = {"text-generation": {"do_sample": True, "max_length": 50, "prefix": "<p>"}}
    config.save_pretrained(tmp_path)
    (tmp_path / "generation_config.json").write_text('{"top_k": 9, "eos_token_id": 3}')
    model = GPT2LMHeadModel(config)
    model.generation_config = GenerationConfig.from_pretrained(tmp_path)
    base = base_config(model, tmp_path, "text-generation")
    assert (base.do_sample, base.max_length, base.top_k, base.num_beams) == (True, 50, 9, 1)
    assert base_config(model, tmp_path, "summarization").max_length is None
    defaults = checkpoint_defaults(tmp_path, "text-generation")
    assert (defaults["prefix"], defaults["max_length"], defaults["eos_token_id"]) == ("<p>", 50, 3)


@pytest.mark.parametrize(
    ("base", "given", "options", "expected"),
    [
        ({}, {}, {}, (20, 0)),  # 20 new tokens when nobody says anything
        ({}, {}, {"positions": 25}, (15, 0)),
        ({"max_length": 20}, {}, {}, (20, 0)),
        ({"max_length": 50}, {}, {}, (40, 0)),
        ({"max_length": 50}, {"max_length": 20}, {}, (10, 0)),  # said, it counts the prompt
        ({"max_length": 50}, {"max_new_tokens": 5}, {}, (5, 0)),
        ({"max_new_tokens": 7}, {"max_length": 30}, {}, (7, 0)),
        ({}, {"max_length": 12, "max_new_tokens": 9}, {}, (9, 0)),
        ({}, {"max_length": 12}, {"prefix_length": 4}, (6, 0)),  # a prefix is not counted
        ({"max_length": 15}, {}, {"prefix_length": 4}, (9, 0)),
        ({}, {"min_length": 16}, {}, (20, 6)),
        ({}, {"min_length": 16}, {"prefix_length": 4}, (14, 10)),
        ({"min_length": 16}, {}, {"prefix_length": 4}, (14, 6)),
        ({"min_length": 16}, {"min_new_tokens": 3}, {}, (20, 3)),
        ({}, {"min_length": 3}, {}, (20, 0)),
    ],
)
def test_lengths_count_as_in_4_48(
    base: dict[str, int], given: dict[str, int], options: dict[str, int], expected: tuple[int, int]
) -> None:
    assert new_tokens(GenerationConfig(**base), sent(**given), prompt_length=10, **options) == expected


@pytest.mark.parametrize("length", [9, 10])
def test_a_max_length_within_the_prompt_is_refused(length: int) -> None:
    with pytest.raises(InvalidInput, match=rf"The prompt has 10 tokens and max_length.*is {length}"):
        new_tokens(GenerationConfig(), sent(max_length=length), prompt_length=10)


# Sampling.


def test_draws_follow_the_distribution() -> None:
    scores = torch.tensor([[0.0, 1.0, -torch.inf, 2.0]])
    count = 4000
    tokens = draw(scores.expand(count, -1), [uniform(1, 0, position) for position in range(count)])
    shares = torch.bincount(tokens, minlength=4) / count
    assert shares[2] == 0
    assert torch.allclose(shares, scores.softmax(-1)[0], atol=0.025)


@pytest.mark.parametrize("number", [0.0, 1 - 2**-53])
def test_a_draw_is_never_of_a_token_without_probability(number: float) -> None:
    scores = torch.tensor([[-torch.inf, 0.0, 0.0, -torch.inf]])
    assert draw(scores, [number]).item() in (1, 2)


def test_numbers_depend_on_seed_sequence_and_position() -> None:
    numbers = {uniform(*key) for key in [(1, 0, 0), (2, 0, 0), (1, 1, 0), (1, 0, 1), (11, 0, 0)]}
    assert len(numbers) == 5 and all(0 <= number < 1 for number in numbers)
    assert uniform(1, 0, 0) == uniform(1, 0, 0)


def test_a_row_samples_alike_alone_and_in_company(checkpoints: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(checkpoints / "text_generation_llama").eval()
    config = generation_config(
        base_config(model, checkpoints / "text_generation_llama", "text-generation"),
        sent(do_sample=True, top_k=50, temperature=1.3, max_new_tokens=12, num_return_sequences=2, eos_token_id=-1),
    )
    rows = torch.tensor([[10, 20, 30], [40, 50, 60], [10, 20, 30]])
    together = generate(model, {"input_ids": rows}, config, seeds=[7, 8, 9]).tolist()
    alone = [generate(model, {"input_ids": rows[[index]]}, config, seeds=[7 + index]).tolist() for index in range(3)]
    assert together == [sequence for sequences in alone for sequence in sequences]
    assert len({tuple(sequence) for sequence in together}) == 6  # two sequences of each, and each seed has its own


def test_sampling_beams_repeat_with_the_seed_and_leave_pytorchs_random_numbers_alone(checkpoints: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(checkpoints / "text_generation_gpt2").eval()
    config = GenerationConfig(do_sample=True, num_beams=3, max_new_tokens=10, num_return_sequences=1, eos_token_id=-1)
    rows = {"input_ids": torch.tensor([[10, 20, 30]])}
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    first, other, again = (generate(model, rows, config, seeds=[seed]).tolist() for seed in (1, 2**80, 1))
    assert first == again != other
    assert torch.rand(1) == expected


def test_processors_are_those_of_generate(checkpoints: Path) -> None:
    folder = checkpoints / "text_generation_gpt2"
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    base = base_config(model, folder, "text-generation")

    def processors(**given: Any) -> LogitsProcessorList:
        return logits_processors(model, generation_config(base, sent(max_new_tokens=5, **given)), [1, 2, 3])

    assert not processors()
    sampling = processors(do_sample=True, temperature=0.7)
    assert [type(processor) for processor in sampling] == [TemperatureLogitsWarper, TopKLogitsWarper]
    assert not look_back(sampling)
    assert look_back(processors(do_sample=True, repetition_penalty=1.2))


# Token ids to text.


@pytest.fixture(params=CHECKPOINTS)
def tokenizer(request: pytest.FixtureRequest, checkpoints: Path) -> Tokenizer:
    return Tokenizer(checkpoints / request.param)


FRAGMENTS = [
    "Alice",
    " ran",
    " .",
    " n't",
    " '",
    " 's",
    " ' ",
    "'",
    " n",
    "'v",
    "e",
    " ",
    "  ",
    "é",
    "☃",
    "中文",
    "\n",
    " ,",
]


def some_ids(tokenizer: Tokenizer, rng: random.Random) -> list[int]:
    """Token ids of text that tries the clean-up, with any other ids in between."""
    ids: list[int] = []
    for _ in range(rng.randrange(1, 40)):
        if rng.random() < 0.6:
            ids += tokenizer.backend.encode(rng.choice(FRAGMENTS), add_special_tokens=False).ids
        else:
            ids.append(rng.randrange(tokenizer.backend.get_vocab_size()))
    return ids


@pytest.mark.parametrize("cleaned", [True, False])
def test_pieces_join_to_the_whole_text(tokenizer: Tokenizer, cleaned: bool) -> None:
    detokenizer = Detokenizer(tokenizer)
    rng = random.Random(5)
    for _ in range(60):
        prompt = some_ids(tokenizer, rng)
        ids = prompt + some_ids(tokenizer, rng)
        whole = detokenizer.text(ids, cleaned)[len(detokenizer.text(prompt, cleaned)) :]
        pieces, taken = [], len(prompt)
        while taken < len(ids):
            end = min(len(ids), taken + rng.randrange(1, 4))
            start = detokenizer.boundary(ids[:end], taken)
            window, before = ids[start:end], max(0, len(prompt) - start)
            pieces.append(detokenizer.new_text(window, before, taken - start, end == len(ids), cleaned))
            taken = end
        assert "".join(pieces) == whole


def test_a_piece_ends_where_the_text_is_settled(checkpoints: Path) -> None:
    detokenizer = Detokenizer(Tokenizer(checkpoints / "text_generation_gpt2"))

    def settled(text: str) -> str:
        return detokenizer.settled(detokenizer.backend.encode(text).ids, cleaned=True)

    assert settled("she did n") == "she did"
    assert settled("she did n't") == "she didn't"
    assert settled("she did no") == "she did no"
    snowman = detokenizer.backend.encode("a ☃").ids
    assert len(snowman) > 3  # the character is several tokens
    assert detokenizer.settled(snowman[:-1], cleaned=False) == "a "
    assert detokenizer.settled(snowman, cleaned=False) == "a ☃"


TRICKY = st.one_of(st.text(" '.x", max_size=12), st.text(" 'ntmsvre", max_size=12), st.text(" .,?!'nx", max_size=12))


@given(TRICKY, TRICKY)
@settings(max_examples=400, deadline=None)
@example("x ' '", " a")
def test_settled_text_never_changes(text: str, more: str) -> None:
    settled = clean_up(text[: settled_length(text)])
    assert clean_up(text + more).startswith(settled)


def test_everything_that_is_cleaned_up_is_known() -> None:
    text = "".join(f" {thing}" for thing in CLEANED_UP) + " "
    assert clean_up(text).count(" ") <= 1
    assert clean_up(" x") == " x"


def test_text_far_behind_does_not_matter(checkpoints: Path) -> None:
    """A piece of a long text is made without its beginning."""
    detokenizer = Detokenizer(Tokenizer(checkpoints / "text_generation_gpt2"))
    ids = detokenizer.backend.encode((Path(__file__).parents[1] / "data/page.txt").read_text()).ids
    at = len(ids) - 5
    start = detokenizer.boundary(ids, at)
    assert 0 < at - start < len(ids) // 10
    assert detokenizer.new_text(ids[start:], 0, at - start, True, True) == detokenizer.new_text(ids, 0, at, True, True)


def test_stop_strings_end_where_transformers_would(tokenizer: Tokenizer) -> None:
    reference_tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend)
    rng = random.Random(3)
    words = [
        tokenizer.backend.encode(word, add_special_tokens=False).ids for word in ("stop", " stop", "sto", "p.", "x")
    ]
    strings = ["stop", "p x", " the"]
    mine = StopStrings(strings, Detokenizer(tokenizer))
    reference = StopStringCriteria(reference_tokenizer, strings)
    found = 0
    for _ in range(40):
        ids = [
            token for _ in range(12) for token in (rng.choice(words) if rng.random() < 0.7 else [rng.randrange(5, 400)])
        ]
        for end in range(2, len(ids) + 1):
            expected = bool(reference(torch.tensor([ids[:end]]), None)[0])
            assert mine.completed_by_last(ids[:end]) == expected, tokenizer.decode(ids[:end])
            found += expected
    assert found > 20
