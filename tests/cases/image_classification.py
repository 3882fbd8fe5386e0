"""Cases of image-classification."""

from tests.cases import REFUSED_TOO, Case, File, Generator, Picture, pictures
from tests.cases.pictures import LARGE, NARROW, NO_PICTURE, SCENE

VIT = "image_classification_vit"
RESNET = "image_classification_resnet"
CONVNEXT = "image_classification_convnext"
ALL = {"vit": VIT, "resnet": RESNET, "convnext": CONVNEXT}
GREY = pictures.KINDS["grey"]
KINDS = {"png": File("tests/data/scene.png"), **pictures.KINDS, "narrow": NARROW, "large": LARGE}

CASES = [
    *(Case(f"{name}_one", checkpoint, SCENE) for name, checkpoint in ALL.items()),
    *(Case(kind, VIT, picture) for kind, picture in KINDS.items()),
    *(Case(f"resnet_{kind}", RESNET, KINDS[kind]) for kind in ("transparent", "rotated", "narrow", "large")),
    *(Case(f"convnext_{kind}", CONVNEXT, KINDS[kind]) for kind in ("grey", "narrow", "large")),
    *(
        Case(f"{name}_{function}", checkpoint, SCENE, {"function_to_apply": function})
        for name, checkpoint in ALL.items()
        for function in ("sigmoid", "softmax", "none")
    ),
    Case("opened_picture", VIT, Picture("tests/data/scene.png")),
    Case("opened_rotated_picture", VIT, Picture("tests/data/rotated.jpg"), note="turned upright as well"),
    Case("list", VIT, [SCENE, NARROW, GREY]),
    Case("list_of_pictures", RESNET, [Picture("tests/data/scene.jpg"), Picture("tests/data/large.jpg")]),
    Case("list_of_one", VIT, [SCENE]),
    Case("generator", VIT, Generator((SCENE, LARGE))),
    Case("batch_size", VIT, [SCENE, NARROW, GREY], {"batch_size": 2}),
    Case("top_k", VIT, SCENE, {"top_k": 2}),
    Case("top_k_above_labels", VIT, SCENE, {"top_k": 100}),
    Case("top_k_of_constructor", VIT, SCENE, init={"top_k": 1}),
    Case(
        "single_label_batch",
        CONVNEXT,
        [SCENE, LARGE],
        note="problem_type single_label_classification: a sigmoid, as of 4.48; 5.x applies a softmax",
    ),
    Case(
        "multi_label_batch",
        RESNET,
        [SCENE, LARGE],
        note="problem_type multi_label_classification: a softmax, as of 4.48; 5.x applies a sigmoid",
    ),
    Case("not_a_picture", VIT, NO_PICTURE, refused="image", note=REFUSED_TOO),
]
