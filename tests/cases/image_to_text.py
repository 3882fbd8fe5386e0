"""Cases of image-to-text. Sampling is not compared: each runtime draws its own numbers."""

from typing import Any

from tests.cases import REFUSED_TOO, ROOT, Case, Generator
from tests.cases.pictures import KINDS, LARGE, NARROW, NO_PICTURE, OPENED, SCENE, SMALL, TALL, TINY
from tests.cases.texts import RABBIT

VIT_GPT2 = "image_to_text_vit_gpt2"
DONUT = "image_to_text_donut"
BLIP = "image_to_text_blip"
GIT = "image_to_text_git"
PIX2STRUCT = "image_to_text_pix2struct"
ALL = {"vit_gpt2": VIT_GPT2, "donut": DONUT, "blip": BLIP, "git": GIT, "pix2struct": PIX2STRUCT}
SHAPES = {"scene": SCENE, "narrow": NARROW, "tall": TALL, "large": LARGE}

QUESTIONS = "image_to_text_pix2struct_questions"


def mend(pipeline: Any, case: Case) -> dict[str, Any]:
    """The font comes with the checkpoint: the oracle would load it from the Hub."""
    from transformers.models.pix2struct import image_processing_pix2struct

    font = ROOT / ".checkpoints" / QUESTIONS / "Arial.TTF"
    image_processing_pix2struct.hf_hub_download = lambda *arguments: str(font)  # type: ignore[attr-defined]
    return {}


CASES = [
    *(
        Case(f"{name}_{shape}", checkpoint, picture)
        for name, checkpoint in ALL.items()
        for shape, picture in SHAPES.items()
    ),
    *(
        Case(f"{name}_{kind}", checkpoint, KINDS[kind], {"max_new_tokens": 8})
        for name, checkpoint in ALL.items()
        for kind in ("grey", "transparent", "rotated")
    ),
    *(
        Case(f"{name}_list", checkpoint, [SCENE, TINY, NARROW], {"max_new_tokens": 10})
        for name, checkpoint in ALL.items()
    ),
    *(
        Case(f"{name}_beams", checkpoint, SCENE, {"generate_kwargs": {"num_beams": 3, "max_new_tokens": 12}})
        for name, checkpoint in ALL.items()
    ),
    *(
        Case(
            f"{name}_sequences",
            checkpoint,
            SMALL,
            {"generate_kwargs": {"num_beams": 3, "num_return_sequences": 2, "max_new_tokens": 6}},
        )
        for name, checkpoint in ALL.items()
    ),
    *(
        Case(f"{name}_lengths", checkpoint, SCENE, {"generate_kwargs": {"min_length": 6, "max_length": 9}})
        for name, checkpoint in ALL.items()
    ),
    *(
        Case(f"{name}_prompt", checkpoint, SCENE, {"prompt": "The whale was", "max_new_tokens": 8})
        for name, checkpoint in {"blip": BLIP, "git": GIT}.items()
    ),
    *(
        Case(f"{name}_prompt_of_list", checkpoint, [SCENE, TALL], {"prompt": "a", "max_new_tokens": 8})
        for name, checkpoint in {"blip": BLIP, "git": GIT}.items()
    ),
    *(
        Case(f"{name}_empty_prompt", checkpoint, SCENE, {"prompt": "", "max_new_tokens": 6})
        for name, checkpoint in {"blip": BLIP, "git": GIT}.items()
    ),
    Case("pix2struct_prompt", PIX2STRUCT, SCENE, {"prompt": "What is it?"}, note="no model for questions: no effect"),
    *(
        Case(f"question_{shape}", QUESTIONS, picture, {"prompt": "What is on the table?", "max_new_tokens": 10})
        for shape, picture in SHAPES.items()
    ),
    Case("question_in_long", QUESTIONS, SCENE, {"prompt": RABBIT[:300], "max_new_tokens": 10}, note="several lines"),
    Case("no_question", QUESTIONS, SCENE, refused="header text", note=REFUSED_TOO),
    Case("vit_gpt2_prompt", VIT_GPT2, SCENE, {"prompt": "A"}, refused="conditional", note=REFUSED_TOO),
    Case("opened_picture", VIT_GPT2, OPENED),
    Case("list_of_one", BLIP, [SCENE]),
    Case("generator", VIT_GPT2, Generator((SCENE, TINY))),
    Case("batch_size", GIT, [SCENE, TINY, LARGE], {"batch_size": 2}),
    Case("of_constructor", VIT_GPT2, SCENE, init={"max_new_tokens": 5}),
    Case("images_by_name", VIT_GPT2, parameters={"images": SCENE}),
    Case("generate_kwargs", VIT_GPT2, SCENE, {"generate_kwargs": {"no_repeat_ngram_size": 1, "length_penalty": 0.5}}),
    Case("repetition_penalty", BLIP, SCENE, {"generate_kwargs": {"repetition_penalty": 1.5}}),
    Case(
        "length_twice",
        VIT_GPT2,
        SCENE,
        {"max_new_tokens": 5, "generate_kwargs": {"max_new_tokens": 6}},
        refused="defined both",
        note=REFUSED_TOO,
    ),
    Case(
        "too_many_new_tokens", VIT_GPT2, SCENE, {"max_new_tokens": 500}, refused="at most", note="an IndexError there"
    ),
    Case("unknown_parameter", VIT_GPT2, SCENE, {"max_new_token": 5}, refused="max_new_token", note=REFUSED_TOO),
    Case("prompt_of_another_type", BLIP, SCENE, {"prompt": ["a"]}, refused="string", note=REFUSED_TOO),
    Case("not_a_picture", VIT_GPT2, NO_PICTURE, refused="image", note=REFUSED_TOO),
]
