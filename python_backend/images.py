"""Images: encoded bytes to upright RGB pictures to what a model's forward pass takes, with limits. No torch."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from python_backend.batching import pad
from python_backend.checkpoint import read_json
from python_backend.parameters import InvalidInput
from python_backend.stage import Request, Stage, Tensors

# Pillow's readers of pictures that people have. Not among them: those that start other programs or read other files.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
ACCEPTED = "Send the bytes of an image file: JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or JPEG 2000."

Image.MAX_IMAGE_PIXELS = None  # `decode` has a limit of its own, and one that can be set


def decode(data: bytes, max_bytes: int, max_pixels: int, max_ratio: int) -> Image.Image:
    """The picture as the pipelines' `load_image` gives it: upright by its EXIF tag, RGB; of several frames the first.

    Args:
        max_pixels: width times height. Read from the header, so that a bomb is refused before it unfolds.
        max_ratio: of the longer side to the shorter: a strip explodes where its short side is scaled up.
    """
    if len(data) > max_bytes:
        raise InvalidInput(f"IMAGE has {len(data):,} bytes; this deployment takes {max_bytes:,} (max_image_bytes).")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise InvalidInput(f"IMAGE is {'no image that can be read' if data else 'empty'}. {ACCEPTED}") from None
    except Exception as error:  # Pillow's readers raise whatever a broken header makes them stumble over
        raise InvalidInput(f"IMAGE is broken: {error}. {ACCEPTED}") from None
    size = f"IMAGE has {image.width:,} x {image.height:,} pixels; this deployment takes"
    if image.width * image.height > max_pixels:
        raise InvalidInput(f"{size} {max_pixels:,} (max_image_pixels). Scale it down.")
    if max(image.size) > max_ratio * min(image.size):
        raise InvalidInput(f"{size} sides of 1 to {max_ratio} at most (max_image_ratio). Cut it into pieces.")
    try:
        upright: Image.Image = ImageOps.exif_transpose(image)
        return upright.convert("RGB")
    except Exception as error:
        raise InvalidInput(f"IMAGE is broken or cut off: {error}. {ACCEPTED}") from None


def png(image: Image.Image) -> bytes:
    """The image without loss; compressed lightly, for that is several times faster and little larger."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def processor(folder: Path) -> Any:
    """The checkpoint's image processor: that of transformers 4.48, on PIL; torchvision gives other pixels."""
    import transformers

    name = processor_name(folder)
    # The classes' name of old, which 5.x knows under another key alone.
    old = name.endswith("FeatureExtractor") and name.replace("FeatureExtractor", "ImageProcessorPil")
    if old and hasattr(transformers, old):
        made = getattr(transformers, old).from_pretrained(folder, local_files_only=True)
    else:
        # A list of classes that training alone needs, and that would be looked for on the Hub.
        without = {"class_info_file": None} if alike(name, "OneFormer") else {}
        made = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil", local_files_only=True, **without)
    if type(made).__name__.startswith("Owlv2"):
        from python_backend.owlv2 import Owlv2ImageProcessor

        return Owlv2ImageProcessor.from_pretrained(folder)
    if type(made).__name__.startswith("Donut"):
        from python_backend.donut_images import DonutImageProcessor

        return DonutImageProcessor.from_pretrained(folder)
    if type(made).__name__.startswith(("LlavaNextImage", "LlavaOnevisionImage")):
        from python_backend.llava_images import evenly_padded

        return evenly_padded(type(made)).from_pretrained(folder)
    if type(made).__name__.startswith(DETECTORS):
        size = made.size
        if size.longest_edge and not size.shortest_edge:  # Table Transformer's, which these classes refuse as it is
            made.size = type(size)(shortest_edge=size.longest_edge, longest_edge=size.longest_edge)
    return made


DETECTORS = ("ConditionalDetr", "DeformableDetr", "Detr", "GroundingDino", "RTDetr", "Yolos")
"""Image processors that scale the shorter side, unless that makes the longer one too long."""


