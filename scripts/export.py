"""Make a faster engine of a deployment's model, and the configuration that runs it.

python scripts/export.py text-classification --format aoti                     # compiled code, in the Python backend
python scripts/export.py text-classification --format aoti --dtype bfloat16
python scripts/serve.py text-classification --model-config-name=aoti           # runs it

The engine goes into the model's version folder, the configuration into configs/ beside config.pbtxt. Both are left only
when the engine gives what eager PyTorch gives. Export on the machine that will serve.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # of python_backend

from exporting.errors import ExportError  # noqa: E402
from repository import REPOSITORY, repository_option  # noqa: E402

FORMATS = ("aoti", "onnx", "torchscript", "tensorrt", "vllm")
DTYPES = ("float32", "bfloat16", "float16")


def main(arguments: Sequence[str] | None = None) -> int:
    """Export; the exit code is 1 when that fails, and then what was there before still is."""
    options = parse(arguments)
    warnings.filterwarnings("ignore")  # of the libraries that trace
    try:
        with temporary_cache():
            print(export(**vars(options)))
    except ExportError as error:
        print(f"export.py: {error}", file=sys.stderr)
        return 1
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", metavar="TASK", help="text-classification, image-classification ...")
    parser.add_argument("--name", metavar="NAME", help="of the deployment; default: the task's")
    parser.add_argument("--format", required=True, choices=FORMATS)
    parser.add_argument("--dtype", choices=DTYPES, help="of the weights; default: that of config.pbtxt")
    parser.add_argument("--max-batch", type=int, metavar="ROWS", help="default: max_batch_size of config.pbtxt")
    parser.add_argument("--max-length", type=int, metavar="TOKENS", help="of a text; default: what the model takes")
    parser.add_argument("--repository", type=Path, default=REPOSITORY, metavar="FOLDER")
    return parser.parse_args(arguments)


def export(
    task: str,
    *,
    format: str,
    name: str | None = None,
    dtype: str | None = None,
    max_batch: int | None = None,
    max_length: int | None = None,
    repository: Path = REPOSITORY,
) -> str:
    """Export a deployment's model; the arguments are those of the command line. Returns a report of what was done."""
    from exporting import vllm
    from exporting.deployment import find

    if format == "vllm":
        written = vllm.write(task, name, repository, dtype, max_length)
        return report(written, f"the container of docs/engines.md, with --model-config-name={vllm.NAME}")
    deployment = find(task, name, repository)
    dtype = dtype or deployment.settings("model").get("dtype", "float32")
    from exporting import engines  # which loads PyTorch

    written = engines.MAKERS[format](deployment, dtype, max_batch, max_length, progress)
    if format != "aoti":
        return report(written, f"the container of docs/engines.md, with --model-config-name={written[-1].stem}")
    command = f"python scripts/serve.py {deployment.name}{repository_option(repository)}"
    return report(written, f"{command} --model-config-name=aoti")


def report(written: Sequence[Path], next_step: str) -> str:
    return "\n".join(["Wrote", *(f"  {path}" for path in written), f"Next: {next_step}"])


@contextmanager
def progress(what: str) -> Iterator[None]:
    """Say what is under way, and then how long it took."""
    started = time.perf_counter()
    print(f"{what} ... ", end="", flush=True)
    yield
    print(f"{time.perf_counter() - started:.1f} s", flush=True)


@contextmanager
def temporary_cache() -> Iterator[None]:
    """What compilers leave behind goes; it is as large as the model."""
    if "TORCHINDUCTOR_CACHE_DIR" in os.environ:
        yield
        return
    folder = os.environ["TORCHINDUCTOR_CACHE_DIR"] = tempfile.mkdtemp(prefix="export-")
    try:
        yield
    finally:
        del os.environ["TORCHINDUCTOR_CACHE_DIR"]
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
