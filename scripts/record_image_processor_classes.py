"""What the image processors of transformers 4.48 do where preprocessor_config.json does not say: written to
installing/image_processor_classes.json, for installing/image_processor.py.

    .oracle/bin/python scripts/record_image_processor_classes.py
"""

import json
from pathlib import Path
from typing import Any

import transformers
from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING_NAMES

FILE = Path(__file__).parent / "installing" / "image_processor_classes.json"
NAMES = (
    "Beit", "Bit", "Blip", "CLIP", "ChineseCLIP", "ConditionalDetr", "ConvNext", "DPT", "DeformableDetr", "DeiT",
    "Detr", "Donut", "EfficientNet", "GLPN", "GroundingDino", "Levit", "Mask2Former", "MaskFormer", "MobileNetV1",
    "MobileNetV2", "MobileViT", "OwlViT", "Owlv2", "Perceiver", "PoolFormer", "Pvt", "RTDetr", "Sam", "Segformer",
    "Siglip", "Swin2SR", "TextNet", "ViT", "VideoMAE", "Vilt", "Vivit", "Yolos", "ZoeDepth",
)  # fmt: skip
"""Those of one picture or video at a time."""


def record() -> dict[str, Any]:
    classes = {}
    for name in NAMES:
        settings = getattr(transformers, f"{name}ImageProcessor")().to_dict()
        classes[name] = {
            key: settings[key] for key in sorted(settings) if key not in ("image_processor_type", "_processor_class")
        }
    models = {}
    for model_type, names in IMAGE_PROCESSOR_MAPPING_NAMES.items():
        name = str(names if isinstance(names, str) else next(iter(names))).removesuffix("ImageProcessor")
        if name in classes:
            models[model_type] = name
    return {"classes": classes, "models": models}


if __name__ == "__main__":
    recorded = json.dumps(json.loads(json.dumps(record(), default=lambda value: value.value)), indent=1)
    FILE.write_text(recorded + "\n", encoding="utf-8")
