"""The page of a task in the documentation, out of the places where its facts are kept.

    .venv/bin/python scripts/docs.py text-classification     # prints it; without a name, those of all tasks

What is read: config.pbtxt of the ensemble and its steps with their comments, the task's module in python_backend with
PARAMETERS and the docstrings of its stages, the client's docstring, the recipes of made checkpoints, docs/parity.md.
`make docs` builds the site, into which scripts/docs_site.py puts these pages.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [path for path in (str(ROOT), str(ROOT / "scripts")) if path not in sys.path]

from google.protobuf import text_format  # noqa: E402
from tritonclient.grpc import model_config_pb2  # noqa: E402

import docs_requests  # noqa: E402
from installing.architectures import architectures  # noqa: E402
from python_backend.generation_parameters import GENERATION, Removed  # noqa: E402
from python_backend.parameters import Bool, Choice, Float, Int, Number, Parameter, Parameters, Text  # noqa: E402
from triton_pipelines.tasks import ALIASES  # noqa: E402
from triton_pipelines.tasks import TASKS as CLIENTS  # noqa: E402

REPOSITORY = ROOT / "model_repository"
STAGES = ("preprocess", "model", "postprocess")
TASKS = sorted(folder.name.removesuffix("_preprocess") for folder in REPOSITORY.glob("*_preprocess"))
HUB = "https://huggingface.co"
RESERVED = ("checkpoint", "revision")
"""Parameters of config.pbtxt that install.py reads, and no stage."""


class Setting(NamedTuple):
    """A `parameters` entry that a stage reads."""

    stage: str
    name: str
    value: str
    """In config.pbtxt; empty where it is not there."""
    doc: str


def main(names: list[str]) -> None:
    for name in names or TASKS:
        print(page(name.replace("-", "_")))


def page(task: str) -> str:
    """The page of a task, in Markdown."""
    parts = [
        f"# {task_id(task)}",
        introduction(task),
        facts(task),
        "## Inputs and outputs",
        tensors(task),
        "## Parameters",
        parameters(task),
        "## Call it",
        "### From Python",
        client(task),
        "### With curl",
        curl(task),
        "### From JavaScript",
        javascript(task),
        "### Under load",
        load(task),
        "## Settings",
        settings_table(task),
        "## Checkpoints",
        checkpoints(task),
        "## Parity",
        parity(task),
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


FAMILIES = ("Text", "Images and video", "Images with text", "Audio")


def family(task: str) -> str:
    """Which of FAMILIES a task belongs to, by its tensors."""
    names = {tensor.name for tensor in (*config(task).input, *config(task).output)}
    if names & {"AUDIO", "SAMPLES"}:
        return "Audio"
    if names & {"IMAGE", "VIDEO"}:
        asks = names & {"TEXT", "QUESTION", "PROMPT", "CANDIDATE_LABELS"}
        return "Images with text" if asks else "Images and video"
    return "Text"


def path(task: str) -> str:
    """The file of a task's page."""
    return f"{task_id(task)}.md"


def introduction(task: str) -> str:
    """The docstring of the task's module in python_backend."""
    return prose(importlib.import_module(f"python_backend.tasks.{task}").__doc__ or "")


def facts(task: str) -> str:
    ensemble, model = config(task), config(f"{task}_model").parameters
    checkpoint, revision = (model[name].string_value for name in RESERVED)
    names = [alias for alias, name in ALIASES.items() if name == task_id(task)]
    names += ["translation_xx_to_yy"] if task == "translation" else []
    rows = max(ensemble.max_batch_size, 1)
    one = "one: call it by `/generate`, `/generate_stream` or a gRPC stream" if not ensemble.max_batch_size else rows
    lines = [
        "| | |",
        "|---|---|",
        f"| Default checkpoint | [{checkpoint}]({HUB}/{checkpoint}), revision `{revision}` |",
        f"| Deployment | `{task}`, unless installed under another name |",
        "| Steps | " + ", ".join(f"`{task}_{stage}`" for stage in STAGES) + " |",
        f"| Rows of one request, at most | {one} |",
    ]
    if names:
        lines.append("| Also called | " + ", ".join(f"`{name}`" for name in names) + " |")
    return "\n".join(lines)


