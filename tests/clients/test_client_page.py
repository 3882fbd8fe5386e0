"""The Python of docs/client.md, in its order, against a server that is made for it."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from triton_pipelines import factory
from triton_pipelines.testing import FakeTransport
from triton_pipelines.transport import Request

PAGE = (Path(__file__).parents[2] / "docs/client.md").read_text(encoding="utf-8")


def answer(request: Request) -> Any:
    if request.decoupled:
        return pieces() if request.parameters.get("stream") else {"GENERATED_TEXT": ["Ada."]}
    rows = len(request.tensors["TEXT"])
    return {"LABEL": [["POSITIVE", "NEGATIVE"]] * rows, "SCORE": np.full((rows, 2), 0.5, np.float32)}


def pieces() -> Iterator[Any]:
    yield from ({"GENERATED_TEXT": [piece]} for piece in (" there", " was"))


def test_every_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("reviews.csv").write_text("id,text\n1,I love it\n")
    Image.new("RGB", (2, 2)).save("cat.jpg")
    for name in ("connect", "connect_async"):
        monkeypatch.setattr(factory, name, lambda url, headers: FakeTransport(answer))
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
    assert len(blocks) == 6
    names: dict[str, Any] = {"__name__": "page"}
    for block in blocks:
        exec(compile(block, "docs/client.md", "exec"), names)
    printed = capsys.readouterr()
    assert "INVALID_ARG text-classification 1 text-classification, item 1: the text must be a string" in printed.out
    assert " there was" in printed.out
    assert "text-classification: 1, " in printed.err


def test_every_argument_is_told_of() -> None:
    for name in ("batch_size", "num_workers", "request_timeout", "retries", "shared_memory", "headers", "transport"):
        assert name in inspect.signature(factory.pipeline).parameters
        assert f"{name}=" in PAGE or f"`{name}`" in PAGE
