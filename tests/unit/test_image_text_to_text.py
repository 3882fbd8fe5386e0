"""Image and text to text: the checkpoint's processor in front, and generation whose batches hold images."""

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from python_backend import multimodal_processor
from python_backend.parameters import InvalidInput
from python_backend.stage import Request, Tensors
from python_backend.tasks import image_text_to_text as task
from tests.unit.ensemble import Reply, strings
from tests.unit.pictures import NARROW, SCENE, TINY

TASK = "image_text_to_text"
NAMES = ("llava", "llava_onevision", "qwen2_vl", "idefics3")
FEW = {"max_new_tokens": 6}


class Stages:
    def __init__(self, checkpoint: Path, **settings: str) -> None:
        settings = {"threads": "1", "max_images": "3", "max_messages_bytes": "100000", **settings}
        self.preprocess = task.Preprocess.local(checkpoint, settings)
        self.model = task.Model.local(checkpoint, settings)
        self.postprocess = task.Postprocess.local(checkpoint, settings)

    def start(self, tensors: Tensors, **parameters: Any) -> Reply:
        parsed = task.PARAMETERS.parse({**FEW, **parameters})
        reply = Reply()
        try:
            made = self.preprocess.process(Request(tensors, parsed))
            stops = {name: tensor for name, tensor in tensors.items() if name == "STOP"}  # goes by the preprocessor
            self.model.start(Request({**made, **stops}, parsed), reply)
        except InvalidInput as error:
            reply.fail(error)
        return reply

    def finish(self, reply: Reply, **parameters: Any) -> list[str]:
        assert reply.ended.wait(60)
        if reply.error is not None:
            raise reply.error
        parsed = task.PARAMETERS.parse({**FEW, **parameters})
        pieces = []
        for answer in reply.answers:
            pieces.append(self.postprocess.process(Request(answer, parsed))["GENERATED_TEXT"][0].decode())
        return pieces

    def __call__(self, tensors: Tensors, **parameters: Any) -> str:
        return "".join(self.finish(self.start(tensors, **parameters), **parameters))


@pytest.fixture(scope="module")
def stages(checkpoints: Path) -> Any:
    made = {name: Stages(checkpoints / f"{TASK}_{name}") for name in NAMES}
    yield made
    for each in made.values():
        each.model.close()


def chat(*parts: dict[str, Any], answer: str | None = None) -> np.ndarray:
    messages: list[dict[str, Any]] = [{"role": "user", "content": [*parts, {"type": "text", "text": "What is it?"}]}]
    if answer is not None:
        messages.append({"role": "assistant", "content": [{"type": "text", "text": answer}]})
    return strings(json.dumps(messages))


PART = {"type": "image"}


@pytest.mark.parametrize("name", NAMES)
def test_answers_do_not_depend_on_neighbours(stages: dict[str, Stages], name: str) -> None:
    requests = [
        {"MESSAGES": chat(PART), "IMAGE": strings(SCENE)},
        {"MESSAGES": chat(PART), "IMAGE": strings(NARROW)},
        {"MESSAGES": chat(PART, PART), "IMAGE": strings(TINY, SCENE)},
        {"MESSAGES": chat()},
        {"MESSAGES": chat(PART, answer="It is"), "IMAGE": strings(SCENE)},
        {"MESSAGES": chat(PART), "IMAGE": strings(SCENE)},
    ]
    alone = [stages[name](request) for request in requests]
    replies = [stages[name].start(request) for request in requests]
    assert ["".join(stages[name].finish(reply)) for reply in replies] == alone
    assert len(set(alone)) >= 5 and alone[0] == alone[-1]


def test_equal_settings_share_a_generate(stages: dict[str, Stages], monkeypatch: pytest.MonkeyPatch) -> None:
    model = stages["llava"].model
    shared: list[int] = []
    run = model.static._generate
    monkeypatch.setattr(model.static, "_generate", lambda batch: shared.append(len(batch)) or run(batch))  # type: ignore[func-returns-value]
    first = stages["llava"].start(
        {"MESSAGES": chat(PART), "IMAGE": strings(SCENE)}, max_new_tokens=200, eos_token_id=-1
    )
    rest = [stages["llava"].start({"MESSAGES": chat(PART), "IMAGE": strings(each)}) for each in (SCENE, TINY, NARROW)]
    for reply in (first, *rest):
        stages["llava"].finish(reply)
    assert shared == [1, 3]


def test_a_seed_repeats_whoever_shares_the_batch(stages: dict[str, Stages]) -> None:
    request = {"MESSAGES": chat(PART), "IMAGE": strings(SCENE)}
    replies = [stages["qwen2_vl"].start(request, do_sample=True, seed=seed) for seed in (1, 2, 1)]
    first, other, same = ("".join(stages["qwen2_vl"].finish(reply)) for reply in replies)
    assert first == same != other


def test_pieces_of_a_stream_join_to_the_answer(stages: dict[str, Stages]) -> None:
    request = {"MESSAGES": chat(PART), "IMAGE": strings(SCENE)}
    reply = stages["idefics3"].start(request, stream=True, max_new_tokens=12)
    pieces = stages["idefics3"].finish(reply, stream=True)
    assert len(pieces) > 3 and "".join(pieces) == stages["idefics3"](request, max_new_tokens=12)


