"""Document question answering: tokens with boxes, pictures beside them, Tesseract's limits, what Donut writes."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from installing.architectures import ArchitectureError, check
from python_backend import images, ocr
from python_backend.documents import kind_of
from python_backend.generation import assumed_end
from python_backend.parameters import InvalidInput
from python_backend.spans import best_spans
from python_backend.stage import Tensors
from tests.unit.ensemble import Ensemble, Sent, lists, text
from tests.unit.pictures import DATA, NARROW, SCENE, check_equal
from tests.unit.test_images import png_header

TASK = "document_question_answering"
READERS = ["layoutlm", "layoutlm_bert", "layoutlmv3"]
WORDS = ["Invoice", "number", "us-001", "Total:", "$154.06", "naïve", "Netherfield"]
BOXES = [[50 * at, 10 * at, 50 * at + 40, 10 * at + 9] for at in range(len(WORDS))]
LONG = ("It is a truth universally acknowledged, that a single man must be in want of a wife. " * 20).split()
DOCUMENT = (DATA / "document.png").read_bytes()
WHO, WHAT = "Who is in want of a wife?", "What is it?"
needs_tesseract = pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")

Answer = tuple[str, float, int, int]


def ensemble(checkpoints: Path, name: str, **settings: str) -> Ensemble:
    return Ensemble(TASK, checkpoints / f"{TASK}_{name}", **settings)


@pytest.fixture(scope="module", params=READERS)
def reader(request: pytest.FixtureRequest, checkpoints: Path) -> Ensemble:
    return ensemble(checkpoints, request.param)


@pytest.fixture(scope="module")
def layoutlm(checkpoints: Path) -> Ensemble:
    return ensemble(checkpoints, "layoutlm", max_rows="64", max_text_bytes="3000", max_answers="500")


@pytest.fixture(scope="module")
def layoutlmv3(checkpoints: Path) -> Ensemble:
    return ensemble(checkpoints, "layoutlmv3")


@pytest.fixture(scope="module")
def donut(checkpoints: Path) -> Ensemble:
    return ensemble(checkpoints, "donut", max_batch_rows="3", max_batch_pictures="2")


def sent(*documents: list[str], question: str = WHO, image: bytes | None = None) -> Tensors:
    """A request about documents of words; a box each."""
    width = max(map(len, documents))
    places = np.arange(width)
    boxes = np.stack([places % 900, places % 90, places % 900 + 40, places % 90 + 9], axis=1)
    tensors = {"QUESTION": text(*[question] * len(documents)), "WORDS": lists(*documents)}
    if image is not None:
        tensors["IMAGE"] = text(*[image] * len(documents))
    return {**tensors, "BOXES": np.stack([boxes] * len(documents)).astype(np.int32)}


def answers(result: Tensors, item: int = 0) -> list[Answer]:
    rows = (result[name][item, : result["COUNT"][item, 0]].tolist() for name in ("ANSWER", "SCORE", "START", "END"))
    return list(zip(*rows, strict=True))


def check_alike(one: list[Answer], other: list[Answer]) -> None:
    assert [(answer, *places) for answer, _, *places in one] == [(answer, *places) for answer, _, *places in other]
    np.testing.assert_allclose([answer[1] for answer in one], [answer[1] for answer in other], atol=1e-5)


# Words.


@pytest.mark.parametrize("image", [None, SCENE])
def test_answers_are_the_best_spans_of_the_model(reader: Ensemble, image: bytes | None) -> None:
    result = reader(sent(WORDS, image=image), top_k=4)
    encoding = reader.preprocess.documents.tokenizer.backend.encode(WHO.split(), WORDS, is_pretokenized=True)
    assert result["input_ids"][0, 0].tolist() == encoding.ids
    model = transformers.AutoModelForDocumentQuestionAnswering.from_pretrained(reader.model.folder)
    inputs = {name: torch.from_numpy(result[name][0]) for name in ("input_ids", "bbox", "token_type_ids")}
    if result["pixel_values"].size:
        inputs["pixel_values"] = torch.from_numpy(result["pixel_values"])
    with torch.inference_mode():
        outputs = model(**inputs)
    allowed = np.array([sequence == 1 for sequence in encoding.sequence_ids])
    allowed[0] = True
    length = len(encoding)
    logits = outputs.start_logits[0, :length].numpy(), outputs.end_logits[0, :length].numpy()
    spans, _ = best_spans(*logits, allowed, 4, 15)
    assert bool(result["pixel_values"].size) is (image is not None and reader.preprocess.kind == "layoutlmv3")
    for (answer, score, start, end), span in zip(answers(result), spans, strict=True):
        assert (start, end) == (encoding.word_ids[span.start], encoding.word_ids[span.end])
        assert answer == " ".join(WORDS[start : end + 1]) and score == pytest.approx(span.score, abs=1e-5)


def test_tokens_have_the_boxes_of_their_words(reader: Ensemble) -> None:
    tensors = sent(WORDS) | {"BOXES": np.array([BOXES], np.int32)}
    result = reader(tensors)
    encoding = reader.preprocess.documents.tokenizer.backend.encode(WHO.split(), WORDS, is_pretokenized=True)
    end = [0] * 4 if reader.preprocess.kind == "layoutlmv3" else [1000] * 4
    separator = reader.preprocess.documents.sep_id
    for box, token, word, sequence in zip(
        result["bbox"][0, 0].tolist(), encoding.ids, encoding.word_ids, encoding.sequence_ids, strict=True
    ):
        assert box == (BOXES[word or 0] if sequence == 1 else end if token == separator else [0] * 4)
    assert result["p_mask"][0, 0].tolist() == [at > 0 and each != 1 for at, each in enumerate(encoding.sequence_ids)]


def test_where_a_word_stands_counts(reader: Ensemble) -> None:
    here, there = (reader(sent(WORDS) | {"BOXES": np.full((1, len(WORDS), 4), place, np.int32)}) for place in (10, 900))
    assert not np.allclose(here["start_logits"], there["start_logits"], atol=1e-2)


def test_layoutlmv3_looks_at_the_picture_and_layoutlm_does_not(reader: Ensemble) -> None:
    scene, narrow, none = (reader(sent(WORDS, image=image)) for image in (SCENE, NARROW, None))
    looks = reader.preprocess.kind == "layoutlmv3"
    assert np.allclose(scene["start_logits"], narrow["start_logits"], atol=1e-3) is not looks
    assert np.allclose(scene["start_logits"], none["start_logits"], atol=1e-3) is not looks


def test_requests_that_run_together_answer_as_they_do_alone(reader: Ensemble) -> None:
    wishes: list[dict[str, Any]] = [{}, {"top_k": 3}, {"max_seq_len": 40, "doc_stride": 10, "top_k": 2}]
    requests: list[Sent] = [
        (sent(words, image=image), wish)
        for image in (None, SCENE, NARROW)
        for words in (WORDS, LONG, ["x"], [])
        for wish in wishes
    ]
    for request, together in zip(requests, reader.batch(*requests), strict=True):
        (alone,) = reader.batch(request)
        assert isinstance(together, dict) and isinstance(alone, dict)
        check_alike(answers(together), answers(alone))


def test_items_of_one_request_answer_as_they_do_alone(reader: Ensemble) -> None:
    documents = [WORDS, LONG, ["x"]]
    together = reader(sent(*documents, image=SCENE), max_seq_len=50, doc_stride=5, top_k=3)
    assert together["input_ids"].shape[0] == 3 and together["input_ids"].shape[1] > 3
    for item, words in enumerate(documents):
        alone = reader(sent(words, image=SCENE), max_seq_len=50, doc_stride=5, top_k=3)
        check_alike(answers(together, item), answers(alone))


def test_chunks_hold_all_words_with_their_boxes(reader: Ensemble) -> None:
    result = reader(sent(LONG), max_seq_len=60, doc_stride=20)
    encoding = reader.preprocess.documents.tokenizer.backend.encode(WHO.split(), LONG, is_pretokenized=True)
    whole = [word for word, sequence in zip(encoding.word_ids, encoding.sequence_ids, strict=True) if sequence == 1]
    joined: list[int] = []
    names = ("word_ids", "p_mask", "bbox", "attention_mask")
    for ids, p_mask, bbox, mask in zip(*(result[name][0] for name in names), strict=True):
        length = mask.sum() - 1  # the last token is special
        assert length < 60
        words = ids[:length][~p_mask[:length] & (ids[:length] >= 0)].tolist()
        assert bbox[length - 1].tolist() == sent(LONG)["BOXES"][0, words[-1]].tolist()
        if joined:
            assert words[:20] == joined[-20:]
        joined += words[20:] if joined else words
    assert joined == whole


def test_the_default_chunk_is_what_the_model_takes_with_an_overlap_of_half_of_it(layoutlm: Ensemble) -> None:
    words = layoutlm(sent(LONG))["word_ids"][0]
    assert words.shape[1] == 128
    first, second = (ids[ids >= 0] for ids in words[:2])
    question = np.flatnonzero(np.diff(first) < 0)[0] + 1  # words are numbered anew behind it
    np.testing.assert_array_equal(second[question : question + 64], first[-64:])


def test_no_answer_is_an_answer_where_it_is_asked_for(reader: Ensemble) -> None:
    for words in (WORDS, ["x", "y"]):
        without = answers(reader(sent(words), top_k=20))
        within = answers(reader(sent(words), top_k=1000, handle_impossible_answer=True))
        (empty,) = (answer for answer in within if answer[0] == "")
        assert empty[2:] == (0, 0) and [answer for answer in within if answer != empty][:20] == without


def test_a_document_without_words_has_no_answer(reader: Ensemble) -> None:
    for request in (sent([]), sent(["", ""])):
        assert reader(request, top_k=3)["COUNT"].tolist() == [[0]]
        assert answers(reader(request, handle_impossible_answer=True)) == [("", 1.0, 0, 0)]


def test_empty_words_number_the_others_and_pad_at_the_end(layoutlm: Ensemble) -> None:
    plain, padded = layoutlm(sent(WORDS)), layoutlm(sent([*WORDS, "", ""]))
    check_alike(answers(plain), answers(padded))
    places = [at + (at > 1) for at in range(len(WORDS))]
    spaced = [*WORDS[:2], "", *WORDS[2:]]
    boxes = np.zeros((1, len(spaced), 4), np.int32)
    boxes[0, places] = BOXES
    (one,) = answers(layoutlm(sent(WORDS) | {"BOXES": np.array([BOXES], np.int32)}))
    (other,) = answers(layoutlm(sent(spaced) | {"BOXES": boxes}))
    assert other[1:] == (pytest.approx(one[1]), places[one[2]], places[one[3]])
    assert other[0] == " ".join(spaced[other[2] : other[3] + 1])


def test_a_long_question_is_cut_where_it_is_asked_for(reader: Ensemble) -> None:
    tokenizer = reader.preprocess.documents.tokenizer.backend
    question = "Who acknowledged Netherfield universally?"
    ids = tokenizer.encode(question.split(), is_pretokenized=True, add_special_tokens=False).ids
    for limit in (1, 2, 3, len(ids) - 1):
        cut = reader.preprocess.documents.cut(question.split(), limit)
        kept = tokenizer.encode(cut, is_pretokenized=True, add_special_tokens=False).ids
        assert kept[: limit - 1] == ids[: limit - 1]
        assert question.replace(" ", "").startswith("".join(cut)) and len("".join(cut)) < len(question.replace(" ", ""))
        result = reader(sent(WORDS, question=question), max_question_len=limit)
        check_alike(answers(result), answers(reader(sent(WORDS, question=" ".join(cut)))))
    for limit in (len(ids), 64):
        assert reader.preprocess.documents.cut(question.split(), limit) == question.split()


@pytest.mark.parametrize(
    ("tensors", "parameters", "reason"),
    [
        ({"QUESTION": text(WHO)}, {}, "Send IMAGE, or WORDS and BOXES"),
        ({"QUESTION": text(WHO), "WORDS": lists(WORDS)}, {}, "a box for each word; sent were 7 and none"),
        (sent(WORDS) | {"BOXES": np.zeros((1, 3, 4), np.int32)}, {}, "sent were 7 and 3"),
        (sent(WORDS) | {"BOXES": np.full((1, 7, 4), 2000, np.int32)}, {}, r"BOXES\[0\] is \[2000, 2000"),
        (
            sent(WORDS) | {"BOXES": np.array([[*BOXES[:6], [9, 0, 8, 0]]], np.int32)},
            {},
            r"BOXES\[6\] is \[9, 0, 8, 0\]",
        ),
        (sent(["x" * 3001]), {}, "WORDS has 3,001 bytes in a row; this deployment takes 3,000"),
        (sent(WORDS, question="x" * 3001), {}, "QUESTION has 3,001 bytes"),
        ({**sent(WORDS), "WORDS": np.array([[b"\xff", *[b"x"] * 6]], object)}, {}, "WORDS is not valid UTF-8"),
        (sent(WORDS, question=" ".join(LONG)), {}, "has room for"),
        (sent(LONG), {"max_seq_len": 30, "doc_stride": 28}, "the overlap of 28"),
        (sent(LONG), {"max_seq_len": 24, "doc_stride": 8}, "chunks; this deployment takes 64"),
        (sent(LONG), {"top_k": 250}, "answers to compare; this deployment takes 500"),
        ({"QUESTION": text(WHO), "IMAGE": text(b"no picture")}, {}, "no image that can be read"),
        ({"QUESTION": text(WHO), "IMAGE": text(png_header(50_000, 50_000))}, {}, "max_image_pixels"),
    ],
)
def test_what_cannot_be_answered_is_refused_alone(
    layoutlm: Ensemble, tensors: Tensors, parameters: dict[str, Any], reason: str
) -> None:
    good, bad, other = layoutlm.batch((sent(WORDS), {}), (tensors, parameters), (sent(LONG), {}))
    assert isinstance(good, dict) and isinstance(other, dict)
    assert isinstance(bad, InvalidInput)
    with pytest.raises(InvalidInput, match=reason):
        raise bad


def test_layoutlmv3_takes_boxes_that_layoutlm_cannot(layoutlmv3: Ensemble) -> None:
    assert answers(layoutlmv3(sent(WORDS) | {"BOXES": np.array([[[9, 9, 8, 8]] * 7], np.int32)}))


def test_a_failed_request_leaves_the_tokenizer_as_it_was(layoutlm: Ensemble) -> None:
    with pytest.raises(InvalidInput):
        layoutlm(sent(LONG), max_seq_len=30, doc_stride=28)
    assert layoutlm.preprocess.documents.tokenizer.backend.truncation is None


# Tesseract.


@needs_tesseract
def test_words_and_boxes_are_those_that_tesseract_finds() -> None:
    words, boxes = ocr.read(Image.open(DATA / "document.png"))
    assert words == ["Four", "score", "and", "seven", "years", "ago"]
    corners = np.array(boxes)
    assert corners.shape == (6, 4) and (corners[:, 0] < corners[:, 2]).all() and (corners[:, 1] < corners[:, 3]).all()
    assert (np.diff(corners[:4, 0]) > 0).all() and corners[:4, 3].max() < corners[4:, 1].min() <= corners.max() <= 1000
    assert ocr.read(Image.open(DATA / "small.png")) == ([], [])


@needs_tesseract
def test_pictures_are_read_once_for_all_questions_about_them(reader: Ensemble, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    read = ocr.read

    def count(image: Image.Image, *how: Any) -> ocr.Words:
        calls.append(how)
        return read(image, *how)

    monkeypatch.setattr(ocr, "read", count)
    questions = [WHO, WHAT, "", WHAT]
    result = reader({"QUESTION": text(*questions), "IMAGE": text(*[DOCUMENT] * 4)}, top_k=2)
    assert calls == [(None, reader.preprocess.tesseract_config, 60)]
    check_alike(answers(result, 1), answers(result, 3))
    words = sent([word.decode() for word in result["words"][1]], question=WHAT)
    boxes = np.array([ocr.read(Image.open(DATA / "document.png")).boxes], np.int32)
    pixels = {"IMAGE": text(DOCUMENT)}
    check_alike(answers(result, 1), answers(reader(words | pixels | {"BOXES": boxes}, top_k=2)))


@needs_tesseract
def test_flags_and_languages_go_to_tesseract(
    reader: Ensemble, layoutlmv3: Ensemble, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = {"QUESTION": text(WHAT), "IMAGE": text(DOCUMENT)}
    flags = "--psm 6 -c 'tessedit_char_blacklist=o u'"
    assert b"score" not in reader(request, tesseract_config=flags, lang="eng")["words"]
    monkeypatch.setattr(layoutlmv3.preprocess, "tesseract_config", "-c tessedit_char_blacklist=o")
    assert b"score" not in layoutlmv3(request)["words"]
    assert b"score" in layoutlmv3(request, tesseract_config="")["words"]


@needs_tesseract
@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"lang": "xyz"}, 'no language "xyz" where the server runs; it has .*eng.*apt install tesseract-ocr'),
        ({"lang": "eng+../../etc/passwd"}, "no language"),
        ({"lang": ""}, "no language"),
        ({"tesseract_config": "--tessdata-dir /tmp"}, '"--tessdata-dir /tmp" is not for callers'),
        ({"tesseract_config": "--psm 6 --user-words /etc/passwd"}, '"--user-words /etc/passwd"'),
        ({"tesseract_config": "-c debug_file=/tmp/x"}, '"-c debug_file=/tmp/x"'),
        ({"tesseract_config": "-c tessedit_char_whitelist"}, "not for callers"),
        ({"tesseract_config": "--psm 0"}, '"--psm 0" is not for callers to set. There are --psm 1 to 13'),
        ({"tesseract_config": "--psm"}, "not for callers"),
        ({"tesseract_config": "hocr"}, "not for callers"),
        ({"tesseract_config": "'--psm 6"}, "cannot be read: No closing quotation"),
        ({"tesseract_config": "--psm \N{SUPERSCRIPT TWO}"}, "not for callers"),
        ({"tesseract_config": "-c tessedit_char_whitelist=\0"}, "not for callers"),
        ({"tesseract_config": "--oem 0"}, "Tesseract cannot read the picture"),
    ],
)
def test_flags_that_reach_beyond_the_picture_are_refused(
    layoutlm: Ensemble, parameters: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidInput, match=reason):
        layoutlm({"QUESTION": text(WHAT), "IMAGE": text(DOCUMENT)}, **parameters)


@needs_tesseract
def test_tesseract_has_no_more_than_its_time(checkpoints: Path) -> None:
    hasty = ensemble(checkpoints, "layoutlm", max_ocr_seconds="0.001")
    with pytest.raises(InvalidInput, match=r"more than 0\.001 s for the picture"):
        hasty({"QUESTION": text(WHAT), "IMAGE": text(DOCUMENT)})


def test_a_server_without_tesseract_says_so_and_answers_with_words(
    layoutlm: Ensemble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(RuntimeError, match="apt install tesseract-ocr"):
        layoutlm({"QUESTION": text(WHAT), "IMAGE": text(DOCUMENT)}, lang="deu")
    assert answers(layoutlm(sent(WORDS, image=DOCUMENT)))


# Donut.

QUESTIONS = [WHO, "Who?", "What is the total?", "Why?", WHAT]


def pictured(*pairs: tuple[str, bytes]) -> Tensors:
    questions, pictures = zip(*pairs, strict=True)
    return {"QUESTION": text(*questions), "IMAGE": text(*pictures)}


def test_donut_answers_together_what_it_answers_alone(donut: Ensemble) -> None:
    pairs = [(question, picture) for question in QUESTIONS for picture in (DOCUMENT, SCENE, NARROW)]
    alone = [donut(pictured(pair)) for pair in pairs]
    assert {bool(result["SCORE"][0, 0]) for result in alone} == {True, False}
    assert len({tuple(result["sequences"][0]) for result in alone}) == len(pairs)
    together = donut.batch(*((pictured(pair), {}) for pair in pairs))
    several = donut(pictured(*pairs))
    for row, (one, other) in enumerate(zip(alone, together, strict=True)):
        assert isinstance(other, dict)
        names = ("ANSWER", "SCORE", "START", "END", "COUNT", "sequences")
        check_equal({name: one[name] for name in names}, other)
        check_equal({name: one[name] for name in names}, {name: several[name][row : row + 1] for name in names})


def test_donut_writes_what_generate_writes(donut: Ensemble) -> None:
    result = donut(pictured((WHAT, SCENE)))
    model: Any = transformers.VisionEncoderDecoderModel.from_pretrained(donut.model.folder)
    prompt = donut.preprocess.documents.tokenizer.backend.encode(
        f"<s_docvqa><s_question>{WHAT}</s_question><s_answer>", add_special_tokens=False
    )
    sequence = model.generate(torch.from_numpy(result["pixel_values"]), decoder_input_ids=torch.tensor([prompt.ids]))
    assert result["sequences"][0].tolist() == sequence[0].tolist()


@pytest.mark.parametrize(
    ("written", "answer", "score"),
    [
        ("<s_docvqa><s_question>Who?</s_question><s_answer>me</s_answer></s>", "me", 1),
        ("<s_docvqa><s_answer></s_answer>", "", 1),
        ("<s_docvqa><s_answer> a</s_answer> b</s_answer> c</s><pad><pad>", "a</s_answer> b", 1),
        ("<s_docvqa><s_question>Who?</s_question><s_answer>me", "", 0),
        ("<s_answer>first tag goes</s_answer>", "", 0),
    ],
)
def test_the_answer_stands_between_its_tags(donut: Ensemble, written: str, answer: str, score: int) -> None:
    stage = donut.postprocess
    ids = stage.tokenizer.backend.encode(written, add_special_tokens=False).ids
    assert stage.written(ids) == (answer, score, -1, -1)


def test_donut_needs_a_picture_and_a_question_that_fits(donut: Ensemble) -> None:
    good, without, long = donut.batch(
        (pictured(("Who?", SCENE)), {}), (sent(WORDS), {}), (pictured(("Who?" * 200, SCENE)), {})
    )
    assert isinstance(good, dict)
    assert isinstance(without, InvalidInput) and "Send IMAGE" in str(without)
    assert isinstance(long, InvalidInput) and "the model takes 128" in str(long)


def test_new_tokens_stay_within_the_deployment_and_the_model(checkpoints: Path, donut: Ensemble) -> None:
    request = pictured(("Who?", DOCUMENT))
    short, whole = ensemble(checkpoints, "donut", max_new_tokens_limit="5")(request), donut(request)
    length = short["input_ids"].shape[2] + 5
    np.testing.assert_array_equal(short["sequences"], whole["sequences"][:, :length])
    assert whole["sequences"].shape[1] <= 48  # max_length counts the prompt
    with pytest.raises(InvalidInput, match="max_length"):
        donut(pictured(("Who?" * 20, DOCUMENT)))


def test_the_end_that_4_48_assumed() -> None:
    assert assumed_end({"model_type": "bart"}) == 2
    assert assumed_end({"model_type": "vision-encoder-decoder", "decoder": {"model_type": "mbart"}}) == 2
    assert assumed_end({"model_type": "bart", "forced_eos_token_id": None}) is None
    assert assumed_end({"model_type": "pegasus", "forced_eos_token_id": 5}) == 5
    assert assumed_end({"model_type": "t5"}) is None


@pytest.mark.parametrize("size", [[30, 40], {"height": 40, "width": 30}, {"height": 20, "width": 60}])
def test_pictures_of_donut_are_shrunk_in_two_steps_as_before(tmp_path: Path, size: Any) -> None:
    config = {"image_processor_type": "DonutImageProcessor", "size": size, "do_normalize": False, "do_rescale": False}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(config))
    processor = images.processor(tmp_path)
    picture = Image.open(DATA / "large.jpg")
    pixels = processor(picture, return_tensors="np")["pixel_values"][0]
    width, height = (size["width"], size["height"]) if isinstance(size, dict) else size
    assert pixels.shape == (3, height, width)
    short = min(width, height)
    first = picture.resize((int(short * picture.width / picture.height), short), Image.Resampling.BILINEAR)
    across, down = min(first.width, width), min(first.height, height)
    if (across, down) != first.size:
        down = int(first.height * across / first.width)
        first = first.resize((across, down), Image.Resampling.BICUBIC, reducing_gap=2.0)
    left, top = (width - first.width) // 2, (height - first.height) // 2
    expected = np.zeros((height, width, 3))
    expected[top : top + first.height, left : left + first.width] = np.asarray(first)
    np.testing.assert_array_equal(np.moveaxis(pixels, 0, -1), expected)


# Checkpoints.


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"model_type": "layoutlmv2", "architectures": ["LayoutLMv2ForQuestionAnswering"]}, "need detectron2"),
        ({"model_type": "bert", "architectures": ["BertForQuestionAnswering"]}, "takes 3 types, among them layoutlm"),
        (
            {
                "model_type": "vision-encoder-decoder",
                "architectures": ["VisionEncoderDecoderModel"],
                "encoder": {"model_type": "vit"},
            },
            "whose encoder is donut-swin, not vit",
        ),
        ({"model_type": "layoutlm", "architectures": ["LayoutLMForTokenClassification"]}, "random weights"),
    ],
)
def test_other_models_are_refused_when_they_are_installed(config: dict[str, Any], reason: str, tmp_path: Path) -> None:
    with pytest.raises(ArchitectureError, match=reason):
        check(TASK, config)
    if config["model_type"] != "layoutlm":
        (tmp_path / "config.json").write_text(json.dumps(config))
        with pytest.raises(ValueError, match="serves LayoutLM, LayoutLMv3 and Donut"):
            kind_of(tmp_path)


@pytest.mark.parametrize("name", [*READERS, "donut"])
def test_made_checkpoints_can_be_installed(checkpoints: Path, name: str) -> None:
    check(TASK, json.loads((checkpoints / f"{TASK}_{name}" / "config.json").read_text()))
