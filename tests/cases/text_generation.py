"""Cases of text-generation. Sampling is not compared: each runtime draws its own numbers."""

from typing import Any

from tests.cases import REFUSED_TOO, Case, Generator
from tests.cases.texts import GETTYSBURG, SHORT, SPACES

GPT2 = "text_generation_gpt2"
LLAMA = "text_generation_llama"
MISTRAL = "text_generation_mistral"
ALL = {"gpt2": GPT2, "llama": LLAMA, "mistral": MISTRAL}
PROMPT = "Alice was beginning to get very tired"
MARKS = "of sitting by her"
UNICODE = "Élodie\u2019s café — 東京 👩\u200d🚀 for 5 €"
FEW = {"max_new_tokens": 12}
NEW = {**FEW, "return_full_text": False}
CHAT = [
    {"role": "system", "content": "You are a rabbit."},
    {"role": "user", "content": "What did you take out of your waistcoat-pocket?"},
]
PREFILL = [*CHAT, {"role": "assistant", "content": "It was a watch, and"}]


def mend(pipeline: Any, case: Case) -> dict[str, Any]:
    """`stop_strings` asks for the tokenizer, which the pipeline of 4.48.1 has and does not pass on."""
    return {"tokenizer": pipeline.tokenizer} if "stop_strings" in case.parameters else {}


