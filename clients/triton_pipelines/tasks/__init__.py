"""The tasks by name. The verbs that each has are in `base.py`."""

from __future__ import annotations

import re

from ..errors import InvalidInput
from .audio_classification import AudioClassification
from .automatic_speech_recognition import AutomaticSpeechRecognition
from .base import Task
from .depth_estimation import DepthEstimation
from .document_question_answering import DocumentQuestionAnswering
from .feature_extraction import FeatureExtraction
from .fill_mask import FillMask
from .image_classification import ImageClassification
from .image_feature_extraction import ImageFeatureExtraction
from .image_segmentation import ImageSegmentation
from .image_text_to_text import ImageTextToText
from .image_to_image import ImageToImage
from .image_to_text import ImageToText
from .mask_generation import MaskGeneration
from .object_detection import ObjectDetection
from .question_answering import QuestionAnswering
from .summarization import Summarization
from .table_question_answering import TableQuestionAnswering
from .text2text_generation import Text2TextGeneration
from .text_classification import TextClassification
from .text_generation import TextGeneration
from .text_to_audio import TextToAudio
from .token_classification import TokenClassification
from .translation import Translation
from .video_classification import VideoClassification
from .visual_question_answering import VisualQuestionAnswering
from .zero_shot_audio_classification import ZeroShotAudioClassification
from .zero_shot_classification import ZeroShotClassification
from .zero_shot_image_classification import ZeroShotImageClassification
from .zero_shot_object_detection import ZeroShotObjectDetection

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        TextClassification(),
        TokenClassification(),
        QuestionAnswering(),
        TableQuestionAnswering(),
        FillMask(),
        FeatureExtraction(),
        ZeroShotClassification(),
        ImageClassification(),
        ImageFeatureExtraction(),
        ObjectDetection(),
        ImageSegmentation(),
        DepthEstimation(),
        ImageToImage(),
        MaskGeneration(),
        VideoClassification(),
        ZeroShotImageClassification(),
        ZeroShotObjectDetection(),
        VisualQuestionAnswering(),
        DocumentQuestionAnswering(),
        ImageToText(),
        ImageTextToText(),
        AudioClassification(),
        AutomaticSpeechRecognition(),
        ZeroShotAudioClassification(),
        TextToAudio(),
        TextGeneration(),
        Summarization(),
        Translation(),
        Text2TextGeneration(),
    )
}
ALIASES = {
    "sentiment-analysis": "text-classification",
    "ner": "token-classification",
    "vqa": "visual-question-answering",
    "text-to-speech": "text-to-audio",
}


def find(name: str) -> Task:
    """The task of a name or an alias."""
    name = ALIASES.get(name, name)
    if re.fullmatch(r"translation_\w+_to_\w+", name):
        return Translation(name)
    if name in TASKS:
        return TASKS[name]
    known = ", ".join(sorted([*TASKS, *(alias for alias, task in ALIASES.items() if task in TASKS)]))
    raise InvalidInput(f"{name!r} is not a task; there are {known}")


def matching(inputs: tuple[str, ...], outputs: tuple[str, ...]) -> list[Task]:
    """The tasks that a model with these tensors may serve: best first, those with most tensors in common."""
    fitting = [task for task in TASKS.values() if {*task.inputs} <= {*inputs} and {*task.outputs} <= {*outputs}]
    return sorted(fitting, key=lambda task: -len(task.inputs + task.outputs))
