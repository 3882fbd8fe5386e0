"""Triton's binaries in the wheel `nvidia-pytriton`, and what this machine must have for them to run."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import shutil
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

PIP = f"{Path(sys.executable).name} -m pip install"
PYTHONS = ((3, 11), (3, 12))
"""Their stubs load the interpreter's own library; that for 3.13 brings another one, which cannot import packages."""
INSTALL_WHEEL = f"run: {PIP} --no-deps nvidia-pytriton==0.7.0"


class ServerError(RuntimeError):
    """The server cannot start, or died; the message says why and what helps."""


@dataclass(frozen=True)
class Binaries:
    """What is used of the wheel, and the interpreter's own shared library."""

    server: Path
    backend: Path
    caches: Path
    stub: Path
    libpython: Path

    @classmethod
    def find(cls) -> Binaries:
        """Locate everything; ServerError with the remedy for what is missing."""
        _check_platform()
        spec = importlib.util.find_spec("pytriton")
        if spec is None or spec.origin is None:
            raise ServerError(f"tritonserver is not installed: {INSTALL_WHEEL}")
        home = Path(spec.origin).parent / "tritonserver"
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        found = cls(
            server=home / "bin/tritonserver",
            backend=home / "backends/python",
            caches=home / "caches",
            stub=home / "python_backend_stubs" / python / "triton_python_backend_stub",
            libpython=_find_libpython(),
        )
        for path in (found.server, found.backend / "libtriton_python.so", found.stub):
            if not path.exists():
                raise ServerError(f"The installed nvidia-pytriton has no {path.relative_to(home)}: {INSTALL_WHEEL}")
        return found


def _check_platform() -> None:
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise ServerError("The embedded server runs on x86-64 Linux; elsewhere use the Docker image.")
    if (sys.version_info.major, sys.version_info.minor) not in PYTHONS:
        raise ServerError(
            f"The embedded server runs models with Python 3.11 or 3.12; this is {platform.python_version()}."
        )
    library, version = platform.libc_ver()
    if library != "glibc" or tuple(map(int, version.split(".")[:2])) < (2, 35):
        raise ServerError(
            f"The embedded server needs glibc 2.35 or newer (Debian 12, Ubuntu 22.04); this is {library} {version}."
        )
    try:
        numpy = importlib.metadata.version("numpy")
    except importlib.metadata.PackageNotFoundError:
        numpy = "missing"
    if not numpy.startswith("1."):
        raise ServerError(
            f"The embedded server's Python backend needs numpy 1.26.4, found {numpy}; run: {PIP} numpy==1.26.4"
        )
    if not Path(sys.executable).with_name("python3").exists():
        raise ServerError(f"No python3 lies beside {sys.executable}; run this from a virtual environment.")


def _find_libpython() -> Path:
    """The shared library of this very interpreter: stubs import its compiled packages."""
    name = f"libpython{sys.version_info.major}.{sys.version_info.minor}.so.1.0"
    libraries = sysconfig.get_config_var("LIBDIR") or ""
    multiarch = sysconfig.get_config_var("MULTIARCH") or ""
    folders = (Path(libraries), Path(libraries, multiarch), Path(sys.base_prefix, "lib"))
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    raise ServerError(
        f"{name} is missing, and Triton's Python backend needs it. "
        f"Debian, Ubuntu: apt install {name.removesuffix('.so.1.0')}; "
        'pyenv: PYTHON_CONFIGURE_OPTS="--enable-shared" pyenv install --force, then make the environment anew.'
    )


def check_space(folder: Path, needed: int, remedy: str) -> None:
    """ServerError when a file system has less room than `needed` bytes."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ServerError(f"{folder} has {free >> 20} MiB free, {needed >> 20} MiB are needed: {remedy}.")
