"""Cases of image-text-to-text. Sampling is not compared: each runtime draws its own numbers."""

from typing import Any

from tests.cases import REFUSED_TOO, Case, Generator
from tests.cases.pictures import LARGE, NARROW, NO_PICTURE, OPENED, SCENE, SMALL, TALL, TINY

LLAVA = "image_text_to_text_llava"
ONEVISION = "image_text_to_text_llava_onevision"
QWEN2_VL = "image_text_to_text_qwen2_vl"
IDEFICS3 = "image_text_to_text_idefics3"
ALL = {"llava": LLAVA, "onevision": ONEVISION, "qwen2_vl": QWEN2_VL, "idefics3": IDEFICS3}
TOKENS = {
    "llava": "<image>",
    "onevision": "<image>",
    "qwen2_vl": "<|vision_start|><|image_pad|><|vision_end|>",
    "idefics3": "<image>",
}
QUESTION = "What is on the table?"
FEW = {"max_new_tokens": 10}
NEW = {**FEW, "return_full_text": False}


def said(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


def assistant(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": [said(text)]}


def chat(*images: Any) -> list[dict[str, Any]]:
    """A question about images."""
    return [user(*({"type": "image", "image": image} for image in images), said(QUESTION))]


BESIDE = [user({"type": "image"}, said("Hello."))]
TURNS = [*chat(SCENE), assistant("A hat."), user({"type": "image", "path": NARROW}, said("And here?"))]
PREFILL = [*chat(SCENE), assistant("It is a")]


def mend(pipeline: Any, case: Case) -> dict[str, Any]:
    """A chat without images makes 4.48.1 look for the first one."""
    from transformers.pipelines import image_text_to_text as module

    oracle: Any = module
    load = oracle.load_images
    oracle.load_images = lambda images: load(images) if images else None
    return {}


CASES = [
    *(
        Case(f"{name}_{shape}", checkpoint, parameters={"text": chat(picture), **NEW})
        for name, checkpoint in ALL.items()
        for shape, picture in {"scene": SCENE, "narrow": NARROW, "tall": TALL, "large": LARGE}.items()
    ),
    *(
        Case(f"{name}_two", checkpoint, parameters={"text": chat(SCENE, TINY), **NEW})
        for name, checkpoint in ALL.items()
    ),
    *(Case(f"{name}_turns", checkpoint, parameters={"text": TURNS, **NEW}) for name, checkpoint in ALL.items()),
    *(Case(f"{name}_prefill", checkpoint, parameters={"text": PREFILL, **FEW}) for name, checkpoint in ALL.items()),
    *(
        Case(f"{name}_no_image", checkpoint, parameters={"text": [user(said("Call me Ishmael."))], **FEW})
        for name, checkpoint in ALL.items()
    ),
    *(
        Case(f"{name}_prompt", checkpoint, SCENE, {"text": f"{TOKENS[name]} {QUESTION}", **FEW})
        for name, checkpoint in ALL.items()
    ),
    *(
        Case(f"{name}_beams", checkpoint, parameters={"text": chat(SCENE), "generate_kwargs": {"num_beams": 3}, **NEW})
        for name, checkpoint in ALL.items()
        if checkpoint != QWEN2_VL
    ),
    Case(
        "qwen2_vl_beams",
        QWEN2_VL,
        parameters={"text": chat(SCENE), "generate_kwargs": {"num_beams": 3}, **NEW},
        expected=lambda answer: [{**answer[0], "generated_text": "\ufffd every areasuregholmes fe\ufffd-fieldBut"}],
        note="4.48.1 takes positions of other beams: its text has a log probability of -6.3 a token, not the -1.2 that "
        "it says; this one has -1.54",
    ),
    *(
        Case(f"{name}_default_length", checkpoint, parameters={"text": chat(TINY)}, note="20 new tokens")
        for name, checkpoint in ALL.items()
    ),
    *(
        Case(f"{name}_long", checkpoint, parameters={"text": chat(SMALL), "max_new_tokens": 60})
        for name, checkpoint in ALL.items()
    ),
    Case("full_text", LLAVA, parameters={"text": chat(SCENE), **FEW}),
    Case("chats", QWEN2_VL, parameters={"text": [chat(SCENE), PREFILL], **FEW}),
    Case("beside", LLAVA, parameters={"images": [SCENE], "text": BESIDE, **FEW}),
    Case("beside_chats", LLAVA, parameters={"images": [[SCENE], [TINY]], "text": [BESIDE, BESIDE], **NEW}),
    Case(
        "image_url",
        LLAVA,
        parameters={"text": [user({"type": "image_url", "image_url": {"url": SCENE}}, said(QUESTION))], **FEW},
    ),
    Case("opened_picture", LLAVA, OPENED, {"text": f"<image> {QUESTION}", **NEW}),
    Case("several_images_of_a_text", LLAVA, [SCENE, TINY], {"text": "<image> and <image>", **NEW}),
    Case("text_alone", LLAVA, parameters={"text": "Call me", **FEW}),
    Case("texts_alone", LLAVA, parameters={"text": ["Call me", "It was"], **FEW}),
    Case("texts_with_images", LLAVA, [SCENE, TINY], {"text": ["<image> What?", "<image> Who is it?"], **NEW}),
    Case("dict", LLAVA, {"images": SCENE, "text": "<image> What?"}, NEW),
    Case("dicts", LLAVA, [{"images": SCENE, "text": "<image> What?"}, {"images": TINY, "text": "<image> Who?"}], NEW),
    Case("generator", LLAVA, Generator(({"images": SCENE, "text": "<image> What?"},)), NEW),
    Case("continue_user", LLAVA, parameters={"text": chat(SCENE), "continue_final_message": True, **FEW}),
    Case("do_not_continue", LLAVA, parameters={"text": PREFILL, "continue_final_message": False, **FEW}),
    Case("of_constructor", LLAVA, parameters={"text": chat(SCENE)}, init=NEW),
    Case(
        "generate_kwargs",
        IDEFICS3,
        parameters={"text": chat(SCENE), "generate_kwargs": {"repetition_penalty": 1.4, "min_new_tokens": 12}, **NEW},
    ),
    Case(
        "length_twice",
        LLAVA,
        parameters={"text": chat(SCENE), "max_new_tokens": 5, "generate_kwargs": {"max_new_tokens": 5}},
        refused="defined twice",
        note=REFUSED_TOO,
    ),
    Case(
        "too_few_images",
        LLAVA,
        parameters={"text": BESIDE, **FEW},
        refused="number of images",
        note=REFUSED_TOO,
    ),
    Case(
        "too_many_images",
        LLAVA,
        parameters={"images": [SCENE, TINY], "text": BESIDE, **FEW},
        refused="number of images",
        note=REFUSED_TOO,
    ),
    Case("image_without_place", QWEN2_VL, SCENE, {"text": QUESTION, **FEW}, refused="image", note=REFUSED_TOO),
    Case("nothing", LLAVA, refused="either text or images", note=REFUSED_TOO),
    Case(
        "return_tensors",
        LLAVA,
        SCENE,
        {"text": "<image>", "return_tensors": True, **FEW},
        refused="token ids",
        note="the oracle gives token ids; the served task gives text alone",
    ),
    Case("not_a_picture", LLAVA, NO_PICTURE, {"text": "<image>", **FEW}, refused="image", note=REFUSED_TOO),
]
