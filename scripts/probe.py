"""Ask served deployments a tiny question each: health means answering.

    python scripts/probe.py text_classification reviews              # or none: all that have weights
    python scripts/probe.py --repository /models --url http://127.0.0.1:8000 --timeout 10

The exit code is 0 when all answer, else 1, and then a line each says why not. Triton's own /ready stays 200 when the
Python process of a model has died; this does not. Python's standard library alone, so that a probe costs little.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import io
import json
import math
import re
import struct
import sys
import time
import urllib.error
import urllib.request
import wave
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from repository import REPOSITORY, deployments, has_weights

ROOT = Path(__file__).resolve().parent.parent
INPUTS = ROOT / "benchmarks" / "inputs"
TIMEOUT = 10.0
MANY = 32
"""Questions at a time."""
DEAD = "is not healthy"
"""Triton's word on a Python process that has died; over /generate with the same code as a refusal by a live one."""
FULL = "(max_requests)"
"""In the words with which a Python model itself refuses what it has no room for: it lives."""
LANGUAGES = re.compile(r"`tgt_lang` for this model; it has (\w+)")
"""In the refusal of a model that translates between many languages; the group is one of them."""
GENERATED = {"GENERATED_TEXT", "SUMMARY_TEXT", "TRANSLATION_TEXT"}


class RefusedError(Exception):
    """The server answered with an error."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code, self.text = code, text

    @property
    def by_the_living(self) -> bool:
        """Whether Triton or a live model refused this question, which says nothing against others."""
        return (self.code == 400 and DEAD not in self.text) or FULL in self.text


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="task or deployment; default: all that have weights")
    parser.add_argument("--repository", type=Path, default=REPOSITORY, metavar="FOLDER")
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="of the server; default %(default)s")
    parser.add_argument("--timeout", type=float, default=TIMEOUT, metavar="SECONDS", help="default %(default)g")
    options = parser.parse_args(arguments)
    names = [name.replace("-", "_") for name in options.names] or [
        name for name in deployments(options.repository) if has_weights(options.repository, name)
    ]
    if not names:
        print(f"{options.repository} has nothing to ask: no deployment with weights", file=sys.stderr)
        return 1
    silent = ask(names, options.url, options.timeout)
    for name, why in silent.items():
        print(f"{name}: {why}", file=sys.stderr)
    return 1 if silent else 0


def ask(names: Sequence[str], url: str, timeout: float) -> dict[str, str]:
    """Ask deployments side by side; those that do not answer, with the reason."""
    with ThreadPoolExecutor(min(len(names), MANY)) as threads:
        reasons = threads.map(lambda name: answers(name, url, timeout), names)
        return {name: why for name, why in zip(names, reasons, strict=True) if why}


def answers(name: str, url: str, timeout: float) -> str | None:
    """Why a deployment does not answer; None when it does.

    A refusal of the question itself is an answer. So is being too busy for it while others are answered: a restart
    would help nobody then.

    Args:
        name: of the deployment.
        url: http://host:port
        timeout: seconds for everything.
    """
    deadline = time.monotonic() + timeout
    model = f"{url}/v2/models/{name}"
    before = 0
    try:
        before = _answered(model, deadline)
        metadata = json.loads(_open(model, deadline))
        try:
            _open(_request(model, *question(metadata)), deadline)
        except RefusedError as refused:
            if languages := LANGUAGES.search(refused.text):
                translate = dict.fromkeys(("src_lang", "tgt_lang"), languages[1])
                _open(_request(model, *question(metadata, translate)), deadline)
            elif not refused.by_the_living:
                raise
        return None
    except RefusedError as refused:
        why = f"{refused.code} {refused.text}"
        if refused.code != 503:
            return why
    except TimeoutError:
        why = f"no answer within {timeout:g} s"
    except (OSError, ValueError, KeyError) as error:
        return f"{url} cannot be asked: {error}"
    return None if _answers_others(model, before, deadline) else why


def question(metadata: Mapping[str, Any], more: Mapping[str, str] | None = None) -> tuple[str, dict[str, str], bytes]:
    """Path, headers and body of a request for a model with this metadata; `more` parameters with it."""
    outputs = {tensor["name"] for tensor in metadata["outputs"]}
    text = "Paris [MASK] <mask>." if "TOKEN_STR" in outputs else "Paris"  # fill-mask: whichever mask the model has
    asked = [tensor for tensor in metadata["inputs"] if tensor["name"] in {"TEXT", *SAMPLES}]
    values = {tensor["name"]: SAMPLES.get(tensor["name"], lambda: [text.encode()])() for tensor in asked}
    if any(tensor["name"] == "TEXT" and len(tensor["shape"]) == 1 for tensor in asked):
        # Without a batch dimension it is decoupled: /infer refuses it, and /generate takes text alone.
        plain = {"MESSAGES": _chat(values["IMAGE"][0])} if "IMAGE" in values else {"TEXT": text}
        return "generate", {}, json.dumps({**plain, "max_new_tokens": 1}).encode()
    tensors, content = [], b""
    for tensor in asked:
        rows = values[tensor["name"]]
        packed = b"".join(struct.pack("<I", len(row)) + row for row in rows)
        shape = [1] * (len(tensor["shape"]) - 1) + [len(rows)]
        tensors.append({"name": tensor["name"], "datatype": "BYTES", "shape": shape})
        tensors[-1]["parameters"] = {"binary_data_size": len(packed)}
        content += packed
    parameters: dict[str, Any] = {"binary_data_output": True, **(more or {})}
    if outputs & GENERATED:
        parameters["max_new_tokens"] = 1
    header = json.dumps({"inputs": tensors, "parameters": parameters}).encode()
    return "infer", {"Inference-Header-Content-Length": str(len(header))}, header + content


def _answers_others(model: str, before: int, deadline: float) -> bool:
    """Whether the deployment has answered more requests than `before`, or does until the deadline."""
    while True:
        now = time.monotonic()
        try:
            if _answered(model, now + 1) > before:
                return True
        except (RefusedError, OSError, ValueError, KeyError):
            return False
        if now > deadline:
            return False
        time.sleep(0.2)


def _answered(model: str, deadline: float) -> int:
    (stats,) = json.loads(_open(f"{model}/stats", deadline))["model_stats"]
    return int(stats["inference_stats"]["success"]["count"])


def _request(model: str, path: str, headers: dict[str, str], body: bytes) -> urllib.request.Request:
    return urllib.request.Request(f"{model}/{path}", body, headers)


def _open(request: str | urllib.request.Request, deadline: float) -> bytes:
    """The body of an answer. RefusedError for an error of HTTP, TimeoutError at the deadline, OSError for the rest."""
    try:
        with urllib.request.urlopen(request, timeout=max(0.05, deadline - time.monotonic())) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        text = error.read().decode(errors="replace")
        with contextlib.suppress(ValueError, KeyError, TypeError):
            text = str(json.loads(text)["error"])
        raise RefusedError(error.code, text) from None
    except urllib.error.URLError as error:
        raise error.reason if isinstance(error.reason, OSError) else error from None


def _tone() -> bytes:
    """Half a second of sound, as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(b"".join(struct.pack("<h", int(3000 * math.sin(at / 6))) for at in range(8_000)))
    return file.getvalue()


