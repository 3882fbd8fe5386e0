"""The parameters that each task's tab shows: the main ones of its pipeline's documentation.

A value that stands here at first is sent; a field that is empty is left to the pipeline or the checkpoint. All others
may be given as JSON.
"""

from __future__ import annotations

from .fields import Choice, Field, Flag, Listed, Number, Share, Text

TOP_K = Number(name="top_k", info="at most so many answers", value=5, whole=True, least=1)
FUNCTION = Choice(name="function_to_apply", info="what makes scores of logits", choices=("softmax", "sigmoid", "none"))
THRESHOLD = Share(name="threshold", info="the least score that counts", value=0.9)
IMPOSSIBLE = Flag(name="handle_impossible_answer", info="no answer is an answer")
ANSWER_LENGTH = Number(name="max_answer_len", info="tokens of an answer; 15 if empty", whole=True, least=1)
NEW_TOKENS = Number(name="max_new_tokens", info="at most so many new tokens", whole=True, least=1)
SAMPLING = (
    Flag(name="do_sample", info="draws tokens by their probability"),
    Number(name="temperature", info="of what is drawn", least=0),
    Number(name="seed", info="the same one draws the same", whole=True, least=0),
)
BEAMS = Number(name="num_beams", info="of a beam search", whole=True, least=1)
GENERATION = (NEW_TOKENS, BEAMS, *SAMPLING)
TALK = (Number(name="max_new_tokens", info=NEW_TOKENS.info, value=100, whole=True, least=1), *SAMPLING)


def _hypothesis(template: str) -> Text:
    return Text(name="hypothesis_template", info="what a label is put into", value=template)


PARAMETERS: dict[str, tuple[Field, ...]] = {
    "text-classification": (Text(name="text_pair", info="the second text of a pair", lines=2), TOP_K, FUNCTION),
    "token-classification": (
        Choice(
            name="aggregation_strategy",
            info="how tokens become entities",
            choices=("none", "simple", "first", "average", "max"),
            value="simple",
        ),
    ),
    "question-answering": (
        Number(name="top_k", info=TOP_K.info, value=1, whole=True, least=1),
        ANSWER_LENGTH,
        IMPOSSIBLE,
    ),
    "table-question-answering": (Flag(name="sequential", info="each question goes on from the one before it"),),
    "fill-mask": (TOP_K, Listed(name="targets", info="only these words, with commas between them")),
    "feature-extraction": (
        Choice(name="pooling", info="one vector for the text", choices=("mean", "cls")),
        Flag(name="normalize", info="of length 1"),
    ),
    "zero-shot-classification": (
        _hypothesis("This example is {}."),
        Flag(name="multi_label", info="each label for itself"),
    ),
    "image-classification": (TOP_K, FUNCTION),
    "image-feature-extraction": (Flag(name="pool", info="one vector for the picture"),),
    "object-detection": (THRESHOLD,),
    "image-segmentation": (
        Choice(name="subtask", info="what is found", choices=("panoptic", "instance", "semantic")),
        THRESHOLD,
        Share(name="mask_threshold", info="the least score of a pixel", value=0.5),
    ),
    "mask-generation": (
        Share(name="pred_iou_thresh", info="the least quality of a mask", value=0.88),
        Share(name="stability_score_thresh", info="the least stability of a mask", value=0.95),
    ),
    "video-classification": (
        TOP_K,
        Number(name="frame_sampling_rate", info="takes each so-manieth frame", value=1, whole=True, least=1),
    ),
    "zero-shot-image-classification": (_hypothesis("This is a photo of {}."),),
    "zero-shot-object-detection": (
        Share(name="threshold", info=THRESHOLD.info, value=0.1),
        Number(name="top_k", info="at most so many boxes", whole=True, least=1),
    ),
    "visual-question-answering": (TOP_K,),
    "document-question-answering": (
        Number(name="top_k", info=TOP_K.info, value=1, whole=True, least=1),
        ANSWER_LENGTH,
        IMPOSSIBLE,
        Text(name="lang", info="of the words, as Tesseract calls it, such as eng"),
    ),
    "image-to-text": (Text(name="prompt", info="of models that go on with one"), NEW_TOKENS),
    "audio-classification": (TOP_K,),
    "automatic-speech-recognition": (
        Choice(
            name="return_timestamps",
            info="when it was said",
            choices=(("of segments", True), ("of words", "word"), ("of letters", "char")),
        ),
        Number(name="chunk_length_s", info="seconds of the pieces of a long recording", least=0),
        NEW_TOKENS,
    ),
    "zero-shot-audio-classification": (_hypothesis("This is a sound of {}."),),
    "text-to-audio": (
        Text(name="voice_preset", info="of Bark, such as v2/en_speaker_6"),
        NEW_TOKENS,
        *SAMPLING,
    ),
    "summarization": GENERATION,
    "translation": (
        Text(name="src_lang", info="such as eng_Latn, en_XX or en"),
        Text(name="tgt_lang", info="such as fra_Latn, fr_XX or fr"),
        Text(name="task", info="of T5, such as translation_en_to_fr"),
        *GENERATION,
    ),
    "text2text-generation": GENERATION,
    "text-generation": TALK,
    "image-text-to-text": TALK,
}
