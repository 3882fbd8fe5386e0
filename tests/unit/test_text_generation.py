"""The stages of text generation without a server: prompts, engines, bounds, pieces of text."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import (
    AutoTokenizer,
    GitConfig,
    GitForCausalLM,
    LogitsProcessor,
    LogitsProcessorList,
    MambaConfig,
    MambaForCausalLM,
)
from transformers.generation import GenerationConfig

from python_backend import continuous_batching, generation_request, static_batching
from python_backend.chat import ChatTemplate
from python_backend.detokenization import StopStrings
from python_backend.generation_request import GenerationRequest
from python_backend.parameters import InvalidInput
from python_backend.stage import Request, Tensors
from python_backend.streaming import Cancelled, Unavailable
from python_backend.tasks.text_generation import PARAMETERS, Model, Postprocess, Preprocess
from python_backend.text import Tokenizer, max_tokens
from tests.unit.ensemble import Reply, strings
from tests.unit.ensembles import changed

PROMPT = "Alice was beginning to get very tired"
SECONDS = 60


class Deployment:
    """The three stages over one checkpoint."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.preprocess = Preprocess.local(folder)
        self.model = Model.local(folder, settings)
        self.postprocess = Postprocess.local(folder)

    def start(self, text: str | list[dict[str, Any]], stop: tuple[str, ...] = (), **given: Any) -> Reply:
        parameters = PARAMETERS.parse(given)
        inputs = {"TEXT": strings(text)} if isinstance(text, str) else {"MESSAGES": strings(json.dumps(text))}
        tensors = self.preprocess.process(Request(inputs, parameters))
        if stop:
            tensors["STOP"] = strings(*stop)
        reply = Reply()
        self.model.start(Request(tensors, parameters), reply)
        return reply

    def texts(self, reply: Reply, **given: Any) -> list[list[str]]:
        """The strings of each answer."""
        assert reply.ended.wait(SECONDS)
        if reply.error is not None:
            raise reply.error
        parameters = PARAMETERS.parse(given)
        answers = [self.postprocess.process(Request(tensors, parameters)) for tensors in reply.answers]
        return [[text.decode() for text in answer["GENERATED_TEXT"]] for answer in answers]

    def __call__(self, text: str | list[dict[str, Any]], stop: tuple[str, ...] = (), **given: Any) -> str:
        (answer,) = self.texts(self.start(text, stop, **given), **given)
        return answer[0]

    def stream(self, text: str, stop: tuple[str, ...] = (), **given: Any) -> list[str]:
        given = {**given, "stream": True}
        return [piece for (piece,) in self.texts(self.start(text, stop, **given), **given)]


@pytest.fixture(scope="module")
def deploy(checkpoints: Path) -> Iterator[Callable[..., Deployment]]:
    deployments: dict[str, Deployment] = {}

    def get(architecture: str, **settings: str) -> Deployment:
        key = json.dumps([architecture, settings])
        if key not in deployments:
            deployments[key] = Deployment(checkpoints / f"text_generation_{architecture}", **settings)
        return deployments[key]

    yield get
    for deployment in deployments.values():
        deployment.model.close()


@pytest.fixture
def gpt2(deploy: Callable[..., Deployment]) -> Deployment:
    return deploy("gpt2")


@pytest.fixture
def llama(deploy: Callable[..., Deployment]) -> Deployment:
    return deploy("llama")


# Prompts.


def prompt(deployment: Deployment, text: str, **given: Any) -> Tensors:
    return deployment.preprocess.process(Request({"TEXT": strings(text)}, PARAMETERS.parse(given)))


def decoded(deployment: Deployment, tensors: Tensors) -> str:
    return deployment.preprocess.tokenizer.decode(tensors["input_ids"].tolist())


def test_a_prompt_goes_before_its_answer_unless_that_is_unwanted(gpt2: Deployment) -> None:
    assert prompt(gpt2, PROMPT)["prompt"].tolist() == [PROMPT.encode()]
    assert prompt(gpt2, PROMPT, return_full_text=False)["prompt"].tolist() == [b""]


def test_a_prefix_is_for_the_model_alone(gpt2: Deployment) -> None:
    tensors = prompt(gpt2, "ran", prefix="Alice ")
    assert decoded(gpt2, tensors) == "Alice ran"
    assert tensors["prompt"].tolist() == [b"ran"]
    assert tensors["prefix_length"].tolist() == [len(prompt(gpt2, "Alice ")["input_ids"])]
    assert prompt(gpt2, "ran")["prefix_length"].tolist() == [0]


