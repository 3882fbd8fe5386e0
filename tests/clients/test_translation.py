"""translation; what it shares with others is in test_text2text_generation.py."""

import pytest

from tests.clients.fake import fake, text
from triton_pipelines import InvalidInput
from triton_pipelines.transport import Request, Tensors


def answer(request: Request) -> Tensors:
    return {"TRANSLATION_TEXT": text(["Salut"]), "WARNING": text([""])}


def test_languages_are_parameters() -> None:
    translate, transport = fake("translation", answer, src_lang="eng_Latn")
    assert translate("Hi", tgt_lang="fra_Latn") == [{"translation_text": "Salut"}]
    assert transport.request.parameters == {"src_lang": "eng_Latn", "tgt_lang": "fra_Latn"}


@pytest.mark.parametrize("task", ["translation_en_to_fr", "translation_en_XX_to_ro_RO"])
def test_the_id_of_a_pair_goes_with_each_request(task: str) -> None:
    translate, transport = fake(task, answer)
    translate("Hi")
    translate("Hi", num_beams=2)
    assert translate.model == translate.task == "translation"
    assert [request.parameters for request in transport.requests] == [{"task": task}, {"task": task, "num_beams": 2}]


def test_translation_alone_leaves_the_pair_to_the_checkpoint() -> None:
    translate, transport = fake("translation", answer)
    translate("Hi")
    assert transport.request.parameters == {}


def test_half_an_id_is_no_task() -> None:
    with pytest.raises(InvalidInput, match="not a task"):
        fake("translation_en", answer)
