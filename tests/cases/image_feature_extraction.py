"""Cases of image-feature-extraction."""

from tests.cases import REFUSED_TOO, Case, Generator
from tests.cases.pictures import KINDS, NO_PICTURE, OPENED, SCENE, TALL, TINY

VIT = "image_feature_extraction_vit"
RESNET = "image_feature_extraction_resnet"
MSN = "image_feature_extraction_vit_msn"

CASES = [
    *(
        Case(f"{name}_one", checkpoint, TINY)
        for name, checkpoint in (("vit", VIT), ("resnet", RESNET), ("vit_msn", MSN))
    ),
    Case("resnet_tall", RESNET, TALL),
    *(Case(f"pooled_{kind}", VIT, picture, {"pool": True}) for kind, picture in KINDS.items()),
    Case("pooled_scene", VIT, SCENE, {"pool": True}),
    Case("resnet_pooled", RESNET, SCENE, {"pool": True}, note="channels, 1, 1"),
    Case("vit_msn_pooled", MSN, TINY, {"pool": True}, refused="pool", note=REFUSED_TOO),
    Case("not_pooled", RESNET, TINY, {"pool": False}),
    Case("tensors", RESNET, TINY, {"return_tensors": True}),
    Case("tensors_pooled", VIT, TINY, {"return_tensors": True, "pool": True}),
    Case("pool_of_constructor", VIT, TINY, init={"pool": True}),
    Case("opened_picture", VIT, OPENED, {"pool": True}),
    Case("list", RESNET, [TINY, TALL]),
    Case("list_pooled", RESNET, [TINY, SCENE, TALL], {"pool": True}),
    Case("list_of_one", VIT, [TINY], {"pool": True}),
    Case("generator", RESNET, Generator((TINY, SCENE)), {"pool": True}),
    Case("not_a_picture", VIT, NO_PICTURE, refused="image", note=REFUSED_TOO),
]