CASES = [
    *(Case(f"{name}_one", checkpoint, PROMPT, FEW) for name, checkpoint in ALL.items()),
    *(
        Case(f"{name}_long", checkpoint, PROMPT, {"max_new_tokens": 60, "return_full_text": False})
        for name, checkpoint in ALL.items()
    ),
    *(Case(f"{name}_list", checkpoint, [PROMPT, "Call me", GETTYSBURG], NEW) for name, checkpoint in ALL.items()),
    *(Case(f"{name}_unicode", checkpoint, UNICODE, FEW) for name, checkpoint in ALL.items()),
    *(
        Case(f"{name}_default_length", checkpoint, "Call me", note="no length given: 20 new tokens")
        for name, checkpoint in ALL.items()
    ),
    *(
        Case(
            f"{name}_spaces",
            checkpoint,
            SPACES + " Do n't you know ?",
            FEW,
            note="the prompt comes back as it was, whatever its tokens decode to",
        )
        for name, checkpoint in ALL.items()
    ),
    *(Case(f"{name}_beams", checkpoint, PROMPT, {**NEW, "num_beams": 3}) for name, checkpoint in ALL.items()),
    Case("list_of_one", GPT2, [PROMPT], FEW),
    Case("generator", GPT2, Generator((PROMPT, "Call me")), NEW),
    Case("batch_size", LLAMA, [PROMPT, SHORT, "Call me"], {**NEW, "batch_size": 1}),
    Case("full_text", GPT2, PROMPT, {**FEW, "return_full_text": True}),
    Case("new_text", GPT2, PROMPT, NEW),
    Case("new_text_of_constructor", GPT2, PROMPT, init=NEW),
    Case("return_text", GPT2, PROMPT, {**FEW, "return_text": True}),
    Case(
        "return_tensors",
        GPT2,
        PROMPT,
        {**FEW, "return_tensors": True},
        refused="token ids",
        note="the oracle gives token ids; the served task gives text alone",
    ),
    Case(
        "return_text_and_full_text",
        GPT2,
        PROMPT,
        {**FEW, "return_text": True, "return_full_text": False},
        refused="return_text",
        note=REFUSED_TOO,
    ),
    Case("spaces_cleaned_up", GPT2, MARKS, {**NEW, "max_new_tokens": 24}, note='spaces before marks go, as " !" here'),
    Case("spaces_kept", GPT2, MARKS, {**NEW, "max_new_tokens": 24, "clean_up_tokenization_spaces": False}),
    Case(
        "spaces_of_prompt",
        GPT2,
        "Call me Ishmael . Do n't you know ?",
        NEW,
        note="the new text begins where the cleaned-up prompt ends",
    ),
    Case("prefix", GPT2, PROMPT, {**FEW, "prefix": "Once upon a time "}, note="the prefix is part of the full text"),
    Case("prefix_new_text", LLAMA, PROMPT, {**NEW, "prefix": "Once upon a time "}),
    Case(
        "prefix_max_length",
        GPT2,
        "Call me",
        {"max_length": 16, "prefix": "Once upon a time "},
        note="max_length does not count the prefix",
    ),
    Case("max_length", GPT2, PROMPT, {"max_length": 24}),
    Case("max_length_below_prompt", GPT2, GETTYSBURG, {"max_length": 10}, refused="max_length", note=REFUSED_TOO),
    Case("min_new_tokens", LLAMA, "Four score", {"max_new_tokens": 16, "min_new_tokens": 14}),
    Case("ends_early", LLAMA, "Four score", {"max_new_tokens": 40}, note="stops at a token that ends a text"),
    Case(
        "truncation",
        LLAMA,
        GETTYSBURG * 12,
        {"truncation": True, **NEW},
        note="cut on the right to what the model takes",
    ),
    Case(
        "truncation_max_length",
        GPT2,
        GETTYSBURG,
        {"truncation": True, "max_length": 24},
        refused="max_length",
        note="max_length is both the prompt's and the whole's, nothing is left to say: " + REFUSED_TOO,
    ),
    Case(
        "hole",
        GPT2,
        GETTYSBURG * 4,
        {"handle_long_generation": "hole", "max_new_tokens": 20, "return_full_text": False},
    ),
    Case(
        "hole_too_large",
        GPT2,
        GETTYSBURG,
        {"handle_long_generation": "hole", "max_new_tokens": 200},
        refused="hole|max_new_tokens",
        note=REFUSED_TOO,
    ),
    Case(
        "unknown_long_generation",
        GPT2,
        PROMPT,
        {"handle_long_generation": "cut"},
        refused="handle_long_generation",
        note=REFUSED_TOO,
    ),
    Case("add_special_tokens", LLAMA, PROMPT, {**FEW, "add_special_tokens": False}),
    Case(
        "stop_sequence",
        GPT2,
        PROMPT,
        {"max_new_tokens": 40, "stop_sequence": " again"},
        note="one token, which stays in the text",
    ),
    Case("stop_strings", LLAMA, PROMPT, {"max_new_tokens": 40, "stop_strings": ["dedicate"]}),
    Case("stop_strings_mistral", MISTRAL, PROMPT, {"max_new_tokens": 40, "stop_strings": [" have", "xyz"]}),
    Case("repetition_penalty", GPT2, PROMPT, {**NEW, "repetition_penalty": 1.8}),
    Case("no_repeat_ngram_size", GPT2, PROMPT, {"max_new_tokens": 30, "no_repeat_ngram_size": 1}),
    Case("eos_token_id", GPT2, PROMPT, {"max_new_tokens": 40, "eos_token_id": 70}),
    Case("greedy_said", GPT2, PROMPT, {**NEW, "do_sample": False, "num_beams": 1}),
    Case("num_return_sequences", GPT2, PROMPT, {**NEW, "num_beams": 4, "num_return_sequences": 3}),
    Case("num_return_sequences_list", MISTRAL, [PROMPT, "Call me"], {**NEW, "num_beams": 2, "num_return_sequences": 2}),
    Case("length_penalty", LLAMA, PROMPT, {**NEW, "num_beams": 3, "length_penalty": 3.0, "early_stopping": True}),
    Case(
        "return_sequences_without_beams",
        GPT2,
        PROMPT,
        {**NEW, "num_return_sequences": 2},
        refused="num_return_sequences|num_beams|do_sample",
        note=REFUSED_TOO,
    ),
    Case("empty_text", LLAMA, "", FEW, note="the token that begins a text is enough"),
    Case("empty_text_gpt2", GPT2, "", FEW, note="no token at all: generation begins with the token that begins a text"),
    Case(
        "special_tokens_in_text",
        LLAMA,
        "Alice<|eot_id|> ran",
        FEW,
        note="they are left out of the text that comes back",
    ),
    Case("unknown_parameter", GPT2, PROMPT, {"max_new_token": 5}, refused="max_new_token", note=REFUSED_TOO),
    Case("chat", LLAMA, CHAT, FEW),
    Case("chat_new_text", LLAMA, CHAT, NEW),
    Case("chats", LLAMA, [CHAT, CHAT[1:]], FEW),
    Case("chat_prefilled", LLAMA, PREFILL, FEW, note="the last message is the assistant's: it is continued"),
    Case("chat_prefilled_not_continued", LLAMA, PREFILL, {**FEW, "continue_final_message": False}),
    Case(
        "chat_continued", LLAMA, CHAT, {**FEW, "continue_final_message": True}, note="the user's message is continued"
    ),
    Case("chat_unicode", LLAMA, [{"role": "user", "content": UNICODE}], FEW),
    Case("chat_without_template", GPT2, CHAT, FEW, refused="chat", note=REFUSED_TOO),
]
