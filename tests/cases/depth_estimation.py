"""Cases of depth-estimation."""

from tests.cases import REFUSED_TOO, Case, Generator
from tests.cases.pictures import NO_PICTURE, OPENED, SMALL, TALL, TINY

DPT = "depth_estimation_dpt"
GLPN = "depth_estimation_glpn"
ANYTHING = "depth_estimation_depth_anything"
ALL = {"dpt": DPT, "glpn": GLPN, "depth_anything": ANYTHING}

CASES = [
    *(Case(f"{name}_one", checkpoint, TINY) for name, checkpoint in ALL.items() if name != "glpn"),
    *(Case(f"{name}_tall", checkpoint, TALL) for name, checkpoint in ALL.items() if name != "glpn"),
    Case("glpn_one", GLPN, SMALL, note="it takes no sides below 32"),
    Case("opened_picture", DPT, OPENED),
    Case("images", DPT, parameters={"images": TINY}, note="the argument's name of old"),
    Case("list", ANYTHING, [TINY, TALL]),
    Case("list_of_one", DPT, [TINY]),
    Case("generator", DPT, Generator((TINY, TALL))),
    Case("timeout", DPT, TINY, {"timeout": 5}),
    Case("parameters", DPT, TINY, {"parameters": {"timeout": 5}}),
    Case("not_a_picture", DPT, NO_PICTURE, refused="image", note=REFUSED_TOO),
]
