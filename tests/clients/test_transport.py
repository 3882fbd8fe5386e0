"""Both transports, against servers that speak their protocols: the same tensors, the same errors."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from concurrent.futures import CancelledError
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from typing import Any

import grpc
import numpy as np
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from tests.clients.fake import floats, ints, text
from tests.clients.web import Respond, Web, respond, slow
from triton_pipelines import (
    DeadlineExceeded,
    InvalidInput,
    NotFound,
    ServerError,
    TritonPipelinesError,
    Unavailable,
    Unreachable,
    Unsupported,
)
from triton_pipelines import transport as transports
from triton_pipelines.transport import AsyncTransport, Description, Request, Scalar, Tensors, Transport
from triton_pipelines.transport.stop import Stop

TENSORS = {
    "TEXT": text(["a", "é" * 100], ["", "c\0"]),
    "SAMPLES": floats([0.5, np.nan], [2, 3]),
    "COUNT": ints([1], [2]),
    "NONE": np.empty((2, 0), np.int64),
    "FLAG": np.array([[True], [False]]),
}
PARAMETERS: dict[str, Scalar] = {"flag": True, "number": 3, "real": 0.5, "word": "é"}


class Service(service_pb2_grpc.GRPCInferenceServiceServicer):
    """Gives back the tensors of a request, or the status that its model is called by."""

    def __init__(self) -> None:
        self.parameters: dict[str, Any] = {}
        self.metadata: dict[str, str] = {}
        self.cancelled = futures.Future[bool]()
        self.details = "the reason"
        self.reason = "m_model: RuntimeError: the reason"

    def ModelInfer(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.metadata = dict(context.invocation_metadata())
        self.parameters = {
            name: getattr(value, value.WhichOneof("parameter_choice")) for name, value in request.parameters.items()
        }
        if hasattr(grpc.StatusCode, request.model_name):
            context.abort(getattr(grpc.StatusCode, request.model_name), self.details)
        if request.model_name == "slow":
            context.add_callback(lambda: self.cancelled.set_result(True))
            self.cancelled.result(5)
        return self.echo(request)

    def ModelStreamInfer(self, requests: Iterator[Any], context: Any) -> Iterator[Any]:  # noqa: N802
        (request,) = requests
        assert "triton_grpc_error" not in dict(context.invocation_metadata())  # it brings Triton down
        if request.model_name == "endless":
            context.add_callback(lambda: self.cancelled.set_result(True))
        while True:
            yield service_pb2.ModelStreamInferResponse(infer_response=self.echo(request))
            if request.model_name == "twice":
                yield service_pb2.ModelStreamInferResponse(infer_response=self.echo(request))
            if request.model_name == "broken":
                yield service_pb2.ModelStreamInferResponse(error_message=self.reason)
            if request.model_name != "endless":
                return

    def ModelConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        response = service_pb2.ModelConfigResponse()
        response.config.max_batch_size = 8
        response.config.input.add(name="TEXT")
        response.config.output.add(name="LABEL")
        response.config.output.add(name="SCORE")
        return response

    def ServerReady(self, request: Any, context: Any) -> Any:  # noqa: N802
        return service_pb2.ServerReadyResponse(ready=True)

    def ModelReady(self, request: Any, context: Any) -> Any:  # noqa: N802
        return service_pb2.ModelReadyResponse(ready=request.name == "a")

    def RepositoryIndex(self, request: Any, context: Any) -> Any:  # noqa: N802
        response = service_pb2.RepositoryIndexResponse()
        response.models.add(name="a", state="READY")
        response.models.add(name="b", state="UNAVAILABLE")
        return response

    def echo(self, request: Any) -> Any:
        response = service_pb2.ModelInferResponse(raw_output_contents=request.raw_input_contents)
        for tensor in request.inputs:
            response.outputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        return response


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def grpc_url(service: Service) -> Iterator[str]:
    server = grpc.server(futures.ThreadPoolExecutor(8))
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None)


@pytest.fixture
def several(grpc_url: str) -> Iterator[tuple[str, Service]]:
    """The URL of two servers, and the second one's service."""
    service = Service()
    server = grpc.server(futures.ThreadPoolExecutor(8))
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"ipv4:{grpc_url},127.0.0.1:{port}", service
    server.stop(None)


