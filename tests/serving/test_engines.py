"""Exported engines answer like the pipelines whose goldens the default engine is held to."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from export import main
from exporting import engines
from install import install
from serving.embedded_server import EmbeddedServer
from tests import cases
from tests.cases import Case
from tests.parity.parity import check
from triton_pipelines import pipeline

STAND_IN = """
import numpy as np
import onnxruntime
import triton_python_backend_utils as pb_utils
from pathlib import Path


class TritonPythonModel:
    def initialize(self, args):
        file = Path(args["model_repository"], args["model_version"], "model.onnx")
        self.session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        self.inputs = [tensor.name for tensor in self.session.get_inputs()]
        self.outputs = [tensor.name for tensor in self.session.get_outputs()]

    def execute(self, requests):
        def tensor(request, name):
            return pb_utils.get_input_tensor_by_name(request, name).as_numpy()

        # Triton has joined requests of one shape alone.
        joined = {name: np.concatenate([tensor(request, name) for request in requests]) for name in self.inputs}
        ends = np.cumsum([len(tensor(request, self.inputs[0])) for request in requests])[:-1]
        made = [np.split(array, ends) for array in self.session.run(self.outputs, joined)]
        return [
            pb_utils.InferenceResponse([pb_utils.Tensor(*pair) for pair in zip(self.outputs, arrays)])
            for arrays in zip(*made)
        ]
"""
"""In place of Triton's ONNX Runtime backend: the same tensors and engine, and batches as that backend gets them."""
NATIVE = {"token_classification_roberta": "token-classification", "image_classification_vit": "image-classification"}
COMPILED = {"fill_mask_bert": "fill-mask"}


@pytest.fixture(scope="module")
def compiled(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """Deployments on model.pt2, without the weights that it was made of."""
    repository = tmp_path_factory.mktemp("compiled")
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(engines, "SECONDS", 0.01)
    for name, task in COMPILED.items():
        install(task, checkpoint=str(checkpoints / name), name=name, repository=repository)
        assert main([task, "--name", name, "--format", "aoti", "--repository", str(repository)]) == 0
        (repository / f"{name}_model/1/model.safetensors").unlink()
    with EmbeddedServer(repository, list(COMPILED), model_config_name="aoti", stop_timeout=0.5) as server:
        yield server
    monkeypatch.undo()


@pytest.fixture(scope="module")
def native(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """Deployments on model.onnx, with a Python model in place of Triton's backend."""
    repository = tmp_path_factory.mktemp("native")
    for name, task in NATIVE.items():
        install(task, checkpoint=str(checkpoints / name), name=name, repository=repository)
        assert main([task, "--name", name, "--format", "onnx", "--repository", str(repository)]) == 0
        step = repository / f"{name}_model"
        (step / "1" / "stand_in.py").write_text(STAND_IN)
        config = step / "configs" / "onnxruntime.pbtxt"
        text = config.read_text()
        assert 'backend: "onnxruntime"' in text and 'default_model_filename: "model.onnx"' in text
        config.write_text(text.replace('"onnxruntime"', '"python"').replace('"model.onnx"', '"stand_in.py"'))
    with EmbeddedServer(repository, list(NATIVE), model_config_name="onnxruntime", stop_timeout=0.5) as server:
        yield server


def of(deployments: dict[str, str]) -> pytest.MarkDecorator:
    """The cases of the parity tests that ask these deployments."""
    chosen = [
        pytest.param(task, case, id=f"{task}-{case.id}")
        for name, task in deployments.items()
        for case in cases.load(task.replace("-", "_"))
        if case.checkpoint == name
    ]
    return pytest.mark.parametrize("task, case", chosen)


@of(COMPILED)
def test_compiled_models_answer_like_the_pipelines(compiled: EmbeddedServer, task: str, case: Case) -> None:
    check(task, case, compiled.grpc_url)


@of(NATIVE)
def test_models_in_a_backend_of_tritons_answer_like_the_pipelines(
    native: EmbeddedServer, task: str, case: Case
) -> None:
    check(task, case, native.grpc_url)


def test_callers_of_a_compiled_model_share_passes(compiled: EmbeddedServer) -> None:
    with pipeline("fill-mask", model="fill_mask_bert", url=compiled.grpc_url) as fill:
        texts = [" ".join(["[MASK]", *["word"] * (1 + at * 7 % 30)]) for at in range(32)]
        alone = [fill(text) for text in texts]
        with ThreadPoolExecutor(16) as pool:
            together = list(pool.map(fill, texts))
    for answer, single in zip(together, alone, strict=True):
        assert answer == [{**one, "score": pytest.approx(one["score"], abs=1e-5)} for one in single]
