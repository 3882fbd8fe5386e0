"""Cases of object-detection."""

from tests.cases import REFUSED_TOO, Case, File, Generator
from tests.cases.pictures import KINDS, LARGE, NARROW, NO_PICTURE, OPENED, SCENE, TALL, TINY

DETR = "object_detection_detr"
YOLOS = "object_detection_yolos"
RT_DETR = "object_detection_rt_detr"
ALL = {"detr": DETR, "yolos": YOLOS, "rt_detr": RT_DETR}

LAYOUT = "object_detection_layoutlmv3"
DOCUMENT = File("tests/data/document.png")

CASES = [
    *(Case(f"{name}_one", checkpoint, SCENE) for name, checkpoint in ALL.items()),
    *(
        Case(f"{name}_{size}", checkpoint, picture)
        for name, checkpoint in ALL.items()
        for size, picture in (("large", LARGE), ("narrow", NARROW), ("tiny", TINY))
    ),
    *(Case(kind, DETR, picture) for kind, picture in KINDS.items()),
    *(
        Case(f"{name}_threshold_{threshold}", checkpoint, SCENE, {"threshold": threshold})
        for name, checkpoint in ALL.items()
        for threshold in (0.0, 0.3, 0.8)
    ),
    Case("document", LAYOUT, DOCUMENT),
    Case("document_threshold", LAYOUT, DOCUMENT, {"threshold": 0.2}),
    Case("document_list", LAYOUT, [DOCUMENT, SCENE], {"threshold": 0.0}, note="no words in the scene"),
    Case("nothing", DETR, SCENE, {"threshold": 1.0}),
    Case("threshold_of_constructor", DETR, SCENE, init={"threshold": 0.7}),
    Case("opened_picture", DETR, OPENED),
    Case("images", DETR, parameters={"images": SCENE}, note="the argument's name of old"),
    *(Case(f"{name}_list", checkpoint, [SCENE, NARROW, TALL]) for name, checkpoint in ALL.items()),
    Case("list_of_one", DETR, [SCENE]),
    Case("generator", YOLOS, Generator((SCENE, LARGE))),
    Case("timeout", DETR, SCENE, {"timeout": 5}),
    Case("not_a_picture", DETR, NO_PICTURE, refused="image", note=REFUSED_TOO),
]
