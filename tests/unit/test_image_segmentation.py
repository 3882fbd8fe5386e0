"""Image segmentation: maps of segments that do not depend on neighbours, subtasks and thresholds of each request."""

import io
import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import interpolate

from python_backend import images, segmentation
from python_backend.images import needs_torch
from python_backend.parameters import InvalidInput
from python_backend.stage import Request
from python_backend.tasks.image_segmentation import PARAMETERS, SUBTASKS, Preprocess, choose, reduced
from tests.unit.ensemble import Ensemble, text
from tests.unit.pictures import NARROW, SCENE, SMALL, check_batches

DENSE = ("segformer", "beit", "mobilevit")
MASKS = ("mask2former", "maskformer", "oneformer", "detr")


@pytest.fixture(scope="module", params=[*DENSE, *MASKS])
def each(request: pytest.FixtureRequest, checkpoints: Path) -> Ensemble:
    return Ensemble("image_segmentation", checkpoints / f"image_segmentation_{request.param}")


def test_answers_do_not_depend_on_neighbours(each: Ensemble) -> None:
    check_batches(each, (SCENE, SMALL), threshold=0.3)


def test_masks_of_a_semantic_segmentation_are_a_partition(each: Ensemble) -> None:
    result = each({"IMAGE": text(SCENE, NARROW)}, subtask="semantic")
    assert np.isnan(result["scores"][0, 0])
    for row, size in enumerate(((90, 120), (100, 24))):
        count = result["count"][row, 0]
        masks = [np.asarray(Image.open(io.BytesIO(mask))) for mask in result["MASK"][row, :count]]
        assert all(mask.shape == size and set(np.unique(mask)) <= {0, 255} for mask in masks)
        assert (np.sum([mask > 0 for mask in masks], axis=0) == 1).all()
        assert (result["LABEL"][row, :count] != "").all() and (result["MASK"][row, count:] == b"").all()


def test_requests_of_one_pass_have_settings_of_their_own(checkpoints: Path) -> None:
    mask2former = Ensemble("image_segmentation", checkpoints / "image_segmentation_mask2former")
    settings: tuple[dict[str, Any], ...] = (
        {"threshold": 0.3},
        {"threshold": 0.99},
        {"subtask": "semantic"},
        {"subtask": "instance"},
    )
    results = mask2former.batch(*(({"IMAGE": text(SMALL)}, parameters) for parameters in settings))
    for parameters, result in zip(settings, results, strict=True):
        assert isinstance(result, dict)
        alone = mask2former({"IMAGE": text(SMALL)}, **parameters)
        assert result["count"].tolist() == alone["count"].tolist()
        assert result["LABEL"].tolist() == alone["LABEL"].tolist()


def test_what_a_model_cannot_do_fails_alone(checkpoints: Path) -> None:
    segformer = Ensemble("image_segmentation", checkpoints / "image_segmentation_segformer")
    refused, answered = segformer.batch(({"IMAGE": text(SMALL)}, {"subtask": "panoptic"}), ({"IMAGE": text(SMALL)}, {}))
    assert isinstance(refused, InvalidInput) and "panoptic is not supported" in str(refused)
    assert isinstance(answered, dict)


@pytest.mark.parametrize(("name", "needs"), [("segformer", False), ("mask2former", True)])
def test_pytorch_is_loaded_where_the_processor_needs_it(checkpoints: Path, name: str, needs: bool) -> None:
    assert needs_torch(checkpoints / f"image_segmentation_{name}") is needs


THRESHOLDS = [
    {"threshold": threshold, "mask_threshold": mask, "overlap_mask_area_threshold": overlap}
    for threshold, mask, overlap in (
        (0.9, 0.5, 0.5),
        (0.3, 0.5, 0.5),
        (0.0, 0.2, 0.1),
        (0.3, 0.8, 0.9),
        (0.5, 0.0, 0.0),
    )
]
SIZES = [(33, 40), (90, 120), (7, 5), (24, 30), (11, 200)]


class Outputs(dict[str, torch.Tensor]):
    """As a model gives them."""

    def __getattr__(self, name: str) -> torch.Tensor:
        return self[name]


def outputs(name: str, seed: int) -> Outputs:
    """Those of two rows, at random: classes that are sure or not, masks with edges."""
    random = torch.Generator().manual_seed(seed)
    if name not in segmentation.QUERIES:
        return Outputs(logits=torch.randn(2, 5, 16, 20, generator=random))
    classes, masks = segmentation.QUERIES[name]
    coarse = torch.randn(2, 12, 4, 5, generator=random) * 4
    return Outputs(
        {
            classes: torch.randn(2, 12, 6, generator=random) * (1 + 2 * (seed % 3)),
            masks: interpolate(coarse, size=(24, 30), mode="bilinear"),
        }
    )