class Blocking:
    """An asynchronous transport with the methods of the others, in an event loop of its own."""

    def __init__(self, transport: AsyncTransport) -> None:
        self.transport = transport
        self.loop = asyncio.new_event_loop()

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.loop.run_until_complete(getattr(self.transport, f"a{name}")(*arguments))

    def stream(self, request: Request) -> Iterator[Tensors]:
        responses: Any = self.transport.astream(request)
        try:
            while (response := self.loop.run_until_complete(anext(responses, None))) is not None:
                yield response
        finally:
            self.loop.run_until_complete(responses.aclose())


Connect = Callable[..., Transport]


@pytest.fixture(params=["threads", "event loop"])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Both kinds of transports, which are to do the same."""
    made: list[Blocking] = []

    def connect_async(url: str, **options: Any) -> Any:
        made.append(Blocking(transports.connect_async(url, **options)))
        return made[-1]

    yield transports.connect if request.param == "threads" else connect_async
    for each in made:
        each.close()
        each.loop.close()


def infer(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """Gives back the tensors of a request, in the binary extension's form."""
    length = int(handler.headers["Inference-Header-Content-Length"])
    request = json.loads(body[:length])
    assert request["parameters"] == {**PARAMETERS, "binary_data_output": True}
    header = json.dumps({"outputs": request["inputs"]}).encode()
    respond(handler, 200, header + body[length:], {"Inference-Header-Content-Length": str(len(header))})


def failing(status: int, body: bytes = b'{"error": "the reason"}') -> Respond:
    return lambda handler, _: respond(handler, status, body)


