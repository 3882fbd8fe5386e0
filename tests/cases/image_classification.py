"""Cases of image-classification."""

from tests.cases import Case, File, Generator, Picture

VIT = "image_classification_vit"
RESNET = "image_classification_resnet"
CONVNEXT = "image_classification_convnext"
ALL = {"vit": VIT, "resnet": RESNET, "convnext": CONVNEXT}
SCENE = "tests/data/scene.jpg"
KINDS = {
    "png": "scene.png",
    "webp": "scene.webp",
    "grey": "grey.png",
    "grey_alpha": "grey_alpha.png",
    "palette": "palette.png",
    "transparent": "transparent.png",
    "cmyk": "cmyk.jpg",
    "rotated": "rotated.jpg",
    "narrow": "narrow.png",
    "large": "large.jpg",
}

CASES = [
    *(Case(f"{name}_one", checkpoint, File(SCENE)) for name, checkpoint in ALL.items()),
    *(Case(f"{kind}", VIT, File(f"tests/data/{file}")) for kind, file in KINDS.items()),
    *(
        Case(f"resnet_{kind}", RESNET, File(f"tests/data/{KINDS[kind]}"))
        for kind in ("transparent", "rotated", "narrow", "large")
    ),
    *(Case(f"convnext_{kind}", CONVNEXT, File(f"tests/data/{KINDS[kind]}")) for kind in ("grey", "narrow", "large")),
    *(
        Case(f"{name}_{function}", checkpoint, File(SCENE), {"function_to_apply": function})
        for name, checkpoint in ALL.items()
        for function in ("sigmoid", "softmax", "none")
    ),
    Case("opened_picture", VIT, Picture("tests/data/scene.png")),
    Case("opened_rotated_picture", VIT, Picture("tests/data/rotated.jpg"), note="turned upright as well"),
    Case("list", VIT, [File(SCENE), File("tests/data/narrow.png"), File("tests/data/grey.png")]),
    Case("list_of_pictures", RESNET, [Picture(SCENE), Picture("tests/data/large.jpg")]),
    Case("list_of_one", VIT, [File(SCENE)]),
    Case("generator", VIT, Generator((File(SCENE), File("tests/data/large.jpg")))),
    Case(
        "batch_size", VIT, [File(SCENE), File("tests/data/narrow.png"), File("tests/data/grey.png")], {"batch_size": 2}
    ),
    Case("top_k", VIT, File(SCENE), {"top_k": 2}),
    Case("top_k_above_labels", VIT, File(SCENE), {"top_k": 100}),
    Case("top_k_of_constructor", VIT, File(SCENE), init={"top_k": 1}),
    Case(
        "single_label_batch",
        CONVNEXT,
        [File(SCENE), File("tests/data/large.jpg")],
        note="problem_type single_label_classification: a sigmoid, as of 4.48; 5.x applies a softmax",
    ),
    Case(
        "multi_label_batch",
        RESNET,
        [File(SCENE), File("tests/data/large.jpg")],
        note="problem_type multi_label_classification: a softmax, as of 4.48; 5.x applies a sigmoid",
    ),
    Case("not_a_picture", VIT, File("tests/data/page.txt"), refused="image", note="the oracle refuses it too"),
]