def tensors(task: str) -> str:
    """Tables of what goes in and what comes out, by the ensemble's configuration, with its comments."""
    ensemble, comments = config(task), tensor_comments(task)
    first = "the batch dimension comes first" if ensemble.max_batch_size else "there is no batch dimension"
    lines = [f"Shapes are those of one row; {first}. `n` is any length.", ""]
    note = remarks(task)
    for kind, entries in (("Input", ensemble.input), ("Output", ensemble.output)):
        lines += [f"| {kind} | Type | Shape | |", "|---|---|---|---|"]
        for tensor in entries:
            shape = ", ".join("n" if size == -1 else str(size) for size in tensor.dims)
            words = [comments.get(tensor.name, ""), "optional" if getattr(tensor, "optional", False) else ""]
            meaning = "; ".join(word for word in words if word)
            lines.append(f"| `{tensor.name}` | {_type(tensor.data_type)} | [{shape}] | {_cell(meaning)} |")
        lines.append("")
    return "\n".join([*lines, note])


def parameters(task: str) -> str:
    """A table of the task's own parameters, and one of those that all generating tasks share."""
    shared = {parameter.name: parameter for parameter in GENERATION}
    own = [parameter for parameter in declared(task) if parameter != shared.get(parameter.name)]
    common = [parameter for parameter in declared(task) if parameter == shared.get(parameter.name)]
    lines = ["None." if not own and not common else "Request parameters; the pipeline's names and defaults."]
    if own:
        lines += ["", *_parameter_table(own)]
    gone = [parameter.name for parameter in common if isinstance(parameter, Removed)]
    common = [parameter for parameter in common if not isinstance(parameter, Removed)]
    if common:
        lines += ["", "And those of generation. Not sent, each is what the checkpoint says:", ""]
        lines += _parameter_table(common, defaults=False)
    if gone:
        names = ", ".join(f"`{name}`" for name in gone)
        lines += ["", f"Taken when they switch off what transformers 5 no longer has: {names}."]
    return "\n".join(lines)


def client(task: str) -> str:
    """The client's docstring: an example and what is to be known of it."""
    doc = inspect.cleandoc(sys.modules[type(CLIENTS[task_id(task)]).__module__].__doc__ or "")
    example, _, rest = doc.partition("\n\n")[2].partition("\n\n")
    code = textwrap.dedent(example)
    used = ["pipeline", *(["save_wav"] if "save_wav(" in code else [])]
    block = f"```python\nfrom triton_pipelines import {', '.join(used)}\n\n{code}\n```"
    elsewhere = '`pipeline(..., url="localhost:8001", model="name")` asks another server or deployment.'
    return f"{block}\n\n{prose(rest)}\n\n{elsewhere}"


def curl(task: str) -> str:
    parts = [_block("bash", docs_requests.curl(task))]
    example = docs_requests.EXAMPLES[task]
    if not config(task).max_batch_size:
        if task == "text_generation":
            parts += ["In pieces, as they are generated:", _block("bash", docs_requests.stream(task))]
    elif example.pictures and len(example.outputs) > 1:
        parts.append(f"`{example.pictures}` is bytes of PNG files, which JSON cannot hold: see JavaScript.")
    if example.file and config(task).max_batch_size:
        parts.append("A file goes as bytes behind the JSON: [the protocol](../http.md) says how.")
    return "\n\n".join(parts)


def javascript(task: str) -> str:
    block = _block("js", docs_requests.javascript(task))
    undefined = [f"`{name}`" for name, comment in tensor_comments(task).items() if "NaN" in comment]
    if not undefined:
        return block
    return f"{block}\n\n{' and '.join(undefined)} may be NaN, which JSON does not know: [what helps](../http.md#nan)."


def load(task: str) -> str:
    command = f".venv/bin/python scripts/perf_analyzer.py {task_id(task)} --concurrency 16"
    streaming = " --streaming" if not config(task).max_batch_size else ""
    own = (
        f"perf_analyzer -m {task} -u localhost:8001 -i grpc --input-data benchmarks/inputs/{task}.json \\\n"
        f"    --concurrency-range 16 --measurement-interval 5000{streaming}"
    )
    if task == "translation":
        own += " --request-parameter task:translation_en_to_fr:string"
        command = ""
    parts = [_block("bash", command), "or, where perf_analyzer is installed:"] if command else []
    return "\n\n".join([*parts, "<!-- not run: needs perf_analyzer on the path -->\n" + _block("bash", own)])


