"""The requests that the page of each task shows, without the client: in a shell with curl, in JavaScript with fetch.

Triton speaks the KServe protocol: JSON, and for files its binary extension, where a tensor's bytes follow the JSON. An
element of a tensor of strings is its length in four bytes, little-endian, and its bytes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

HTTP = "localhost:8000"
DATATYPES = {"TYPE_STRING": "BYTES"}
LINE = 100
"""The longest line of JavaScript, where a shorter one can be had."""


@dataclass(frozen=True)
class Example:
    """One request: its input tensors, a text or several each, and its parameters."""

    inputs: dict[str, str | list[str]]
    parameters: dict[str, Any] = field(default_factory=dict)
    file: tuple[str, str] | None = None
    """The input that is the bytes of a file, and the file's name."""
    outputs: tuple[str, ...] = ()
    """The outputs to ask for, where not all of them."""
    pictures: str = ""
    """The one among them that is PNG files, which JSON cannot hold."""


CANDIDATES = ["a cat", "a dog"]
CAT = ("IMAGE", "cat.jpg")
STREET = ("IMAGE", "street.jpg")
SEGMENTS = ("LABEL", "SCORE", "MASK", "COUNT")
TABLE = {"Repository": ["Transformers", "Datasets"], "Stars": ["36542", "4512"]}
EXAMPLES = {
    "text_classification": Example({"TEXT": "I love it"}, {"top_k": 2}),
    "token_classification": Example({"TEXT": "Ada lives in London"}, {"aggregation_strategy": "simple"}),
    "question_answering": Example({"QUESTION": "Where do I live?", "CONTEXT": "I live in Berlin."}),
    "table_question_answering": Example({"TABLE": json.dumps(TABLE), "QUERY": ["How many stars in all?"]}),
    "fill_mask": Example({"TEXT": "Paris is the <mask> of France."}, {"top_k": 2}),
    "feature_extraction": Example({"TEXT": "A test."}, {"pooling": "mean", "normalize": True}),
    "zero_shot_classification": Example(
        {"TEXT": "The screen is broken.", "CANDIDATE_LABELS": ["hardware", "software"]}, {"multi_label": True}
    ),
    "summarization": Example(
        {"TEXT": "An apple a day keeps the doctor away, people say, and in autumn there are many of them."},
        {"min_length": 5, "max_length": 20},
    ),
    "translation": Example({"TEXT": "How old are you?"}, {"task": "translation_en_to_fr"}),
    "text2text_generation": Example(
        {"TEXT": "question: What is 42? context: 42 is the answer"}, {"max_new_tokens": 20}
    ),
    "text_generation": Example({"TEXT": "Once upon a time"}, {"max_new_tokens": 20}),
    "text_to_audio": Example({"TEXT": "Call me Ishmael."}),
    "image_classification": Example({}, {"top_k": 2}, CAT),
    "image_feature_extraction": Example({}, {}, CAT),
    "object_detection": Example({}, {"threshold": 0.9}, STREET),
    "image_segmentation": Example({}, {"threshold": 0.5}, STREET, SEGMENTS, "MASK"),
    "depth_estimation": Example({}, {}, STREET, ("DEPTH",), "DEPTH"),
    "image_to_image": Example({}, {}, CAT, ("OUTPUT_IMAGE",), "OUTPUT_IMAGE"),
    "mask_generation": Example({}, {"points_per_batch": 128}, STREET, ("MASK", "SCORE", "COUNT"), "MASK"),
    "video_classification": Example({}, {"top_k": 2}, ("VIDEO", "goal.mp4")),
    "zero_shot_image_classification": Example({"CANDIDATE_LABELS": CANDIDATES}, {}, CAT),
    "zero_shot_object_detection": Example({"CANDIDATE_LABELS": CANDIDATES}, {"threshold": 0.1}, CAT),
    "visual_question_answering": Example({"QUESTION": "What is in the picture?"}, {"top_k": 2}, CAT),
    "document_question_answering": Example({"QUESTION": "What is the invoice number?"}, {}, ("IMAGE", "invoice.png")),
    "image_to_text": Example({}, {"max_new_tokens": 20}, CAT),
    "image_text_to_text": Example({"MESSAGES": "What is this?"}, {"max_new_tokens": 20}, CAT),
    "audio_classification": Example({}, {"top_k": 2}, ("AUDIO", "dog.flac")),
    "zero_shot_audio_classification": Example(
        {"CANDIDATE_LABELS": ["Sound of a dog", "Sound of a vacuum cleaner"]}, {}, ("AUDIO", "dog.flac")
    ),
    "automatic_speech_recognition": Example({}, {"return_timestamps": "word"}, ("AUDIO", "speech.flac")),
}


