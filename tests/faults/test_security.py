"""Who may do what, over both protocols; TLS; a proxy in front."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton
from tritonclient.grpc import InferenceServerClient as Client
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException

from serving.ports import choose_ports
from tests.faults.certificates import Certificate, authority, sign
from tests.faults.running import KEY, ROOT, Running, generate, request, wait_until
from tests.serving.tiny import deploy

HTTP: list[tuple[str, dict[str, Any] | None]] = [
    ("repository/index", {}),
    ("repository/models/echo/load", {}),
    ("repository/models/echo_model/unload", {}),
    ("systemsharedmemory/status", None),
    ("systemsharedmemory/region/x/register", {"key": "/x", "offset": 0, "byte_size": 1}),
    ("systemsharedmemory/unregister", {}),
    ("cudasharedmemory/status", None),
    ("cudasharedmemory/region/x/register", {"raw_handle": {"b64": ""}, "device_id": 0, "byte_size": 1}),
    ("trace/setting", {"trace_file": "/tmp/x"}),
    ("models/echo/trace/setting", {"trace_level": ["TIMESTAMPS"]}),
    ("logging", {"log_file": "/tmp/x"}),
    ("logging", None),
]
GRPC: list[Callable[[Client, dict[str, str]], Any]] = [
    lambda client, key: client.get_model_repository_index(headers=key),
    lambda client, key: client.load_model("echo", headers=key),
    lambda client, key: client.unload_model("echo_model", headers=key),
    lambda client, key: client.register_system_shared_memory("x", "/x", 1, headers=key),
    lambda client, key: client.get_system_shared_memory_status(headers=key),
    lambda client, key: client.unregister_system_shared_memory(headers=key),
    lambda client, key: client.get_cuda_shared_memory_status(headers=key),
    lambda client, key: client.unregister_cuda_shared_memory(headers=key),
    lambda client, key: client.update_trace_settings(settings={"trace_rate": "1"}, headers=key),
    lambda client, key: client.get_trace_settings(headers=key),
    lambda client, key: client.update_log_settings({"log_verbose_level": 1}, headers=key),
    lambda client, key: client.get_log_settings(headers=key),
]
GRPC_HEADER = "triton-grpc-protocol-admin-key"
NO_KEYS: list[dict[str, str]] = [{}, {"admin-key": "wrong"}, {"admin-key": ""}]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("serve")
    deploy(folder / "repository", "echo")
    with Running(folder, folder / "repository", "--verbose") as running:
        yield running


@pytest.mark.parametrize(("path", "body"), HTTP)
def test_http_needs_the_key_to_administer(running: Running, path: str, body: dict[str, Any] | None) -> None:
    for headers in NO_KEYS:
        status, answer = request(f"{running.http_url}/v2/{path}", body, headers=headers)
        assert status == 403 and b"restricted" in answer, answer
    assert generate(running, "echo", {"TEXT": "hé"})[0] == 200


@pytest.mark.parametrize("call", GRPC)
def test_grpc_needs_the_key_to_administer(running: Running, call: Callable[[Client, dict[str, str]], Any]) -> None:
    with Client(running.grpc_url) as client:
        for headers in ({}, {GRPC_HEADER: "wrong"}, {"admin-key": KEY}):
            with pytest.raises(InferenceServerException, match="restricted"):
                call(client, headers)
    assert generate(running, "echo", {"TEXT": "hé"})[0] == 200


def test_the_key_opens_both(running: Running) -> None:
    status, answer = request(f"{running.http_url}/v2/repository/index", {}, headers={"admin-key": KEY})
    assert status == 200 and "echo" in {model["name"] for model in json.loads(answer)}
    with Client(running.grpc_url) as client:
        assert client.get_model_repository_index(headers={GRPC_HEADER: KEY}).models
        assert client.get_log_settings(headers={GRPC_HEADER: KEY})


def test_everybody_may_ask(running: Running) -> None:
    for path in ("health/ready", "models/echo", "models/echo/config", "models/echo/stats"):
        assert request(f"{running.http_url}/v2/{path}")[0] == 200
    with Client(running.grpc_url) as client:
        assert client.is_model_ready("echo") and client.get_model_metadata("echo").inputs
        assert answers(client)


def test_without_a_key_nobody_administers(tmp_path: Path) -> None:
    deploy(tmp_path / "repository", "echo")
    with Running(tmp_path, tmp_path / "repository", key=None) as running:
        for headers in [*NO_KEYS, {"admin-key": KEY}]:
            assert request(f"{running.http_url}/v2/repository/index", {}, headers=headers)[0] == 403


def test_the_key_is_nowhere(running: Running) -> None:
    """Not in the output, Triton's log (both are in it with --verbose), or the environment of a model."""
    assert KEY not in running.text
    for stage in ("preprocess", "model", "postprocess"):
        environment = Path(f"/proc/{running.stub(f'echo_{stage}')}/environ").read_bytes()
        assert b"OMP_NUM_THREADS" in environment and KEY.encode() not in environment


