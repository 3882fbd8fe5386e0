"""What is checked before a server starts, and the command it starts with. No server runs here."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import socket
import sys
import sysconfig
from collections import namedtuple
from pathlib import Path

import pytest

from serving import triton_wheel
from serving.embedded_server import EmbeddedServer
from serving.ports import check_port, choose_ports
from serving.triton_wheel import Binaries, ServerError

Usage = namedtuple("Usage", "total used free")
Version = namedtuple("Version", "major minor")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "echo").mkdir()
    (tmp_path / "echo/config.pbtxt").write_text('name: "echo" platform: "ensemble"')
    return tmp_path


def test_binaries_are_those_of_the_wheel_and_the_interpreter() -> None:
    found = Binaries.find()
    assert found.server.name == "tritonserver" and found.server.is_file()
    assert found.stub.parent.name == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert "pytriton" not in sys.modules


@pytest.mark.parametrize(
    ("target", "name", "value", "message"),
    [
        (platform, "machine", lambda: "aarch64", "x86-64 Linux"),
        (platform, "libc_ver", lambda: ("glibc", "2.31"), "needs glibc 2.35 or newer.*glibc 2.31"),
        (platform, "libc_ver", lambda: ("", ""), "needs glibc"),
        (importlib.metadata, "version", lambda _: "2.1.0", "found 2.1.0; run: .* pip install numpy==1.26.4"),
        (importlib.util, "find_spec", lambda _: None, "pip install --no-deps nvidia-pytriton==0.7.0"),
        (sys, "executable", "/nowhere/python", "No python3 lies beside /nowhere/python"),
        (sys, "version_info", Version(3, 13), r"Python 3\.11 or 3\.12"),
        (
            sysconfig,
            "get_config_var",
            lambda _: "/nowhere",
            r"libpython3\.1.\.so\.1\.0 is missing.*apt install libpython3",
        ),
    ],
)
def test_a_machine_that_cannot_run_it_is_told_what_helps(
    monkeypatch: pytest.MonkeyPatch, target: object, name: str, value: object, message: str
) -> None:
    monkeypatch.setattr(target, name, value)
    monkeypatch.setattr(sys, "base_prefix", "/nowhere")
    with pytest.raises(ServerError, match=message):
        Binaries.find()


def test_libpython_is_found_where_sysconfig_is_wrong(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    name = f"libpython{sys.version_info.major}.{sys.version_info.minor}.so.1.0"
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / name).touch()
    monkeypatch.setattr(sysconfig, "get_config_var", {"LIBDIR": "/install/lib"}.get)
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path))
    assert triton_wheel._find_libpython() == tmp_path / "lib" / name


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch, repository: Path) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1 << 30, 1 << 30, 1 << 20))
    with pytest.raises(ServerError, match="1 MiB free, 64 MiB are needed: set TMPDIR"):
        EmbeddedServer(repository, ["echo"]).start()


def test_small_shared_memory_is_told(monkeypatch: pytest.MonkeyPatch, repository: Path) -> None:
    free = {"/dev/shm": 1 << 20}
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, free.get(str(path), 1 << 40)))
    with pytest.raises(ServerError, match=r"/dev/shm has 1 MiB free.*--shm-size"):
        EmbeddedServer(repository, ["echo"]).start()


def test_models_that_are_not_there_are_told(repository: Path) -> None:
    with pytest.raises(ServerError, match="has no model 'nothing'"):
        EmbeddedServer(repository, ["nothing"]).start()
    with pytest.raises(ServerError, match="No model to serve"):
        EmbeddedServer(repository, []).start()


def test_free_ports_differ_and_are_outside_of_the_range_of_outgoing_connections() -> None:
    ports = choose_ports("127.0.0.1", 0, 8001, 0)
    assert ports[1] == 8001 and len(set(ports)) == 3
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert all(1024 < port < lowest for port in ports)


def test_equal_ports_are_refused() -> None:
    with pytest.raises(ServerError, match="must differ"):
        choose_ports("127.0.0.1", 8000, 8000, 8002)


def test_a_port_in_use_and_a_host_of_others_are_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ServerError, match="is in use; choose another with --http-port"):
            check_port("127.0.0.1", taken.getsockname()[1], "--http-port")
    with pytest.raises(ServerError, match=r"Cannot listen on 192\.0\.2\.1:8000.*--host"):
        check_port("192.0.2.1", 8000, "--http-port")
    with pytest.raises(ServerError, match="99999 is no port"):
        check_port("127.0.0.1", 99999, "--http-port")


def test_names_of_hosts_become_addresses(repository: Path) -> None:
    assert EmbeddedServer(repository, ["echo"], host="localhost").host == "127.0.0.1"
    for host in ("::1", "no.such.host.invalid"):
        with pytest.raises(ServerError, match="no IPv4 address"):
            EmbeddedServer(repository, ["echo"], host=host)


def test_a_host_of_others_is_told_when_ports_are_chosen(repository: Path) -> None:
    with pytest.raises(ServerError, match="Cannot listen on"):
        EmbeddedServer(repository, ["echo"], host="192.0.2.1")


def test_addresses(repository: Path) -> None:
    server = EmbeddedServer(repository, ["echo"], http_port=1, grpc_port=2, metrics_port=3, host="0.0.0.0")
    assert (server.http_url, server.grpc_url) == ("http://127.0.0.1:1", "127.0.0.1:2")
    assert server.metrics_url == "http://127.0.0.1:3/metrics"


def test_the_command_binds_every_service_to_the_host_and_keeps_its_shared_memory_apart(repository: Path) -> None:
    server = EmbeddedServer(repository, ["echo"], options=["--rate-limit=off"], model_config_name="aoti")
    server._folder = repository / "run"
    server._folder.mkdir()
    command = server._command(Binaries.find())
    for service in ("http", "grpc", "metrics"):
        assert f"--{service}-address=127.0.0.1" in command
    assert {"--load-model=echo", "--model-control-mode=explicit", "--model-config-name=aoti"} <= set(command)
    assert f"--backend-config=python,shm-region-prefix-name={server.id}_" in command
    assert command[-1] == "--rate-limit=off"
    backend = repository / "run/backends/python"
    assert os.access(backend / "triton_python_backend_stub", os.X_OK)


def test_the_callers_environment_wins_over_defaults(monkeypatch: pytest.MonkeyPatch, repository: Path) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("PYTHONPATH", "/mine")
    binaries = Binaries.find()
    environment = EmbeddedServer(repository, ["echo"], environment={"MKL_NUM_THREADS": "5"})._environment(binaries)
    assert (environment["OMP_NUM_THREADS"], environment["MKL_NUM_THREADS"]) == ("7", "5")
    assert environment["OPENBLAS_NUM_THREADS"] == "1"
    assert environment["PYTHONPATH"].endswith(":/mine")
    assert environment["LD_LIBRARY_PATH"].split(":")[0] == str(binaries.libpython.parent)
    assert environment["PATH"].split(":")[0] == str(Path(sys.executable).parent)
