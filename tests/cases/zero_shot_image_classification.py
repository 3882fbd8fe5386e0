"""Cases of zero-shot-image-classification."""

from tests.cases import REFUSED_TOO, Case, Generator
from tests.cases.pictures import KINDS, LARGE, NARROW, NO_PICTURE, OPENED, SCENE, TINY

CLIP = "zero_shot_image_classification_clip"
SIGLIP = "zero_shot_image_classification_siglip"
CHINESE = "zero_shot_image_classification_chinese_clip"
ALL = {"clip": CLIP, "siglip": SIGLIP, "chinese_clip": CHINESE}
LABELS = ["house", "a white whale", "the best of times", "Alice"]
GIVEN = {"candidate_labels": LABELS}

CASES = [
    *(Case(f"{name}_one", checkpoint, SCENE, GIVEN) for name, checkpoint in ALL.items()),
    *(Case(f"{name}_list", checkpoint, [SCENE, NARROW, TINY], GIVEN) for name, checkpoint in ALL.items()),
    *(
        Case(f"{name}_template", checkpoint, SCENE, {**GIVEN, "hypothesis_template": "We see {} here, by the sea."})
        for name, checkpoint in ALL.items()
    ),
    *(
        Case(f"{name}_one_label", checkpoint, SCENE, {"candidate_labels": ["whale"]})
        for name, checkpoint in ALL.items()
    ),
    *(Case(kind, CLIP, picture, GIVEN) for kind, picture in KINDS.items()),
    Case("large", CLIP, LARGE, GIVEN),
    Case("labels_of_constructor", CLIP, SCENE, init=GIVEN),
    Case("opened_picture", CLIP, OPENED, GIVEN),
    Case("images", CLIP, parameters={"images": SCENE, **GIVEN}, note="the argument's name of old"),
    Case("list_of_one", CLIP, [SCENE], GIVEN),
    Case("generator", SIGLIP, Generator((SCENE, TINY)), GIVEN),
    Case("timeout", CLIP, SCENE, {**GIVEN, "timeout": 5}),
    Case(
        "truncation",
        CLIP,
        SCENE,
        {**GIVEN, "tokenizer_kwargs": {"truncation": True, "max_length": 6}},
    ),
    Case("no_labels", CLIP, SCENE, {"candidate_labels": []}, refused="label", note="the oracle fails inside the model"),
    Case("not_a_picture", CLIP, NO_PICTURE, GIVEN, refused="image", note=REFUSED_TOO),
]
