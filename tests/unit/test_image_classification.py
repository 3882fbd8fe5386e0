"""Image classification: pixels as the checkpoint's processor makes them, labels, and what turns logits into scores."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from python_backend.forward import Pass
from python_backend.parameters import InvalidInput
from python_backend.stage import Request
from python_backend.tasks.image_classification import Postprocess
from tests.unit.ensemble import Ensemble, Sent, text
from tests.unit.test_images import encoded

CHECKPOINTS = [f"image_classification_{name}" for name in ("vit", "resnet", "convnext")]
ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests/data"
SCENE, NARROW, GREY = ((DATA / name).read_bytes() for name in ("scene.jpg", "narrow.png", "grey.png"))


@pytest.fixture(scope="module", params=CHECKPOINTS)
def each(request: pytest.FixtureRequest, checkpoints: Path) -> Ensemble:
    return Ensemble("image_classification", checkpoints / request.param)


@pytest.fixture(scope="module")
def vit(checkpoints: Path) -> Ensemble:
    return Ensemble("image_classification", checkpoints / "image_classification_vit", max_image_pixels="1000000")


@pytest.mark.parametrize("size", [(32, 32), (7, 50), (640, 480), (1, 1), (2, 3)])
def test_colours_are_scaled_to_what_the_checkpoint_says(vit: Ensemble, size: tuple[int, int]) -> None:
    """0 to 255 becomes -1 to 1, 32 x 32, whatever the size of the picture."""
    result = vit({"IMAGE": text(encoded(Image.new("RGB", size, (255, 0, 51))))})
    expected = np.broadcast_to(np.array([1, -1, -0.6])[:, None, None], (1, 3, 32, 32))
    np.testing.assert_allclose(result["pixel_values"], expected, atol=1e-6)
    assert result["pixel_values"].dtype == np.float32


def test_an_image_of_the_models_size_is_not_resampled(vit: Ensemble) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    result = vit({"IMAGE": text(encoded(Image.fromarray(pixels)))})
    np.testing.assert_allclose(result["pixel_values"][0], pixels.transpose(2, 0, 1) / 127.5 - 1, atol=1e-6)


def test_requests_that_run_together_answer_as_they_do_alone(each: Ensemble) -> None:
    sent: list[Sent] = [
        ({"IMAGE": text(SCENE)}, {}),
        ({"IMAGE": text(NARROW, GREY)}, {"top_k": 2}),
        ({"IMAGE": text(GREY)}, {"top_k": "null", "function_to_apply": "none"}),
    ]
    for request, together in zip(sent, each.batch(*sent), strict=True):
        (alone,) = each.batch(request)
        assert isinstance(together, dict) and isinstance(alone, dict)
        np.testing.assert_array_equal(together["LABEL"], alone["LABEL"])
        np.testing.assert_allclose(together["SCORE"], alone["SCORE"], atol=1e-4)


def test_a_bad_image_fails_alone(vit: Ensemble) -> None:
    sent: list[Sent] = [({"IMAGE": text(data)}, {}) for data in (SCENE, b"no image", SCENE[:2000], NARROW)]
    good, garbage, cut, other = vit.batch(*sent)
    assert isinstance(good, dict) and isinstance(other, dict)
    assert isinstance(garbage, InvalidInput) and isinstance(cut, InvalidInput)
    np.testing.assert_allclose(good["SCORE"], vit({"IMAGE": text(SCENE)})["SCORE"], atol=1e-5)


def test_limits_are_those_of_the_deployment(vit: Ensemble) -> None:
    with pytest.raises(InvalidInput, match=r"1,001 x 1,000 pixels; this deployment takes 1,000,000"):
        vit({"IMAGE": text(encoded(Image.new("1", (1001, 1000))))})


def test_images_of_one_request_may_become_tensors_of_different_shapes(
    vit: Ensemble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Padded for the way to the model, and cut again there: rows of equal size share a pass."""
    passes: list[np.ndarray] = []

    def forward(batch: Pass) -> dict[str, list[np.ndarray]]:
        passes.append(batch.inputs["pixel_values"])
        return {"logits": [np.zeros(2)] * len(batch.indices)}

    monkeypatch.setattr(
        vit.preprocess, "processor", lambda image, **_: {"pixel_values": np.ones((1, 3, *image.size), np.float32)}
    )
    monkeypatch.setattr(vit.model, "forward", forward)
    files = [encoded(Image.new("RGB", size)) for size in ((4, 6), (8, 2), (4, 6))]
    result = vit.preprocess.process(Request({"IMAGE": text(*files)}, {}))
    assert result["pixel_values"].shape == (3, 3, 8, 6) and result["pixel_size"].tolist() == [[4, 6], [8, 2], [4, 6]]
    assert result["target_size"].tolist() == [[6, 4], [2, 8], [6, 4]]
    vit.model.process_batch([Request(result, {})])
    assert [pixels.shape for pixels in passes] == [(2, 3, 4, 6), (1, 3, 8, 2)]
    assert all((pixels == 1).all() for pixels in passes)


def test_best_labels_first(vit: Ensemble) -> None:
    stage = vit.postprocess
    logits = np.array([[0, 3, 1, 2, 5, 4]], np.float32)
    result = stage.process(Request({"logits": logits}, stage.PARAMETERS.parse({"function_to_apply": "none"})))
    assert result["LABEL"].tolist() == [[b"hen", b"cow", b"dog", b"owl", b"fox"]]  # five by default
    assert result["SCORE"].tolist() == [[5, 4, 3, 2, 1]]
    everything = stage.process(Request({"logits": logits}, stage.PARAMETERS.parse({"top_k": 100})))
    assert everything["SCORE"].sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("problem", "labels", "function"),
    [
        (None, 3, "softmax"),
        (None, 1, "sigmoid"),
        ("single_label_classification", 3, "sigmoid"),
        ("multi_label_classification", 3, "softmax"),
        ("multi_label_classification", 1, "sigmoid"),
        ("regression", 3, "softmax"),
    ],
)
def test_default_functions_are_those_of_the_pipeline_of_4_48(problem: str | None, labels: int, function: str) -> None:
    assert Postprocess().default_function(problem, labels) == function