def test_a_prompt_comes_back_with_its_text(stages: dict[str, Stages]) -> None:
    request = {"TEXT": strings("<image> It is"), "IMAGE": strings(SCENE)}
    new = stages["llava"](request, return_full_text=False)
    assert stages["llava"](request) == "<image> It is" + new


def test_images_may_be_inside_the_chat(stages: dict[str, Stages]) -> None:
    beside = stages["llava"]({"MESSAGES": chat(PART), "IMAGE": strings(TINY)})
    encoded = base64.b64encode(TINY).decode()
    for inside in (
        {"type": "image", "base64": encoded},
        {"type": "image", "url": f"data:image/png;base64,{encoded}"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{encoded}"}},
        {"type": "image_url", "image_url": f"data:image/png;base64,{encoded}"},
    ):
        assert stages["llava"]({"MESSAGES": chat(inside)}) == beside


def test_stop_strings_end_an_answer(stages: dict[str, Stages]) -> None:
    request = {"MESSAGES": chat(PART), "IMAGE": strings(SCENE)}
    whole = stages["llava"](request, max_new_tokens=12)
    stopped = stages["llava"]({**request, "STOP": strings(whole[3:5])}, max_new_tokens=12)
    assert whole.startswith(stopped) and stopped.endswith(whole[3:5]) and stopped != whole


@pytest.mark.parametrize(
    ("name", "tensors", "parameters", "message"),
    [
        ("llava", {}, {}, "either TEXT or MESSAGES"),
        ("llava", {"TEXT": strings("a"), "MESSAGES": chat()}, {}, "either TEXT or MESSAGES"),
        ("llava", {"MESSAGES": chat(PART)}, {}, "more images than came in IMAGE"),
        ("llava", {"MESSAGES": chat(PART), "IMAGE": strings(TINY, TINY)}, {}, "1 images more"),
        ("llava", {"MESSAGES": chat(*[PART] * 4), "IMAGE": strings(*[TINY] * 4)}, {}, "max_images"),
        ("llava", {"MESSAGES": chat({"type": "image", "url": "https://example.com/a.png"})}, {}, "opens no other URL"),
        ("llava", {"MESSAGES": chat({"type": "image", "path": "/etc/passwd"})}, {}, "opens no other URL"),
        ("llava", {"MESSAGES": chat({"type": "image", "image": {"a": 1}})}, {}, "opens no other URL"),
        ("llava", {"MESSAGES": chat({"type": "image_url", "image_url": None}), "IMAGE": strings()}, {}, "more images"),
        ("llava", {"MESSAGES": chat({"type": "image_url"})}, {}, "more images"),
        ("llava", {"MESSAGES": chat({"type": "image_url", "image_url": [1]})}, {}, "opens no other URL"),
        ("llava", {"MESSAGES": chat(PART), "IMAGE": strings(b"no image")}, {}, "no image that can be read"),
        ("llava", {"MESSAGES": strings("no JSON")}, {}, "not valid JSON"),
        ("llava", {"MESSAGES": strings("[" * 50_000)}, {}, "not valid JSON"),
        ("llava", {"MESSAGES": strings("a" * 200_000)}, {}, r"takes 100,000 \(max_messages_bytes\)"),
        ("llava", {"MESSAGES": chat(PART), "IMAGE": strings(TINY)}, {"return_full_text": True}, "return_full_text"),
        ("qwen2_vl", {"TEXT": strings("a"), "IMAGE": strings(TINY)}, {}, "refuses the prompt|image"),
        ("idefics3", {"TEXT": strings("<image><image>"), "IMAGE": strings(TINY)}, {}, "refuses the prompt"),
        ("llava", {"TEXT": strings("a " * 3_000)}, {}, "this deployment takes.*fewer or smaller images"),
        ("llava", {"TEXT": strings("a")}, {"max_new_tokens": 5_000}, "max_new_tokens_limit"),
        ("llava", {"TEXT": strings("a")}, {"num_return_sequences": 2}, "num_return_sequences"),
    ],
)
def test_what_cannot_be_is_refused(
    stages: dict[str, Stages], name: str, tensors: Tensors, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        stages[name](tensors, **parameters)


def test_no_space_comes_between_an_image_of_idefics2_and_a_word(checkpoints: Path, tmp_path: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(checkpoints / "image_text_to_text_idefics3" / name, tmp_path)
    size = {"longest_edge": 64, "shortest_edge": 32}
    settings: dict[str, Any] = {"image_processor_type": "Idefics2ImageProcessor", "do_image_splitting": False}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({**settings, "size": size}))
    (tmp_path / "processor_config.json").write_text('{"processor_class": "Idefics2Processor", "image_seq_len": 2}')
    (tmp_path / "config.json").write_text('{"model_type": "idefics2"}')
    processor = multimodal_processor.load(tmp_path)
    image = Image.new("RGB", (40, 30))
    border, place = "<fake_token_around_image>", "<image>"
    for text in ("See<image>What", "<image> What", "<image><image>No"):
        made = processor(text=text, images=[image] * text.count(place), return_tensors="np")
        whole = text.replace(place, border + 2 * place + border).replace(2 * border, border)
        assert made["input_ids"][0].tolist() == processor.tokenizer([whole])["input_ids"][0]


def test_pixtrals_processor_does_without_torchvision() -> None:
    assert multimodal_processor.pixtral().__name__ == "PixtralProcessor"
