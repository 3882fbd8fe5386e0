"""Checkpoints into deployments: which files go where, what is refused and why, and that nothing is left half done."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import pytest
import transformers
from google.protobuf import text_format
from huggingface_hub import errors
from safetensors.numpy import load_file, save_file
from tritonclient.grpc import model_config_pb2

import install as installer
from install import install
from installing.architectures import ArchitectureError
from installing.config import mended
from installing.errors import InstallError
from installing.source import CheckpointError
from python_backend.checkpoint import model as load_model
from repository import has_weights
from tests.tokenizer_cases import WORDPIECE

TASK = "text_classification"
WEIGHTS = {"one": np.arange(6, dtype=np.float32).reshape(2, 3), "two": np.ones(4, np.float32)}
CONFIG = {"model_type": "bert", "architectures": ["BertForSequenceClassification"]}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A folder with all that a checkpoint has, but for its size."""
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    write_json(folder / "config.json", CONFIG)
    write_json(folder / "tokenizer.json", {"version": "1.0", "truncation": None, "padding": None, **WORDPIECE})
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "model_max_length": 512})
    for name in ("README.md", "vocab.txt", "training_args.bin", "model.onnx", "optimizer.pt", "modeling.py"):
        (folder / name).write_text("not to be installed")
    save_file(WEIGHTS, folder / "model.safetensors")
    return folder


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return tmp_path / "repository"


def write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def config(repository: Path, model: str) -> model_config_pb2.ModelConfig:
    text = (repository / model / "config.pbtxt").read_text(encoding="utf-8")
    return text_format.Parse(text, model_config_pb2.ModelConfig())


def model_folder(repository: Path, name: str = TASK) -> Path:
    return repository / f"{name}_model" / "1"


# What is installed.


def test_small_files_go_to_every_stage_and_weights_to_the_model(checkpoint: Path, repository: Path) -> None:
    install("text-classification", checkpoint=str(checkpoint), repository=repository)
    small = {"model.py", "config.json", "tokenizer.json", "tokenizer_config.json"}
    assert files(repository / f"{TASK}_preprocess/1") == files(repository / f"{TASK}_postprocess/1") == small
    assert files(model_folder(repository)) == small | {"model.safetensors", "installed.json"}
    np.testing.assert_array_equal(load_file(model_folder(repository) / "model.safetensors")["one"], WEIGHTS["one"])
    assert files(repository) == {TASK, f"{TASK}_preprocess", f"{TASK}_model", f"{TASK}_postprocess"}


def test_settings_of_other_types_are_written_in_those_that_transformers_takes(
    checkpoint: Path, repository: Path
) -> None:
    odd = {"initializer_range": 1, "pad_token_id": "0", "use_cache": None, "vocab_size": 99.0, "hidden_act": None}
    one_label = {"id2label": {"0": "toxic"}, "problem_type": "single_label_classification"}
    write_json(checkpoint / "config.json", {**CONFIG, **odd, **one_label})
    install(TASK, checkpoint=str(checkpoint), repository=repository)
    config = transformers.AutoConfig.from_pretrained(model_folder(repository))
    assert (config.initializer_range, config.pad_token_id, config.use_cache, config.vocab_size) == (1.0, 0, False, 99)
    assert (config.hidden_act, config.id2label, config.problem_type) == ("gelu", {0: "toxic"}, None)


def test_settings_of_configs_inside_are_too_and_others_stay_as_they_are() -> None:
    text = {"model_type": "clap_text_model", "initializer_factor": 1, "layer_norm_eps": "1e-12"}
    config = {"model_type": "clap", "text_config": text, "audio_config": {"patch_size": 4}, "mine": {"rate": 1}}
    expected = {**config, "text_config": {**text, "initializer_factor": 1.0, "layer_norm_eps": 1e-12}}
    assert repr(mended(config)) == repr(expected)
    unfit = {"model_type": "bert", "hidden_size": "large", "model_type_of_mine": None}
    assert mended(unfit) == unfit


