"""The whole repository at once: every configuration parses, ensembles and steps agree, every task has all its parts."""

import ast
import importlib

import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from python_backend.parameters import Parameters
from python_backend.stage import Stage
from tests.conftest import ROOT, TASKS

REPOSITORY = ROOT / "model_repository"
STAGES = {"preprocess": "Preprocess", "model": "Model", "postprocess": "Postprocess"}
MODELS = [*TASKS, *(f"{task}_{stage}" for task in TASKS for stage in STAGES)]


def config(model: str) -> model_config_pb2.ModelConfig:
    return text_format.Parse((REPOSITORY / model / "config.pbtxt").read_text(), model_config_pb2.ModelConfig())


def test_the_repository_holds_the_four_folders_of_each_task_and_nothing_else() -> None:
    assert len(TASKS) >= 29
    assert sorted(path.name for path in REPOSITORY.iterdir()) == sorted(MODELS)


@pytest.mark.parametrize("model", MODELS)
def test_configuration_is_named_like_its_folder(model: str) -> None:
    assert config(model).name == model


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("stage", STAGES)
def test_model_py_is_the_stage_of_the_task(task: str, stage: str) -> None:
    (line,) = ast.parse((REPOSITORY / f"{task}_{stage}" / "1" / "model.py").read_text()).body
    assert isinstance(line, ast.ImportFrom) and line.module == f"python_backend.tasks.{task}"
    assert [(alias.name, alias.asname) for alias in line.names] == [(STAGES[stage], "TritonPythonModel")]
    cls = getattr(importlib.import_module(line.module), STAGES[stage])
    assert issubclass(cls, Stage) and isinstance(cls.PARAMETERS, Parameters)


@pytest.mark.parametrize("task", TASKS)
def test_stages_of_a_task_declare_the_same_parameters(task: str) -> None:
    module = importlib.import_module(f"python_backend.tasks.{task}")
    declared = [list(getattr(module, stage).PARAMETERS) for stage in STAGES.values()]
    assert declared[0] == declared[1] == declared[2] == list(module.PARAMETERS)
    assert all(parameter.doc for parameter in module.PARAMETERS)


@pytest.mark.parametrize("task", TASKS)
def test_ensemble_and_steps_agree(task: str) -> None:
    ensemble = config(task)
    assert ensemble.platform == "ensemble"
    # Every tensor that flows, with its type and dimensions where it was declared first.
    flowing = {tensor.name: tensor for tensor in ensemble.input}
    assert [step.model_name for step in ensemble.ensemble_scheduling.step] == [f"{task}_{stage}" for stage in STAGES]
    for step in ensemble.ensemble_scheduling.step:
        model = config(step.model_name)
        assert model.max_batch_size >= ensemble.max_batch_size
        assert set(step.input_map) == {tensor.name for tensor in model.input}, step.model_name
        assert set(step.output_map) == {tensor.name for tensor in model.output}, step.model_name
        for tensor in model.input:
            source = flowing[step.input_map[tensor.name]]
            assert (tensor.data_type, tensor.dims) == (source.data_type, source.dims), (step.model_name, tensor.name)
            if getattr(source, "optional", False):
                assert tensor.optional, (step.model_name, tensor.name)
        flowing |= {step.output_map[tensor.name]: tensor for tensor in model.output}
    for tensor in ensemble.output:
        assert (tensor.data_type, tensor.dims) == (flowing[tensor.name].data_type, flowing[tensor.name].dims)


@pytest.mark.parametrize("task", TASKS)
def test_public_tensors_are_upper_case(task: str) -> None:
    assert all(tensor.name.isupper() for tensor in [*config(task).input, *config(task).output])


@pytest.mark.parametrize("task", TASKS)
def test_steps_bound_their_queue(task: str) -> None:
    steps = [config(f"{task}_{stage}") for stage in STAGES]
    assert all(step.instance_group[0].count >= 1 for step in steps)
    if not config(
        task
    ).max_batch_size:  # Triton queues nothing for a decoupled task: its model step bounds its requests
        assert int(steps[1].parameters["max_requests"].string_value) > 0
        return
    for step in steps:
        policy = step.dynamic_batching.default_queue_policy
        assert policy.max_queue_size > 0 and policy.allow_timeout_override, step.name
        assert policy.default_timeout_microseconds > 0, step.name  # a caller's timeout counts only where it is below
        assert policy.timeout_action == policy.REJECT, step.name


@pytest.mark.parametrize("task", TASKS)
def test_the_model_names_its_default_checkpoint(task: str) -> None:
    parameters = config(f"{task}_model").parameters
    assert parameters["checkpoint"].string_value and parameters["revision"].string_value


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(
    "part",
    [
        "clients/triton_pipelines/tasks/{task}.py",
        "tests/cases/{task}.py",
        "tests/goldens/{task}.json",
        "tests/parity/test_{task}.py",
        "benchmarks/inputs/{task}.json",
    ],
)
def test_task_has_its_parts(task: str, part: str) -> None:
    assert (ROOT / part.format(task=task)).is_file()


def test_readme_has_a_row_for_each_task() -> None:
    rows = [line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("| `")]
    assert sorted(row.split("`")[1].replace("-", "_") for row in rows) == TASKS
