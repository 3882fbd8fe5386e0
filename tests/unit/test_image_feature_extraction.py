"""Image feature extraction: features of every shape, pooled or not."""

from pathlib import Path

import numpy as np
import pytest

from python_backend.parameters import InvalidInput
from python_backend.stage import Tensors
from tests.unit.ensemble import Ensemble, text
from tests.unit.pictures import SCENE, TALL, TINY, check_batches


@pytest.fixture(scope="module")
def resnet(checkpoints: Path) -> Ensemble:
    return Ensemble("image_feature_extraction", checkpoints / "image_feature_extraction_resnet")


@pytest.fixture(scope="module")
def vit(checkpoints: Path) -> Ensemble:
    return Ensemble("image_feature_extraction", checkpoints / "image_feature_extraction_vit")


def features(result: Tensors, row: int = 0) -> np.ndarray:
    shape = result["SHAPE"][row]
    return result["features"][row, : shape[0] if len(shape) > 1 else 1, : np.prod(shape[1:])].reshape(shape)


@pytest.mark.parametrize("pool", [True, False])
def test_answers_do_not_depend_on_neighbours(resnet: Ensemble, vit: Ensemble, pool: bool) -> None:
    check_batches(resnet, (SCENE, TALL), pool=pool)
    check_batches(vit, pool=pool)


def test_features_of_pictures_of_different_sizes(resnet: Ensemble) -> None:
    both = resnet({"IMAGE": text(SCENE, TALL)})
    assert both["SHAPE"].tolist() == [[40, 3, 4], [40, 1, 1]]
    np.testing.assert_allclose(features(both, 1), features(resnet({"IMAGE": text(TALL)})), atol=1e-5)


def test_requests_of_one_pass_may_differ_in_pooling(vit: Ensemble) -> None:
    pooled, tokens = vit.batch(({"IMAGE": text(TINY)}, {"pool": True}), ({"IMAGE": text(TINY)}, {}))
    assert isinstance(pooled, dict) and isinstance(tokens, dict)
    assert pooled["SHAPE"].tolist() == [[48]] and tokens["SHAPE"].tolist() == [[17, 48]]
    np.testing.assert_allclose(vit({"IMAGE": text(TINY)}, pool=True)["features"], pooled["features"], atol=1e-5)


def test_a_pooler_without_trained_weights_counts_as_none(checkpoints: Path) -> None:
    classifier = Ensemble("image_feature_extraction", checkpoints / "image_classification_vit")
    with pytest.raises(InvalidInput, match="no pooled output"):
        classifier({"IMAGE": text(TINY)}, pool=True)
    assert classifier({"IMAGE": text(TINY)})["SHAPE"].tolist() == [[17, 48]]


def test_pooling_without_a_pooler_fails_alone(checkpoints: Path) -> None:
    msn = Ensemble("image_feature_extraction", checkpoints / "image_feature_extraction_vit_msn")
    pooled, tokens = msn.batch(({"IMAGE": text(TINY)}, {"pool": True}), ({"IMAGE": text(TINY)}, {}))
    assert isinstance(pooled, InvalidInput) and "no pooled output" in str(pooled)
    assert isinstance(tokens, dict)
