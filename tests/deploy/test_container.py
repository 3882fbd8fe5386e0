"""The CPU image's commands, run where only the image's files are."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

import serve
from serve_container import command
from serving.administration import HEADER, RESTRICTED
from serving.triton_wheel import Binaries
from tests.deploy.image import CPU, Dockerfile, Running, files


def test_it_is_healthy(running: Running) -> None:
    done = running.run([*Dockerfile.read(CPU).command("HEALTHCHECK"), "--url", running.url])
    assert (done.returncode, done.stderr) == (0, "")


def test_the_client_asks_each_deployment(running: Running) -> None:
    command = ["python", "scripts/ask.py", "text-classification", "masks:fill-mask", "--url", running.grpc_url]
    done = running.run(command)
    assert done.returncode == 0, done.stderr
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == ["text-classification", "masks"]
    silent = running.run(["python", "scripts/ask.py", "nobody:fill-mask", "--url", running.grpc_url])
    assert silent.returncode == 1 and "nobody does not answer" in silent.stderr


def test_the_root_folder_stays_as_it_was(running: Running) -> None:
    """It may be read-only: nothing is written into it, but for bytecode, which nobody misses."""
    assert files(running.root) == running.files


# Administrative APIs.


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "v2/repository/index"),
        ("POST", "v2/repository/models/masks/unload"),
        ("POST", "v2/repository/models/masks/load"),
        ("GET", "v2/systemsharedmemory/status"),
        ("GET", "v2/trace/setting"),
        ("POST", "v2/logging"),
    ],
)
def test_http_without_the_key(running: Running, method: str, path: str) -> None:
    request = urllib.request.Request(
        f"{running.url}/{path}", b"{}" if method == "POST" else None, {HEADER: "guess"}, method=method
    )
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(request, timeout=10)
    assert refusal.value.code == 403


def test_grpc_without_the_key(running: Running) -> None:
    with triton.InferenceServerClient(running.grpc_url) as client:
        for call in (
            client.get_model_repository_index,
            lambda: client.unload_model("masks"),
            client.get_system_shared_memory_status,
            client.get_trace_settings,
            client.get_log_settings,
        ):
            with pytest.raises(InferenceServerException, match=r"restricted|UNAVAILABLE"):
                call()


def test_with_the_key(running: Running) -> None:
    key = running.environment["TRITON_PIPELINES_ADMIN_KEY"]
    request = urllib.request.Request(f"{running.url}/v2/repository/index", b"{}", {HEADER: key})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert {model["name"] for model in json.load(answer) if model["state"] == "READY"} > {"masks"}
    with triton.InferenceServerClient(running.grpc_url) as client:
        index = client.get_model_repository_index(headers={f"triton-grpc-protocol-{HEADER}": key})
        assert "masks" in [model.name for model in index.models]


def test_the_key_is_not_in_the_log_and_not_in_the_models_environment(running: Running) -> None:
    key = running.environment["TRITON_PIPELINES_ADMIN_KEY"]
    assert key not in running.log.read_text()
    seen = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if str(running.data).encode() in (folder / "cmdline").read_bytes():
                name = (folder / "comm").read_text()
                if name.startswith("triton_python"):
                    seen += 1
                    assert key.encode() not in (folder / "environ").read_bytes()
        except OSError:
            continue
    assert seen == 6


def test_without_checkpoints_it_says_what_to_do(running: Running, tmp_path: Path) -> None:
    done = running.run(["python", "scripts/serve_container.py", "--repository", str(tmp_path)])
    assert done.returncode == 2 and "holds no deployment" in done.stderr
    done = running.run(["python", "scripts/probe.py", "--repository", str(tmp_path)])
    assert done.returncode == 1 and "nothing to ask" in done.stderr


LONG = """
import sys, threading, time
from pathlib import Path
from serve_container import follow
log = Path(sys.argv[1])
with log.open("wb") as file:  # as the server writes it
    threading.Thread(target=follow, args=(log, 1 << 20), daemon=True).start()
    for number in range(200):
        file.write(b"%08d" % number * 4096)
        file.flush()
        time.sleep(0.01)
    time.sleep(1)
print(log.stat().st_size, log.stat().st_blocks * 512)
"""


def test_a_long_log_is_passed_on_whole_and_takes_little_room(running: Running, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LONG, tmp_path / "log.txt"], cwd=running.root / "scripts", capture_output=True, text=True
    )
    assert done.stderr == "".join(f"{number:08}" * 4096 for number in range(200))
    size, room = map(int, done.stdout.split())
    assert size == 200 * 8 * 4096 and room < 2 << 20


# In NVIDIA's image.


STAND_IN = r"""#!/bin/sh
pwd
echo "$OMP_NUM_THREADS $HF_HUB_OFFLINE [$TRITON_PIPELINES_ADMIN_KEY]"
printf '%s\n' "$@"
"""


def test_it_becomes_the_images_tritonserver(running: Running, tmp_path: Path) -> None:
    """With a stand-in that prints what it was called with."""
    triton = tmp_path / "tritonserver"
    triton.write_text(STAND_IN)
    triton.chmod(0o755)
    environment = {**running.environment, "PATH": f"{tmp_path}:{running.environment['PATH']}"}
    other = Running(running.root, running.data, environment, running.process, running.ports, running.log, set())
    done = other.run([*Dockerfile.read(CPU).command("CMD"), "--model-config-name=tensorrt", "masks"])
    assert done.returncode == 0, done.stderr
    folder, variables, *options = done.stdout.splitlines()
    assert folder == str(running.root)  # where its Python models look for python_backend
    assert variables == "1 1 []"
    assert options[0] == f"--model-repository={running.data}/models"
    key = running.environment["TRITON_PIPELINES_ADMIN_KEY"]
    for option in (
        "--model-control-mode=explicit",
        "--disable-auto-complete-config",
        "--load-model=masks",
        "--model-config-name=tensorrt",
        "--exit-timeout-secs=5",
        "--http-address=0.0.0.0",
        "--grpc-address=0.0.0.0",
        f"--http-restricted-api={','.join(RESTRICTED)}:{HEADER}={key}",
        f"--grpc-restricted-protocol={','.join(RESTRICTED)}:{HEADER}={key}",
        "--metrics-config=summary_latencies=true",
    ):
        assert option in options
    assert "--load-model=text_classification" not in options


def test_tritonserver_takes_the_options() -> None:
    """Of the embedded release: each option's name is in its help."""
    binaries = Binaries.find()
    environment = {"LD_LIBRARY_PATH": str(binaries.libpython.parent)}
    done = subprocess.run([binaries.server, "--help"], capture_output=True, text=True, env=environment)
    text = done.stdout + done.stderr
    options = serve.parse(["--model-config-name", "aoti"])
    for option in command("tritonserver", ["masks"], options, "key", 5)[1:]:
        assert re.search(rf"^  {option.partition('=')[0]}\b", text, flags=re.MULTILINE), option
