"""Cases of image-segmentation."""

from tests.cases import REFUSED_TOO, Case, Generator
from tests.cases.pictures import KINDS, LARGE, NARROW, NO_PICTURE, OPENED, SCENE, SMALL, TALL, TINY

SEGFORMER = "image_segmentation_segformer"
MASK2FORMER = "image_segmentation_mask2former"
MASKFORMER = "image_segmentation_maskformer"
ONEFORMER = "image_segmentation_oneformer"
DETR = "image_segmentation_detr"
DENSE = {"segformer": SEGFORMER} | {name: f"image_segmentation_{name}" for name in ("beit", "mobilevit")}
MASKS = {"mask2former": MASK2FORMER, "maskformer": MASKFORMER, "oneformer": ONEFORMER, "detr": DETR}
ALL = DENSE | MASKS

CASES = [
    *(Case(f"{name}_one", checkpoint, SCENE) for name, checkpoint in DENSE.items()),
    *(
        Case(f"{name}_{size}", checkpoint, picture, {} if name in DENSE else {"threshold": 0.3})
        for name, checkpoint in ALL.items()
        for size, picture in (("narrow", NARROW), ("tiny", TINY), ("tall", TALL))
    ),
    *(Case(kind, SEGFORMER, picture) for kind, picture in KINDS.items()),
    *(
        Case(f"{name}_{kind}", checkpoint, KINDS[kind], {"threshold": 0.3})
        for name, checkpoint in MASKS.items()
        for kind in ("transparent", "rotated")
    ),
    Case("large", MASKFORMER, LARGE, {"threshold": 0.5}),
    *(Case(f"{name}_defaults", checkpoint, SCENE) for name, checkpoint in MASKS.items()),
    *(
        Case(f"{name}_{subtask}{where}", checkpoint, picture, {"subtask": subtask, "threshold": 0.3})
        for name, checkpoint in MASKS.items()
        for subtask in ("panoptic", "instance", "semantic")
        for where, picture in (("", SMALL), ("_narrow", NARROW))
    ),
    *(Case(f"{name}_instance_scene", MASKS[name], SCENE, {"subtask": "instance"}) for name in MASKS),
    *(
        Case(f"{name}_{parameter}_{value}", checkpoint, SMALL, {"threshold": 0.2, parameter: value})
        for name, checkpoint in MASKS.items()
        for parameter, value in (
            ("threshold", 0.5),
            ("threshold", 0.7),
            ("mask_threshold", 0.3),
            ("mask_threshold", 0.8),
            ("overlap_mask_area_threshold", 0.1),
            ("overlap_mask_area_threshold", 0.9),
        )
    ),
    *(
        Case(
            f"oneformer_instance_{parameter}", ONEFORMER, SMALL, {"subtask": "instance", "threshold": 0.2, **parameters}
        )
        for parameter, parameters in (
            ("mask_threshold", {"mask_threshold": 3.0}),
            ("overlap", {"overlap_mask_area_threshold": 0.8}),
        )
    ),
    Case("nothing", MASK2FORMER, SMALL, {"threshold": 1.0}),
    Case("everything", MASK2FORMER, SMALL, {"threshold": 0.0, "overlap_mask_area_threshold": 0.0}),
    Case("segformer_semantic", SEGFORMER, SMALL, {"subtask": "semantic"}),
    *(
        Case(f"segformer_{subtask}", SEGFORMER, SMALL, {"subtask": subtask}, refused=subtask, note=REFUSED_TOO)
        for subtask in ("panoptic", "instance")
    ),
    Case("no_such_subtask", MASK2FORMER, SMALL, {"subtask": "everything"}, refused="subtask", note=REFUSED_TOO),
    Case("parameters_of_constructor", DETR, SMALL, init={"threshold": 0.4, "subtask": "instance"}),
    Case("opened_picture", SEGFORMER, OPENED),
    Case("images", SEGFORMER, parameters={"images": TINY}, note="the argument's name of old"),
    *(Case(f"{name}_list", checkpoint, [SMALL, TINY, TALL], {"threshold": 0.4}) for name, checkpoint in ALL.items()),
    Case("list_of_one", SEGFORMER, [TINY]),
    Case("batch_size", MASKFORMER, [SMALL, TINY, TALL], {"threshold": 0.4, "batch_size": 2}),
    Case("generator", SEGFORMER, Generator((TINY, TALL))),
    Case("timeout", SEGFORMER, TINY, {"timeout": 5}),
    Case("not_a_picture", SEGFORMER, NO_PICTURE, refused="image", note=REFUSED_TOO),
]
