"""Labelled tokens to entities: the aggregation strategies of TokenClassificationPipeline.

Labels may say where an entity begins, "B-PER", and goes on, "I-PER"; others go on from the token before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

STRATEGIES = ("none", "simple", "first", "average", "max")

Join = Callable[[list[str]], str]
"""Tokens to text: the decoder of a tokenizer."""


class Token(NamedTuple):
    """A token of the text and its scores, one a label."""

    position: int
    """Among the tokens of its row."""
    word: str
    start: int
    end: int
    is_subword: bool
    scores: np.ndarray
    label: int
    """The best one."""
    score: float
    """Of the best label."""


class Entity(NamedTuple):
    """What is said of a token, or of several together; these have the position -1."""

    label: str
    score: float
    position: int
    word: str
    start: int
    end: int


def aggregate(tokens: Sequence[Token], strategy: str, labels: Sequence[str], join: Join) -> list[Entity]:
    """Entities of tokens in order of the text, by one of STRATEGIES (`aggregate`)."""
    if strategy in ("none", "simple"):
        entities = [Entity(labels[t.label], t.score, t.position, t.word, t.start, t.end) for t in tokens]
    else:
        entities = [word(parts, strategy, labels, join) for parts in words(tokens)]
    return entities if strategy == "none" else [merged(group, join) for group in groups(entities)]


def words(tokens: Sequence[Token]) -> list[list[Token]]:
    """The tokens of each word (`aggregate_words`)."""
    starts = [at for at, token in enumerate(tokens) if at == 0 or not token.is_subword]
    return [list(tokens[start:end]) for start, end in pairwise([*starts, len(tokens)])]


def word(tokens: Sequence[Token], strategy: str, labels: Sequence[str], join: Join) -> Entity:
    """One label for a word: that of its first token, of its surest, or of the average (`aggregate_word`)."""
    if strategy == "average":
        scores = np.mean([token.scores for token in tokens], axis=0)
        label, score = int(scores.argmax()), float(scores.max())
    else:
        chosen = tokens[0] if strategy == "first" else max(tokens, key=lambda token: token.score)
        label, score = chosen.label, chosen.score
    return Entity(labels[label], score, -1, join([token.word for token in tokens]), tokens[0].start, tokens[-1].end)


def groups(entities: Sequence[Entity]) -> list[list[Entity]]:
    """Neighbours that belong together: of one tag, up to where the next begins (`group_entities`)."""
    found: list[list[Entity]] = []
    for entity in entities:
        begins, tag = tag_of(entity.label)
        if found and not begins and tag == tag_of(found[-1][-1].label)[1]:
            found[-1].append(entity)
        else:
            found.append([entity])
    return found


def tag_of(label: str) -> tuple[bool, str]:
    """Whether the label begins an entity, and the entity's tag (`get_tag`)."""
    return label.startswith("B-"), label[2:] if label.startswith(("B-", "I-")) else label


def merged(group: Sequence[Entity], join: Join) -> Entity:
    """Neighbours as one entity with their mean score (`group_sub_entities`)."""
    score = float(np.mean([entity.score for entity in group]))
    text = join([entity.word for entity in group])
    return Entity(group[0].label.split("-", 1)[-1], score, -1, text, group[0].start, group[-1].end)


def without_overlaps(entities: Sequence[Entity]) -> list[Entity]:
    """Of entities that overlap, as those of overlapping chunks do, the longest; of equally long ones the surest
    (`aggregate_overlapping_entities`)."""
    if not entities:
        return []
    ordered = sorted(entities, key=lambda entity: entity.start)
    kept, best = [], ordered[0]
    for entity in ordered:
        if best.start <= entity.start < best.end:
            best = max(best, entity, key=lambda e: (e.end - e.start, e.score))
        else:
            kept.append(best)
            best = entity
    return [*kept, best]