def _chat(image: bytes) -> str:
    """A question about an image, as JSON."""
    parts = [{"type": "image", "base64": base64.b64encode(image).decode()}, {"type": "text", "text": "Where?"}]
    return json.dumps([{"role": "user", "content": parts}])


def _file(task: str, tensor: str) -> bytes:
    """The file in a task's input for perf_analyzer, which has four bytes of length before it."""
    (entry,) = json.loads((INPUTS / f"{task}.json").read_text())["data"]
    return base64.b64decode(entry[tensor]["b64"])[4:]


SAMPLES: dict[str, Callable[[], list[bytes]]] = {
    "QUESTION": lambda: [b"Where?"],
    "CONTEXT": lambda: [b"Ada is in Paris."],
    "CANDIDATE_LABELS": lambda: [b"city", b"river"],
    "IMAGE": lambda: [_file("image_to_image", "IMAGE")],
    "VIDEO": lambda: [_file("video_classification", "VIDEO")],
    "AUDIO": lambda: [_tone()],
    "TABLE": lambda: [b'{"city": ["Paris"]}'],
    "QUERY": lambda: [b"Which city?"],
}
"""What is asked, besides TEXT, of a model that has a tensor of that name. Other tensors are optional everywhere."""

if __name__ == "__main__":
    sys.exit(main())