@pytest.mark.parametrize(
    ("name", "subtask"),
    [
        ("Segformer", "semantic"),
        *((name, subtask) for name in ("Detr", "MaskFormer", "Mask2Former") for subtask in SUBTASKS),
    ],
)
def test_segments_are_those_of_the_image_processors(name: str, subtask: str) -> None:
    """Theirs scale everything at once. (OneFormer's of 5.x asks for torchvision; goldens tell about it.)"""
    import transformers

    processor = getattr(transformers, f"{name}ImageProcessorPil")()
    seen = 0
    for seed, (size, parameters) in enumerate((size, parameters) for size in SIZES for parameters in THRESHOLDS):
        for row in (0, 1):
            own = segmentation.segments(processor, subtask, outputs(name, seed), row, size, parameters)
            theirs = segmentation.processors_own(processor, subtask, outputs(name, seed), row, size, parameters)
            assert own.labels.tolist() == theirs.labels.tolist()
            np.testing.assert_allclose(own.scores, theirs.scores, atol=1e-6)
            for mine, other in zip(own.ids, theirs.ids, strict=True):
                np.testing.assert_array_equal(own.segmentation == mine, theirs.segmentation == other)
            seen += len(own.ids)
    assert seen > 50


def test_of_equal_layers_the_first_is_the_strongest() -> None:
    layers = [torch.tensor([[values]]) for values in (0.0, 1.0, 1.0, 0.5)]
    assert segmentation.strongest(layers).tolist() == [[1]]


def test_a_share_is_divided_in_single_precision() -> None:
    """4 of 5 pixels are more than 0.8: 0.8 in single precision is, in double."""
    first, second = torch.tensor([[1.0, 1, 1, 1, 0.6]]), torch.tensor([[0.0, 0, 0, 0, 1]])
    ones, labels = torch.ones(2), torch.tensor([3, 4])
    kept = segmentation.panoptic(torch.stack([first, second]), ones, labels, (1, 5), 0.5, 0.8)
    assert kept.labels.tolist() == [3, 4] and kept.segmentation.tolist() == [[0, 0, 0, 0, 1]]


@pytest.mark.parametrize("name", ["Segformer", "OneFormer"])
@pytest.mark.parametrize("subtask", ["semantic", "panoptic"])
def test_memory_does_not_grow_with_classes_or_queries(monkeypatch: pytest.MonkeyPatch, name: str, subtask: str) -> None:
    """No tensor is larger than one layer of the picture."""
    largest = 0

    def watched(*arguments: Any, **keywords: Any) -> torch.Tensor:
        nonlocal largest
        result = interpolate(*arguments, **keywords)
        largest = max(largest, result.numel())
        return result

    monkeypatch.setattr("torch.nn.functional.interpolate", watched)
    processor = type(f"{name}ImageProcessor", (), {})()
    everything = {"threshold": 0.0, "mask_threshold": 0.5, "overlap_mask_area_threshold": 0.0}
    result = segmentation.segments(processor, subtask, outputs(name, 0), 0, (300, 400), everything)
    assert result.segmentation.shape == (300, 400) and len(result.ids) > 1
    assert largest == 300 * 400


def test_there_may_be_more_classes_than_a_byte_holds() -> None:
    scores = torch.zeros(300, 2, 2)
    scores[299, 0], scores[256, 1] = 1, 1
    found = segmentation.semantic(scores, (2, 2))
    assert found.labels.tolist() == [256, 299] and found.segmentation.tolist() == [[299, 299], [256, 256]]
    assert found.segmentation.dtype == np.int16


@pytest.mark.parametrize(
    ("size", "shortest", "longest", "expected"),
    [
        ((77, 213), 64, 107, (38, 107)),  # 5.x: (39, 107)
        ((213, 77), 64, 107, (107, 38)),
        ((90, 120), 64, 107, (64, 85)),
        ((100, 100), 64, 107, (64, 64)),
        ((30, 20), 48, 70, (70, 46)),  # 5.x: (70, 47)
    ],
)
def test_sizes_are_those_of_4_48(size: tuple[int, int], shortest: int, longest: int, expected: tuple[int, int]) -> None:
    assert reduced(size, shortest, longest) == expected