def curl(task: str) -> str:
    """The task's example for a shell. Files go by Triton's binary extension, all else as plain JSON to /generate."""
    example = EXAMPLES[task]
    if task == "image_text_to_text":
        return _chat(example)
    if example.file is None:
        body = json.dumps({**example.inputs, **example.parameters}, ensure_ascii=False)
        assert "'" not in body, task
        return f"curl -s {_url(task, 'generate')} -d '{body}'"
    file = example.file[1]
    header = _header(example, SIZE).replace(f'"{SIZE}"', "'$((size + 4))'")
    lines = [
        f"file={file}",
        'size=$(stat -c %s "$file")',
        "length=$(printf '\\\\x%02x' $((size & 255)) $((size >> 8 & 255)) $((size >> 16 & 255)) $((size >> 24)))",
        f"header='{header}'",
        '{ printf \'%s\' "$header"; printf "$length"; cat "$file"; } |',
        f"    curl -s {_url(task, 'infer')} --data-binary @- \\",
        '        --header "Inference-Header-Content-Length: ${#header}"',
    ]
    if example.pictures and len(example.outputs) == 1:  # one picture: what follows the JSON and the length
        lines[-1] += " --dump-header headers.txt --output answer.bin"
        lines += [
            "json=$(awk 'tolower($1) == \"inference-header-content-length:\" {print $2 + 0}' headers.txt)",
            "tail --bytes=+$((json + 5)) answer.bin > answer.png",
        ]
    return "\n".join(lines)


def javascript(task: str) -> str:
    """The task's example as a module for Node 18 and newer."""
    example = EXAMPLES[task]
    if task == "image_text_to_text":
        return _chat_javascript(example)
    if task == "text_generation":
        return _stream_javascript(task, example)
    if example.file is None:
        lines = [
            f'const response = await fetch("http://{_url(task, "infer")}", {{',
            '  method: "POST",',
            f"  body: JSON.stringify({_object(_request(example, None), 2)}),",
            "});",
            "console.log(await response.json());",
        ]
        return "\n".join(lines)
    request = _object(_request(example, SIZE), 0).replace(f'"{SIZE}"', "4 + file.length")
    lines = [
        f'import {{ readFile{", writeFile" if example.pictures else ""} }} from "node:fs/promises";',
        "",
        f'const file = await readFile("{example.file[1]}");',
        "const length = Buffer.alloc(4);",
        "length.writeUInt32LE(file.length);",
        f"const request = Buffer.from(JSON.stringify({request}));",
        f'const response = await fetch("http://{_url(task, "infer")}", {{',
        '  method: "POST",',
        '  headers: { "Inference-Header-Content-Length": request.length },',
        "  body: Buffer.concat([request, length, file]),",
        "});",
    ]
    if not example.pictures:
        return "\n".join([*lines, "console.log(await response.json());"])
    lines += [
        "const bytes = Buffer.from(await response.arrayBuffer());",
        'const json = Number(response.headers.get("Inference-Header-Content-Length") ?? bytes.length);',
        "console.log(JSON.parse(bytes.subarray(0, json)).outputs);",
        "for (let at = json, index = 0; at < bytes.length; index++) {",
        "  const end = at + 4 + bytes.readUInt32LE(at);",
        "  await writeFile(`answer-${index}.png`, bytes.subarray(at + 4, end));",
        "  at = end;",
        "}",
    ]
    return "\n".join(lines)


def stream(task: str) -> str:
    """For a shell: the answer in pieces, as they are generated."""
    example = EXAMPLES[task]
    body = json.dumps({**example.inputs, **example.parameters, "stream": True})
    return f"curl -sN {_url(task, 'generate_stream')} -d '{body}'"


SIZE = "BINARY_DATA_SIZE"