def processor_name(folder: Path) -> str:
    """What a checkpoint calls the class of its image processor, or else its type of model, which implies one."""
    nested = read_json(folder, "processor_config.json").get("image_processor")  # as transformers 5 saves them
    config = nested or read_json(folder, "preprocessor_config.json")
    named = config.get("image_processor_type") or config.get("feature_extractor_type")
    return named or read_json(folder, "config.json").get("model_type") or ""


def alike(name: str, *beginnings: str) -> bool:
    """Whether a name, of a class or of a type of model, begins with one of those: "kosmos-2.5" does with Kosmos2_5."""

    def letters(name: str) -> str:
        return "".join(filter(str.isalnum, name)).lower()

    return letters(name).startswith(tuple(map(letters, beginnings)))


NEED_TORCH = ("Eomt", "Fuyu", "Kosmos2_5", "Mask2Former", "MaskFormer", "OneFormer", "Pix2Struct", "ZoeDepth")
"""Image processors that transformers hides where it finds no PyTorch, which they need behind the model alone."""


def needs_torch(folder: Path) -> bool:
    """Whether the checkpoint's image processor is one of NEED_TORCH."""
    return alike(processor_name(folder), *NEED_TORCH)


class ImagePreprocess(Stage):
    """IMAGE [batch, 1], bytes of image files, to what the checkpoint's image processor makes of each by itself. One
    picture at a time: a few of them unfolded fill a machine's memory.

    A task's config.pbtxt declares those it needs of
        pixel_values [batch, channels, height, width] FP32, padded at the end to the largest of the request,
        pixel_size [batch, 2] INT32, height and width of each row's real pixel_values,
        pixel_mask [batch, height, width], 1 where the processor did not pad; [batch, 0, 0] where it makes none,
        target_size [batch, 2] INT32, height and width of the picture itself.

    Settings:
        max_image_bytes: of one file. Default 20,000,000.
        max_image_pixels: width times height. Default 50,000,000: 650 MB while such a picture is read.
        max_image_ratio: of the longer side to the shorter. Default 100.
    """

    def initialize(self, args: dict[str, str]) -> None:
        # Triton runs each stage in a process of its own, and transformers works without PyTorch where it finds none:
        # 60 MB instead of 300, one second of start instead of five.
        if not needs_torch(Path(args["model_repository"], args["model_version"])):
            sys.modules.setdefault("torch", None)  # type: ignore[arg-type]
        os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
        super().initialize(args)

    def load(self) -> None:
        self.processor = self.load_processor()
        self.max_bytes = self.setting("max_image_bytes", 20_000_000)
        self.max_pixels = self.setting("max_image_pixels", 50_000_000)
        self.max_ratio = self.setting("max_image_ratio", 100)

    def load_processor(self) -> Any:
        return processor(self.folder)

    def process(self, request: Request) -> Tensors:
        sizes, features = [], []
        read: dict[bytes, tuple[tuple[int, int], Tensors]] = {}  # the same picture may come with several questions
        for data in request.tensors["IMAGE"].ravel():
            if data not in read:
                image = self.decode(data)
                read[data] = (image.height, image.width), self.features(image)
            sizes.append(read[data][0])
            features.append(read[data][1])
        pixels = [feature["pixel_values"] for feature in features]
        masks = [feature.get("pixel_mask", np.empty((0, 0))) for feature in features]
        return {
            "pixel_values": pad(pixels),
            "pixel_size": np.array([array.shape[-2:] for array in pixels]),
            "pixel_mask": pad(masks),
            "target_size": np.array(sizes),
        }

    def decode(self, data: bytes) -> Image.Image:
        return decode(data, self.max_bytes, self.max_pixels, self.max_ratio)

    def features(self, image: Image.Image, **settings: Any) -> Tensors:
        """What the processor makes of one picture, without the batch dimension; its settings but for these."""
        try:
            made = self.processor(image, return_tensors="np", **settings)
        except (ValueError, ZeroDivisionError) as error:  # what is scaled by its sides' ratio may come to no pixels
            raise InvalidInput(
                f"The image processor of this checkpoint cannot take a picture of {image.width} x {image.height} "
                f"pixels: {error}"
            ) from None
        return {name: array[0] for name, array in made.items()}