def settings_table(task: str) -> str:
    lines = [
        f"`parameters` of `model_repository/{task}_STEP/config.pbtxt`. A setting that is not there has its default.",
        "",
        "| Step | Setting | config.pbtxt | |",
        "|---|---|---|---|",
    ]
    for setting in settings(task):
        value = f"`{setting.value}`" if setting.value else ""
        lines.append(f"| {setting.stage} | `{setting.name}` | {value} | {_cell(setting.doc)} |")
    return "\n".join(lines)


def settings(task: str) -> list[Setting]:
    """What the three stages read from their configurations."""
    found = []
    for stage in STAGES:
        model = f"{task}_{stage}"
        given = {name: entry.string_value for name, entry in config(model).parameters.items() if name not in RESERVED}
        documented = documented_settings(stage_class(task, stage))
        found += [Setting(stage, name, given.pop(name, ""), doc) for name, doc in documented.items()]
        found += [Setting(stage, name, value, "") for name, value in given.items()]
    return found


def documented_settings(stage: type) -> dict[str, str]:
    """The settings that the docstrings of a stage and its bases name, each with its meaning.

    "Settings, besides TorchStage's:" and "Settings: WritingModel's; ..." go on with the bases; "Settings:" does not.
    """
    found: dict[str, str] = {}
    for cls in stage.__mro__:
        doc = inspect.cleandoc(vars(cls).get("__doc__") or "")
        match = re.search(r"^Settings([^:]*): ?(.*(?:\n(?!\n).*)*)", doc, re.M)
        if not match:
            continue
        entries = dict(_entries(match[2]))
        for module, name in re.findall(r"those of (\w+)\.(\w+)", match[2]):
            elsewhere = getattr(importlib.import_module(f"python_backend.{module}"), name)
            entries = {**documented_settings(elsewhere), **entries}
        found = {**entries, **found}
        if entries and "'s" not in match[1] + match[2].partition("\n")[0]:
            break
    return found


def checkpoints(task: str) -> str:
    known = sorted(architectures(task))
    types = ", ".join(f"`{name}`" for name in known)
    lines = [
        "Tests compare these architectures with transformers 4.48, in miniature and with random weights "
        f"(`scripts/checkpoints/{task}.py`):",
        "",
        "| Made checkpoint | Architecture | |",
        "|---|---|---|",
        *(f"| `{name}` | {architecture} | {_cell(doc)} |" for name, architecture, doc in recipes(task)),
        "",
    ]
    if len(known) == 1:
        return "\n".join([*lines, f"`scripts/install.py` takes checkpoints of the model type {types}."])
    lines += [
        f"`scripts/install.py` takes checkpoints of {len(known)} model types; tests cover those in the table.",
        "",
        '<details markdown="1"><summary>Model types</summary>',
        "",
        types,
        "",
        "</details>",
    ]
    return "\n".join(lines)


def recipes(task: str) -> Iterator[tuple[str, str, str]]:
    """Name, architecture and docstring of each recipe of the task; the architecture where the recipe itself says it."""
    for function in ast.parse((ROOT / "scripts" / "checkpoints" / f"{task}.py").read_text(encoding="utf-8")).body:
        if not isinstance(function, ast.FunctionDef) or "recipe" not in map(ast.unparse, function.decorator_list):
            continue
        named = [
            str(call.args[0].value)
            for call in ast.walk(function)
            if isinstance(call, ast.Call)
            and ast.unparse(call.func) == "Recipe"
            and isinstance(call.args[0], ast.Constant)
        ]
        yield f"{task}_{function.name}", f"`{named[0]}`" if named else "", _flow(ast.get_docstring(function) or "")


