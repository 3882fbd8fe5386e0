"""preprocessor_config.json as install.py completes it: image processors get the settings that they have in 4.48."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from installing.image_processor import complete, write
from python_backend import images

PICTURE = Image.fromarray(np.arange(60 * 80 * 3, dtype=np.uint8).reshape(60, 80, 3))


def completed(name: str, **settings: Any) -> dict[str, Any]:
    return complete({"image_processor_type": f"{name}ImageProcessor", **settings}, None)


@pytest.mark.parametrize("name", ["BeitImageProcessor", "BeitFeatureExtractor", "BeitImageProcessorFast"])
@pytest.mark.parametrize("key", ["image_processor_type", "feature_extractor_type"])
def test_what_is_missing_is_the_default_of_the_class(name: str, key: str) -> None:
    made = complete({key: name, "size": 48}, None)
    assert made["do_center_crop"] and made["crop_size"] == {"height": 224, "width": 224} and made["resample"] == 3
    assert made["size"] == 48 and made[key] == name


def test_the_type_of_the_model_implies_a_class() -> None:
    assert complete({"size": 48}, "pvt_v2")["resample"] == complete({}, "pvt")["resample"] == 2
    assert complete({"size": 48}, "bert") == {"size": 48}
    assert complete({"image_processor_type": "MyImageProcessor"}, "pvt") == {"image_processor_type": "MyImageProcessor"}


def test_steps_that_the_class_does_not_know_are_left_out() -> None:
    made = completed("ViT", do_center_crop=True, crop_size={"height": 40, "width": 40}, mine=1)
    assert not {"do_center_crop", "crop_size"} & made.keys() and made["mine"] == 1
    assert completed("Detr", pad_size={"height": 40, "width": 40})["pad_size"] == {"height": 40, "width": 40}


def test_null_is_no_for_a_step_and_the_default_for_all_else() -> None:
    made = completed("Bit", do_center_crop=None, crop_size=None, image_mean=None)
    assert made["do_center_crop"] is False and made["crop_size"] == {"height": 224, "width": 224}
    assert made["image_mean"] == [0.48145466, 0.4578275, 0.40821073]


@pytest.mark.parametrize(
    ("name", "given", "wanted"),
    [
        ("Mask2Former", {"size": 48}, {"shortest_edge": 48, "longest_edge": 1333}),
        ("Detr", {"size": 48, "max_size": 80}, {"shortest_edge": 48, "longest_edge": 80}),
        ("Sam", {"size": 512}, {"longest_edge": 512}),
        ("CLIP", {"size": {"shortest_edge": 48, "longest_edge": 80}}, {"shortest_edge": 48}),
        ("Detr", {"size": {"shortest_edge": 48, "longest_edge": 80}}, {"shortest_edge": 48, "longest_edge": 80}),
    ],
)
def test_sizes_of_old(name: str, given: dict[str, Any], wanted: dict[str, int]) -> None:
    made = completed(name, **given)
    assert made["size"] == wanted and "max_size" not in made


def test_a_setting_under_its_name_of_old_gets_no_default() -> None:
    assert "do_pad" not in completed("Detr", pad_and_return_pixel_mask=False)


def test_files_are_completed_where_they_have_to_be(tmp_path: Path) -> None:
    write(tmp_path)  # of text
    file = tmp_path / "preprocessor_config.json"
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "pvt"}))
    file.write_text(json.dumps({"image_processor_type": "PvtImageProcessor", "size": 32}))
    write(tmp_path)
    assert json.loads(file.read_text())["resample"] == 2
    written = file.read_bytes()
    write(tmp_path)
    assert file.read_bytes() == written
    assert images.processor(tmp_path)(PICTURE, return_tensors="np")["pixel_values"].shape == (1, 3, 32, 32)
