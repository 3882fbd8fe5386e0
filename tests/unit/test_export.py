"""What scripts/export.py takes, refuses, compares and writes; compiling itself is tested in tests/serving."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from google.protobuf import text_format

from export import main
from exporting import aoti, checks, configuration, engines, native, onnx, tensorrt, vllm
from exporting.configuration import Config
from exporting.deployment import FORWARD, GENERATES, Deployment, find
from exporting.errors import ExportError
from exporting.graph import ONE_PASS, Graph, export, inputs_of, traced
from exporting.samples import samples
from install import install
from python_backend import vllm_request
from python_backend.compiled import CompiledModel, Description, Outputs
from python_backend.parameters import InvalidInput
from python_backend.tasks import text_generation
from python_backend.text import Tokenizer

Install = Callable[[str], Deployment]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("repository")


@pytest.fixture
def deployed(checkpoints: Path, repository: Path) -> Install:
    """deployed("fill_mask_bert") is the deployment of that made checkpoint."""

    def deploy(name: str) -> Deployment:
        task = max((task for task in (*FORWARD, *GENERATES) if name.startswith(task)), key=len)
        if not (repository / name).exists():
            install(task, checkpoint=str(checkpoints / name), name=name, repository=repository)
        return Deployment(task, name, repository)

    return deploy


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 1
    return capsys.readouterr().err


# What is refused.


def test_every_task_is_exported_or_refused_with_a_reason() -> None:
    assert not set(FORWARD) & set(GENERATES)
    for task in GENERATES:
        with pytest.raises(ExportError, match="generates"):
            find(task, None, ROOT / "model_repository")
    with pytest.raises(ExportError, match="cannot be exported; these can: text-classification"):
        find("object-detection", None, ROOT / "model_repository")


def test_text_generation_is_told_of_vllm(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--format vllm" in refused(capsys, "text-generation", "--format", "aoti")


def test_unknown_deployments_are_refused(capsys: pytest.CaptureFixture[str], deployed: Install) -> None:
    known = deployed("fill_mask_bert")
    arguments = ("--format", "aoti", "--repository", str(known.repository))
    assert "no deployment 'other'" in refused(capsys, "fill-mask", "--name", "other", *arguments)
    (known.folder / "model.safetensors").rename(known.folder / "away")
    try:
        assert "has no weights" in refused(capsys, "fill-mask", "--name", known.name, *arguments)
    finally:
        (known.folder / "away").rename(known.folder / "model.safetensors")


@pytest.mark.parametrize("format", ["onnx", "torchscript", "tensorrt"])
def test_tasks_whose_model_step_does_more_stay_in_the_python_backend(
    capsys: pytest.CaptureFixture[str], deployed: Install, format: str
) -> None:
    name = deployed("fill_mask_bert").name
    message = refused(
        capsys, "fill-mask", "--name", name, "--format", format, "--repository", str(deployed(name).repository)
    )
    assert "best tokens as each request asks" in message and "--format aoti" in message


def test_texts_without_a_padding_token_need_the_python_backend(
    capsys: pytest.CaptureFixture[str], deployed: Install
) -> None:
    known = deployed("text_classification_gpt2")
    arguments = ("--name", known.name, "--format", "torchscript", "--repository", str(known.repository))
    assert "no padding token" in refused(capsys, "text-classification", *arguments)


def test_a_missing_compiler_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(ExportError, match=r"g\+\+ is not there: apt install g\+\+"):
        aoti.check_compiler()


def test_missing_packages_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx, "PACKAGES", ("onnx", "no_such_package"))
    with pytest.raises(ExportError, match="no_such_package is missing: pip install -r requirements-export"):
        onnx.check_packages()


# Tracing.


@pytest.mark.parametrize(
    "name, varying",
    [
        ("text_classification_distilbert", {"input_ids": [0, 1], "attention_mask": [0, 1]}),
        ("zero_shot_classification_bart", {"input_ids": [0, 1], "attention_mask": [0, 1]}),
        ("image_classification_vit", {"pixel_values": [0]}),
        ("image_feature_extraction_resnet", {"pixel_values": [0, 2, 3]}),
        ("audio_classification_hubert", {"input_values": [0, 1], "attention_mask": [0, 1]}),
        ("audio_classification_whisper", {"input_features": [0]}),
    ],
)
def test_traced_models_take_other_sizes(deployed: Install, name: str, varying: dict[str, list[int]]) -> None:
    deployment = deployed(name)
    stage = deployment.stage("model", **ONE_PASS)
    sent = samples(deployment, stage, None)
    inputs, shapes = traced(stage, sent)
    assert {name: list(axes) for name, axes in shapes.items()} == varying
    graph = Graph(stage, inputs)
    program = export(graph, inputs, shapes).module()
    sizes = sent.checked(4)  # below 3 tokens, some programs would refuse what their compiled form runs
    for size in (sizes[0], sizes[-1]):
        given = inputs_of(stage, sent.tensors(*size))
        with torch.no_grad():
            for got, wanted in zip(program(**given), graph(**given), strict=True):
                torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-4)


def test_a_model_that_fixes_a_size_is_refused() -> None:
    class Fixed(torch.nn.Module):
        config = type("Config", (), {"is_encoder_decoder": False})

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            return rows * len(rows)

    with pytest.raises(ExportError, match="takes rows of size 3 alone in dimension 0"):
        export(Fixed(), {"rows": torch.ones(3, 2)}, {"rows": {0: torch.export.Dim.AUTO}})


# Comparison with eager PyTorch.


def run(factor: float = 1.0, dtype: torch.dtype = torch.float32) -> checks.Run:
    return lambda inputs: {"logits": (inputs["x"].to(dtype) * factor).to(dtype)}


def compare(engine: checks.Run, eager: checks.Run | None = None, reference: checks.Run | None = None) -> Any:
    inputs = {"x": torch.linspace(-3, 3, 50)[None]}
    return checks.compare("1 x 50", inputs, eager or run(), engine, reference, 0.001)


def test_an_engine_that_gives_the_same_passes() -> None:
    comparison = compare(run(1 + 1e-6))
    assert 0 < comparison.difference <= checks.TOLERANCE * 3
    assert comparison.eager > 0 and comparison.engine > 0


@pytest.mark.parametrize(
    "engine, message",
    [
        (run(1.001), "differs by 3.0e-03"),
        (run(float("nan")), "infinite or none at all"),
        (lambda inputs: {}, "lacks logits"),
        (lambda inputs: {"logits": inputs["x"][:, :1]}, r"logits is \[1, 1\], eager PyTorch's \[1, 50\]"),
    ],
)
def test_an_engine_that_differs_is_refused(engine: checks.Run, message: str) -> None:
    with pytest.raises(ExportError, match=message):
        compare(engine)


def test_half_precision_is_held_to_float32() -> None:
    half = run(dtype=torch.bfloat16)
    assert compare(half, half, run()).difference == 0
    with pytest.raises(ExportError, match="from float32"):
        compare(run(1.05), half, run())


def test_what_was_there_before_stays_when_an_export_fails(tmp_path: Path) -> None:
    path = tmp_path / "model.pt2"
    path.write_text("old")
    with pytest.raises(ExportError), engines.replacing(path) as new:
        new.write_text("new")
        raise ExportError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    with engines.replacing(path) as new:
        new.write_text("new")
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


def test_weights_beside_a_large_model_go_with_it(tmp_path: Path) -> None:
    """As onnx_ir writes them: under the name by which the model refers to them."""
    path, weights = tmp_path / "model.onnx", tmp_path / "model.onnx.data"
    weights.write_text("old")
    with pytest.raises(ExportError), engines.replacing(path) as new:
        new.with_name(f"{new.name}.data").write_text("new")
        raise ExportError
    assert weights.read_text() == "old" and list(tmp_path.iterdir()) == [weights]
    with engines.replacing(path) as new:
        new.write_text(new.name)
        new.with_name(f"{new.name}.data").write_text("new")
    assert (path.read_text(), weights.read_text()) == ("model.onnx", "new")


# Compiled packages.


def test_packages_for_another_machine_are_refused() -> None:
    here = Description.here(["input_ids"], ["logits"], "float32", "cpu")
    assert Description.parse(here.metadata()) == here
    here.check("cpu")
    for change, message in (
        ({"torch": "1.0"}, "compiled with torch 1.0"),
        ({"device": "cuda"}, "compiled for cuda; this instance runs on cpu"),
        ({"processor": ("x86_64", "avx1024")}, "a processor with avx1024"),
    ):
        with pytest.raises(ValueError, match=message):
            here._replace(**change).check("cpu")


def test_a_missing_package_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"scripts/export.py TASK --format aoti"):
        CompiledModel(tmp_path / "model.pt2", "cpu")


def test_outputs_are_found_by_name_and_by_number() -> None:
    outputs = Outputs(["last_hidden_state", "pooler_output"], [torch.zeros(1), torch.ones(1)])
    assert outputs[0] is outputs.last_hidden_state and outputs.pooler_output.item() == 1
    assert getattr(outputs, "logits", None) is None


class Recorded(CompiledModel):
    """A compiled model whose code hands back what it was given."""

    def __init__(self, *inputs: str) -> None:
        self.limits = {"input_ids": 100}
        self.description = Description.here(inputs, inputs, "float32", "cpu")
        self.run = lambda tensors: tensors


def test_a_mask_that_is_left_out_is_of_ones() -> None:
    outputs = Recorded("input_values", "attention_mask")({"input_values": torch.zeros(2, 5)})
    assert outputs.attention_mask.tolist() == [[1] * 5] * 2


def test_compiled_code_gets_rows_one_behind_the_other() -> None:
    columns = torch.arange(6).reshape(3, 2).t()
    assert not columns.is_contiguous()
    assert Recorded("input_ids")({"input_ids": columns}).input_ids.is_contiguous()


def test_what_would_read_behind_a_table_or_is_unknown_is_refused() -> None:
    model = Recorded("input_ids")
    with pytest.raises(ValueError, match="input_ids has 100; the model knows 100"):
        model({"input_ids": torch.tensor([[1, 100]])})
    with pytest.raises(ValueError, match="input_ids has -1; the model knows 100"):
        model({"input_ids": torch.tensor([[1, -1]])})
    with pytest.raises(ValueError, match="takes input_ids; it was given input_ids, token_type_ids"):
        model({"input_ids": torch.tensor([[1]]), "token_type_ids": torch.tensor([[1]])})


# Configurations.


def shapes_of(config: Config) -> dict[str, list[int]]:
    return {tensor.name: list(tensor.dims) for tensor in config.input}


@pytest.mark.parametrize("task", FORWARD)
def test_the_compiled_configuration_is_the_default_one_with_another_engine(task: str) -> None:
    default = Deployment(task, task, ROOT / "model_repository").config("model")
    made = configuration.aoti(default, "bfloat16", None)
    assert {name: made.parameters[name].string_value for name in ("engine", "dtype")} == {
        "engine": "aoti",
        "dtype": "bfloat16",
    }
    for name in ("engine", "dtype"):
        del made.parameters[name]
    expected = Config()
    expected.CopyFrom(default)
    del expected.parameters["dtype"]
    assert made == expected


@pytest.mark.parametrize("task", native.TASKS)
@pytest.mark.parametrize("format", engines.NATIVE)
def test_native_configurations_have_the_tensors_of_the_default_one(task: str, format: str) -> None:
    default = Deployment(task, task, ROOT / "model_repository").config("model")
    filename, _, backend = engines.NATIVE[format]
    made = configuration.native(default, backend, filename, shapes_of(default), 16)
    made = text_format.Parse(text_format.MessageToString(made), Config())
    assert (made.name, made.backend, made.default_model_filename) == (default.name, backend, filename)
    assert made.max_batch_size == 16 and made.dynamic_batching == default.dynamic_batching
    assert not any(tensor.allow_ragged_batch for tensor in made.input)
    for tensors, others in ((made.input, default.input), (made.output, default.output)):
        assert [(one.name, one.data_type, one.dims) for one in tensors] == [
            (other.name, other.data_type, other.dims) for other in others
        ]


@pytest.mark.parametrize("max_length", [1, 7, 8, 100, 512])
def test_buckets_end_with_the_longest_text_and_waste_a_third_at_most(max_length: int) -> None:
    lengths = configuration.buckets(max_length)
    assert lengths == sorted(set(lengths)) and lengths[-1] == max_length
    for length in range(9, max_length + 1):
        padded = next(bucket for bucket in lengths if bucket >= length)
        assert (padded - length) / padded < 1 / 3


def test_texts_are_padded_to_buckets_ready_for_the_model(checkpoints: Path) -> None:
    tokenizer = Tokenizer(checkpoints / "text_classification_roberta", buckets=[16, 8])
    encodings = [tokenizer.backend.encode(text) for text in ("a", "a b")]
    tensors = tokenizer.tensors(encodings)
    assert {name: tensor.shape for name, tensor in tensors.items()} == dict.fromkeys(tensors, (2, 8))
    padding = tensors["attention_mask"] == 0
    assert padding[0].any() and (tensors["input_ids"][padding] == tokenizer.pad_id).all() and tokenizer.pad_id
    longer = tokenizer.backend.encode(" ".join("a" * 40))
    assert tokenizer.tensors([longer])["input_ids"].shape[1] == len(longer) > 16


@pytest.mark.parametrize(
    "format, name", [("onnx", "question_answering_bert"), ("torchscript", "token_classification_bert")]
)
def test_native_engines_are_written_with_both_configurations(
    deployed: Install, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], format: str, name: str
) -> None:
    monkeypatch.setattr(engines, "SECONDS", 0.001)
    deployment = deployed(name)
    task = deployment.task.replace("_", "-")
    arguments = ("--name", name, "--repository", str(deployment.repository), "--max-length", "48", "--max-batch", "8")
    assert main([task, "--format", format, *arguments]) == 0
    assert "difference" in capsys.readouterr().out
    filename, configured, backend = engines.NATIVE[format]
    assert (deployment.folder / filename).is_file()
    read = {
        step: text_format.Parse((deployment.step(step) / "configs" / f"{configured}.pbtxt").read_text(), Config())
        for step in ("preprocess", "model")
    }
    assert read["model"].backend == backend and read["model"].max_batch_size == 8
    parameters = read["preprocess"].parameters
    assert parameters["length_buckets"].string_value == "8,12,16,24,32,48"
    assert parameters["max_tokens"].string_value == "48"
    outputs = [(tensor.name, tensor.data_type, tensor.dims) for tensor in deployment.config("preprocess").output]
    assert [(tensor.name, tensor.data_type, tensor.dims) for tensor in read["preprocess"].output] == outputs


# TensorRT, up to the engine itself.


def test_profiles_hold_short_texts_and_all_of_them() -> None:
    short, all_of_them = tensorrt.profiles({"input_ids": [-1], "attention_mask": [-1]}, 16, 512)
    assert short["input_ids"] == ((1, 1), (8, 32), (16, 128))
    assert all_of_them["attention_mask"] == ((1, 1), (8, 256), (16, 512))
    (one,) = tensorrt.profiles({"input_ids": [-1]}, 16, 100)
    assert one["input_ids"].maximum == (16, 100)


def test_profiles_of_items_with_several_rows_and_of_pictures() -> None:
    (profile,) = tensorrt.profiles({"input_ids": [-1, -1]}, 4, 64)
    assert profile["input_ids"] == ((1, 1, 1), (2, 4, 32), (4, 32, 64))
    (profile,) = tensorrt.profiles({"pixel_values": [3, 224, 224], "pixel_size": [2]}, 8, 1)
    assert profile["pixel_values"] == ((1, 3, 224, 224), (4, 3, 224, 224), (8, 3, 224, 224))
    assert profile["pixel_size"] == ((1, 2), (4, 2), (8, 2))


def test_the_configuration_names_the_profiles() -> None:
    default = Deployment("text_classification", "text_classification", ROOT / "model_repository").config("model")
    made = configuration.native(default, "tensorrt", "model.plan", shapes_of(default), 8)
    (group,) = tensorrt.finish(made, tensorrt.profiles(shapes_of(default), 8, 512)).instance_group
    assert list(group.profile) == ["0", "1"] and group.kind == group.KIND_GPU


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU to build on")
def test_without_a_gpu_the_onnx_part_stands_and_the_rest_is_said(
    deployed: Install, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import onnx as library

    monkeypatch.setattr(engines, "SECONDS", 0.001)
    deployment = deployed("text_classification_bert")
    arguments = ("--format", "tensorrt", "--dtype", "float16", "--repository", str(deployment.repository))
    message = refused(capsys, "text-classification", "--name", deployment.name, *arguments)
    assert "no GPU" in message and "trtexec --onnx=" in message and "--stronglyTyped" in message
    assert not (deployment.step("model") / "configs" / "tensorrt.pbtxt").exists()
    graph = library.shape_inference.infer_shapes(library.load(deployment.folder / tensorrt.SOURCE)).graph
    types = {value.name: value.type.tensor_type.elem_type for value in (*graph.value_info, *graph.input)}
    types |= {tensor.name: tensor.data_type for tensor in graph.initializer}
    norms = [node for node in graph.node if node.op_type == "LayerNormalization"]
    assert norms and {types[name] for node in norms for name in node.input} == {library.TensorProto.FLOAT}
    products = [node for node in graph.node if node.op_type in ("MatMul", "Gemm")]
    assert products and library.TensorProto.FLOAT16 in {types.get(name) for node in products for name in node.input}


def test_norms_of_a_half_precision_model_sum_in_float32() -> None:
    norm = torch.nn.LayerNorm(8, dtype=torch.float16)
    large = torch.full((1, 8), 6e4, dtype=torch.float16)
    large[0, 0] = -6e4
    assert tensorrt.keep_norms_in_float32(torch.nn.Sequential(norm)) == 1
    made = norm(large)
    assert made.dtype == torch.float16 and bool(made.isfinite().all())


# vLLM.


def test_vllm_configurations_keep_the_ensembles_tensors(deployed: Install) -> None:
    deployment = deployed("text_generation_llama")
    written = vllm.write("text-generation", deployment.name, deployment.repository, "bfloat16", 64)
    assert [path.name for path in written] == ["model.json", *["vllm.pbtxt"] * 3]
    arguments = json.loads(written[0].read_text())
    assert arguments["model"] == str(deployment.folder) and arguments["dtype"] == "bfloat16"
    assert arguments["max_model_len"] == 64
    steps = {path.parents[1].name: text_format.Parse(path.read_text(), Config()) for path in written[1:]}
    ensemble = steps[deployment.name]
    default = text_format.Parse((deployment.repository / deployment.name / "config.pbtxt").read_text(), Config())
    assert (ensemble.input, ensemble.output) == (default.input, default.output)
    flowing = {tensor.name: tensor for tensor in ensemble.input}
    for step in ensemble.ensemble_scheduling.step:
        model = steps[step.model_name]
        assert set(step.input_map) == {tensor.name for tensor in model.input}
        assert set(step.output_map) == {tensor.name for tensor in model.output}
        for tensor in model.input:
            source = flowing[step.input_map[tensor.name]]
            assert (tensor.data_type, tensor.dims) == (source.data_type, source.dims)
        flowing |= {step.output_map[tensor.name]: tensor for tensor in model.output}
    model = steps[f"{deployment.name}_model"]
    assert model.backend == "vllm" and model.model_transaction_policy.decoupled and model.max_batch_size == 0
    assert flowing["GENERATED_TEXT"].data_type == default.output[0].data_type
    preprocess = deployment.stage("preprocess", engine="vllm")
    request = preprocess.PARAMETERS.parse({"max_new_tokens": 3})
    made = preprocess.process(text_generation.Request({"TEXT": np.array([b"Hello"], object)}, request))
    assert set(made) == {tensor.name for tensor in steps[f"{deployment.name}_preprocess"].output}
    assert made["text_input"].tolist() == [b"Hello"] and not made["exclude_input_in_output"][0]


def sampling(
    prompt_length: int = 4,
    stop: tuple[str, ...] = (),
    defaults: dict[str, Any] | None = None,
    **parameters: Any,
) -> dict[str, Any]:
    parsed = text_generation.PARAMETERS.parse(parameters)
    made = vllm_request.tensors("prompt", prompt_length, "", list(stop), [], parsed, defaults or {})
    found: dict[str, Any] = json.loads(made["sampling_parameters"][0])
    return found


@pytest.mark.parametrize(
    "parameters, expected",
    [
        ({}, {"temperature": 0.0, "max_tokens": 20, "n": 1}),
        ({"max_length": 10}, {"temperature": 0.0, "max_tokens": 6, "n": 1}),
        ({"max_new_tokens": 5, "max_length": 10}, {"temperature": 0.0, "max_tokens": 5, "n": 1}),
        ({"temperature": 0.5}, {"temperature": 0.0, "max_tokens": 20, "n": 1}),
        (
            {"do_sample": True, "temperature": 0.5, "seed": 3, "num_return_sequences": 2},
            {"temperature": 0.5, "seed": 3, "top_k": 50, "max_tokens": 20, "n": 2},
        ),
        ({"do_sample": True, "top_k": 0}, {"max_tokens": 20, "n": 1}),
        ({"eos_token_id": -1}, {"temperature": 0.0, "max_tokens": 20, "n": 1, "ignore_eos": True}),
        ({"eos_token_id": 7}, {"temperature": 0.0, "max_tokens": 20, "n": 1, "stop_token_ids": [7]}),
        ({"min_new_tokens": 2}, {"temperature": 0.0, "max_tokens": 20, "n": 1, "min_tokens": 2}),
    ],
)
def test_generation_parameters_become_vllms(parameters: dict[str, Any], expected: dict[str, Any]) -> None:
    assert sampling(**parameters) == expected


def test_a_max_length_that_nobody_chose_is_of_new_tokens() -> None:
    """Old checkpoints spell out GenerationConfig's default."""
    assert sampling(50, defaults={"max_length": 20})["max_tokens"] == 20
    assert sampling(50, defaults={"max_length": 60})["max_tokens"] == 10
    with pytest.raises(InvalidInput, match="leaves no room"):
        sampling(50, defaults={"max_length": 20}, max_length=20)


def test_stop_strings_are_part_of_the_answer() -> None:
    made = sampling(stop=("end",))
    assert made["stop"] == ["end"] and made["include_stop_str_in_output"]


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"num_beams": 4}, "num_beams: this deployment runs on vLLM"),
        ({"no_repeat_ngram_size": 2}, "no_repeat_ngram_size"),
        ({"max_length": 4}, "leaves no room"),
        ({"num_return_sequences": 2}, "needs do_sample=true"),
        ({"stream": True, "num_return_sequences": 2, "do_sample": True}, "one sequence"),
    ],
)
def test_what_vllm_does_not_do_is_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        sampling(**parameters)