def _url(task: str, verb: str) -> str:
    return f"{HTTP}/v2/models/{task}/{verb}"


def _request(example: Example, size: str | None) -> dict[str, Any]:
    """The JSON of the KServe protocol, of one row."""
    inputs: list[dict[str, Any]] = []
    if example.file and size:
        binary = {"binary_data_size": size}
        inputs.append({"name": example.file[0], "datatype": "BYTES", "shape": [1, 1], "parameters": binary})
    for name, value in example.inputs.items():
        values = [value] if isinstance(value, str) else value
        inputs.append({"name": name, "datatype": "BYTES", "shape": [1, len(values)], "data": values})
    request: dict[str, Any] = {"inputs": inputs}
    if example.parameters:
        request["parameters"] = example.parameters
    if example.outputs:
        request["outputs"] = [
            {"name": name, "parameters": {"binary_data": True}} if name == example.pictures else {"name": name}
            for name in example.outputs
        ]
    return request


def _header(example: Example, size: str) -> str:
    """The JSON on lines of its own for a shell. Masks are asked for in JavaScript alone: a shell cannot part them."""
    request = _request(example, size)
    if example.pictures and len(example.outputs) > 1:
        request["outputs"] = [output for output in request["outputs"] if output["name"] != example.pictures]
    parts = [f'"{name}": {_lines(value)}' for name, value in request.items()]
    return "{" + ",\n ".join(parts) + "}"


def _lines(value: Any) -> str:
    """JSON, with the entries of a list on a line each."""
    if isinstance(value, list):
        return "[" + ",\n   ".join(json.dumps(entry) for entry in value) + "]"
    return json.dumps(value)


def _object(value: Any, indent: int) -> str:
    """A JavaScript literal, broken where a line would be long."""
    flat = _flat(value)
    if len(flat) + indent <= LINE and not flat.startswith("{ inputs"):
        return flat
    inner, outer = " " * (indent + 2), " " * indent
    if isinstance(value, dict):
        entries = [f"{name}: {_object(entry, indent + 2)}" for name, entry in value.items()]
        return "{\n" + "".join(f"{inner}{entry},\n" for entry in entries) + outer + "}"
    if isinstance(value, list):
        return "[\n" + "".join(f"{inner}{_object(entry, indent + 2)},\n" for entry in value) + outer + "]"
    return flat


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name}: {_flat(entry)}" for name, entry in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flat, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _chat(example: Example) -> str:
    """A chat with an image in it, which jq writes as the string that MESSAGES is."""
    assert example.file
    return f"""base64 --wrap=0 {example.file[1]} | jq --raw-input '
    [{{type: "image", base64: .}}, {{type: "text", text: "{example.inputs["MESSAGES"]}"}}]
    | {{MESSAGES: ([{{role: "user", content: .}}] | tostring), {_pairs(example)}}}' |
    curl -s {_url("image_text_to_text", "generate")} --data @-"""


def _pairs(example: Example) -> str:
    return ", ".join(f"{name}: {json.dumps(value)}" for name, value in example.parameters.items())


def _chat_javascript(example: Example) -> str:
    assert example.file
    return f"""import {{ readFile }} from "node:fs/promises";

const base64 = await readFile("{example.file[1]}", "base64");
const content = [{{ type: "image", base64 }}, {{ type: "text", text: "{example.inputs["MESSAGES"]}" }}];
const MESSAGES = JSON.stringify([{{ role: "user", content }}]);
const response = await fetch("http://{_url("image_text_to_text", "generate")}", {{
  method: "POST",
  body: JSON.stringify({{ MESSAGES, {_pairs(example)} }}),
}});
console.log((await response.json()).GENERATED_TEXT);"""


def _stream_javascript(task: str, example: Example) -> str:
    body = _object({**example.inputs, **example.parameters, "stream": True}, 2)
    return f"""const response = await fetch("http://{_url(task, "generate_stream")}", {{
  method: "POST",
  body: JSON.stringify({body}),
}});
let rest = "";
for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {{
  const events = (rest + chunk).split("\\n\\n");
  rest = events.pop();
  for (const event of events) {{
    const answer = JSON.parse(event.slice("data: ".length));
    if (answer.error) throw new Error(answer.error);
    process.stdout.write(answer.GENERATED_TEXT);
  }}
}}"""
