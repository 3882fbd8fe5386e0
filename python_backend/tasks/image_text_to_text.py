"""Image and text to text: what a model says about images and a prompt, or in a chat. Follows ImageTextToTextPipeline.

Preprocess makes token ids and features of the images by the checkpoint's own processor, Model generates, Postprocess
makes text; with stream=true as in text generation, whose model this is but for its images. transformers' continuous
batching takes no images: requests with equal settings share a generate() (python_backend/static_batching.py).

Other than in 4.48.1, on purpose:
* Samples have their own random numbers, repeatable by `seed`.
* The answer to MESSAGES is the new message's text; the client library puts it into the chat.
* Images come as bytes: in IMAGE, in the order of the chat's parts of type "image", or in these as "base64".
"""

from __future__ import annotations

import base64
import binascii
import inspect
import io
from typing import Any

import numpy as np
from PIL import Image

from python_backend import images, multimodal_processor, text
from python_backend.chat import ChatTemplate, Message, read_messages
from python_backend.generation_parameters import GENERATION
from python_backend.generation_request import GenerationRequest
from python_backend.parameters import Bool, InvalidInput, Parameters
from python_backend.stage import Request, Tensors
from python_backend.tasks import text_generation

PARAMETERS = Parameters(
    Bool("stream", default=False, doc="Answer with every group of new tokens instead of once."),
    Bool("return_full_text", doc="Put the prompt before what is generated. Default: true, but not for MESSAGES."),
    Bool(
        "continue_final_message",
        doc="Let the model go on with the last of MESSAGES. Default: when it is the assistant's.",
    ),
    *(parameter for parameter in GENERATION if parameter.name != "num_return_sequences"),
)

OF_TOKENS = ("input_ids", "attention_mask")


class Preprocess(images.ImagePreprocess):
    """TEXT [1], or MESSAGES [1] with a JSON chat, and IMAGE [images], bytes of image files, to one prompt.

    Outputs: input_ids [length] INT64, places of the images included; features [1], an .npz file of all else that the
    model is given, by the names of its arguments; prompt [1], the text that goes before the generated one, empty where
    none does.

    Settings, besides ImagePreprocess's:
        max_text_bytes: of TEXT. Default 100,000.
        max_messages_bytes: of MESSAGES, with the images in them. Default 30,000,000.
        max_images: of one prompt. Default 16.
    """

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        super().load()
        self.chat = ChatTemplate(self.folder, text.Tokenizer(self.folder))
        self.max_text_bytes = self.setting("max_text_bytes", 100_000)
        self.max_messages_bytes = self.setting("max_messages_bytes", 30_000_000)
        self.max_images = self.setting("max_images", 16)

    def load_processor(self) -> Any:
        return multimodal_processor.load(self.folder)

    def process(self, request: Request) -> Tensors:
        sent = list(request.tensors.get("IMAGE", np.empty(0, object)).ravel())
        if ("TEXT" in request.tensors) == ("MESSAGES" in request.tensors):
            raise InvalidInput("Send either TEXT or MESSAGES, and the images in IMAGE.")
        if "MESSAGES" in request.tensors:
            prompt, sent = self.chat_prompt(request, sent)
            before = ""
        else:
            (prompt,) = text.read(request.tensors["TEXT"], "TEXT", self.max_text_bytes)
            before = "" if request.parameters["return_full_text"] is False else prompt
        if len(sent) > self.max_images:
            raise InvalidInput(f"There are {len(sent)} images; this deployment takes {self.max_images} (max_images).")
        made = self.made_of(prompt, [self.decode(data) for data in sent])
        buffer = io.BytesIO()
        np.savez(buffer, **{name: array for name, array in made.items() if name not in OF_TOKENS})
        return {
            "input_ids": made["input_ids"][0],
            "features": np.array([buffer.getvalue()], object),
            "prompt": np.array([before.encode()], object),
        }

    def chat_prompt(self, request: Request, sent: list[bytes]) -> tuple[str, list[bytes]]:
        """The prompt of a chat, and its images in their order."""
        text_generation.check_chat(request.parameters)
        if (size := len(request.tensors["MESSAGES"][0])) > self.max_messages_bytes:
            raise InvalidInput(
                f"MESSAGES has {size:,} bytes; this deployment takes {self.max_messages_bytes:,} (max_messages_bytes)."
            )
        (source,) = text.read(request.tensors["MESSAGES"], "MESSAGES", self.max_messages_bytes)
        messages = read_messages(source)
        pictures = images_of(messages, sent)
        return self.chat.render(messages, request.parameters["continue_final_message"]), pictures

    def made_of(self, prompt: str, pictures: list[Image.Image]) -> Tensors:
        """What the processor makes of them. InvalidInput where it refuses, for want of places for the images say."""
        try:
            made = self.processor(text=prompt, images=pictures or None, return_tensors="np")
        except Exception as error:  # a prompt that does not fit its images makes processors raise anything
            raise InvalidInput(
                f"The checkpoint's processor refuses the prompt with its {len(pictures)} images: {error}. Each image "
                "needs its place in TEXT (the checkpoint's image token), or its part in MESSAGES."
            ) from None
        arrays = {name: np.asarray(array) for name, array in made.items()}
        if not arrays["input_ids"].size:
            raise InvalidInput("The prompt has no tokens: send some text.")
        return arrays


