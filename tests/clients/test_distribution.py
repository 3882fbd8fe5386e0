"""The distribution as users get it: installed into an empty environment, from the package index."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CLIENTS = Path(__file__).parents[2] / "clients"
NEVER = {"torch", "transformers", "tokenizers", "tensorflow", "rich", "click"}
USE = """
import sys, triton_pipelines
from triton_pipelines import Unavailable, pipeline
for url in ("127.0.0.1:1", "http://127.0.0.1:1"):
    try:
        pipeline("text-classification", url=url)("I love it")
    except Unavailable:
        print("unavailable")
print(*{name.partition(".")[0] for name in sys.modules})
"""


def test_nothing_heavy_is_imported() -> None:
    result = subprocess.run([sys.executable, "-c", USE], capture_output=True, text=True, check=True)
    *answers, modules = result.stdout.splitlines()
    assert answers == ["unavailable", "unavailable"]
    assert not NEVER & set(modules.split())


@pytest.mark.slow
def test_an_empty_environment_gets_no_torch(tmp_path: Path) -> None:
    source = shutil.copytree(CLIENTS, tmp_path / "clients", ignore=shutil.ignore_patterns("build", "*.egg-info"))
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    python = str(tmp_path / "env" / "bin" / "python")
    pip = [python, "-m", "pip", "--disable-pip-version-check"]
    index = subprocess.run([*pip, "download", "-q", "--no-deps", "-d", tmp_path, "urllib3"], capture_output=True)
    if index.returncode:
        pytest.skip(f"pip reaches no package index: {index.stderr.decode().strip().splitlines()[-1]}")
    subprocess.run([*pip, "install", "-q", source], check=True)

    packages = json.loads(subprocess.run([*pip, "list", "--format", "json"], capture_output=True, check=True).stdout)
    names = {package["name"].lower() for package in packages}
    assert {"triton-pipelines", "tritonclient", "numpy", "pillow"} <= names
    assert not NEVER & names

    where = [python, "-c", "import triton_pipelines; print(triton_pipelines.__path__[0])"]
    package = Path(subprocess.run(where, capture_output=True, text=True, check=True, cwd=tmp_path).stdout.strip())
    assert (package / "py.typed").is_file()
    used = subprocess.run([python, "-c", USE], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert used.stdout.splitlines()[:2] == ["unavailable", "unavailable"]
    command = [python, "-m", "triton_pipelines", "run", "--help"]
    bare = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (bare.returncode, "triton-pipelines[cli]" in bare.stderr) == (1, True)
    subprocess.run([*pip, "install", "-q", f"{source}[cli]"], check=True)
    for helped in (command, [str(tmp_path / "env" / "bin" / "triton-pipelines"), "run", "--help"]):
        assert "NAME=VALUE" in subprocess.run(helped, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
