from typing import Any

import pytest

from tests.clients.fake import fake, floats, ints, sent, text
from triton_pipelines import InvalidInput
from triton_pipelines.transport import Request, Tensors


def tokens(request: Request) -> Tensors:
    """Two entities in a row, then none in every other row."""
    rows = len(request.tensors["TEXT"])
    return {
        "ENTITY": text(*[["B-PER", "B-LOC"]] * rows),
        "SCORE": floats(*[[0.5, 0.25]] * rows),
        "INDEX": ints(*[[1, 4]] * rows),
        "WORD": text(*[["Ada", "London"]] * rows),
        "START": ints(*[[0, -1]] * rows),
        "END": ints(*[[3, -1]] * rows),
        "COUNT": ints(*[[2 if row % 2 == 0 else 0] for row in range(rows)]),
    }


ADA = {"entity": "B-PER", "score": 0.5, "index": 1, "word": "Ada", "start": 0, "end": 3}
LONDON = {"entity": "B-LOC", "score": 0.25, "index": 4, "word": "London", "start": None, "end": None}


def test_tokens_have_an_index() -> None:
    tag, _ = fake("ner", tokens)
    result = tag("Ada in London")
    assert result == [ADA, LONDON]
    assert list(result[0]) == ["entity", "score", "index", "word", "start", "end"]
    assert type(result[0]["score"]) is float


def test_a_list_gives_a_list_of_lists_without_padding() -> None:
    tag, _ = fake("token-classification", tokens)
    assert tag(["a", "b", "c"]) == [[ADA, LONDON], [], [ADA, LONDON]]
    assert tag(["a"]) == [[ADA, LONDON]]


def test_groups_have_no_index() -> None:
    def groups(request: Request) -> Tensors:
        return {**tokens(request), "INDEX": ints([-1, -1])}

    tag, _ = fake("ner", groups, aggregation_strategy="simple")
    (group, _) = tag("Ada in London")
    assert group == {"entity_group": "B-PER", "score": 0.5, "word": "Ada", "start": 0, "end": 3}
    assert list(group) == ["entity_group", "score", "word", "start", "end"]


@pytest.mark.parametrize(
    ("labels", "tensor"), [(["O", "B-PER"], ["O", "B-PER"]), ([], [""]), (("O",), ["O"]), ("O", ["O"])]
)
def test_ignored_labels_are_a_tensor_of_every_row(labels: Any, tensor: list[str]) -> None:
    tag, transport = fake("ner", tokens)
    tag(["a", "b"], ignore_labels=labels)
    assert sent(transport.request, "IGNORE_LABELS") == [tensor, tensor]


def test_parameters() -> None:
    tag, transport = fake("ner", tokens, aggregation_strategy="MAX")
    tag("a", stride=8)
    assert transport.request.parameters == {"aggregation_strategy": "max", "stride": 8}
    assert "IGNORE_LABELS" not in transport.request.tensors


@pytest.mark.parametrize(
    ("arguments", "strategy"),
    [
        ({"grouped_entities": True}, "simple"),
        ({"grouped_entities": True, "ignore_subwords": True}, "first"),
        ({"ignore_subwords": True}, "none"),
    ],
)
def test_the_old_names_of_strategies_are_taken_with_a_warning(arguments: dict[str, Any], strategy: str) -> None:
    tag, transport = fake("ner", tokens)
    with pytest.warns(FutureWarning, match="aggregation_strategy"):
        tag("a", **arguments)
    assert transport.request.parameters == {"aggregation_strategy": strategy}


def test_refusals() -> None:
    tag, transport = fake("ner", tokens)
    with pytest.raises(InvalidInput, match="At least one input"):
        tag([])
    with pytest.raises(InvalidInput, match="offset_mapping"):
        tag("a", offset_mapping=[(0, 1)])
    assert not transport.requests