def test_no_path_and_no_url_of_a_request_is_opened(running: Running) -> None:
    """What reads like one is text to the server. (The same for pictures and sounds: tests/faults/test_bad_input.py.)"""
    for text in ("/etc/passwd", "file:///etc/passwd", "http://127.0.0.1:1/"):
        assert generate(running, "echo", {"TEXT": text})[1]["OUT"] == text
    for model in ("..%2f..%2fetc", "%2e%2e/%2e%2e/etc/passwd", "../../etc/passwd"):
        assert request(f"{running.http_url}/v2/models/{model}/config")[0] in (400, 404)


def answers(client: Client, metadata: dict[str, str] | None = None) -> bool:
    text = triton.InferInput("TEXT", [1, 1], "BYTES")
    text.set_data_from_numpy(np.array([["hé".encode()]], object))
    (out,) = client.infer("echo", [text], headers=metadata).as_numpy("OUT").ravel()
    return out.decode() == "hé"


# TLS.


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return authority(tmp_path_factory.mktemp("ca"))


ASK = """
import sys
import numpy as np
from triton_pipelines.transport import Request, connect
print(connect(sys.argv[1]).infer(Request("echo", {"TEXT": np.array([[b"Hi"]], object)}, timeout=10))["OUT"])
"""


def test_grpc_over_tls(ca: Certificate, tmp_path: Path) -> None:
    deploy(tmp_path / "repository", "echo")
    server, caller = sign(ca, tmp_path, "server"), sign(ca, tmp_path, "caller")
    options = ["--tls-cert", str(server.certificate), "--tls-key", str(server.key)]
    with Running(tmp_path, tmp_path / "repository", *options) as running:
        with Client(running.grpc_url, ssl=True, root_certificates=str(ca.certificate)) as client:
            assert answers(client)
            with pytest.raises(InferenceServerException, match="restricted"):
                client.get_model_repository_index()
        with Client(running.grpc_url) as client, pytest.raises(InferenceServerException):
            client.is_server_live(client_timeout=3)
        # This project's client, which takes its roots from where gRPC takes them.
        url = f"grpcs://localhost:{running.grpc_url.partition(':')[2]}"
        trusting = {**os.environ, "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(ca.certificate)}
        done = subprocess.run([sys.executable, "-c", ASK, url], env=trusting, capture_output=True, text=True)
        assert done.stdout.strip() == "[[b'Hi']]", done.stderr
        doubting = {**os.environ, "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(caller.certificate)}
        done = subprocess.run([sys.executable, "-c", ASK, url], env=doubting, capture_output=True, text=True)
        assert done.returncode and re.search("errors.Unreachable: ", done.stderr), done.stderr


def test_callers_with_certificates_alone(ca: Certificate, tmp_path: Path) -> None:
    deploy(tmp_path / "repository", "echo")
    server, caller = sign(ca, tmp_path, "server"), sign(ca, tmp_path, "caller")
    options = ["--tls-cert", server.certificate, "--tls-key", server.key, "--tls-client-ca", ca.certificate]
    with Running(tmp_path, tmp_path / "repository", *map(str, options)) as running:
        trusted = {"ssl": True, "root_certificates": str(ca.certificate)}
        known = {"certificate_chain": str(caller.certificate), "private_key": str(caller.key)}
        with Client(running.grpc_url, **trusted, **known) as client:
            assert answers(client)
        with Client(running.grpc_url, **trusted) as client, pytest.raises(InferenceServerException):
            client.is_server_live(client_timeout=3)


# A proxy in front.


@pytest.fixture(scope="module")
def proxy(running: Running, ca: Certificate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of an nginx that runs deploy/nginx/nginx.conf; only addresses and paths are other ones."""
    if (nginx := shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")) is None:
        pytest.skip("nginx is not installed")
    folder = tmp_path_factory.mktemp("nginx")
    certificate = sign(ca, folder, "server")
    (port,) = choose_ports("127.0.0.1", 0)
    text = (ROOT / "deploy/nginx/nginx.conf").read_text()
    for old, new in (
        ("127.0.0.1:8000", running.http_url.removeprefix("http://")),
        ("127.0.0.1:8001", running.grpc_url),
        ("listen 443 ", f"listen 127.0.0.1:{port} "),
        ("/etc/nginx/cert.pem", str(certificate.certificate)),
        ("/etc/nginx/key.pem", str(certificate.key)),
        ("/run/nginx.pid", str(folder / "nginx.pid")),
        ("access_log off;", f"access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;"
         f" fastcgi_temp_path {folder}/a; uwsgi_temp_path {folder}/b; scgi_temp_path {folder}/c;"),
    ):  # fmt: skip
        assert old in text, old
        text = text.replace(old, new)
    (folder / "nginx.conf").write_text(text)
    process = subprocess.Popen([nginx, "-p", folder, "-c", folder / "nginx.conf", "-g", "daemon off;"])
    try:
        wait_until(lambda: listens(port), 10)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def over_https(ca: Certificate, url: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    return request(url, body, 10, headers, ssl.create_default_context(cafile=str(ca.certificate)))


def test_both_protocols_through_the_proxy(proxy: int, ca: Certificate) -> None:
    url = f"https://localhost:{proxy}/v2"
    status, answer = over_https(ca, f"{url}/models/echo/generate", {"TEXT": "hé"})
    assert status == 200 and json.loads(answer)["OUT"] == "hé"
    assert over_https(ca, f"{url}/health/ready")[0] == 200
    with Client(f"localhost:{proxy}", ssl=True, root_certificates=str(ca.certificate)) as client:
        assert answers(client)


def test_the_proxy_lets_nobody_administer(proxy: int, ca: Certificate) -> None:
    for path, body in HTTP:
        assert over_https(ca, f"https://localhost:{proxy}/v2/{path}", body, headers={"admin-key": KEY})[0] == 403, path
    with Client(f"localhost:{proxy}", ssl=True, root_certificates=str(ca.certificate)) as client:
        for call in GRPC:
            with pytest.raises(InferenceServerException):
                call(client, {GRPC_HEADER: KEY})
        assert answers(client)


def test_the_proxy_takes_out_the_header_that_triton_dies_of(proxy: int, running: Running, ca: Certificate) -> None:
    """With it, failures in a stream have a status; without it, a text. Failing with it brings Triton 2.51 down."""
    credentials = grpc.ssl_channel_credentials(ca.certificate.read_bytes())
    with grpc.secure_channel(f"localhost:{proxy}", credentials) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        for _ in range(100):
            asked = iter([service_pb2.ModelInferRequest(model_name="nobody")])
            metadata = (("triton_grpc_error", "true"),)
            (answer,) = stub.ModelStreamInfer(asked, metadata=metadata, timeout=10)
            assert re.search("unknown model", answer.error_message)
    assert generate(running, "echo", {"TEXT": "hé"})[0] == 200


def test_serve_says_what_is_wrong_with_its_certificates(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts/serve.py"), "--tls-cert", "x.pem"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2 and "--tls-cert and --tls-key go together" in done.stderr
    done = subprocess.run([*command, "--tls-key", "x.key"], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2 and "no file x.pem" in done.stderr
