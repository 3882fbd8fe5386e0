"""Cases of question-answering."""

from typing import Any

from tests.cases import REFUSED_TOO, Case
from tests.cases.texts import BENNET, GETTYSBURG, LINCOLN, LONG, RABBIT, UNICODE

BERT = "question_answering_bert"
ROBERTA = "question_answering_roberta"
DISTILBERT = "question_answering_distilbert"
ALL = {"bert": BERT, "roberta": ROBERTA, "distilbert": DISTILBERT}
QUESTION = "Who had heard that Netherfield Park is let?"
UNANSWERABLE = {
    "bert": ("Why?", "To Sherlock Holmes she is always the woman."),
    "roberta": ("Why?", "Call me Ishmael."),
    "distilbert": ("What is the name of the rabbit?", "That is nothing."),
}


def ask(question: Any, context: Any, **parameters: Any) -> dict[str, Any]:
    """The arguments of a call."""
    return {"question": question, "context": context, **parameters}


CASES = [
    *(Case(f"{name}_one", checkpoint, parameters=ask(QUESTION, BENNET)) for name, checkpoint in ALL.items()),
    *(Case(f"{name}_top_k", checkpoint, parameters=ask(QUESTION, BENNET, top_k=5)) for name, checkpoint in ALL.items()),
    *(
        Case(f"{name}_spans", checkpoint, parameters=ask("What did the Rabbit say?", LONG, top_k=5), note="many spans")
        for name, checkpoint in ALL.items()
    ),
    *(
        Case(f"{name}_unicode", checkpoint, parameters=ask("Où est le café?", UNICODE, top_k=3))
        for name, checkpoint in ALL.items()
    ),
    *(
        Case(f"{name}_impossible", ALL[name], parameters=ask(question, context, handle_impossible_answer=True, top_k=4))
        for name, (question, context) in UNANSWERABLE.items()
    ),
    *(
        Case(
            f"{name}_impossible_one",
            ALL[name],
            parameters=ask(question, context, handle_impossible_answer=True),
            note="no answer is the best one: empty",
        )
        for name, (question, context) in UNANSWERABLE.items()
    ),
    *(
        Case(
            f"{name}_not_aligned",
            checkpoint,
            parameters=ask("What did they do here?", LINCOLN, align_to_words=False, top_k=5),
        )
        for name, checkpoint in ALL.items()
    ),
    Case("dict", BERT, {"question": QUESTION, "context": BENNET}, note="the old way to ask, still taken"),
    Case("list_of_dicts", BERT, [ask(QUESTION, BENNET), ask("What fell?", GETTYSBURG)]),
    Case("lists", BERT, parameters=ask([QUESTION, "What did our fathers bring forth?"], [BENNET, GETTYSBURG])),
    Case("lists_of_one", BERT, parameters=ask([QUESTION], [BENNET]), note="a list of one gives its answer bare"),
    Case("lists_top_k", ROBERTA, parameters=ask([QUESTION, "Who?"], [BENNET, GETTYSBURG], top_k=2)),
    Case(
        "one_context",
        BERT,
        parameters=ask([QUESTION, "Who is Mrs. Long?"], BENNET),
        note="one context for all questions",
    ),
    Case(
        "one_question_two_contexts",
        BERT,
        parameters=ask(QUESTION, [BENNET, GETTYSBURG]),
        refused="question",
        note=REFUSED_TOO,
    ),
    Case("top_k_of_constructor", BERT, parameters=ask(QUESTION, BENNET), init={"top_k": 2}),
    Case(
        "top_k_above_answers",
        BERT,
        parameters=ask("Who?", "Call me Ishmael.", top_k=50),
        expected=lambda answers: [answer for answer in answers if answer["score"] > 0],
        note="fewer than asked for; the oracle fills up with spans of score 0, in the order of its ties",
    ),
    Case(
        "one_answer_of_many",
        BERT,
        parameters=ask("Who?", "Alice", top_k=3),
        expected=lambda answers: answers[0],
        note="one answer is a dict, whatever top_k says; the oracle adds a span of score 0",
    ),
    Case("max_answer_len", BERT, parameters=ask(QUESTION, BENNET, max_answer_len=2, top_k=4)),
    Case("max_answer_len_long", ROBERTA, parameters=ask(QUESTION, BENNET, max_answer_len=60, top_k=4)),
    Case(
        "max_seq_len", BERT, parameters=ask("Who?", RABBIT, max_seq_len=48, top_k=5), note="the context in more spans"
    ),
    Case("doc_stride", BERT, parameters=ask("Who?", RABBIT, max_seq_len=48, doc_stride=8, top_k=5)),
    Case("doc_stride_roberta", ROBERTA, parameters=ask("Who?", RABBIT, max_seq_len=64, doc_stride=16, top_k=5)),
    Case("doc_stride_distilbert", DISTILBERT, parameters=ask("Who?", RABBIT, max_seq_len=64, doc_stride=16, top_k=5)),
    Case(
        "impossible_spans",
        BERT,
        parameters=ask("Who?", RABBIT, handle_impossible_answer=True, max_seq_len=48, doc_stride=8, top_k=5),
    ),
    Case(
        "max_question_len",
        BERT,
        parameters=ask(QUESTION, BENNET, max_question_len=3),
        note="without effect on a fast tokenizer, as of the oracle",
    ),
    Case("not_aligned_spans", ROBERTA, parameters=ask("Who?", LONG, align_to_words=False, top_k=5, max_answer_len=4)),
    Case("padding", BERT, parameters=ask("Who?", RABBIT, padding="max_length", max_seq_len=80, doc_stride=16)),
    Case("top_k_zero", BERT, parameters=ask(QUESTION, BENNET, top_k=0), refused="top_k", note=REFUSED_TOO),
    Case(
        "max_answer_len_zero",
        BERT,
        parameters=ask(QUESTION, BENNET, max_answer_len=0),
        refused="max_answer_len",
        note=REFUSED_TOO,
    ),
    Case(
        "doc_stride_too_large",
        BERT,
        parameters=ask(QUESTION, BENNET, max_seq_len=32, doc_stride=64),
        refused="doc_stride",
        note=REFUSED_TOO,
    ),
    Case("empty_context", BERT, parameters=ask(QUESTION, ""), refused="context", note=REFUSED_TOO),
    Case("empty_question", BERT, parameters=ask("", BENNET), refused="question", note=REFUSED_TOO),
    Case(
        "lengths_differ",
        BERT,
        parameters=ask(["Who?", "What?"], [BENNET]),
        refused="same length|contexts",
        note=REFUSED_TOO,
    ),
]
