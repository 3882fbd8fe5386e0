"""Beam search that ends when 4.48 ends it, against beam search written out plainly."""

import copy
from itertools import product
from typing import Any

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from python_backend.beam_search import end_as_before

END, VOCABULARY, MOST = 0, 5, 16


def search(model: GPT2LMHeadModel, prompt: list[int], beams: int, penalty: float, early: bool) -> list[int]:
    """The best sequence by BeamSearchScorer of 4.48, one token at a time."""
    running = [(0.0, prompt)]
    finished: list[tuple[float, list[int]]] = []
    for length in range(1, MOST + 1):
        candidates = []
        for score, ids in running:
            scores = model(torch.tensor([ids])).logits[0, -1].log_softmax(-1)
            candidates += [(score + float(scores[token]), [*ids, token]) for token in range(VOCABULARY)]
        candidates = sorted(candidates, reverse=True)[: 2 * beams]
        running = []
        for rank, (score, ids) in enumerate(candidates):
            if ids[-1] != END:
                running.append((score, ids))
            elif rank < beams:
                finished.append((score / length**penalty, ids))
                finished = sorted(finished, reverse=True)[:beams]
            if len(running) == beams:
                break
        if len(finished) == beams and (early or finished[-1][0] >= candidates[0][0] / length**penalty):
            break
    else:
        finished += [(score / MOST**penalty, ids) for score, ids in running]
    return max(finished)[1]


@pytest.fixture(scope="module")
def model() -> GPT2LMHeadModel:
    """Ends often: its one constant feature speaks for the end of the sequence."""
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"vocab_size": VOCABULARY, "n_embd": 16, "n_layer": 1, "n_head": 2}
    config = GPT2Config(**sizes, initializer_range=0.6, bos_token_id=1, eos_token_id=END, tie_word_embeddings=False)
    model = GPT2LMHeadModel(config).eval().requires_grad_(False)
    model.transformer.ln_f.bias[0] = 1
    model.lm_head.weight[:, 0] = 0
    model.lm_head.weight[END, 0] = 1
    return model


@pytest.fixture(scope="module")
def mended(model: GPT2LMHeadModel) -> GPT2LMHeadModel:
    mended = copy.deepcopy(model)
    end_as_before(mended)
    return mended


def best(model: Any, prompts: list[list[int]], **settings: Any) -> list[list[int]]:
    """What generate() answers, without padding and end."""
    rows = model.generate(torch.tensor(prompts), max_new_tokens=MOST, pad_token_id=END, do_sample=False, **settings)
    return [[token for token in row if token != END] for row in rows.tolist()]


CASES = list(product([[1], [2], [3], [4], [1, 3], [4, 2]], (2, 3), (0.5, 1.0, 2.0), (False, True)))


def test_beam_search_ends_as_in_4_48(model: GPT2LMHeadModel, mended: GPT2LMHeadModel) -> None:
    ends_otherwise = 0
    for prompt, beams, penalty, early in CASES:
        expected = [token for token in search(model, prompt, beams, penalty, early) if token != END]
        settings = {"num_beams": beams, "length_penalty": penalty, "early_stopping": early}
        assert best(mended, [prompt], **settings) == [expected]
        ends_otherwise += best(model, [prompt], **settings) != [expected]
    assert ends_otherwise, "transformers ends beam search like this by itself: beam_search.py is no longer needed"


def test_rows_of_a_batch_end_on_their_own(mended: GPT2LMHeadModel) -> None:
    prompts = [[3, 2], [1, 1], [1, 4], [2, 2]]
    assert best(mended, prompts, num_beams=3) == [best(mended, [prompt], num_beams=3)[0] for prompt in prompts]
