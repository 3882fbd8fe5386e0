"""The base of every stage, driven as Triton drives it: requests of its Python API in, responses out."""

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from python_backend import stage as stage_module
from python_backend.parameters import Int, InvalidInput, Parameters
from python_backend.stage import Request, Result, Stage, Tensors


class TritonError(Exception):
    INVALID_ARG, INTERNAL = "INVALID_ARG", "INTERNAL"

    def __init__(self, message: str, code: str) -> None:
        self.message, self.code = message, code


PB_UTILS = SimpleNamespace(
    TritonError=TritonError,
    Tensor=lambda name, array: (name, array),
    InferenceResponse=lambda tensors=(), error=None: SimpleNamespace(tensors=dict(tensors), error=error),
    triton_string_to_numpy=lambda name: {"TYPE_FP32": np.float32, "TYPE_STRING": np.object_}[name],
)

ARGUMENTS = {
    "model_name": "double_model",
    "model_repository": "double_model",
    "model_version": "1",
    "model_instance_kind": "CPU",
    "model_instance_device_id": "0",
    "model_config": json.dumps(
        {
            "output": [{"name": "OUT", "data_type": "TYPE_FP32"}, {"name": "TEXT", "data_type": "TYPE_STRING"}],
            "parameters": {"limit": {"string_value": "100"}},
            "instance_group": [{"count": 2}],
        }
    ),
}


class Double(Stage):
    PARAMETERS = Parameters(Int("times", default=2, minimum=1))

    def load(self) -> None:
        self.limit = self.setting("limit", 10)
        self.executions: list[int] = []

    def process_batch(self, requests: list[Request]) -> list[Result]:
        self.executions.append(len(requests))
        merged = np.concatenate([request.tensors["IN"] for request in requests])
        if merged.max() > self.limit:
            raise InvalidInput(f"IN must be at most {self.limit}.")
        if merged.min() < 0:
            raise ZeroDivisionError("a bug")
        return [self.outputs(request) for request in requests]

    def outputs(self, request: Request) -> Tensors:
        values = request.tensors["IN"] * request.parameters["times"]
        return {"OUT": values, "TEXT": np.array([[str(value)] for value in values.ravel()])}


def triton_request(value: float, **parameters: Any) -> Any:
    tensor = SimpleNamespace(name=lambda: "IN", as_numpy=lambda: np.array([[value]]))
    return SimpleNamespace(inputs=lambda: [tensor], parameters=lambda: json.dumps(parameters) if parameters else "")


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Double:
    monkeypatch.setattr(stage_module, "pb_utils", PB_UTILS)
    stage = Double()
    stage.initialize(ARGUMENTS)
    return stage


def test_settings_come_from_the_configuration_in_the_type_of_their_default(double: Double) -> None:
    assert double.limit == 100 and double.instances == 2
    double.settings = {"limit": "many", "flag": "true"}
    assert double.setting("flag", False) is True
    with pytest.raises(ValueError, match=r"double_model/config.pbtxt: parameter limit must be of type int; got 'many'"):
        double.setting("limit", 10)


def test_outputs_have_the_types_of_the_configuration(double: Double) -> None:
    (response,) = double.execute([triton_request(3, times=3)])
    assert response.error is None
    assert response.tensors["OUT"].dtype == np.float32 and response.tensors["OUT"].tolist() == [[9.0]]
    assert response.tensors["TEXT"].dtype == np.object_ and response.tensors["TEXT"].tolist() == [["9"]]


def test_one_bad_item_fails_alone_in_a_batch_of_32(double: Double) -> None:
    responses = double.execute([triton_request(1000 if at == 13 else at) for at in range(32)])
    assert responses[13].error.code == "INVALID_ARG" and "at most 100" in responses[13].error.message
    answers = [response.tensors["OUT"].item() for at, response in enumerate(responses) if at != 13]
    assert answers == [2.0 * at for at in range(32) if at != 13]


def test_a_request_with_a_bad_parameter_never_reaches_the_batch(double: Double) -> None:
    good, bad = double.execute([triton_request(1), triton_request(2, times=0)])
    assert good.tensors["OUT"].item() == 2 and double.executions == [1]
    assert bad.error.code == "INVALID_ARG" and '"times" must be an integer of at least 1' in bad.error.message


def test_a_bug_is_an_internal_error_with_its_name(double: Double) -> None:
    good, bad = double.execute([triton_request(1), triton_request(-1)])
    assert good.error is None
    assert bad.error.code == "INTERNAL" and bad.error.message == "double_model: ZeroDivisionError: a bug"


def test_an_answer_that_the_configuration_does_not_allow_is_no_matter_of_its_neighbours(
    double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = double.outputs
    monkeypatch.setattr(double, "outputs", lambda request: {} if request.tensors["IN"] == 2 else outputs(request))
    good, bad = double.execute([triton_request(1), triton_request(2)])
    assert good.error is None and good.tensors["OUT"].item() == 2
    assert bad.error.code == "INTERNAL" and bad.error.message == "double_model: KeyError: 'OUT'"
