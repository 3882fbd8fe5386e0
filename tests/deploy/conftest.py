"""Helm, and the CPU image's start command running in a folder that holds what the image holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from install import install
from tests.deploy.chart import CASES, Helm, Object, unpack
from tests.deploy.image import Running, start, unpack_image


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    folder = tmp_path_factory.mktemp("helm")
    return Helm(unpack(folder), folder)


@pytest.fixture(scope="session")
def rendered(helm: Helm) -> dict[str, list[Object]]:
    """The objects of each case."""
    return {name: helm.render(case) for name, case in CASES.items()}


@pytest.fixture(scope="session")
def running(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The CPU image's server with two deployments, one of them of another name than its task's."""
    root, data = tmp_path_factory.mktemp("root"), tmp_path_factory.mktemp("data")
    unpack_image(root)
    models = data / "models"
    install("text-classification", checkpoint=str(checkpoints / "text_classification_bert"), repository=models)
    install("fill-mask", checkpoint=str(checkpoints / "fill_mask_roberta"), name="masks", repository=models)
    with start(root, data) as running:
        yield running
    assert running.process.returncode == 0 and "SIGTERM: stopped." in running.log.read_text()