def test_oneformer_is_told_the_subtask(checkpoints: Path) -> None:
    oneformer = Ensemble("image_segmentation", checkpoints / "image_segmentation_oneformer")
    by_subtask = {
        subtask: oneformer({"IMAGE": text(SMALL, SCENE)}, subtask=subtask, threshold=0.0)
        for subtask in ("null", "panoptic", "instance", "semantic")
    }
    words = {subtask: result["task_inputs"] for subtask, result in by_subtask.items()}
    assert words["null"].shape == (2, 24) and words["null"].dtype == np.int64
    assert words["null"].tolist() == words["panoptic"].tolist()
    assert len({str(tokens.tolist()) for tokens in words.values()}) == 3
    # They reach the model: the same picture looks different to it.
    row = oneformer.preprocess.process(Request({"IMAGE": text(SMALL)}, PARAMETERS.parse({})))
    scores = []
    for subtask in ("panoptic", "semantic"):
        told = row | {"task_inputs": words[subtask][:1]}
        scores.append(oneformer.model.process_batch([Request(told, PARAMETERS.parse({"threshold": 0.0}))])[0]["scores"])
    assert scores[0].shape != scores[1].shape or np.abs(scores[0] - scores[1]).max() > 1e-5


def test_others_are_not_told(each: Ensemble) -> None:
    result = each({"IMAGE": text(SMALL, SMALL)})
    told = each.model.model.config.model_type == "oneformer"
    assert result["task_inputs"].shape == (2, 24 if told else 0)


def test_oneformer_needs_no_list_of_classes(checkpoints: Path, tmp_path: Path) -> None:
    """Training alone does; it lies in a data set on the Hub."""
    folder = tmp_path / "oneformer"
    shutil.copytree(checkpoints / "image_segmentation_oneformer", folder)
    (folder / "class_info.json").unlink()
    config = json.loads((folder / "preprocessor_config.json").read_text())
    config |= {"repo_path": "shi-labs/oneformer_demo", "class_info_file": "ade20k_panoptic.json"}
    (folder / "preprocessor_config.json").write_text(json.dumps(config))
    assert segmentation.family(images.processor(folder)) == "OneFormer"


def test_image_processors_may_have_their_names_of_old(checkpoints: Path) -> None:
    folder = checkpoints / "image_segmentation_beit"
    assert json.loads((folder / "preprocessor_config.json").read_text())["image_processor_type"].endswith("Extractor")
    assert type(images.processor(folder)).__name__ == "BeitImageProcessorPil"


def test_what_a_model_cannot_do_is_refused_before_it_runs(checkpoints: Path) -> None:
    stage = Preprocess.local(checkpoints / "image_segmentation_segformer")
    with pytest.raises(InvalidInput, match=r"Subtask instance is not supported by this model; it does semantic\."):
        stage.process(Request({"IMAGE": text(SMALL)}, PARAMETERS.parse({"subtask": "instance"})))


def test_a_checkpoint_whose_image_processor_makes_no_segments_is_not_served(checkpoints: Path) -> None:
    with pytest.raises(ValueError, match="ViTImageProcessorPil makes no segments"):
        Preprocess.local(checkpoints / "image_classification_vit")
    pieces = SimpleNamespace(post_process_semantic_segmentation=None)
    assert choose(pieces, None) == "semantic"


def test_limits_are_those_of_the_deployment(checkpoints: Path) -> None:
    settings = {"max_image_pixels": "1000"}
    stage = Preprocess.local(checkpoints / "image_segmentation_segformer", settings)
    with pytest.raises(InvalidInput, match="40 x 33 pixels; this deployment takes 1,000"):
        stage.process(Request({"IMAGE": text(SMALL)}, PARAMETERS.parse({})))


def test_a_segment_that_others_cover_keeps_its_place(checkpoints: Path) -> None:
    """Instances that lie over each other: the first ones may have no pixel left, and an empty mask."""
    maskformer = Ensemble("image_segmentation", checkpoints / "image_segmentation_maskformer")
    result = maskformer({"IMAGE": text(SMALL)}, subtask="instance", threshold=0.3)
    count = result["count"][0, 0]
    shares = [np.asarray(Image.open(io.BytesIO(mask))).mean() / 255 for mask in result["MASK"][0, :count]]
    assert count > 2 and sum(shares) <= 1 and min(shares) < 0.01


def test_nothing_found_is_an_empty_answer(checkpoints: Path) -> None:
    mask2former = Ensemble("image_segmentation", checkpoints / "image_segmentation_mask2former")
    nothing, something = mask2former.batch(
        ({"IMAGE": text(SMALL)}, {"threshold": 1.0}), ({"IMAGE": text(SMALL, NARROW)}, {"threshold": 0.0})
    )
    assert isinstance(nothing, dict) and nothing["count"].tolist() == [[0]] and nothing["MASK"].shape == (1, 0)
    assert isinstance(something, dict) and (something["count"] > 0).all()