def test_special_tokens_are_the_tokenizers_choice_or_the_callers(llama: Deployment) -> None:
    with_them, without = prompt(llama, PROMPT), prompt(llama, PROMPT, add_special_tokens=False)
    assert with_them["input_ids"].tolist() == [0, *without["input_ids"].tolist()]


def test_an_empty_prompt_begins_with_the_token_that_begins_a_text(gpt2: Deployment) -> None:
    assert prompt(gpt2, "")["input_ids"].tolist() == [0]
    assert prompt(gpt2, "", bos_token_id=7)["input_ids"].tolist() == [7]


@pytest.mark.parametrize(
    ("given", "length"),
    [
        ({"max_length": 5}, None),  # would leave no room for new tokens
        ({"max_length": 5, "max_new_tokens": 3}, 5),
        ({"max_length": 5, "prefix": "Hm "}, 5),
        ({"max_length": 5, "max_new_tokens": 3, "truncation": "do_not_truncate"}, None),
        ({"max_length": 5, "truncation": "true"}, 5),
    ],
)
def test_truncation_is_that_of_the_4_48_tokenizer(gpt2: Deployment, given: dict[str, Any], length: int | None) -> None:
    whole = prompt(gpt2, given.get("prefix", "") + PROMPT)["input_ids"].tolist()
    assert prompt(gpt2, PROMPT, **given)["input_ids"].tolist() == whole[:length]


def test_a_hole_keeps_the_end_of_the_prompt(gpt2: Deployment) -> None:
    text = PROMPT * 20
    ids = prompt(gpt2, text)["input_ids"]
    assert len(ids) > 128
    rooms: list[tuple[dict[str, Any], int]] = [({"max_new_tokens": 28}, 100), ({}, 108)]
    for given, room in rooms:
        cut = prompt(gpt2, text, handle_long_generation="hole", **given)["input_ids"]
        assert cut.tolist() == ids[-room:].tolist()
    short = prompt(gpt2, PROMPT, handle_long_generation="hole", max_new_tokens=10)["input_ids"]
    assert short.tolist() == prompt(gpt2, PROMPT)["input_ids"].tolist()


@pytest.mark.parametrize(
    ("inputs", "given", "message"),
    [
        ({}, {}, "TEXT or MESSAGES"),
        ({"TEXT": "a", "MESSAGES": "[]"}, {}, "TEXT or MESSAGES"),
        ({"TEXT": "a" * 100_001}, {}, "max_text_bytes"),
        ({"TEXT": "a"}, {"handle_long_generation": "hole", "max_new_tokens": 128}, "finds no room"),
        ({"MESSAGES": "no json"}, {}, "not valid JSON"),
        ({"MESSAGES": "{}"}, {}, "JSON list"),
        ({"MESSAGES": "[]"}, {}, "JSON list"),
        ({"MESSAGES": '[{"role": "user"}]'}, {}, '"role" and "content"'),
        ({"MESSAGES": '[{"role": "user", "content": "Hi"}]'}, {"return_full_text": True}, "return_full_text"),
        ({"MESSAGES": '[{"role": "user", "content": "Hi"}]'}, {}, "no chat template"),
    ],
)
def test_bad_input_names_the_remedy(gpt2: Deployment, inputs: dict[str, str], given: Any, message: str) -> None:
    tensors = {name: strings(text) for name, text in inputs.items()}
    with pytest.raises(InvalidInput, match=message):
        gpt2.preprocess.process(Request(tensors, PARAMETERS.parse(given)))


# Chats.

USER = {"role": "user", "content": "Who are you?"}
CHATS = [
    [USER],
    [{"role": "system", "content": " Be brief. "}, USER],
    [USER, {"role": "assistant", "content": "The queen of "}],
    [USER, {"role": "assistant", "content": "t"}],
]


@pytest.mark.parametrize("chat", CHATS)
@pytest.mark.parametrize("continued", [None, False, True])
def test_chats_are_rendered_as_transformers_does(checkpoints: Path, chat: list[Any], continued: bool | None) -> None:
    folder = checkpoints / "text_generation_llama"
    goes_on = chat[-1]["role"] == "assistant" if continued is None else continued
    expected = AutoTokenizer.from_pretrained(folder).apply_chat_template(
        chat, tokenize=False, add_generation_prompt=not goes_on, continue_final_message=goes_on
    )
    assert ChatTemplate(folder, Tokenizer(folder)).render(chat, continued) == expected