def test_the_record_and_the_report_say_what_was_installed(checkpoint: Path, repository: Path) -> None:
    report = install(TASK, checkpoint=str(checkpoint), name="second", repository=repository)
    record = json.loads((model_folder(repository, "second") / "installed.json").read_text())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", record.pop("installed"))
    assert record == {
        "task": TASK,
        "checkpoint": str(checkpoint),
        "revision": None,
        "architecture": "BertForSequenceClassification",
        "trust_remote_code": False,
        "parameters": 10,
    }
    assert "BertForSequenceClassification, 10 parameters" in report
    assert f"python scripts/serve.py second --repository {repository}" in report


def test_another_name_renames_models_and_steps_and_nothing_else(checkpoint: Path, repository: Path) -> None:
    install(TASK, checkpoint=str(checkpoint), name="second", repository=repository)
    for suffix in ("", "_preprocess", "_model", "_postprocess"):
        original = (installer.REPOSITORY / f"{TASK}{suffix}/config.pbtxt").read_text()
        renamed = (repository / f"second{suffix}/config.pbtxt").read_text()
        assert renamed.replace('"second', f'"{TASK}') == original
        assert config(repository, f"second{suffix}").name == f"second{suffix}"
    steps = [step.model_name for step in config(repository, "second").ensemble_scheduling.step]
    assert steps == ["second_preprocess", "second_model", "second_postprocess"]


def test_a_tensor_that_is_named_like_the_task_keeps_its_name() -> None:
    tensors = '# a_b\ninput { name: "a_b_c" } input_map { key: "a_b" value: "a_b" } step { model_name:'
    renamed = installer.rename(f'name: "a_b" {tensors}"a_b_model" }}', "a_b", "x")
    assert renamed == f'name: "x" {tensors}"x_model" }}'