def events(*data: Any) -> Respond:
    """Server-sent events, in chunks that end anywhere."""

    def page(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        stream = b"".join(b"data: " + json.dumps(each, ensure_ascii=False).encode() + b"\n\n" for each in data)
        for start in range(0, len(stream), 7):
            chunk = stream[start : start + 7]
            handler.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        handler.wfile.write(b"0\r\n\r\n")

    return page


def page(answer: Any) -> bytes:
    return json.dumps(answer).encode()


INDEX = page([{"name": "a", "state": "READY"}, {"name": "b"}])


def equal(got: Tensors, expected: Tensors) -> None:
    assert list(got) == list(expected)
    for name, array in expected.items():
        assert got[name].dtype == array.dtype
        np.testing.assert_array_equal(got[name], array)


def test_tensors_and_parameters_travel_by_grpc(connect: Connect, grpc_url: str, service: Service) -> None:
    transport = connect(grpc_url, headers={"Authorization": "Bearer x"})
    equal(transport.infer(Request("echo", TENSORS, PARAMETERS)), TENSORS)
    assert service.parameters == PARAMETERS
    assert {name: type(value) for name, value in service.parameters.items()} == {
        name: type(value) for name, value in PARAMETERS.items()
    }
    assert service.metadata["authorization"] == "Bearer x"


def test_tensors_and_parameters_travel_by_http(connect: Connect) -> None:
    with Web({"/gate/v2/models/echo/infer": infer}) as web:
        equal(connect(f"{web.url}/gate/").infer(Request("echo", TENSORS, PARAMETERS)), TENSORS)


def test_headers_travel_by_http(connect: Connect) -> None:
    seen: dict[str, str] = {}

    def index(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        seen.update(handler.headers)
        respond(handler, 200, b"[]")

    with Web({"/v2/repository/index": index}) as web:
        connect(web.url, headers={"Authorization": "Bearer x"}).models()
    assert seen["Authorization"] == "Bearer x"


CODES: list[tuple[type[TritonPipelinesError], str, str, int]] = [
    (InvalidInput, "INVALID_ARG", "INVALID_ARGUMENT", 400),
    (NotFound, "NOT_FOUND", "NOT_FOUND", 404),
    (Unavailable, "UNAVAILABLE", "UNAVAILABLE", 503),
    (Unsupported, "UNSUPPORTED", "UNIMPLEMENTED", 501),
    (ServerError, "INTERNAL", "INTERNAL", 500),
    (ServerError, "ALREADY_EXISTS", "ALREADY_EXISTS", 409),
    (ServerError, "UNKNOWN", "UNKNOWN", 418),
]


@pytest.mark.parametrize(("error", "status", "code", "number"), CODES)
def test_statuses_are_the_same_errors(
    connect: Connect, grpc_url: str, error: type[TritonPipelinesError], status: str, code: str, number: int
) -> None:
    with Web({f"/v2/models/{code}/infer": failing(number)}) as web:
        for url in (grpc_url, web.url):
            with pytest.raises(error, match="the reason") as raised:
                connect(url).infer(Request(code, {"TEXT": text(["a"])}))
            assert raised.value.status == status


@pytest.mark.parametrize(
    ("code", "number", "message"),
    [
        ("INTERNAL", 500, "in ensemble 'm', Stub process 'm_model_0_0' is not healthy."),
        ("NOT_FOUND", 404, "Request for unknown model: 'm' has no available versions"),
        ("NOT_FOUND", 404, "Request for unknown model: 'm' version 1 is not at ready state"),
    ],
)
def test_what_passes_is_unavailable(
    connect: Connect, grpc_url: str, service: Service, code: str, number: int, message: str
) -> None:
    service.details = message
    with Web({f"/v2/models/{code}/infer": failing(number, page({"error": message}))}) as web:
        for url in (grpc_url, web.url):
            with pytest.raises(Unavailable, match=message.split()[-1]):
                connect(url).infer(Request(code, {"TEXT": text(["a"])}))


def test_what_is_not_from_triton_is_shown(connect: Connect) -> None:
    gateway = Web({"/v2/models/m/infer": failing(502, b"<html>Bad Gateway</html>")})
    with gateway as web, pytest.raises(Unavailable, match="HTTP 502, <html>Bad Gateway"):
        connect(web.url).infer(Request("m", {"TEXT": text(["a"])}))


def test_a_page_of_another_server_is_an_error(connect: Connect) -> None:
    html = b"<html>Hello</html>"
    paths = ("models/m/infer", "models/m/generate", "models/m/generate_stream", "models/m/config", "repository/index")
    pages = {f"/v2/{path}": html for path in paths} | {"/v2/models/m/generate_stream": b"data: <html>\n\n"}
    with Web(pages) as web:
        transport = connect(web.url)
        for ask in (
            lambda: transport.infer(Request("m", {"TEXT": text(["a"])})),
            lambda: transport.infer(PROMPT),
            lambda: list(transport.stream(PROMPT)),
            lambda: transport.describe("m"),
            transport.models,
        ):
            with pytest.raises(ServerError, match=r"the answer is not Triton's .* its HTTP port"):
                ask()


def test_a_server_without_tls_is_not_waited_for(connect: Connect) -> None:
    with Web({}) as web, pytest.raises(Unreachable, match="SSL"):
        connect(web.url.replace("http://", "https://")).infer(Request("m", {"TEXT": text(["a"])}))


def test_servers_behind_one_name_are_asked_in_turn_by_grpc(
    connect: Connect, several: tuple[str, Service], service: Service
) -> None:
    url, second = several
    transport = connect(f"grpc://{url}")
    deadline = time.monotonic() + 5
    while not (service.metadata and second.metadata) and time.monotonic() < deadline:  # until both are connected
        equal(transport.infer(Request("echo", TENSORS, PARAMETERS)), TENSORS)
    for each in (service, second):
        each.metadata = {}
    for _ in range(2):
        transport.infer(Request("echo", TENSORS, PARAMETERS))
    assert service.metadata and second.metadata


def test_a_deadline_is_kept_by_grpc(connect: Connect, grpc_url: str, service: Service) -> None:
    with pytest.raises(DeadlineExceeded, match=r"within 0\.2 s; raise request_timeout"):
        connect(grpc_url).infer(Request("slow", {"TEXT": text(["a"])}, timeout=0.2))
    assert service.cancelled.result(5)  # the server hears of it


def test_a_call_is_cancelled_when_its_caller_leaves(grpc_url: str, service: Service) -> None:
    stop = Stop()
    threading.Timer(0.05, stop.set).start()
    with pytest.raises(CancelledError):
        transports.connect(grpc_url).infer(Request("slow", {"TEXT": text(["a"])}), stop)
    assert service.cancelled.result(5)  # the server hears of it


def test_a_deadline_is_kept_by_http(connect: Connect) -> None:
    with Web({"/v2/models/slow/infer": slow}) as web, pytest.raises(DeadlineExceeded, match=r"within 0\.2 s"):
        connect(web.url).infer(Request("slow", {"TEXT": text(["a"])}, timeout=0.2))


def test_a_deadline_of_a_stream_is_that_of_all_of_it(connect: Connect) -> None:
    def trickle(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for _ in range(20):
            event = b'data: {"GENERATED_TEXT": "a"}\n\n'
            handler.wfile.write(b"%x\r\n%b\r\n" % (len(event), event))
            time.sleep(0.1)
        handler.wfile.write(b"0\r\n\r\n")

    with Web({"/v2/models/m/generate_stream": trickle}) as web:
        stream = connect(web.url).stream(replace(PROMPT, timeout=0.5))
        assert next(stream)
        with pytest.raises(DeadlineExceeded, match=r"within 0\.5 s"):
            list(stream)


@pytest.mark.parametrize("scheme", ["", "grpc://", "http://"])
def test_a_server_that_is_not_there_is_unavailable(connect: Connect, scheme: str) -> None:
    with Web({}) as web:
        address = web.url.removeprefix("http://")
    with pytest.raises(Unreachable, match=f"{address}.*is the server up, and is this its (gRPC|HTTP) port"):
        connect(f"{scheme}{address}").infer(Request("m", {"TEXT": text(["a"])}))


PROMPT = Request("m", {"TEXT": text("é"), "STOP": text("a", "b")}, {"seed": 1, "stream": True}, decoupled=True)


def test_a_decoupled_model_answers_once_by_grpc(connect: Connect, grpc_url: str) -> None:
    equal(connect(grpc_url).infer(PROMPT), dict(PROMPT.tensors))
    with pytest.raises(ServerError, match="twice gave 2 responses"):
        connect(grpc_url).infer(replace(PROMPT, model="twice"))


def test_a_decoupled_model_answers_once_by_http(connect: Connect) -> None:
    bodies = []

    def generate(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        bodies.append(json.loads(body))
        respond(handler, 200, page({"model_name": "m", "GENERATED_TEXT": ["é", "b"], "SCORE": 0.5}))

    with Web({"/v2/models/m/generate": generate}) as web:
        answer = connect(web.url).infer(PROMPT)
    equal(answer, {"GENERATED_TEXT": text("é", "b"), "SCORE": np.array([0.5])})
    assert bodies == [{"TEXT": ["é"], "STOP": ["a", "b"], "parameters": {"seed": 1, "stream": True}}]


def test_a_stream_by_grpc(connect: Connect, grpc_url: str) -> None:
    responses = list(connect(grpc_url).stream(replace(PROMPT, model="twice")))
    assert len(responses) == 2
    equal(responses[1], dict(PROMPT.tensors))


def test_a_stream_by_http(connect: Connect) -> None:
    with Web({"/v2/models/m/generate_stream": events({"GENERATED_TEXT": "é\n\n"}, {"GENERATED_TEXT": ""})}) as web:
        responses = list(connect(web.url).stream(PROMPT))
    assert [response["GENERATED_TEXT"].tolist() for response in responses] == [["é\n\n".encode()], [b""]]


def test_a_stream_that_breaks_gives_what_came_before(connect: Connect, grpc_url: str) -> None:
    broken = events({"GENERATED_TEXT": "a"}, {"error": "m_model: RuntimeError: the reason"})
    with Web({"/v2/models/broken/generate_stream": broken}) as web:
        for url in (grpc_url, web.url):
            stream = connect(url).stream(replace(PROMPT, model="broken"))
            assert next(stream)
            with pytest.raises(ServerError, match="the reason"):
                next(stream)


def test_closing_a_stream_cancels_its_request(connect: Connect, grpc_url: str, service: Service) -> None:
    stream = connect(grpc_url).stream(replace(PROMPT, model="endless"))
    next(stream)
    assert not service.cancelled.done()
    stream.close()  # type: ignore[attr-defined]
    assert service.cancelled.result(5)


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("Request for unknown model: 'm' is not found", NotFound),
        ("in ensemble 'm', [request id: 1] Exceeds maximum queue size", Unavailable),
        ("m has 128 requests running or waiting; try again later.", Unavailable),
        ("This API is restricted, expecting header 'key'", Unsupported),
        ("Stub process 'm' is not healthy.", Unavailable),
        ("Request for unknown model: 'm' has no available versions", Unavailable),
        ("m_model: RuntimeError: no memory", ServerError),
        ("Unknown parameter", InvalidInput),
    ],
)
def test_errors_of_decoupled_models_are_told_by_their_message(
    connect: Connect, grpc_url: str, service: Service, message: str, error: type[TritonPipelinesError]
) -> None:
    service.reason = message
    pages = {
        "/v2/models/broken/generate": failing(400, page({"error": message})),
        "/v2/models/broken/generate_stream": failing(400, b"data: " + page({"error": message}) + b"\n\n"),
    }
    request = replace(PROMPT, model="broken")
    with Web(pages) as web:
        for url in (grpc_url, web.url):
            with pytest.raises(error, match=message.split()[-1]):
                connect(url).infer(request)
            with pytest.raises(error, match=message.split()[-1]):
                list(connect(url).stream(request))


def test_models_describe_themselves(connect: Connect, grpc_url: str) -> None:
    config = page({"max_batch_size": 8, "input": [{"name": "TEXT"}], "output": [{"name": "LABEL"}, {"name": "SCORE"}]})
    with Web({"/v2/models/m%2F/config": config, "/v2/repository/index": INDEX}) as web:
        for url in (grpc_url, web.url):
            transport = connect(url)
            assert transport.describe("m/") == Description(("TEXT",), ("LABEL", "SCORE"), 8)
            assert transport.models() == {"a": True, "b": False}


def test_what_is_ready(grpc_url: str) -> None:
    pages: dict[str, bytes | Respond] = {"/v2/health/ready": b"", "/v2/models/a/ready": b""}
    with Web({**pages, "/v2/models/b/ready": failing(400), "/v2/models/c/ready": failing(403)}) as web:
        with pytest.raises(Unsupported):  # it does not tell
            transports.connect(web.url).ready("c")
        for url in (grpc_url, web.url):
            transport = transports.connect(url)
            assert (transport.ready(), transport.ready("a"), transport.ready("b")) == (True, True, False)
    for url in ("127.0.0.1:1", "http://127.0.0.1:1"):
        with pytest.raises(Unreachable):
            transports.connect(url).ready()


def test_a_closed_transport_opens_again(connect: Connect, grpc_url: str) -> None:
    with Web({"/v2/repository/index": INDEX}) as web:
        for url in (grpc_url, web.url):
            transport = connect(url)
            for _ in range(2):
                assert transport.models() == {"a": True, "b": False}
                transport.close()
            transport.close()


@pytest.mark.parametrize(
    ("url", "kind", "shown"),
    [
        ("localhost:8001", "GrpcTransport", "grpc://localhost:8001"),
        ("grpc://host:1/", "GrpcTransport", "grpc://host:1"),
        ("grpcs://host:1", "GrpcTransport", "grpcs://host:1"),
        ("http://host:1/", "HttpTransport", "http://host:1"),
        ("https://host/gate", "HttpTransport", "https://host/gate"),
    ],
)
def test_urls(url: str, kind: str, shown: str) -> None:
    transport: Transport = transports.connect(url)
    assert (type(transport).__name__, transport.url) == (kind, shown)


@pytest.mark.parametrize(("url", "message"), [("ftp://host", "ftp"), ("", "no host"), ("http://", "no host")])
def test_urls_that_are_none(url: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        transports.connect(url)


def test_parameters_that_cannot_travel_are_refused(connect: Connect, grpc_url: str) -> None:
    with pytest.raises(InvalidInput, match=r"seed=.* does not fit 64 bits"):
        connect(grpc_url).infer(Request("m", TENSORS, {"seed": 2**64}))


@pytest.mark.parametrize("name", ["priority", "sequence_id", "triton_enable_empty_final_response", "timeout"])
def test_parameters_that_triton_keeps_for_itself_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match=f"{name} is no parameter of this task, but reserved"):
        Request("m", TENSORS, {name: 1})
