"""Request parameters: defaults, conversions, and errors that say what is valid."""

import pytest

from python_backend.parameters import Bool, Choice, Float, Int, InvalidInput, Parameters, Text

PARAMETERS = Parameters(
    Int("top_k", default=5, minimum=1, nullable=True),
    Float("threshold", default=0.5, minimum=0, maximum=1),
    Bool("multi_label", default=False),
    Text("template", default="This is {}."),
    Choice("strategy", default="none", choices=("none", "simple")),
    Choice("truncation", default="false", choices=("false", "true")),
    Int("stride"),
)


def test_defaults_stand_for_what_is_not_given() -> None:
    assert PARAMETERS.parse({}) == {
        "top_k": 5,
        "threshold": 0.5,
        "multi_label": False,
        "template": "This is {}.",
        "strategy": "none",
        "truncation": "false",
        "stride": None,
    }


@pytest.mark.parametrize(
    ("given", "parsed"),
    [
        ({"top_k": 2}, 2),
        ({"top_k": 2.0}, 2),
        ({"top_k": "null"}, None),
        ({"threshold": 1}, 1.0),
        ({"truncation": True}, "true"),
        ({"stride": "null"}, None),
        ({"strategy": "simple"}, "simple"),
    ],
)
def test_values_are_converted(given: dict[str, object], parsed: object) -> None:
    (name,) = given
    assert PARAMETERS.parse(given)[name] == parsed


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"top_k": 0}, 'Parameter "top_k" must be an integer of at least 1, or "null"; got 0.'),
        ({"top_k": True}, "must be an integer"),
        ({"top_k": 1.5}, "must be an integer"),
        ({"threshold": 1.5}, "must be a number from 0 to 1; got 1.5"),
        ({"threshold": float("nan")}, "must be a number"),
        ({"threshold": "null"}, "must be a number"),
        ({"multi_label": "yes"}, "must be true or false; got 'yes'"),
        ({"template": 3}, "must be a string"),
        ({"strategy": "max"}, 'must be one of "none", "simple"; got \'max\''),
        ({"topk": 1}, 'Unknown parameter "topk". Valid parameters: top_k, threshold, multi_label, template, strategy'),
    ],
)
def test_errors_name_what_is_valid(given: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        PARAMETERS.parse(given)
    assert message in str(error.value)


def test_a_huge_value_is_not_echoed() -> None:
    with pytest.raises(InvalidInput) as error:
        PARAMETERS.parse({"top_k": "x" * 10_000})
    assert len(str(error.value)) < 300
