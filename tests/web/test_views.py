"""What the oracle answered to each case of each task can be shown, and is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import gradio
import numpy as np
import pytest
from PIL import Image

from tests.parity import golden
from triton_pipelines import tasks
from triton_pipelines.web import components
from triton_pipelines.web.forms import form_of
from triton_pipelines.web.tabs import asking
from triton_pipelines.web.views import Asked, Bars, Heard, Highlighted, Marked, Rows, Shown, View, Words, views

from .test_forms import filled

SCENE = str(Path(__file__).parents[1] / "data/scene.png")
PART = {"masks": Marked, "mask": Marked, "box": Marked, "audio": Heard, "depth": Shown}
"""The view that a part of a result has to get."""


class Answering:
    """Stands for a pipeline: gives a result, and keeps what it was called with."""

    def __init__(self, result: Any) -> None:
        self.result = result

    def __call__(self, **arguments: Any) -> Any:
        self.arguments = arguments
        return self.result


def answers(task: str) -> Iterator[Any]:
    for answer in golden.read(task.replace("-", "_"))["answers"].values():
        if "answer" in answer:
            yield answer["answer"]


def texts(result: Any) -> Iterator[str]:
    """The texts of a result."""
    if isinstance(result, str):
        yield result
    elif isinstance(result, Mapping):
        for name, value in result.items():
            yield from texts(value) if name not in ("rle_mask", "sequence") else ()
    elif isinstance(result, (list, tuple)):
        for each in result:
            yield from texts(each)


def _is_empty(part: Any) -> bool:
    return isinstance(part, list) and not part


def written(shown: list[View]) -> str:
    """All that views have to read."""
    parts: list[str] = []
    for view in shown:
        match view:
            case Words(text):
                parts.append(text)
            case Rows(_, rows):
                parts += [cell for row in rows for cell in row]
            case Bars(scores):
                parts += [label for label, _ in scores]
            case Marked(_, marks):
                parts += [label for _, label in marks]
            case Highlighted(pieces):
                parts += [part or "" for piece in pieces for part in piece]
    return "\n".join(parts)


@pytest.mark.parametrize("task", tasks.TASKS)
def test_all_that_is_answered_is_shown(task: str) -> None:
    found = list(answers(task))
    assert found
    for result in found:
        shown = views(result, Asked(picture=SCENE, text="Ada lives in London. " * 9))
        assert shown
        page = written(shown)
        for text in texts(result):
            assert text in page
        kinds = {type(view) for view in shown}
        records = [each for each in (result if isinstance(result, list) else [result]) if isinstance(each, Mapping)]
        assert kinds >= {
            PART[part] for record in records for part in PART.keys() & record if not _is_empty(record[part])
        }


@pytest.mark.parametrize("task", tasks.TASKS)
def test_a_tab_asks_and_shows(task: str) -> None:
    form = form_of(tasks.TASKS[task])
    result = next(answers(task))
    run = Answering(result)
    values = filled(form)
    shown = asking(form, run, values)  # type: ignore[arg-type]
    assert set(run.arguments) >= {field.name for field in form.inputs}
    with gradio.Blocks() as blocks:
        for view in shown:
            components.show(view)
    assert sum(isinstance(each, gradio.components.Component) for each in blocks.blocks.values()) == len(shown)


def test_bars_are_for_shares_alone() -> None:
    (bars,) = views([{"label": "a", "score": 0.25}, {"label": "b", "score": 0.75}], Asked())
    assert bars == Bars([("a", 0.25), ("b", 0.75)])
    (rows,) = views([{"label": "a", "score": 3.5}, {"label": "b", "score": -1.0}], Asked())
    assert rows == Rows(["label", "score"], [["a", "3.5"], ["b", "-1"]])
    (table,) = views({"sequence": "s", "labels": ["a"], "scores": [0.5]}, Asked())
    assert table == Bars([("a", 0.5)])


def test_entities_and_answers_are_marked_in_their_text() -> None:
    entities = [
        {"entity_group": "PER", "score": 0.9, "word": "Ada", "start": 0, "end": 3},
        {"entity_group": "LOC", "score": 0.8, "word": "London", "start": 13, "end": 19},
        {"entity_group": "LOC", "score": 0.1, "word": "Lond", "start": 13, "end": 17},
    ]
    highlighted, table = views(entities, Asked(text="Ada lives in London."))
    assert highlighted == Highlighted(
        [("", None), ("Ada", "PER"), (" lives in ", None), ("Lond", "LOC"), ("on.", None)]
    )
    assert isinstance(table, Rows) and len(table.rows) == 3
    answer = {"score": 0.9, "start": 13, "end": 19, "answer": "London"}
    assert views(answer, Asked(text="Ada lives in London."))[0] == Highlighted(
        [("Ada lives in ", None), ("London", "answer"), (".", None)]
    )


def test_boxes_and_masks_lie_over_the_picture() -> None:
    box = {"label": "cat", "score": 0.5, "box": {"xmin": 1, "ymin": 2, "xmax": 3, "ymax": 4}}
    marked, table = views([box], Asked(picture=SCENE))
    assert isinstance(marked, Marked) and marked.marks == [((1, 2, 3, 4), "cat (0.50)")]
    assert table == Rows(["label", "score", "box"], [["cat", "0.5", "xmin 1, ymin 2, xmax 3, ymax 4"]])
    mask = Image.fromarray(np.array([[0, 255]], np.uint8))
    (marked, *_) = views([{"label": "sky", "score": None, "mask": mask}], Asked(picture=SCENE))
    assert isinstance(marked, Marked) and marked.marks[0][0].tolist() == [[False, True]]


def test_nothing_is_said_in_words() -> None:
    assert views([], Asked()) == [Words("Nothing was found.", "Result")]
    assert views({"masks": [], "scores": []}, Asked(picture=SCENE)) == [Words("Nothing was found.", "Result")]
