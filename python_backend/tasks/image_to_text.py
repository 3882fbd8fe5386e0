"""Image to text: pictures to captions, or to what is written on them. Follows ImageToTextPipeline.

Families: encoders of pictures with a decoder of texts (ViT with GPT-2, Donut), BLIP, GIT and Pix2Struct. What a prompt
is depends on the model: BLIP and GIT go on with it, a Pix2Struct for questions finds it printed above the picture, and
the others take none.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from python_backend import images, text
from python_backend.batching import pad
from python_backend.checkpoint import read_json
from python_backend.generation_parameters import GENERATION
from python_backend.parameters import InvalidInput, Parameters
from python_backend.picture_to_text import WritingModel
from python_backend.sequences import NO_TOKEN
from python_backend.stage import Request, Result, Stage, Tensors

PARAMETERS = Parameters(*GENERATION)

FONT = "Arial.TTF"
"""In which a Pix2Struct for questions prints them; scripts/installing/fonts.py."""


class Preprocess(images.ImagePreprocess):
    """IMAGE [batch, 1] and PROMPT [batch, 1], optional, to

    pixel_values [batch, channels, height, width] FP32 and pixel_size [batch, 2] INT32, or, for Pix2Struct,
    flattened_patches [batch, patches, values] FP32 and attention_mask [batch, patches] FP32; the others are empty;
    input_ids [batch, length] INT64 of the prompt, padded with -1; length 0 without one.

    Settings, besides ImagePreprocess's: max_text_bytes, of a prompt. Default 100,000.
    """

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        super().load()
        self.model_type = read_json(self.folder, "config.json")["model_type"]
        self.max_text_bytes = self.setting("max_text_bytes", 100_000)
        self.tokenizer = text.Tokenizer(self.folder)
        self.prints = self.model_type == "pix2struct" and self.processor.is_vqa
        if self.prints:  # the processor itself would look for a font on the Hub
            font, render = (self.folder / FONT).read_bytes(), self.processor.render_header
            self.processor.render_header = lambda image, header, **_: render(image, header, font_bytes=font)

    def process(self, request: Request) -> Tensors:
        prompts = self.prompts(request)
        pictures = [
            self.picture(self.decode(data), prompt)
            for data, prompt in zip(request.tensors["IMAGE"].ravel(), prompts, strict=True)
        ]
        pixels = [picture.get("pixel_values", np.empty((0, 0, 0), np.float32)) for picture in pictures]
        return {
            "pixel_values": pad(pixels),
            "pixel_size": np.array([array.shape[-2:] for array in pixels]),
            "flattened_patches": pad([picture.get("flattened_patches", np.empty((0, 0))) for picture in pictures]),
            "attention_mask": pad([picture.get("attention_mask", np.empty(0)) for picture in pictures]),
            "input_ids": pad([np.array(self.tokens(prompt), np.int64) for prompt in prompts], fill=NO_TOKEN),
        }

    def prompts(self, request: Request) -> list[str | None]:
        if "PROMPT" not in request.tensors:
            if self.prints:
                raise InvalidInput("A header text must be provided for VQA models: send PROMPT, a question.")
            return [None] * len(request.tensors["IMAGE"])
        if self.model_type == "vision-encoder-decoder":
            raise InvalidInput(f"Model type {self.model_type} does not support conditional text generation: no PROMPT.")
        return list(text.read(request.tensors["PROMPT"], "PROMPT", self.max_text_bytes))

    def picture(self, image: Any, prompt: str | None) -> Tensors:
        """What the processor makes of one picture, without the batch dimension."""
        return self.features(image, **({"header_text": prompt} if self.prints else {}))

    def tokens(self, prompt: str | None) -> list[int]:
        """A prompt's token ids as the model's text begins with them."""
        if prompt is None or self.model_type == "pix2struct":
            return []
        if self.model_type == "git":
            start = self.tokenizer.token_id("cls_token")
            return [start or 0, *self.tokenizer.backend.encode(prompt, add_special_tokens=False).ids]
        return list(self.tokenizer.backend.encode(prompt).ids)


class Model(WritingModel):
    """A picture and the tokens of a prompt to sequences [batch, sequences, length] INT32, padded with -1."""

    PARAMETERS = PARAMETERS
    task = "image-to-text"

    def load(self) -> None:
        from python_backend.picture_writers import WRITERS

        super().load()
        self.load_writer("AutoModelForImageTextToText", WRITERS[read_json(self.folder, "config.json")["model_type"]])

    def process_batch(self, requests: list[Request]) -> list[Result]:
        results = self.write([self.rows_of(request, self.pictures(request)) for request in requests])
        return [result if isinstance(result, Exception) else {"sequences": result} for result in results]

    def pictures(self, request: Request) -> list[Tensors]:
        """What the model sees of each row, without what is padding."""
        tensors = request.tensors
        if tensors["flattened_patches"].size:
            names = ("flattened_patches", "attention_mask")
            return [{name: tensors[name][row] for name in names} for row in range(len(tensors["input_ids"]))]
        rows = zip(tensors["pixel_values"], tensors["pixel_size"], strict=True)
        return [{"pixel_values": pixels[:, :height, :width]} for pixels, (height, width) in rows]


class Postprocess(Stage):
    """Token ids to GENERATED_TEXT [batch, sequences]."""

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        self.tokenizer = text.Tokenizer(self.folder)

    def process(self, request: Request) -> Tensors:
        sequences = request.tensors["sequences"]
        texts = [
            self.tokenizer.decode(ids[ids != NO_TOKEN].tolist(), skip_special_tokens=True)
            for row in sequences
            for ids in row
        ]
        return {"GENERATED_TEXT": np.array([one.encode() for one in texts], object).reshape(sequences.shape[:2])}
