"""Cases of visual-question-answering."""

from typing import Any

from tests.cases import REFUSED_TOO, Case, Generator
from tests.cases.pictures import KINDS, LARGE, NARROW, NO_PICTURE, OPENED, SCENE, TALL, TINY
from tests.cases.texts import LONG

VILT = "visual_question_answering_vilt"
BLIP = "visual_question_answering_blip"
ALL = {"vilt": VILT, "blip": BLIP}
WHAT, WHO = "What is on the table?", "Who had heard of the white whale?"
PICTURES = {"scene": SCENE, "narrow": NARROW, "tall": TALL, "large": LARGE, **KINDS}


def ask(image: Any, question: Any, **parameters: Any) -> dict[str, Any]:
    """The arguments of a call."""
    return {"image": image, "question": question, **parameters}


CASES = [
    *(
        Case(f"{name}_{kind}", checkpoint, parameters=ask(picture, WHAT))
        for name, checkpoint in ALL.items()
        for kind, picture in PICTURES.items()
    ),
    *(
        Case(f"{name}_questions", checkpoint, parameters=ask(SCENE, [WHAT, WHO, "?"]))
        for name, checkpoint in ALL.items()
    ),
    *(
        Case(f"{name}_pictures", checkpoint, parameters=ask([SCENE, TINY, LARGE], WHO))
        for name, checkpoint in ALL.items()
    ),
    *(
        Case(f"{name}_all_of_all", checkpoint, parameters=ask([SCENE, NARROW], [WHAT, WHO]))
        for name, checkpoint in ALL.items()
    ),
    *(Case(f"{name}_dict", checkpoint, ask(SCENE, WHO)) for name, checkpoint in ALL.items()),
    *(Case(f"{name}_dicts", checkpoint, [ask(SCENE, WHO), ask(TINY, WHAT)]) for name, checkpoint in ALL.items()),
    *(Case(f"{name}_top_k", checkpoint, ask(SCENE, WHO), {"top_k": 2}) for name, checkpoint in ALL.items()),
    Case("list_of_one", VILT, [ask(SCENE, WHO)]),
    Case("one_question_in_a_list", VILT, parameters=ask(SCENE, [WHO])),
    Case("generator", VILT, Generator((ask(SCENE, WHO), ask(TINY, WHAT)))),
    Case("batch_size", VILT, [ask(SCENE, WHO), ask(TINY, WHAT), ask(LARGE, WHO)], {"batch_size": 1}),
    Case("opened_picture", BLIP, parameters=ask(OPENED, WHAT)),
    Case("top_k_above_answers", VILT, ask(SCENE, WHO), {"top_k": 100}),
    Case("top_k_of_constructor", VILT, ask(SCENE, WHO), init={"top_k": 1}),
    Case("padding", VILT, ask(SCENE, WHO), {"padding": True}),
    Case("padding_to_the_end", VILT, ask(SCENE, WHO), {"padding": "max_length"}),
    Case("truncation", VILT, ask(SCENE, LONG), {"truncation": True}),
    Case("truncation_strategy", VILT, ask(SCENE, LONG), {"truncation": "only_first", "top_k": 1}),
    Case("too_long", VILT, ask(SCENE, LONG), refused="tokens", note="the oracle fails inside the model"),
    Case("empty_question", VILT, ask(SCENE, ""), note="[CLS] and [SEP] are enough"),
    Case("no_question", VILT, SCENE, refused="question", note=REFUSED_TOO),
    Case("not_a_picture", VILT, ask(NO_PICTURE, WHO), refused="image", note=REFUSED_TOO),
]
