"""Cases of document-question-answering."""

from typing import Any

from tests.cases import REFUSED_TOO, Case, File, Generator, Picture
from tests.cases.pictures import KINDS, LARGE, NARROW, NO_PICTURE, SCENE, TALL
from tests.cases.texts import LONG, UNICODE

LAYOUTLM = "document_question_answering_layoutlm"
BERT = "document_question_answering_layoutlm_bert"
LAYOUTLMV3 = "document_question_answering_layoutlmv3"
DONUT = "document_question_answering_donut"
READERS = {"layoutlm": LAYOUTLM, "layoutlm_bert": BERT, "layoutlmv3": LAYOUTLMV3}
ALL = {**READERS, "donut": DONUT}

DOCUMENT = File("tests/data/document.png")
WHO, WHAT, TOTAL = "Who?", "What is it?", "What is the total?"
SEVERAL = "several chunks: 4.48.1 needs padding='max_length' for them, which `mend` adds"
PICTURE = "4.48.1 hands the picture to LayoutLMv3 by a wrong name, which `mend` corrects"


def page(text: str) -> list[tuple[str, list[int]]]:
    """The words of a text in lines on a page, with their boxes."""
    return [
        (word, [50 + 90 * (at % 10), 20 + 12 * (at // 10 % 80), 130 + 90 * (at % 10), 30 + 12 * (at // 10 % 80)])
        for at, word in enumerate(text.split())
    ]


INVOICE = [
    ("Invoice", [50, 40, 300, 90]),
    ("number", [310, 40, 500, 90]),
    ("us-001", [520, 40, 700, 90]),
    ("Total:", [50, 700, 200, 760]),
    ("$154.06", [600, 700, 800, 760]),
    ("Mrs.", [50, 300, 120, 340]),
    ("Long", [130, 300, 240, 340]),
    ("says", [250, 300, 330, 340]),
    ("that", [340, 300, 400, 340]),
    ("Netherfield", [410, 300, 700, 340]),
]


def ask(question: Any, image: Any = None, words: Any = None, **parameters: Any) -> dict[str, Any]:
    """The arguments of a call."""
    more = {} if words is None else {"word_boxes": words}
    return {"image": image, "question": question, **more, **parameters}


CASES = [
    *(Case(f"{name}_words", checkpoint, parameters=ask(TOTAL, words=INVOICE)) for name, checkpoint in READERS.items()),
    *(
        Case(f"{name}_top_k", checkpoint, parameters=ask(WHO, words=INVOICE, top_k=5))
        for name, checkpoint in READERS.items()
    ),
    *(
        Case(f"{name}_unicode", checkpoint, parameters=ask("Où est le café?", words=page(UNICODE), top_k=3))
        for name, checkpoint in READERS.items()
    ),
    *(
        Case(f"{name}_chunks", checkpoint, parameters=ask(WHAT, words=page(LONG), top_k=5), note=SEVERAL)
        for name, checkpoint in READERS.items()
    ),
    *(
        Case(
            f"{name}_doc_stride",
            checkpoint,
            parameters=ask(WHO, words=page(LONG), max_seq_len=60, doc_stride=16, top_k=6),
            note=SEVERAL,
        )
        for name, checkpoint in READERS.items()
    ),
    *(
        Case(
            f"{name}_impossible", checkpoint, parameters=ask(WHO, words=INVOICE, handle_impossible_answer=True, top_k=9)
        )
        for name, checkpoint in READERS.items()
    ),
    *(
        Case(
            f"{name}_impossible_chunks",
            checkpoint,
            parameters=ask(
                WHO, words=page(LONG), handle_impossible_answer=True, max_seq_len=48, doc_stride=8, top_k=40
            ),
            note=SEVERAL,
        )
        for name, checkpoint in READERS.items()
    ),
    *(
        Case(f"{name}_max_answer_len", checkpoint, parameters=ask(WHO, words=INVOICE, max_answer_len=1, top_k=4))
        for name, checkpoint in READERS.items()
    ),
    *(
        Case(f"{name}_empty_question", checkpoint, parameters=ask("", words=INVOICE, top_k=2))
        for name, checkpoint in READERS.items()
    ),
    *(Case(f"{name}_no_words", checkpoint, parameters=ask(WHO, words=[])) for name, checkpoint in READERS.items()),
    *(
        Case(f"{name}_no_words_impossible", checkpoint, parameters=ask(WHO, words=[], handle_impossible_answer=True))
        for name, checkpoint in READERS.items()
    ),
    *(
        Case(f"{name}_read", checkpoint, parameters=ask(WHAT, DOCUMENT, top_k=3), needs="tesseract", note="Tesseract")
        for name, checkpoint in READERS.items()
    ),
    *(
        Case(
            f"{name}_nothing_to_read", checkpoint, parameters=ask(WHAT, SCENE), needs="tesseract", note="no words in it"
        )
        for name, checkpoint in READERS.items()
    ),
    *(
        Case(f"{name}_words_and_picture", checkpoint, parameters=ask(WHO, NARROW, INVOICE, top_k=3))
        for name, checkpoint in ALL.items()
    ),
    Case("layoutlmv3_other_picture", LAYOUTLMV3, parameters=ask(WHO, SCENE, INVOICE, top_k=3), note=PICTURE),
    Case(
        "layoutlmv3_picture_chunks",
        LAYOUTLMV3,
        parameters=ask(WHO, SCENE, page(LONG), top_k=3),
        note=f"{PICTURE}; {SEVERAL}",
    ),
    Case("lang", LAYOUTLM, parameters=ask(WHO, DOCUMENT, lang="eng"), needs="tesseract"),
    Case("no_lang", LAYOUTLM, parameters=ask(WHO, DOCUMENT, lang="xyz"), refused="xyz|language", note=REFUSED_TOO),
    Case(
        "tesseract_config",
        BERT,
        parameters=ask(WHO, DOCUMENT, tesseract_config="--psm 6 -c tessedit_char_blacklist=aeiou", top_k=2),
        needs="tesseract",
    ),
    Case(
        "tesseract_config_beyond_the_picture",
        LAYOUTLM,
        parameters=ask(WHO, DOCUMENT, tesseract_config="--tessdata-dir /tmp"),
        refused="tesseract_config|traineddata|data file",
        note="the flags of a caller must not reach the server's files",
    ),
    Case("padding", LAYOUTLM, parameters=ask(WHO, words=page(LONG), padding="max_length", max_seq_len=80)),
    Case("padding_longest", BERT, parameters=ask(WHO, words=page(LONG), padding=True, max_seq_len=80)),
    Case("max_seq_len", BERT, parameters=ask(WHO, words=page(LONG), max_seq_len=30, top_k=2), note=SEVERAL),
    Case(
        "max_question_len",
        LAYOUTLM,
        parameters=ask(TOTAL, words=INVOICE, max_question_len=64),
        note="documented, but refused by 4.48.1 for want of an argument, which `mend` adds",
    ),
    Case(
        "words_without_tokens", BERT, parameters=ask(WHO, words=[INVOICE[0], ("", [0, 0, 9, 9]), *INVOICE[1:]], top_k=4)
    ),
    Case("top_k_of_constructor", BERT, parameters=ask(TOTAL, words=INVOICE), init={"top_k": 2}),
    Case("dict", BERT, ask(TOTAL, words=INVOICE)),
    Case("list_of_dicts", BERT, [ask(TOTAL, words=INVOICE), ask(WHO, words=INVOICE[:4])]),
    Case("list_of_one", LAYOUTLMV3, [ask(TOTAL, words=INVOICE)]),
    Case("list_of_pictures_and_words", BERT, [ask(WHO, DOCUMENT), ask(WHO, words=INVOICE)], needs="tesseract"),
    Case("generator", LAYOUTLM, Generator((ask(TOTAL, words=INVOICE), ask(WHO, words=INVOICE)))),
    # Donut.
    *(
        Case(f"donut_{name}", DONUT, parameters=ask(question, DOCUMENT))
        for name, question in (
            ("who", WHO),
            ("what", WHAT),
            ("empty", ""),
            ("long", "When does the rabbit sleep in the house?"),
        )
    ),
    *(Case(f"donut_{kind}", DONUT, parameters=ask(TOTAL, picture)) for kind, picture in KINDS.items()),
    *(
        Case(f"donut_{size}", DONUT, parameters=ask("Where do I live?", picture))
        for size, picture in (("large", LARGE), ("narrow", NARROW), ("tall", TALL))
    ),
    Case(
        "donut_list",
        DONUT,
        [ask(question, picture) for question in (WHO, TOTAL, "Why?") for picture in (SCENE, DOCUMENT)],
    ),
    Case("donut_opened_picture", DONUT, parameters=ask(TOTAL, Picture("tests/data/document.png"), timeout=5)),
    Case(
        "donut_top_k", DONUT, parameters=ask(WHO, DOCUMENT, top_k=3, handle_impossible_answer=True), note="one answer"
    ),
    Case(
        "donut_tags",
        DONUT,
        parameters=ask("<s_answer>me</s_answer>", SCENE),
        note="tags in the question are read as tags",
    ),
    # What cannot be answered.
    Case(
        "donut_without_picture",
        DONUT,
        parameters=ask(WHO, words=INVOICE),
        refused="IMAGE|pixel_values",
        note=REFUSED_TOO,
    ),
    Case("nothing", LAYOUTLM, parameters=ask(WHO), refused="image or word_boxes", note=REFUSED_TOO),
    Case("no_question", LAYOUTLM, DOCUMENT, refused="question|attribute", note=REFUSED_TOO),
    Case("not_a_picture", DONUT, parameters=ask(WHO, NO_PICTURE), refused="image", note=REFUSED_TOO),
    Case("top_k_zero", LAYOUTLM, parameters=ask(WHO, words=INVOICE, top_k=0), refused="top_k", note=REFUSED_TOO),
    Case(
        "max_answer_len_zero",
        LAYOUTLM,
        parameters=ask(WHO, words=INVOICE, max_answer_len=0),
        refused="max_answer_len",
        note=REFUSED_TOO,
    ),
    Case(
        "doc_stride_too_large",
        LAYOUTLM,
        parameters=ask(WHO, words=page(LONG), max_seq_len=32, doc_stride=64),
        refused="overlap|stride",
        note=REFUSED_TOO,
    ),
    Case(
        "box_beyond_the_page",
        LAYOUTLM,
        parameters=ask(WHO, words=[("word", [0, 0, 2000, 10])]),
        refused="box",
        note=REFUSED_TOO,
    ),
]


def mend(pipeline: Any, case: Case) -> dict[str, Any]:
    """Where 4.48.1 fails by accident: pictures of LayoutLMv3, several chunks, max_question_len."""
    if case.checkpoint == LAYOUTLMV3:
        forward = pipeline.model.forward

        def with_picture(image: Any = None, **inputs: Any) -> Any:
            outputs = forward(pixel_values=image, **inputs)
            length = inputs["input_ids"].shape[1]  # behind the words stand the patches of the picture
            outputs.start_logits, outputs.end_logits = outputs.start_logits[:, :length], outputs.end_logits[:, :length]
            return outputs

        pipeline.model.forward = with_picture
    if "max_question_len" in case.parameters:
        preprocess = pipeline.preprocess

        def without_limit(*arguments: Any, max_question_len: int, **parameters: Any) -> Any:
            return preprocess(*arguments, **parameters)

        pipeline.preprocess = without_limit
    return {"padding": "max_length"} if SEVERAL in case.note else {}
