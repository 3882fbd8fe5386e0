"""Translation: a text from one language to another, by an encoder-decoder model.

A checkpoint says in one of three ways which languages these are: it knows one pair (most of Marian); the task's id
chooses a prefix and settings from its task_specific_params (T5: task="translation_en_to_fr"); or the request names them
(mBART, mBART-50, M2M100, NLLB: src_lang and tgt_lang).
"""

from __future__ import annotations

import re
from typing import Any

from python_backend import text2text
from python_backend.checkpoint import read_json
from python_backend.languages import Frame
from python_backend.parameters import InvalidInput, Text
from python_backend.stage import Request

TASK_ID = re.compile(r"translation_(\w+)_to_(\w+)")

PARAMETERS = text2text.parameters(
    Text("src_lang", doc="The language of the text, for models of many languages. Default: the task's xx."),
    Text("tgt_lang", doc="The language to translate to, for models of many languages. Default: the task's yy."),
    Text("task", doc='"translation_xx_to_yy": a pair of languages. Default: the first that the checkpoint knows.'),
)


class Named(text2text.TextToText):
    """A stage that knows the id of a request's task."""

    task = "translation"

    def load(self) -> None:
        known = read_json(self.folder, "config.json").get("task_specific_params") or {}
        self.default_task = next((task for task in known if task.startswith("translation")), "translation")
        super().load()

    def task_name(self, parameters: dict[str, Any]) -> str:
        task = parameters["task"]
        if task is None or task == "translation":
            return self.default_task
        if not TASK_ID.fullmatch(task):
            raise InvalidInput(f"Invalid translation task {task}, use 'translation_XX_to_YY' format")
        return task


class Preprocess(Named, text2text.Preprocess):
    __doc__ = text2text.Preprocess.__doc__
    PARAMETERS = PARAMETERS

    def frame(self, request: Request) -> tuple[Frame | None, list[int]]:
        if not self.languages.ids:
            return None, []
        match = TASK_ID.fullmatch(self.task_name(request.parameters))
        source, target = match.groups() if match else (None, None)
        source = request.parameters["src_lang"] or source
        target = request.parameters["tgt_lang"] or target
        if source is None or target is None:
            raise InvalidInput(
                "Translation requires a `src_lang` and a `tgt_lang` for this model; it has "
                f"{', '.join(self.languages.ids)}."
            )
        frame = self.languages.frame(self.languages.find(source, "src_lang"))
        return frame, [self.languages.find(target, "tgt_lang")]

    def length_warnings(self, request: Request, input_length: int) -> list[str]:
        _, most = self.lengths(request)
        if input_length <= 0.9 * most:
            return []
        return [
            f"Your input_length: {input_length} is bigger than 0.9 * max_length: {most}. You might consider "
            "increasing your max_length manually, e.g. translator('...', max_length=400)"
        ]


class Model(Named, text2text.Model):
    __doc__ = text2text.Model.__doc__
    PARAMETERS = PARAMETERS


class Postprocess(text2text.Postprocess):
    """Token ids to TRANSLATION_TEXT [batch, sequences]."""

    PARAMETERS = PARAMETERS
    output = "TRANSLATION_TEXT"