def chat_template(folder: Path, source: str, checkpoints: Path) -> ChatTemplate:
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(checkpoints / "text_generation_llama" / name, folder)
    (folder / "chat_template.jinja").write_text(source)
    return ChatTemplate(folder, Tokenizer(folder))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ messages[0] | tojson }}", '{"role": "user", "content": "Who are you?"}'),
        ("{% generation %}{{ bos_token }}{% endgeneration %}", "<|begin_of_text|>"),
        ("{% for m in messages %}{{ m.role }}{% break %}{% endfor %}", "user"),
        ("{{ strftime_now('%Y') | length }}", "4"),
    ],
)
def test_templates_find_what_they_rely_on(tmp_path: Path, checkpoints: Path, source: str, expected: str) -> None:
    assert chat_template(tmp_path, source, checkpoints).render([USER]) == expected


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{ raise_exception('roles must alternate') }}", "refuses MESSAGES: roles must alternate"),
        ("{{ messages.__class__.__mro__ }}", "refuses MESSAGES"),
        ("{{ messages.clear() }}", "refuses MESSAGES"),
    ],
)
def test_what_a_template_refuses_is_the_callers(tmp_path: Path, checkpoints: Path, source: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        chat_template(tmp_path, source, checkpoints).render([USER])


def test_half_a_surrogate_pair_is_no_text(llama: Deployment) -> None:
    with pytest.raises(InvalidInput, match="MESSAGES is not valid Unicode"):
        llama([{"role": "user", "content": "\ud800"}])


def test_the_answer_to_a_chat_is_the_new_message(llama: Deployment) -> None:
    answer = llama([USER], max_new_tokens=8)
    assert answer and not answer.startswith("Who are you?")


# Engines.


def test_models_with_attention_are_batched_continuously(gpt2: Deployment) -> None:
    assert gpt2.model.continuous is not None


@pytest.fixture(scope="module")
def mamba(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("mamba")
    torch.manual_seed(3)
    config = MambaConfig(vocab_size=1000, hidden_size=32, num_hidden_layers=2, bos_token_id=0, eos_token_id=0)
    MambaForCausalLM(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(checkpoints / "text_generation_gpt2" / name, folder)
    deployment = Deployment(folder)
    yield deployment
    deployment.model.close()


def test_padding_that_changes_later_tokens_is_found() -> None:
    """GIT minds the mask in the first pass alone."""
    vision = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 16, "patch_size": 8}
    sizes: Any = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    torch.manual_seed(0)
    model = GitForCausalLM(GitConfig(**sizes, vision_config=vision, vocab_size=20, initializer_range=1.0)).eval()
    model.generation_config = GenerationConfig()
    engine = static_batching.StaticBatching(model, 4)
    assert not engine.padding_is_harmless
    engine.close()


def test_who_asks_runs_nothing_beside_the_engine(gpt2: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Models that keep where they are in a text (Qwen2-VL) would lose it to a second generate() in another thread."""
    engine = gpt2.model.static
    with monkeypatch.context() as patch:
        patch.setattr(gpt2.model.model, "generate", None)
        request = gpt2.model.generation_request(Request(prompt(gpt2, PROMPT), PARAMETERS.parse({})), Any)
        assert engine._key(request)


def test_other_models_are_batched_statically_and_stream_too(mamba: Deployment) -> None:
    assert mamba.model.continuous is None
    given: dict[str, Any] = {"max_new_tokens": 20, "eos_token_id": -1}
    expected = [mamba(text, **given) for text in (PROMPT, "Call me", "The")]
    replies = [mamba.start(text, **given, stream=True) for text in (PROMPT, "Call me", "The")]
    answers = [[text for (text,) in mamba.texts(reply, **given, stream=True)] for reply in replies]
    assert [len(pieces) for pieces in answers] == [20, 20, 20]
    assert ["".join(pieces) for pieces in answers] == expected


GIVEN: list[dict[str, Any]] = [
    {},
    {"repetition_penalty": 1.4},
    {"no_repeat_ngram_size": 2, "min_new_tokens": 20},
    {"do_sample": True, "seed": 5},
    {"do_sample": True, "seed": 6, "top_k": 5, "temperature": 2.0, "num_return_sequences": 3},
    {"do_sample": True, "seed": 7, "top_p": 0.9, "repetition_penalty": 1.2},
]


@pytest.mark.parametrize("given", GIVEN)
def test_both_engines_give_the_same(deploy: Callable[..., Deployment], given: dict[str, Any]) -> None:
    deployment = deploy("llama")
    given = {"max_new_tokens": 24, **given}
    continuous = deployment.texts(deployment.start(PROMPT, **given), **given)
    engine, deployment.model.continuous = deployment.model.continuous, None
    try:
        assert deployment.texts(deployment.start(PROMPT, **given), **given) == continuous
    finally:
        deployment.model.continuous = engine


@pytest.mark.parametrize("architecture", ["gpt2", "mistral"])
def test_requests_do_not_change_each_other(deploy: Callable[..., Deployment], architecture: str) -> None:
    deployment = deploy(architecture)
    requests = [
        (text, {"max_new_tokens": 30, **given}) for given in GIVEN for text in (PROMPT, "Call me", "The rabbit")
    ]
    alone = [deployment.texts(deployment.start(text, **given)) for text, given in requests]
    replies = [deployment.start(text, **given) for text, given in requests]
    assert [deployment.texts(reply) for reply in replies] == alone


def test_requests_take_turns_in_a_cache_that_does_not_hold_them_all(deploy: Callable[..., Deployment]) -> None:
    model = deploy("llama").model.model
    limits = continuous_batching.CacheLimits(cache_tokens=112, max_batch_tokens=32, max_batch_rows=8)
    deployment = deploy("llama")
    given: dict[str, Any] = {"max_new_tokens": 40, "eos_token_id": -1}
    texts = [f"{PROMPT} of {word}" for word in PROMPT.split()]
    expected = [deployment(text, **given) for text in texts]
    engine, deployment.model.continuous = (
        deployment.model.continuous,
        continuous_batching.ContinuousBatching.tried(model, limits),
    )
    try:
        assert deployment.model.continuous.capacity == 112
        replies = [deployment.start(text, **given) for text in texts]
        assert [deployment.texts(reply)[0][0] for reply in replies] == expected
    finally:
        deployment.model.continuous.close()
        deployment.model.continuous = engine


def test_without_a_seed_samples_differ(gpt2: Deployment) -> None:
    assert len({gpt2(PROMPT, do_sample=True, max_new_tokens=16) for _ in range(4)}) > 1


def test_the_pieces_of_a_stream_are_the_whole(gpt2: Deployment) -> None:
    changes: list[dict[str, Any]] = [{}, {"return_full_text": False}, {"clean_up_tokenization_spaces": False}, GIVEN[3]]
    for change in changes:
        given = {"max_new_tokens": 40, **change}
        pieces = gpt2.stream(PROMPT, **given)
        assert len(pieces) > 1
        assert "".join(pieces) == gpt2(PROMPT, **given)


def test_beams_are_one_answer_even_when_streamed(gpt2: Deployment) -> None:
    given: dict[str, Any] = {"num_beams": 3, "max_new_tokens": 10}
    assert gpt2.stream(PROMPT, **given) == [gpt2(PROMPT, **given)]
    (several,) = gpt2.texts(gpt2.start(PROMPT, **given, num_return_sequences=3))
    assert len(set(several)) == 3 and several[0] == gpt2(PROMPT, **given)


# Where generation ends.


def test_a_stop_string_ends_the_text_and_is_part_of_it(gpt2: Deployment) -> None:
    given: dict[str, Any] = {"max_new_tokens": 40, "return_full_text": False, "eos_token_id": -1}
    whole = gpt2(PROMPT, **given)
    string = whole[20:24]
    for same in (given, {**given, "do_sample": True, "top_k": 1}):
        stopped = gpt2(PROMPT, (string, "~~~"), **same)
        assert stopped == whole[: len(stopped)] and len(stopped) < len(whole)
        assert string in stopped and string not in stopped[:-8]
    assert "".join(gpt2.stream(PROMPT, (string,), **given)) == stopped


def test_a_checkpoint_has_stop_strings_of_its_own(gpt2: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {"max_new_tokens": 30, "return_full_text": False}
    whole = gpt2(PROMPT, **given)
    monkeypatch.setattr(gpt2.model.base, "stop_strings", whole[8:11])
    assert len(gpt2(PROMPT, **given)) < len(whole)
    assert gpt2(PROMPT, ("~~~",), **given) == whole


def test_stop_strings_end_beams(gpt2: Deployment) -> None:
    whole = gpt2(PROMPT, num_beams=3, max_new_tokens=30, return_full_text=False)
    string = whole[10:13]
    stopped = gpt2(PROMPT, (string,), num_beams=3, max_new_tokens=30, return_full_text=False)
    assert string in stopped and len(stopped) < len(whole)


def test_stop_sequence_ends_at_any_of_its_tokens(gpt2: Deployment) -> None:
    tokenizer = gpt2.preprocess.tokenizer
    ids = tokenizer.backend.encode(gpt2(PROMPT, max_new_tokens=30, return_full_text=False)).ids
    text = gpt2(PROMPT, max_new_tokens=30, return_full_text=False, stop_sequence=tokenizer.decode([ids[10]]))
    assert tokenizer.backend.encode(text).ids == ids[: ids.index(ids[10]) + 1]


@pytest.mark.parametrize(
    ("given", "seconds"), [({}, 3.0), ({"max_time": 2.0}, 2.0), ({"max_time": 9.0}, 3.0), ({"num_beams": 4}, 3.0)]
)
def test_time_ends_a_request_with_what_there_is(
    deploy: Callable[..., Deployment], monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], seconds: float
) -> None:
    """That of the request or of the deployment, counted from its arrival. A clock would tell the machine's speed: here
    time is up once there are tokens, or after some looks at beams, which have none before their end."""
    deployment = deploy("llama", max_seconds="3")
    deadlines = []

    def expired(request: GenerationRequest) -> bool:
        deadlines.append(request.deadline)
        return any(request.sequences) or ("num_beams" in given and len(deadlines) > 40)

    monkeypatch.setattr(generation_request, "time", SimpleNamespace(monotonic=lambda: 100.0))
    monkeypatch.setattr(GenerationRequest, "expired", property(expired))
    monkeypatch.setattr(continuous_batching, "CHECK_INTERVAL", 0.01)
    text = deployment(PROMPT, max_new_tokens=450, eos_token_id=-1, return_full_text=False, **given)
    assert 0 < len(deployment.preprocess.tokenizer.backend.encode(text).ids) < 440
    assert set(deadlines) == {100 + seconds}


@pytest.mark.parametrize("given", [{}, {"num_beams": 2}])
def test_a_caller_that_goes_away_frees_its_place(deploy: Callable[..., Deployment], given: dict[str, Any]) -> None:
    deployment = deploy("llama")
    reply = deployment.start(PROMPT, max_new_tokens=480, eos_token_id=-1, stream=True, **given)
    if not given:
        assert reply.answered.wait(SECONDS)
    reply.gone = True
    assert reply.ended.wait(SECONDS)
    assert isinstance(reply.error, Cancelled)
    assert len(reply.answers) < 480
    assert not deployment.model.open_requests
    assert deployment(PROMPT, max_new_tokens=5)
    assert not deployment.model.continuous._session.manager.batch_processor.scheduler.active_requests


@pytest.mark.parametrize(
    ("settings", "given", "message"),
    [
        ({"max_new_tokens_limit": "50"}, {"max_new_tokens": 51}, "generates 50 at most"),
        ({}, {"max_new_tokens": 120}, r"The prompt has \d+ tokens and 120 new ones .* together they may be 128"),
        ({}, {"max_length": 129}, "together they may be 128"),
        ({}, {"num_beams": 17}, "this deployment runs 16"),
        ({}, {"do_sample": True, "num_return_sequences": 17}, "this deployment runs 16"),
        ({}, {"do_sample": True, "num_return_sequences": 2, "stream": True}, "one sequence"),
        ({}, {"num_return_sequences": 2}, "num_return_sequences"),
        ({}, {"max_length": 3}, "no room"),
        ({}, {"eos_token_id": 100_000}, "tokens 0 to"),
    ],
)
def test_what_goes_beyond_the_bounds_is_refused(
    deploy: Callable[..., Deployment], settings: dict[str, str], given: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        deploy("gpt2", **settings).start(PROMPT, **given)


def test_a_prompt_beyond_the_positions_or_the_cache_is_refused(deploy: Callable[..., Deployment]) -> None:
    with pytest.raises(InvalidInput, match=r"The prompt has \d+ tokens; this deployment takes 127"):
        deploy("gpt2").start(PROMPT * 20)
    deployment = deploy("llama", cache_mib="1", max_new_tokens_limit="5000")
    with pytest.raises(InvalidInput, match="tokens; this deployment takes 512"):
        deployment.start(PROMPT * 60)
    with pytest.raises(InvalidInput, match="and 4,000 new ones are asked for; together they may be 2,7"):
        deployment.start(PROMPT * 30, max_new_tokens=4000)


def test_rotary_positions_go_on_beyond_those_trained(llama: Deployment) -> None:
    text = llama(PROMPT * 60, truncation="true", max_new_tokens=12, eos_token_id=-1, return_full_text=False)
    assert text


@pytest.mark.parametrize(
    "rotary",
    [
        {"rope_type": "dynamic", "factor": 4.0},
        {"rope_type": "longrope", "short_factor": [1.0] * 6, "long_factor": [3.0] * 6},
    ],
)
def test_a_long_text_does_not_change_the_positions_of_others(
    checkpoints: Path, tmp_path: Path, rotary: dict[str, Any]
) -> None:
    rotary = {**rotary, "original_max_position_embeddings": 32}
    settings = {"rope_scaling": rotary, "max_position_embeddings": 128 if "long_factor" in rotary else 32}
    folder = changed(checkpoints / "text_generation_llama", tmp_path / "checkpoint", **settings)
    deployment = Deployment(folder)
    try:
        texts = [PROMPT, PROMPT * 4, "Call me"]
        given: dict[str, Any] = {"max_new_tokens": 12, "eos_token_id": -1}
        fresh = Deployment(folder)
        alone = [fresh(text, **given) for text in texts]
        fresh.model.close()
        replies = [deployment.start(text, **given) for text in texts]
        assert [deployment.texts(reply)[0][0] for reply in replies] == alone
        assert deployment.model.continuous is not None
        assert deployment.model.static.common_length == 32
    finally:
        deployment.model.close()


@pytest.mark.parametrize(
    ("rotary", "positions"),
    [
        ({}, 512),
        ({"type": "linear", "factor": 2.0}, 1024),
        ({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 256}, 1024),
        ({"rope_type": "llama3", "factor": 8.0, "original_max_position_embeddings": 256}, 512),
    ],
)
def test_stretched_positions_count(rotary: dict[str, Any], positions: int) -> None:
    assert max_tokens({"max_position_embeddings": 512, "rope_scaling": rotary}, {}) == positions


def test_tokens_of_the_tokenizer_that_the_model_lacks_are_refused(
    gpt2: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpt2.preprocess.tokenizer, "backend", Tokens([5, 1000]))
    with pytest.raises(InvalidInput, match="has the token 1,000, which the checkpoint's tokenizer knows"):
        gpt2.start("x")


class Tokens:
    """A tokenizer that finds the same tokens in every text."""

    def __init__(self, ids: list[int]) -> None:
        self.ids = ids

    def encode(self, text: str, add_special_tokens: bool) -> Tokens:
        return self


def test_settings_that_generate_refuses_are_the_callers_mistake(
    gpt2: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise ValueError("cannot use beam search")

    monkeypatch.setattr(static_batching, "generate", refuse)
    with pytest.raises(InvalidInput, match="cannot use beam search"):
        gpt2(PROMPT, num_beams=2)


def test_a_checkpoints_max_new_tokens_go_before_a_requests_max_length(
    gpt2: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpt2.model.base, "max_new_tokens", 5000)
    assert gpt2(PROMPT, max_length=20, eos_token_id=-1) == gpt2(PROMPT, eos_token_id=-1)


def test_the_checkpoints_own_length_is_cut_to_the_bounds(deploy: Callable[..., Deployment]) -> None:
    deployment = deploy("gpt2", max_new_tokens_limit="6")
    text = deployment(PROMPT, return_full_text=False, eos_token_id=-1)  # 20 new tokens, were it not for the limit
    assert len(deployment.preprocess.tokenizer.backend.encode(text).ids) <= 6


@pytest.mark.parametrize("stop", [("",), ("x" * 257,), ("x",) * 17])
def test_stop_strings_are_bounded(gpt2: Deployment, stop: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput, match="up to 16 strings, of 1 to 256 bytes each"):
        gpt2.start(PROMPT, stop)


def test_more_requests_than_may_wait_are_refused(deploy: Callable[..., Deployment]) -> None:
    deployment = deploy("llama", max_requests="2")
    replies = [deployment.start(PROMPT, max_new_tokens=200, eos_token_id=-1) for _ in range(2)]
    with pytest.raises(Unavailable, match="max_requests"):
        deployment.start(PROMPT)
    for reply in replies:
        deployment.texts(reply)
    assert deployment(PROMPT)


# One bad request.


class Broken(LogitsProcessor):
    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        raise RuntimeError("broken")


def test_rows_share_processors_where_all_that_these_do_is_the_same(llama: Deployment) -> None:
    def settings(**given: Any) -> Any:
        request = llama.model.generation_request(Request(prompt(llama, PROMPT), PARAMETERS.parse(given)), Any)
        return continuous_batching.row(llama.model.model, request, 0).settings

    plain = {"do_sample": True, "temperature": 0.5}
    assert settings(**plain) == settings(**plain, seed=3, max_new_tokens=9) is not None
    others = ({"top_p": 0.5}, {"min_p": 0.1}, {"remove_invalid_values": True}, {"renormalize_logits": True})
    assert all(settings(**plain, **other) != settings(**plain) for other in others)
    assert settings(repetition_penalty=1.5) is None


def test_a_request_whose_processors_fail_fails_alone(llama: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {"max_new_tokens": 40, "eos_token_id": -1}
    expected = llama(PROMPT, **given)
    good = [llama.start(PROMPT, **given) for _ in range(3)]
    with monkeypatch.context() as patch:
        patch.setattr(continuous_batching, "logits_processors", lambda *_: LogitsProcessorList([Broken()]))
        bad = llama.start(PROMPT, **given)
    good += [llama.start(PROMPT, **given)]
    with pytest.raises(RuntimeError, match="broken"):
        llama.texts(bad)
    assert [llama.texts(reply) for reply in good] == [[[expected]]] * 4


def test_a_request_whose_tokens_cannot_be_taken_fails_alone(llama: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that hands tokens out serves everybody."""
    given: dict[str, Any] = {"max_new_tokens": 20, "eos_token_id": -1}
    expected = llama(PROMPT, **given)

    def broken(*_: Any) -> bool:
        raise RuntimeError("broken")

    good = llama.start(PROMPT, **given)
    with monkeypatch.context() as patch:
        patch.setattr(StopStrings, "completed_by_last", broken)
        with pytest.raises(RuntimeError, match="broken"):
            llama.texts(llama.start(PROMPT, stop=("x",), **given))
    assert [llama.texts(reply) for reply in (good, llama.start(PROMPT, **given))] == [[[expected]]] * 2


def test_when_the_managers_thread_dies_its_requests_fail_and_the_next_ones_work(
    deploy: Callable[..., Deployment], monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = deploy("gpt2", max_requests="100")
    given: dict[str, Any] = {"max_new_tokens": 20, "eos_token_id": -1}
    expected = deployment(PROMPT, **given)
    assert deployment.model.continuous is not None

    all_there = threading.Event()

    def die(*_: Any) -> None:
        all_there.wait(SECONDS)  # who comes later finds a new thread
        raise RuntimeError("out of memory")

    manager = deployment.model.continuous._session.manager
    processor = manager.batch_processor
    monkeypatch.setattr(processor, "_generation_step", die)
    replies = [deployment.start(PROMPT, **given) for _ in range(3)]
    all_there.set()
    for reply in replies:
        with pytest.raises(RuntimeError, match=r"out of memory|ended|restarted"):
            deployment.texts(reply)
    assert deployment(PROMPT, **given) == expected
    assert not deployment.model.open_requests
    assert manager.batch_processor is None  # and with it the cache, while the next one was made


def test_unloading_ends_what_runs(checkpoints: Path) -> None:
    deployment = Deployment(checkpoints / "text_generation_llama")
    replies = [deployment.start(PROMPT, max_new_tokens=450, eos_token_id=-1, num_beams=beams) for beams in (1, 2)]
    deployment.model.close()
    assert all(reply.ended.wait(SECONDS) for reply in replies)
