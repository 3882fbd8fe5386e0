"""Translation: languages around a text, the first token of an answer, the ids of pairs, and tokenizers of two steps."""

from pathlib import Path
from typing import Any

import pytest

from python_backend.languages import HIDDEN
from python_backend.parameters import InvalidInput
from tests.cases.texts import BATCH, GETTYSBURG, SHORT, UNICODE
from tests.unit.ensemble import Ensemble, Sent, text
from tests.unit.ensembles import InstalledEnsembles

TASK = "translation"
PAIRS = {
    "m2m100": {"src_lang": "en", "tgt_lang": "fr"},
    "mbart50": {"src_lang": "en_XX", "tgt_lang": "fr_XX"},
    "nllb": {"src_lang": "eng_Latn", "tgt_lang": "fra_Latn"},
}


@pytest.fixture(scope="module")
def ensembles(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> InstalledEnsembles:
    return InstalledEnsembles(TASK, checkpoints, tmp_path_factory.mktemp("repository"))


def sent(*texts: str, **parameters: Any) -> Sent:
    return {"TEXT": text(*texts)}, parameters


def tokens(ensemble: Ensemble, *request: Any, **parameters: Any) -> list[str]:
    """What the encoder reads of one text."""
    result = ensemble({"TEXT": text(*request)}, max_new_tokens=1, num_beams=1, **parameters)
    return [ensemble.preprocess.tokenizer.backend.id_to_token(id_) for id_ in result["input_ids"][0]]


def first_of_answer(ensemble: Ensemble, **parameters: Any) -> str:
    """The token that the answer is made to begin with."""
    result = ensemble({"TEXT": text(SHORT)}, max_new_tokens=2, num_beams=1, **parameters)
    token: str = ensemble.preprocess.tokenizer.backend.id_to_token(int(result["sequences"][0, 0, 1]))
    return token


@pytest.mark.parametrize(
    ("name", "source", "target", "before", "first"),
    [
        ("m2m100", "en", "fr", "__en__", "__fr__"),
        ("m2m100", "zu", "af", "__zu__", "__af__"),
        ("mbart50", "en_XX", "fr_XX", "en_XX", "fr_XX"),
        ("mbart50", "de_DE", "sl_SI", "de_DE", "sl_SI"),
        ("nllb", "eng_Latn", "zho_Hans", "eng_Latn", "zho_Hans"),
    ],
)
def test_languages_stand_around_the_text_and_begin_the_answer(
    ensembles: InstalledEnsembles, name: str, source: str, target: str, before: str, first: str
) -> None:
    pair = {"src_lang": source, "tgt_lang": target}
    found = tokens(ensembles[name], SHORT, **pair)
    assert (found[0], found[-1]) == (before, "</s>")
    assert first_of_answer(ensembles[name], **pair) == first


def test_requests_of_several_languages_share_a_batch(ensembles: InstalledEnsembles) -> None:
    codes = [("en", "fr"), ("fr", "en"), ("de", "zu"), ("en", "zu")]
    requests = [sent(SHORT, UNICODE, src_lang=source, tgt_lang=target) for source, target in codes]
    together = ensembles["m2m100"].batch(*requests)
    apart = [ensembles["m2m100"](*[tensors], **parameters) for tensors, parameters in requests]
    for result, other in zip(together, apart, strict=True):
        assert not isinstance(result, Exception)
        assert result["TRANSLATION_TEXT"].tolist() == other["TRANSLATION_TEXT"].tolist()
    assert len({str(other["TRANSLATION_TEXT"].tolist()) for other in apart}) > 2


def test_the_language_leaves_no_trace_in_the_tokenizer(ensembles: InstalledEnsembles) -> None:
    backend = ensembles["mbart50"].preprocess.tokenizer.backend
    before = backend.encode("Call me").ids
    tokens(ensembles["mbart50"], SHORT, src_lang="de_DE", tgt_lang="fr_XX")
    assert backend.encode("Call me").ids == before


def test_truncation_keeps_the_languages(ensembles: InstalledEnsembles) -> None:
    found = tokens(ensembles["nllb"], GETTYSBURG * 9, **PAIRS["nllb"], truncation=True)
    assert len(found) == 128 and (found[0], found[-1]) == ("eng_Latn", "</s>")


def test_a_forced_first_token_of_the_request_wins(ensembles: InstalledEnsembles) -> None:
    assert first_of_answer(ensembles["nllb"], **PAIRS["nllb"], forced_bos_token_id=50) != "fra_Latn"


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("m2m100", {}, r"requires a `src_lang` and a `tgt_lang` .* it has af, am, "),
        ("nllb", {"tgt_lang": "fra_Latn"}, "requires a `src_lang`"),
        ("mbart50", {"src_lang": "en_XX", "tgt_lang": "fr"}, r"no language 'fr' \(tgt_lang\); it has ar_AR, "),
        ("mbart50", {"src_lang": "</s>", "tgt_lang": "fr_XX"}, r"no language '</s>' \(src_lang\)"),
        ("m2m100", {"task": "translation_en_to_xx"}, "no language 'xx'"),
        ("t5", {"task": "summarization"}, "'translation_XX_to_YY' format"),
        ("t5", {"src_lang": 3}, "must be a string"),
    ],
)
def test_languages_that_are_not_there_are_refused(
    ensembles: InstalledEnsembles, name: str, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        ensembles[name]({"TEXT": text(SHORT)}, **parameters)


def test_a_request_without_languages_fails_alone(ensembles: InstalledEnsembles) -> None:
    bad, good = ensembles["nllb"].batch(sent(SHORT), sent(SHORT, **PAIRS["nllb"]))
    assert isinstance(bad, InvalidInput) and not isinstance(good, Exception)


def test_the_task_s_id_gives_the_languages(ensembles: InstalledEnsembles) -> None:
    by_id = tokens(ensembles["m2m100"], SHORT, task="translation_de_to_fr")
    assert by_id[0] == "__de__"
    assert first_of_answer(ensembles["m2m100"], task="translation_de_to_fr") == "__fr__"
    assert first_of_answer(ensembles["m2m100"], task="translation_de_to_fr", tgt_lang="zu") == "__zu__"
    assert first_of_answer(ensembles["mbart50"], task="translation_en_XX_to_ro_RO") == "ro_RO"


@pytest.mark.parametrize(
    ("task", "prefix", "beams", "longest"),
    [
        (None, "translate English to German: ", 4, 26),
        ("translation", "translate English to German: ", 4, 26),
        ("translation_en_to_fr", "translate English to French: ", 1, 26),
        ("translation_en_to_ro", "translate English to Romanian: ", 1, 28),
        ("translation_en_to_es", "", 1, 21),
    ],
)
def test_the_task_s_id_chooses_prefix_and_settings(
    ensembles: InstalledEnsembles, task: str | None, prefix: str, beams: int, longest: int
) -> None:
    t5, given = ensembles["t5"], {} if task is None else {"task": task}
    backend = t5.preprocess.tokenizer.backend
    assert tokens(t5, SHORT, **given) == backend.encode(prefix + SHORT).tokens
    assert t5.model.base(t5.parameters.parse(given)).num_beams == beams
    assert t5({"TEXT": text(SHORT)}, eos_token_id=-1, **given)["sequences"].shape[-1] == longest


def test_tasks_that_callers_make_up_leave_nothing_behind(ensembles: InstalledEnsembles) -> None:
    stage = ensembles["t5"].preprocess
    before = len(stage.defaults)
    tokens(ensembles["t5"], SHORT, task="translation_xx_to_yy")
    assert len(stage.defaults) == before


@pytest.mark.parametrize(
    ("string", "first", "rest"),
    [
        (f">>fra<< {SHORT}", ">>fra<<", SHORT),
        (f">>xyz<<{SHORT}", "<unk>", SHORT),
        ("Call >>fra<<me", None, "Call me"),
        ("Call me", None, "Call me"),
        (">>fra<< a <<b", "<unk>", "b"),
    ],
)
def test_a_text_for_marian_begins_with_its_language(
    ensembles: InstalledEnsembles, string: str, first: str | None, rest: str
) -> None:
    marian = ensembles["marian"]
    found = [token.removeprefix(HIDDEN) for token in tokens(marian, string)]
    assert found == [*([first] if first else []), *tokens(marian, rest)]


def test_ids_are_those_of_the_vocabulary(ensembles: InstalledEnsembles) -> None:
    for name, pair in (("marian", {}), ("m2m100", PAIRS["m2m100"])):
        size = ensembles[name].preprocess.mapping.size
        for string in BATCH:
            ids = ensembles[name]({"TEXT": text(string)}, max_new_tokens=1, num_beams=1, **pair)["input_ids"]
            assert size is not None and ids.max() < size


@pytest.mark.parametrize(
    ("string", "parameters", "warned"),
    [
        ("Call me", {}, []),
        (
            GETTYSBURG,
            {"max_length": 20},
            [
                "Your input_length: 45 is bigger than 0.9 * max_length: 20. You might consider increasing your "
                "max_length manually, e.g. translator('...', max_length=400)"
            ],
        ),
    ],
)
def test_texts_that_are_long_for_their_translation_are_warned_of(
    ensembles: InstalledEnsembles, string: str, parameters: dict[str, Any], warned: list[str]
) -> None:
    result = ensembles["m2m100"]({"TEXT": text(string)}, max_new_tokens=1, **PAIRS["m2m100"], **parameters)
    assert result["WARNING"][0, 0].decode().splitlines() == warned
