"""Cases of zero-shot-object-detection."""

from tests.cases import REFUSED_TOO, Case, Generator
from tests.cases.pictures import KINDS, LARGE, NARROW, NO_PICTURE, OPENED, SCENE, TINY

OWL = "zero_shot_object_detection_owlvit"
DINO = "zero_shot_object_detection_grounding_dino"
OWL2 = "zero_shot_object_detection_owlv2"
ALL = {"owlvit": OWL, "owlv2": OWL2, "grounding_dino": DINO}
LABELS = ["house", "a white whale", "Alice"]
GIVEN = {"candidate_labels": LABELS, "threshold": 0.5}
PAIRS = [{"image": SCENE, "candidate_labels": LABELS}, {"image": NARROW, "candidate_labels": ["whale"]}]

CASES = [
    *(Case(f"{name}_one", checkpoint, SCENE, GIVEN) for name, checkpoint in ALL.items()),
    *(
        Case(f"{name}_{size}", checkpoint, picture, GIVEN)
        for name, checkpoint in ALL.items()
        for size, picture in (("large", LARGE), ("narrow", NARROW), ("tiny", TINY))
    ),
    *(
        Case(f"{name}_threshold_{threshold}", checkpoint, SCENE, {"candidate_labels": LABELS, "threshold": threshold})
        for name, checkpoint in ALL.items()
        for threshold in (0.2, 0.6, 0.9)
    ),
    *(Case(f"{name}_top_k", checkpoint, SCENE, {**GIVEN, "top_k": 3}) for name, checkpoint in ALL.items()),
    *(Case(f"{name}_pairs", checkpoint, PAIRS, {"threshold": 0.5}) for name, checkpoint in ALL.items()),
    Case("pair", OWL, PAIRS[0], {"threshold": 0.5}),
    Case("default_threshold", OWL, TINY, {"candidate_labels": ["house"], "top_k": 5}),
    Case("many_images", OWL, [OPENED, OPENED], {"candidate_labels": [LABELS, ["whale"]], "threshold": 0.5}),
    Case("labels_with_commas", OWL, SCENE, {"candidate_labels": "house, whale", "threshold": 0.5}),
    Case("text_queries", OWL, SCENE, {"text_queries": LABELS, "threshold": 0.5}, note="the argument's name of old"),
    Case("generator", OWL, Generator(tuple(PAIRS)), {"threshold": 0.5}),
    Case("opened_picture", OWL, OPENED, GIVEN),
    Case("timeout", OWL, SCENE, {**GIVEN, "timeout": 5}),
    *(Case(kind, OWL, picture, GIVEN) for kind, picture in KINDS.items() if kind in ("rotated", "transparent")),
    Case("no_labels", OWL, SCENE, {"candidate_labels": []}, refused="label", note="the oracle fails by accident"),
    Case("not_a_picture", OWL, NO_PICTURE, GIVEN, refused="image", note=REFUSED_TOO),
]