def parity(task: str) -> str:
    """The task's rows of docs/parity.md, and what it follows although it surprises."""
    text = (ROOT / "docs" / "parity.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    rows = [row for row in rows if len(row) == 3 and _concerns(row[0], task)]
    lines = ["Compared with the pipeline of transformers 4.48.1; [all differences](../parity.md)."]
    if rows:
        lines += ["", "| 4.48.1 | here |", "|---|---|", *(f"| {before} | {here} |" for _, before, here in rows)]
    bullets = re.findall(r"^\* (.*(?:\n  .*)*)", text, re.M)
    followed = [bullet for bullet in bullets if re.match(rf"{task_id(task)}\b(?!-)", bullet)]
    if followed:
        lines += ["", "Followed although it surprises:", "", *(f"* {_flow(bullet)}" for bullet in followed)]
    return "\n".join(lines)


@cache
def config(model: str) -> model_config_pb2.ModelConfig:
    text = (REPOSITORY / model / "config.pbtxt").read_text(encoding="utf-8")
    return text_format.Parse(text, model_config_pb2.ModelConfig())


def tensor_comments(task: str) -> dict[str, str]:
    """The comment behind each tensor of the ensemble."""
    text = (REPOSITORY / task / "config.pbtxt").read_text(encoding="utf-8")
    return dict(re.findall(r'\{ name: "(\w+)"[^#\n]*# *(.*)', text))


def remarks(task: str) -> str:
    """The lines of comment that stand alone, before the ensemble's inputs or outputs."""
    text = (REPOSITORY / task / "config.pbtxt").read_text(encoding="utf-8").partition("ensemble_scheduling")[0]
    body = text.partition("max_batch_size")[2]
    return " ".join(re.findall(r"^# (.*)", body, re.M))


def declared(task: str) -> Parameters:
    return importlib.import_module(f"python_backend.tasks.{task}").PARAMETERS


KINDS: dict[str, Callable[[str], bool]] = {
    "all with text": lambda task: "truncation" in declared(task).names(),
    "all with images": lambda task: "IMAGE" in {tensor.name for tensor in config(task).input},
    "all with labels": lambda task: bool({"LABEL", "ENTITY"} & {tensor.name for tensor in config(task).output}),
}
"""What rows of docs/parity.md call several tasks."""


def _concerns(cell: str, task: str) -> bool:
    return KINDS[cell](task) if cell in KINDS else task_id(task) in cell.split(", ")


def stage_class(task: str, stage: str) -> type:
    return getattr(importlib.import_module(f"python_backend.tasks.{task}"), stage.capitalize())


def prose(text: str) -> str:
    """A docstring as Markdown: its own lists and paragraphs, with an empty line before a list."""
    text = inspect.cleandoc(text)
    return re.sub(r"(?m)^(?!\* |  )(.+)\n(?=\* )", r"\1\n\n", text)


def _entries(text: str) -> Iterator[tuple[str, str]]:
    """The entries of a "Settings" paragraph: an indented list, or one "name, meaning" behind the colon."""
    first, _, rest = text.partition("\n")
    if match := re.match(r"([a-z]\w+_\w+),? (.*)", first):
        yield match[1], _flow(f"{match[2]} {rest}")
        return
    for name, meaning in re.findall(r"^    (\w+): (.*(?:\n     .*)*)", rest, re.M):
        yield name, _flow(meaning)


def _parameter_table(rows: list[Parameter], defaults: bool = True) -> list[str]:
    head = ["Parameter", "Type", *(["Default"] if defaults else []), ""]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for parameter in rows:
        cells = [f"`{parameter.name}`", _cell(kind(parameter)), *([default(parameter)] if defaults else [])]
        lines.append(f"| {' | '.join([*cells, _cell(parameter.doc)])} |")
    return lines


def kind(parameter: Parameter) -> str:
    """Type and range of a parameter: "integer, 1 to 5"."""
    names = {Bool: "boolean", Int: "integer", Float: "number", Text: "string"}
    if isinstance(parameter, Choice):
        return " or ".join(f"`{choice}`" for choice in parameter.choices)
    name = next((name for cls, name in names.items() if type(parameter) is cls), parameter.kind)
    if isinstance(parameter, Number) and type(parameter) in names:
        name += parameter.kind.removeprefix(parameter.noun).replace(" of at least", ", at least")
        name = name.replace(" of at most", ", at most").replace(" from ", ", ")
    return name


def default(parameter: Parameter) -> str:
    if parameter.default is None:
        return "null"
    value: Any = parameter.default
    if value == "":
        return "empty"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _type(number: int) -> str:
    name = model_config_pb2.DataType.Name(number)
    return docs_requests.DATATYPES.get(name, name.removeprefix("TYPE_"))


def _block(language: str, code: str) -> str:
    return f"```{language}\n{code}\n```"


def _flow(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return _flow(text).replace("|", "\\|")


def task_id(task: str) -> str:
    """What callers call a task: with dashes."""
    return task.replace("_", "-")


if __name__ == "__main__":
    main(sys.argv[1:])
