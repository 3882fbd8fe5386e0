"""Cases of image-to-image."""

from tests.cases import REFUSED_TOO, Case, Generator
from tests.cases.pictures import NO_PICTURE, OPENED, TALL, TINY

SWIN = "image_to_image_swin2sr"
X4 = "image_to_image_swin2sr_x4"

CASES = [
    *(Case(f"{name}_one", checkpoint, TINY) for name, checkpoint in (("swin2sr", SWIN), ("x4", X4))),
    *(Case(f"{name}_tall", checkpoint, TALL) for name, checkpoint in (("swin2sr", SWIN), ("x4", X4))),
    Case("opened_picture", SWIN, OPENED),
    Case("list", SWIN, [TINY, TALL]),
    Case("list_of_one", SWIN, [TINY]),
    Case("generator", SWIN, Generator((TINY, TALL))),
    Case("timeout", SWIN, TINY, {"timeout": 5}),
    Case("not_a_picture", SWIN, NO_PICTURE, refused="image", note=REFUSED_TOO),
]