def images_of(messages: list[Message], sent: list[bytes]) -> list[bytes]:
    """The images of a chat in their order: those that its parts hold, and those `sent` beside it for the others."""
    waiting = iter(sent)
    pictures = []
    for part in parts_of(messages):
        if part.get("type") == "image_url":  # as OpenAI spells it, {"url": ...}; the URL itself is taken, too
            link = part.pop("image_url", None)
            part["type"], part["url"] = "image", link.get("url") if isinstance(link, dict) else link
        if part.get("type") != "image":
            continue
        inside = next((part.pop(key) for key in ("base64", "url", "image", "path") if part.get(key)), None)
        picture = next(waiting, None) if inside is None else from_base64(inside)
        if picture is None:
            raise InvalidInput(f"The chat has more images than came in IMAGE, which are {len(sent)}.")
        pictures.append(picture)
    if left := len(list(waiting)):
        raise InvalidInput(f'IMAGE has {left} images more than the chat has parts of {{"type": "image"}}.')
    return pictures


def parts_of(messages: list[Message]) -> list[dict[str, Any]]:
    contents = (message["content"] for message in messages)
    return [part for content in contents if isinstance(content, list) for part in content if isinstance(part, dict)]


def from_base64(source: Any) -> bytes:
    """The bytes of base64, or of a data: URL. The server opens no other URL, and no path."""
    try:
        if source.startswith("data:"):
            source = source.split(",", 1)[1]
        return base64.b64decode(source, validate=True)
    except (AttributeError, IndexError, ValueError, binascii.Error):
        raise InvalidInput(
            "An image inside MESSAGES must be base64 or a data: URL: the server opens no other URL, and no path. "
            'Or send its bytes in IMAGE, and {"type": "image"} in the chat.'
        ) from None


class Model(text_generation.Model):
    """Token ids and features of images to more token ids. Settings and outputs are those of text generation, but those
    of its continuous batching."""

    PARAMETERS = PARAMETERS
    task = "image-text-to-text"
    auto_class = "AutoModelForImageTextToText"
    remedy = "Send fewer or smaller images, or less text."
    reads_tokens_alone = False

    def load(self) -> None:
        super().load()
        self.accepted = set(inspect.signature(self.model.forward).parameters)

    def continuous_batching(self) -> None:
        return None  # it takes token ids alone

    def generation_request(self, request: Request, answer: text_generation.Answer) -> GenerationRequest:
        plain: Tensors = {"eos_token_id": np.empty(0, np.int64), "prefix_length": np.zeros(1, np.int32)}
        parameters = {"num_return_sequences": None, **request.parameters}
        made = super().generation_request(Request({**request.tensors, **plain}, parameters), answer)
        with np.load(io.BytesIO(request.tensors["features"][0]), allow_pickle=False) as features:
            made.features = {name: array for name, array in features.items() if name in self.accepted}
        return made


class Postprocess(text_generation.Postprocess):
    """The ids of an answer to GENERATED_TEXT [1]: the whole text or, streamed, the piece that these ids settle."""

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        super().load()
        self.cleans = bool(text.Tokenizer(self.folder).config.get("clean_up_tokenization_spaces"))

    def cleans_up(self, request: Request) -> bool:
        return self.cleans
