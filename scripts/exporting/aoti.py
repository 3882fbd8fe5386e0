"""AOTInductor: a forward pass compiled to native code, model.pt2, for this machine's processor or GPU."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import torch
from torch.export import ExportedProgram

from exporting.errors import ExportError
from python_backend.compiled import Description


def check_compiler() -> None:
    """ExportError where what compiles is missing."""
    compiler = os.environ.get("CXX", "g++")
    if shutil.which(compiler) is None:
        raise ExportError(
            f"A C++ compiler is needed to compile the model, and {compiler} is not there: apt install g++, or set CXX. "
            "What serves needs none."
        )


def compile(program: ExportedProgram, description: Description, path: Path) -> None:
    """Write the package to `path`."""
    options = {
        # Weights in oneDNN's own layout, constants folded.
        "freezing": description.device == "cpu",
        # As many threads as whoever calls has set: one where passes run side by side.
        "cpp.dynamic_threads": True,
        "aot_inductor.metadata": description.metadata(),
    }
    with torch.no_grad():
        torch._inductor.aoti_compile_and_package(program, package_path=str(path), inductor_configs=options)
