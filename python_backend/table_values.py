"""Numbers and dates in a table and in a question about it, and how they compare. Follows TapasTokenizer of 4.48.

TAPAS sees of each cell its rank in its column, and whether it equals, or is less or more than, what the question names.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import TypeVar

Date = tuple[float | None, float | None, float | None]
"""Year, month and day; None where the text does not say."""
Value = float | Date
Key = Callable[[Value], float | tuple[float | None, ...]]
Answer = TypeVar("Answer")

EQUAL, LESS, GREATER = 1, 2, 4
"""How a value of the question stands to a cell's: bits of a relation."""

NUMBER = re.compile(r"((^|\s)[+-])?((\.\d+)|(\d+(,\d\d\d)*(\.\d*)?))")
SUFFIXES = ("st", "nd", "rd", "th")
WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve",
    "zeroth first second third fourth fith sixth seventh eighth ninth tenth eleventh twelfth",  # "fith": as there
)
NAMED = {word: float(number) for words in WORDS for number, word in enumerate(words.split())}

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
YEARS = range(1700, 2017)
PATTERNS = (
    "%B", "%Y", "%Ys", "%b %Y", "%B %Y", "%B %d", "%b %d", "%d %b", "%d %B", "%B %d, %Y", "%d %B %Y", "%m-%d-%Y",
    "%Y-%m-%d", "%Y-%m", "%d %b %Y", "%b %d, %Y", "%d.%m.%Y", "%A, %b %d", "%A, %B %d",
)  # fmt: skip
"""Of dates, for strptime; the first that fits counts."""
FIELDS = {"%A": r"\w+", "%B": r"\w+", "%Y": r"\d{4}", "%b": r"\w{3}", "%d": r"\d{1,2}", "%m": r"\d{1,2}"}
DATE_WORDS = 5
LONGEST_DATE = 40

ENOUGH = 0.7
"""The share of a column's cells that must have a number, or a date, for the column to have values."""
CACHED = 10_000
LONGEST_CACHED = 100
"""Characters of a text: a cell may be a whole page."""


def _regex(pattern: str) -> str:
    escaped = pattern.replace(".", r"\.").replace(" ", r"\s+")
    for field, regex in FIELDS.items():
        escaped = escaped.replace(field, regex)
    return escaped


LOOKS_LIKE = [(pattern, re.compile(_regex(pattern))) for pattern in PATTERNS]
ANY_DATE = re.compile("|".join(f"(?:{regex.pattern})" for _, regex in LOOKS_LIKE))


def cached(function: Callable[[str], Answer]) -> Callable[[str], Answer]:
    """A function of a text that remembers what it gave for the last CACHED texts, none of them long."""
    remembered = lru_cache(CACHED)(function)
    return lambda text: remembered(text) if len(text) <= LONGEST_CACHED else function(text)


@cached
def values(text: str) -> tuple[Value, ...]:
    """The numbers and dates of a text, in order; none that is a part of another."""
    text = " ".join(text.lower().split())
    found: dict[tuple[int, int], list[Value]] = {}
    for match in NUMBER.finditer(text):
        if (value := number(match[0])) is not None:
            found[match.span()] = [value]
    words = list(_words(text))
    for span in words:
        if span not in found:
            word = text[slice(*span)]
            given: list[Value] = [value for value in (number(word), NAMED.get(word)) if value is not None]
            if given:
                found[span] = given
    for last, (_, end) in enumerate(words):
        for start, _ in words[max(0, last + 1 - DATE_WORDS) : last + 1]:
            if (day := date(text[start:end])) is not None:
                found.setdefault((start, end), []).append(day)
    reached = 0
    kept: list[Value] = []
    for (_, end), those in sorted(found.items(), key=lambda item: (item[0][0], -item[0][1])):
        if end > reached:
            kept += those
            reached = end
    return tuple(kept)


def _words(text: str) -> Iterator[tuple[int, int]]:
    """Where letters and digits begin and end."""
    start = None
    for at, character in enumerate(text + " "):
        if character.isalnum():
            start = at if start is None else start
        elif start is not None:
            yield start, at
            start = None


def number(text: str) -> float | None:
    """ "1,234.5", "21st"; None for what is no number."""
    if text.endswith(SUFFIXES):
        text = text[:-2]
    try:
        value = float(text.replace(",", ""))
    except ValueError:
        return None
    return None if value != value or value == float("inf") else value


def date(text: str) -> Date | None:
    """ "7 february 1967", "1967", "may"; None for what is no date."""
    if not any(map(str.isdigit, text)):
        return (None, MONTHS.index(text) + 1.0, None) if text in MONTHS else None
    if len(text) > LONGEST_DATE or not ANY_DATE.fullmatch(text):
        return None
    for pattern, regex in LOOKS_LIKE:
        if not regex.fullmatch(text):
            continue
        try:
            day = datetime.strptime(text, pattern)
        except ValueError:
            continue
        if day.year in YEARS:
            return (
                float(day.year) if "%Y" in pattern else None,
                float(day.month) if re.search("%[Bbm]", pattern) else None,
                float(day.day) if "%d" in pattern else None,
            )
    return None


def column(cells: Sequence[str]) -> dict[int, Value]:
    """The value of each cell that has one, by its row: numbers or dates, whichever more cells have. None at all where
    too few have the same."""
    found = [values(cell) for cell in cells]
    counts = Counter(is_date for those in found for is_date in {isinstance(value, tuple) for value in those})
    most = max(counts.values(), default=0)
    if not counts or most < len(cells) * ENOUGH:
        return {}
    dates = counts[True] == most
    chosen = {row: [value for value in those if isinstance(value, tuple) == dates] for row, those in enumerate(found)}
    return {row: those[0] for row, those in chosen.items() if those}


def key(those: Iterable[Value]) -> Key | None:
    """What sorts values of one kind: dates by what all of them say. None where nothing does."""
    those = list(those)
    if not any(isinstance(value, tuple) for value in those):
        return lambda value: value
    dates = [value for value in those if isinstance(value, tuple)]
    common = [part for part in range(3) if all(day[part] is not None for day in dates)]
    if len(dates) < len(those) or not common:
        return None
    return lambda value: tuple(value[part] for part in common)  # type: ignore[index]


def ranks(those: dict[int, Value]) -> dict[int, tuple[int, int]]:
    """Of each row with a value its rank in its column, from 1 on: the smallest first, and the largest first."""
    by = key(those.values())
    if not those or by is None:
        return {}
    keys = {row: by(value) for row, value in those.items()}
    order = {each: rank for rank, each in enumerate(sorted(set(keys.values())))}
    return {row: (order[each] + 1, len(order) - order[each]) for row, each in keys.items()}


def relations(asked: Sequence[Value], those: dict[int, Value]) -> dict[int, int]:
    """Of each row with a value: how the question's values stand to it, EQUAL, LESS and GREATER together."""
    found: dict[int, int] = dict.fromkeys(those, 0)
    for value in asked:
        by = key([*those.values(), value])
        if by is None:
            continue
        mine = by(value)
        for row, other in those.items():
            its = by(other)
            found[row] |= EQUAL if mine == its else LESS if mine < its else GREATER  # type: ignore[operator]
    return found
