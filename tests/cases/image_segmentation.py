"""Cases of image-segmentation."""

from tests.cases import Case, Generator
from tests.cases.pictures import KINDS, NARROW, NO_PICTURE, OPENED, REFUSED_TOO, SCENE, SMALL, TALL, TINY

SEGFORMER = "image_segmentation_segformer"
MASK2FORMER = "image_segmentation_mask2former"
MASKFORMER = "image_segmentation_maskformer"
DETR = "image_segmentation_detr"
ALL = {"segformer": SEGFORMER, "mask2former": MASK2FORMER, "maskformer": MASKFORMER, "detr": DETR}
MASKS = {name: checkpoint for name, checkpoint in ALL.items() if name != "segformer"}

CASES = [
    *(Case(f"{name}_one", checkpoint, SCENE) for name, checkpoint in ALL.items()),
    *(
        Case(f"{name}_{size}", checkpoint, picture)
        for name, checkpoint in ALL.items()
        for size, picture in (("narrow", NARROW), ("tiny", TINY), ("tall", TALL))
    ),
    *(Case(f"{kind}", SEGFORMER, picture) for kind, picture in KINDS.items()),
    *(
        Case(f"{name}_{subtask}", checkpoint, SMALL, {"subtask": subtask, "threshold": 0.3})
        for name, checkpoint in MASKS.items()
        for subtask in ("panoptic", "instance", "semantic")
        if (name, subtask) != ("detr", "instance")
    ),
    *(
        Case(f"{name}_{parameter}_{value}", checkpoint, SMALL, {"threshold": 0.2, parameter: value})
        for name, checkpoint in MASKS.items()
        for parameter, value in (
            ("threshold", 0.5),
            ("mask_threshold", 0.3),
            ("mask_threshold", 0.8),
            ("overlap_mask_area_threshold", 0.1),
            ("overlap_mask_area_threshold", 0.9),
        )
    ),
    Case("nothing", MASK2FORMER, SMALL, {"threshold": 1.0}),
    Case("segformer_semantic", SEGFORMER, SMALL, {"subtask": "semantic"}),
    Case("segformer_panoptic", SEGFORMER, SMALL, {"subtask": "panoptic"}, refused="panoptic", note=REFUSED_TOO),
    Case("threshold_of_constructor", DETR, SMALL, init={"threshold": 0.4}),
    Case("opened_picture", SEGFORMER, OPENED),
    Case("images", SEGFORMER, parameters={"images": TINY}, note="the argument's name of old"),
    *(Case(f"{name}_list", checkpoint, [SMALL, TINY, TALL], {"threshold": 0.4}) for name, checkpoint in ALL.items()),
    Case("list_of_one", SEGFORMER, [TINY]),
    Case("generator", SEGFORMER, Generator((TINY, TALL))),
    Case("timeout", SEGFORMER, TINY, {"timeout": 5}),
    Case("not_a_picture", SEGFORMER, NO_PICTURE, refused="image", note=REFUSED_TOO),
]
