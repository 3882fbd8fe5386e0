"""scripts/fetch.py: each checkpoint once, a new one when something changed, several processes in turn."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fetch
from repository import deployments, has_weights, models, read_record

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("fill-mask", ("fill_mask", "fill_mask", None, None)),
        ("fill-mask=me/mine@v1.2", ("fill_mask", "fill_mask", "me/mine", "v1.2")),
        ("reviews:text-classification=/data/mine", ("reviews", "text_classification", "/data/mine", None)),
    ],
)
def test_entries(text: str, entry: tuple[str | None, ...]) -> None:
    assert tuple(fetch.Entry.parse(text)) == entry


@pytest.mark.parametrize("text", ["", "a:b:c", "fill-mask=", "fill-mask@v1", "fill-mask=a@b@c", ":fill-mask"])
def test_no_entries(text: str) -> None:
    with pytest.raises(SystemExit):
        fetch.main([text, "--repository", "unused"])


def test_life_of_a_volume(checkpoints: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = checkpoints / "text_classification_bert", checkpoints / "text_classification_roberta"
    repository = tmp_path / "models"

    def run(*entries: str, prune: bool = False) -> str:
        assert fetch.main([*entries, "--repository", str(repository), *(["--prune"] if prune else [])]) == 0
        return capsys.readouterr().out

    both = (f"text-classification={first}", f"reviews:text-classification={second}")
    assert run(*both).count("Installed ") == 2
    assert deployments(repository) == ["reviews", "text_classification"]
    assert run(*both) == "text_classification is installed.\nreviews is installed.\n"

    # Another checkpoint under the same name.
    assert "Installed" in run(f"reviews:text-classification={first}")
    assert read_record(repository, "reviews")["checkpoint"] == str(first)

    # Another release of this project has other configurations.
    asked = repository / "reviews_model/1/asked.json"
    asked.write_text(json.dumps([str(first), None, "another release"]))
    config = repository / "reviews_model/config.pbtxt"
    config.write_text("of another release")
    assert "Installed" in run(f"reviews:text-classification={first}")
    assert 'name: "reviews_model"' in config.read_text()

    # What is no longer named goes, but nothing that was put there by other means.
    (repository / "own").mkdir()
    (repository / "own/config.pbtxt").write_text('name: "own" platform: "ensemble"')
    assert "Removed text_classification" in run(f"reviews:text-classification={first}", prune=True)
    assert deployments(repository) == ["own", "reviews"]


def test_a_removal_that_broke_off_is_finished(checkpoints: Path, tmp_path: Path) -> None:
    entry = f"reviews:text-classification={checkpoints / 'text_classification_bert'}"
    call = ["--repository", str(tmp_path)]
    assert fetch.main([entry, *call]) == 0
    shutil.rmtree(tmp_path / "reviews")
    assert not fetch.is_installed(tmp_path, fetch.Entry.parse(entry))
    assert fetch.main([entry, *call]) == 0
    assert deployments(tmp_path) == ["reviews"]
    shutil.rmtree(tmp_path / "reviews")
    other = f"text-classification={checkpoints / 'text_classification_bert'}"
    assert fetch.main([other, *call, "--prune"]) == 0
    assert not list(tmp_path.glob("reviews*"))


def test_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fetch.main(["fill-mask=/nowhere", "--repository", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("fetch.py: '/nowhere' is neither a folder nor")
    assert fetch.main(["no-task", "--repository", str(tmp_path)]) == 1
    assert "no task 'no-task'" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        fetch.main(["fill-mask", "fill-mask", "--repository", str(tmp_path)])


def test_several_take_turns(checkpoints: Path, tmp_path: Path) -> None:
    """As init containers of several pods do on one volume."""
    command = [
        sys.executable,
        str(ROOT / "scripts/fetch.py"),
        f"text-classification={checkpoints / 'text_classification_bert'}",
        "--repository",
        str(tmp_path),
    ]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted("Installed" in text for text in told) == [False, True]
    assert has_weights(tmp_path, "text_classification")


def test_what_it_installs_by_default_is_named_in_the_configuration() -> None:
    assert fetch.wanted(fetch.Entry.parse("fill-mask")) == ("distilbert/distilroberta-base", "fb53ab8")
    assert fetch.wanted(fetch.Entry.parse("fill-mask=me/mine")) == ("me/mine", None)


def test_a_branch_is_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record has the commit that the branch was then."""

    def install(task: str, *, checkpoint: str, revision: str | None, name: str, repository: Path) -> str:
        for model in models(name):
            (repository / model / "1").mkdir(parents=True)
        folder = repository / f"{name}_model" / "1"
        (folder / "model.safetensors").touch()
        record = {"task": task, "checkpoint": checkpoint, "revision": "0123abc"}
        (folder / "installed.json").write_text(json.dumps(record))
        calls.append(revision)
        return "Installed\n"

    calls: list[str | None] = []
    monkeypatch.setattr(fetch, "install", install)
    for _ in range(2):
        assert fetch.main(["fill-mask=me/mine@main", "--repository", str(tmp_path)]) == 0
    assert calls == ["main"]
    entry = fetch.Entry.parse("fill-mask=me/mine@0123")
    (tmp_path / "fill_mask_model/1/asked.json").unlink()  # as install.py leaves it
    assert fetch.is_installed(tmp_path, entry)
    assert not fetch.is_installed(tmp_path, entry._replace(revision="9999"))