def test_installing_again_replaces_the_checkpoint_and_keeps_the_configuration(
    checkpoint: Path, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_json(checkpoint / "generation_config.json", {})
    install(TASK, checkpoint=str(checkpoint), repository=repository)
    tuned = repository / f"{TASK}_model/config.pbtxt"
    tuned.write_text(tuned.read_text() + "# tuned\n")
    (model_folder(repository) / "model.pt2").touch()
    (checkpoint / "generation_config.json").unlink()
    save_file({"other": np.zeros(3, np.float32)}, checkpoint / "model.safetensors")
    install(TASK, checkpoint=str(checkpoint), repository=repository)
    assert list(load_file(model_folder(repository) / "model.safetensors")) == ["other"]
    assert not {"generation_config.json", "model.pt2"} & files(model_folder(repository))
    assert "Removed model.pt2" in capsys.readouterr().out
    assert tuned.read_text().endswith("# tuned\n")


def test_the_folder_may_change_afterwards(checkpoint: Path, repository: Path) -> None:
    install(TASK, checkpoint=str(checkpoint), repository=repository)
    with (checkpoint / "model.safetensors").open("r+b") as file:
        file.truncate(3)
    assert "one" in load_file(model_folder(repository) / "model.safetensors")


@pytest.mark.parametrize("broken_at", ["place", "place_weights", "count_parameters"])
def test_an_installation_that_breaks_off_leaves_the_former_checkpoint(
    checkpoint: Path, repository: Path, monkeypatch: pytest.MonkeyPatch, broken_at: str
) -> None:
    install(TASK, checkpoint=str(checkpoint), repository=repository)
    before = {path: path.read_bytes() for path in repository.rglob("*") if path.is_file()}

    def breaks(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(installer, broken_at, breaks)
    with pytest.raises(KeyboardInterrupt):
        install(TASK, checkpoint=str(checkpoint), repository=repository)
    assert {path: path.read_bytes() for path in repository.rglob("*") if path.is_file()} == before


# How weights may be stored.


def sharded(folder: Path, name: str = "model-{:05}-of-00002.safetensors") -> None:
    shards = {key: name.format(number) for number, key in enumerate(WEIGHTS, 1)}
    for key, shard in shards.items():
        save_file({key: WEIGHTS[key]}, folder / shard)
    (folder / "model.safetensors").unlink()
    write_json(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": shards})


def pickled(folder: Path, content: Any = None) -> None:
    import torch

    tensors = {key: torch.from_numpy(value) for key, value in WEIGHTS.items()}
    tied = tensors | {"tied": tensors["one"], "turned": tensors["one"].T}
    torch.save(content or tied, folder / "pytorch_model.bin")


def test_weights_in_several_files(checkpoint: Path, repository: Path) -> None:
    sharded(checkpoint)
    report = install(TASK, checkpoint=str(checkpoint), repository=repository)
    assert "10 parameters" in report
    shards = {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"}
    assert shards <= files(model_folder(repository))
    assert not shards & files(repository / f"{TASK}_preprocess/1")


def test_a_missing_shard_is_named(checkpoint: Path, repository: Path) -> None:
    sharded(checkpoint)
    (checkpoint / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"incomplete: model-00002-of-00002\.safetensors is missing"):
        install(TASK, checkpoint=str(checkpoint), repository=repository)


@pytest.mark.parametrize("content", ["{", "{}"])
def test_a_damaged_index_is_named(checkpoint: Path, repository: Path, content: str) -> None:
    (checkpoint / "model.safetensors").unlink()
    (checkpoint / "model.safetensors.index.json").write_text(content)
    with pytest.raises(CheckpointError, match=r"model\.safetensors\.index\.json (is damaged|names no file)"):
        install(TASK, checkpoint=str(checkpoint), repository=repository)


def test_a_damaged_file_beside_the_weights_is_named(checkpoint: Path, repository: Path) -> None:
    (checkpoint / "preprocessor_config.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"preprocessor_config\.json is damaged"):
        install(TASK, checkpoint=str(checkpoint), repository=repository)


def test_folders_beside_the_versions_are_none(checkpoint: Path, repository: Path) -> None:
    install(TASK, checkpoint=str(checkpoint), repository=repository)
    for step in ("preprocess", "model", "postprocess"):
        (repository / f"{TASK}_{step}" / "1_before").mkdir()
    install(TASK, checkpoint=str(checkpoint), repository=repository)
    assert has_weights(repository, TASK)


def test_an_index_cannot_reach_outside_of_the_checkpoint(checkpoint: Path, repository: Path) -> None:
    (checkpoint / "model.safetensors").rename(checkpoint.parent / "outside.safetensors")
    write_json(checkpoint / "model.safetensors.index.json", {"weight_map": {"one": "../outside.safetensors"}})
    with pytest.raises(CheckpointError, match="names a file outside"):
        install(TASK, checkpoint=str(checkpoint), repository=repository)


def test_pickles_need_leave_and_become_safetensors(checkpoint: Path, repository: Path) -> None:
    (checkpoint / "model.safetensors").unlink()
    pickled(checkpoint)
    with pytest.raises(CheckpointError, match="--allow-pickle"):
        install(TASK, checkpoint=str(checkpoint), repository=repository)
    install(TASK, checkpoint=str(checkpoint), repository=repository, allow_pickle=True)
    tensors = load_file(model_folder(repository) / "model.safetensors")
    assert set(tensors) == {"one", "two", "tied", "turned"}
    np.testing.assert_array_equal(tensors["turned"], WEIGHTS["one"].T)
    assert "pytorch_model.bin" not in files(model_folder(repository))


def test_pickles_in_several_files(checkpoint: Path, repository: Path) -> None:
    import torch

    (checkpoint / "model.safetensors").unlink()
    shards = {key: f"pytorch_model-0000{number}-of-00002.bin" for number, key in enumerate(WEIGHTS, 1)}
    for key, shard in shards.items():
        torch.save({key: torch.from_numpy(WEIGHTS[key])}, checkpoint / shard)
    write_json(checkpoint / "pytorch_model.bin.index.json", {"weight_map": shards})
    install(TASK, checkpoint=str(checkpoint), repository=repository, allow_pickle=True)
    folder = model_folder(repository)
    index = json.loads((folder / "model.safetensors.index.json").read_text())["weight_map"]
    assert {key: list(load_file(folder / shard)) for key, shard in index.items()} == {"one": ["one"], "two": ["two"]}


class Evil:
    """Makes a file where it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Path]]:
        return Path.touch, (self.file,)


def test_a_pickle_that_runs_code_is_refused(checkpoint: Path, repository: Path) -> None:
    (checkpoint / "model.safetensors").unlink()
    evil = checkpoint.parent / "evil-was-here"
    pickled(checkpoint, {"one": Evil(evil)})
    with pytest.raises(CheckpointError, match="holds more than weights"):
        install(TASK, checkpoint=str(checkpoint), repository=repository, allow_pickle=True)
    assert not evil.exists()


def test_without_weights_what_is_there_is_listed(checkpoint: Path, repository: Path) -> None:
    (checkpoint / "model.safetensors").rename(checkpoint / "tf_model.h5")
    with pytest.raises(CheckpointError, match=r"no model\.safetensors, but .*tf_model\.h5"):
        install(TASK, checkpoint=str(checkpoint), repository=repository)


# What is refused.


@pytest.mark.parametrize(
    ("task", "content", "message"),
    [
        ("text-classification", {"model_type": "vit"}, "takes no model of type 'vit'.*among them bert, distilbert"),
        ("image-classification", {"model_type": "bert"}, "takes no model of type 'bert'.*among them vit"),
        ("fill-mask", CONFIG, "needs BertForMaskedLM; the checkpoint is BertForSequenceClassification.*random weights"),
        ("text-classification", {**CONFIG, "architectures": ["BertModel"]}, "needs BertForSequenceClassification"),
        ("text-generation", {"model_type": "t5", "architectures": ["T5ForConditionalGeneration"]}, "no model of type"),
        ("text-generation", {"model_type": "dbrx"}, "the settings of its positions"),
        ("image-feature-extraction", {"model_type": "clip"}, "it needs texts too"),
        ("image-classification", {"model_type": "imagegpt"}, "numbers of colours"),
        ("mask-generation", {"model_type": "sam2"}, "needs torchvision"),
        ("text-classification", {**CONFIG, "position_embedding_type": "relative_key"}, "bert with relative positions"),
        (
            "fill-mask",
            {"model_type": "electra", "architectures": ["ElectraForPreTraining"]},
            "needs ElectraForMaskedLM",
        ),
        ("feature-extraction", {"model_type": "t5"}, "its decoder needs a text too"),
        ("feature-extraction", {"model_type": "clip"}, "it needs pictures too"),
        ("text-classification", {"model_type": "tapas"}, "it reads tables"),
        ("summarization", {"model_type": "mvp", "use_prompt": True}, "takes no MVP with prompts"),
    ],
)
def test_other_architectures_are_refused(
    checkpoint: Path, repository: Path, task: str, content: dict[str, Any], message: str
) -> None:
    write_json(checkpoint / "config.json", content)
    with pytest.raises(ArchitectureError, match=message):
        install(task, checkpoint=str(checkpoint), repository=repository)
    assert not repository.exists()


@pytest.mark.parametrize(
    ("task", "content"),
    [
        ("fill-mask", {"model_type": "bert", "architectures": ["BertForPreTraining"]}),
        ("feature-extraction", CONFIG),
        ("text-classification", {"model_type": "bert"}),
        ("text-generation", {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}),
        ("zero-shot-classification", CONFIG),
    ],
)
def test_architectures_that_the_task_loads_are_taken(
    checkpoint: Path, repository: Path, task: str, content: dict[str, Any]
) -> None:
    write_json(checkpoint / "config.json", content)
    install(task, checkpoint=str(checkpoint), repository=repository)


@pytest.mark.parametrize(
    "name", ["../x", "Upper", "with-dash", " ", "x_model", "text_classification_preprocess", "a/b"]
)
def test_names_are_checked(checkpoint: Path, repository: Path, name: str) -> None:
    with pytest.raises(InstallError, match="cannot be a deployment's name"):
        install(TASK, checkpoint=str(checkpoint), name=name, repository=repository)


def test_pictures_need_an_image_processor(checkpoint: Path, repository: Path) -> None:
    write_json(checkpoint / "config.json", {"model_type": "vit", "architectures": ["ViTForImageClassification"]})
    with pytest.raises(InstallError, match=r"has no preprocessor_config\.json.*save that of the model"):
        install("image-classification", checkpoint=str(checkpoint), repository=repository)
    assert not repository.exists()


def test_a_name_belongs_to_one_task(checkpoint: Path, repository: Path) -> None:
    install(TASK, checkpoint=str(checkpoint), name="mine", repository=repository)
    with pytest.raises(InstallError, match="mine is a deployment of text-classification"):
        install("zero-shot-classification", checkpoint=str(checkpoint), name="mine", repository=repository)


def test_an_unknown_task_is_told_the_known_ones(repository: Path) -> None:
    with pytest.raises(InstallError, match=r"no task 'text-classy'; there are .*text-classification"):
        install("text-classy", repository=repository)


def test_code_in_a_checkpoint_needs_trust(checkpoint: Path, repository: Path) -> None:
    custom = {"model_type": "own", "architectures": ["OwnModel"], "auto_map": {"AutoModel": "modeling.OwnModel"}}
    write_json(checkpoint / "config.json", custom)
    with pytest.raises(InstallError, match="--trust-remote-code"):
        install(TASK, checkpoint=str(checkpoint), repository=repository)
    install(TASK, checkpoint=str(checkpoint), repository=repository, trust_remote_code=True)
    assert "modeling.py" in files(model_folder(repository))
    assert json.loads((model_folder(repository) / "installed.json").read_text())["trust_remote_code"] is True


def test_trusted_code_is_run_by_the_model(
    checkpoint: Path, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import dynamic_module_utils

    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    (checkpoint / "modeling.py").write_text(
        "from transformers import BertConfig, BertForSequenceClassification\n"
        "class OwnConfig(BertConfig): model_type = 'own'\n"
        "class OwnModel(BertForSequenceClassification): config_class = OwnConfig\n"
    )
    classes = {"AutoConfig": "modeling.OwnConfig", "AutoModelForSequenceClassification": "modeling.OwnModel"}
    small = {
        "hidden_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "intermediate_size": 8,
        "vocab_size": 9,
    }
    write_json(checkpoint / "config.json", {"model_type": "own", "auto_map": classes, **small})
    install(TASK, checkpoint=str(checkpoint), repository=repository, trust_remote_code=True)
    model = load_model(model_folder(repository), "AutoModelForSequenceClassification")
    assert type(model).__name__ == "OwnModel"


def test_code_is_left_out_where_transformers_has_the_model(checkpoint: Path, repository: Path) -> None:
    write_json(checkpoint / "config.json", {**CONFIG, "auto_map": {"AutoModel": "modeling.OwnModel"}})
    install(TASK, checkpoint=str(checkpoint), repository=repository)
    assert "modeling.py" not in files(model_folder(repository))


def test_damaged_and_missing_files_are_told(checkpoint: Path, repository: Path) -> None:
    (checkpoint / "tokenizer.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"tokenizer\.json is damaged"):
        install(TASK, checkpoint=str(checkpoint), repository=repository)
    (checkpoint / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"config\.json is damaged"):
        install(TASK, checkpoint=str(checkpoint), repository=repository)
    (checkpoint / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"has no config\.json"):
        install(TASK, checkpoint=str(checkpoint), repository=repository)


def test_texts_need_a_tokenizer(checkpoint: Path, repository: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        (checkpoint / name).unlink()
    with pytest.raises(InstallError, match="has no tokenizer, and text-classification reads texts"):
        install(TASK, checkpoint=str(checkpoint), repository=repository)


def test_an_adapter_is_told_from_a_checkpoint(checkpoint: Path, repository: Path) -> None:
    (checkpoint / "config.json").unlink()
    write_json(checkpoint / "adapter_config.json", {"peft_type": "LORA", "base_model_name_or_path": "me/base"})
    with pytest.raises(CheckpointError, match=r"adapter of me/base: .*merge_and_unload"):
        install(TASK, checkpoint=str(checkpoint), repository=repository)


def test_what_quantized_weights_lack_here_is_said(
    checkpoint: Path, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quantization = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    write_json(checkpoint / "config.json", {**CONFIG, "quantization_config": quantization})
    install(TASK, checkpoint=str(checkpoint), repository=repository)
    assert "quantized" in (said := capsys.readouterr().err) and "pip install" in said


def test_a_full_disk_is_told_before_anything_is_copied(
    checkpoint: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(0, 0, 5))
    with pytest.raises(InstallError, match=r"0\.0 MB free"):
        install(TASK, checkpoint=str(checkpoint), repository=repository)
    assert "model.safetensors" not in files(model_folder(repository))


# The Hub.


def hub(monkeypatch: pytest.MonkeyPatch, answer: Path | Exception) -> list[dict[str, Any]]:
    """Put a Hub in place that answers with a snapshot folder or an error; returns the calls."""
    calls: list[dict[str, Any]] = []

    def snapshot_download(repo_id: str, **options: Any) -> str:
        calls.append({"repo_id": repo_id, **options})
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return calls


def test_a_snapshot_of_the_hub_is_hard_linked_and_recorded(
    checkpoint: Path, repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    snapshot = tmp_path / "snapshots" / "0123456789abcdef"
    snapshot.mkdir(parents=True)
    for file in checkpoint.iterdir():
        (snapshot / file.name).symlink_to(file)
    calls = hub(monkeypatch, snapshot)
    install(TASK, checkpoint="some/model", revision="0123456", repository=repository)
    weights = model_folder(repository) / "model.safetensors"
    assert not weights.is_symlink() and weights.samefile(checkpoint / "model.safetensors")
    assert not (model_folder(repository) / "config.json").samefile(checkpoint / "config.json")
    record = json.loads((model_folder(repository) / "installed.json").read_text())
    assert (record["checkpoint"], record["revision"]) == ("some/model", "0123456789abcdef")
    ((call,),) = [calls]
    assert (call["repo_id"], call["revision"]) == ("some/model", "0123456")
    assert not [pattern for pattern in call["allow_patterns"] if pattern.endswith((".bin", ".py", ".onnx", ".h5"))]
    assert {"prophetnet.tokenizer", "vocab-src.json"} <= {*call["allow_patterns"]}  # a folder with them is refused


@pytest.mark.parametrize("task", ["text_classification", "fill_mask", "text_generation"])
def test_without_a_checkpoint_the_pinned_one_of_the_configuration_is_taken(
    repository: Path, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    calls = hub(monkeypatch, errors.LocalEntryNotFoundError("no network"))
    with pytest.raises(CheckpointError, match=r"cannot reach the Hugging Face Hub.*--checkpoint \./folder"):
        install(task, repository=repository)
    parameters = config(installer.REPOSITORY, f"{task}_model").parameters
    assert calls[0]["repo_id"] == parameters["checkpoint"].string_value
    assert calls[0]["revision"] == parameters["revision"].string_value


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (errors.RepositoryNotFoundError, "no model some/model, or it is private"),
        (errors.GatedRepoError, "accept it on its Hub page"),
        (errors.RevisionNotFoundError, "the Hub has no some/model at revision abc"),
    ],
)
def test_what_the_hub_refuses_is_told(
    repository: Path, monkeypatch: pytest.MonkeyPatch, error: type[errors.HfHubHTTPError], message: str
) -> None:
    hub(monkeypatch, error.__new__(error))
    with pytest.raises(CheckpointError, match=message):
        install(TASK, checkpoint="some/model", revision="abc", repository=repository)


@pytest.mark.parametrize("checkpoint", ["./nowhere", "/nowhere", "~/nowhere", "a b", "a/b/c", ""])
def test_a_folder_that_is_not_there_is_not_sought_on_the_hub(checkpoint: str, repository: Path) -> None:
    with pytest.raises(CheckpointError, match="neither a folder nor the id"):
        install(TASK, checkpoint=checkpoint, repository=repository)


def test_a_folder_has_no_revision(checkpoint: Path, repository: Path) -> None:
    with pytest.raises(InstallError, match="leave --revision out"):
        install(TASK, checkpoint=str(checkpoint), revision="abc", repository=repository)


# The command.


def test_mistakes_are_one_line_and_exit_code_1(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert installer.main(["text-classification", "--checkpoint", "./nowhere"]) == 1
    no_folder = tmp_path / "file"
    no_folder.touch()
    assert installer.main([TASK, "--checkpoint", str(checkpoint), "--repository", str(no_folder)]) == 1
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 2 and all(line.startswith("install.py: ") for line in error)


def test_help_is_quick() -> None:
    code = "import sys, install; assert not {'torch', 'transformers', 'huggingface_hub', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(installer.__file__).parent)
