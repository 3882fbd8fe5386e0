"""translation, also by the ids of pairs: translation_en_to_fr.

    translate = pipeline("translation_en_to_fr")
    translate("How old are you?")                                        # [{'translation_text': 'Quel âge as-tu ?'}]
    translate = pipeline("translation", src_lang="eng_Latn", tgt_lang="fra_Latn")      # models of many languages
    translate([text, other], tgt_lang="deu_Latn", max_length=400)

From TranslationPipeline; what it shares with others is in text2text_generation.py. The id of a pair chooses prefix and
settings of checkpoints such as T5's, and is the default of `src_lang` and `tgt_lang`.
"""

from __future__ import annotations

from typing import Any

from .base import Settings, given, scalars
from .text2text_generation import TextToText


class Translation(TextToText):
    """task: the id that the caller gave, where it names a pair: "translation_en_to_fr"."""

    name = "translation"
    outputs = ("TRANSLATION_TEXT", "WARNING")
    key = "translation_text"

    def __init__(self, task: str | None = None) -> None:
        self.task = task

    def parameters(self, *, src_lang: str | None = None, tgt_lang: str | None = None, **others: Any) -> Settings:
        own = given(task=self.task, src_lang=src_lang, tgt_lang=tgt_lang)
        return Settings(scalars(own)) | super().parameters(**others)
