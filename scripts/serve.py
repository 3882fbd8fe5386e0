"""Serve deployments with the tritonserver of the wheel `nvidia-pytriton`, without Docker.

python scripts/serve.py                        # everything that has weights
python scripts/serve.py fill-mask my_second    # tasks, or deployments by their names

A model whose Python process dies or hangs gets a new one (watcher.py). What administers the server needs the key in
TRITON_PIPELINES_ADMIN_KEY (administration.py); unset, nobody has it.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from repository import REPOSITORY, deployments, has_weights, install_command, repository_option
from serving import administration
from serving.embedded_server import EmbeddedServer, ServerError
from serving.health import serve_health
from serving.ports import check_port, resolve
from serving.startup_report import report
from serving.watcher import ASKED_EVERY, INTERVAL, Watcher

MANY_DEATHS, MANY_DEATHS_SECONDS = 5, 300.0
"""A server that died so often, within so many seconds, is not started again."""
PROBE_HELP = "between two questions to each deployment, to notice what hangs; 0: none; default %(default)g"


class Stopped(BaseException):
    """SIGINT or SIGTERM came; its argument is the signal."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal (exit code 0), a failure of the server (1) or a wrong call (2)."""
    options = parse(arguments)
    key = administration.take_key()
    try:
        names = choose(options.repository, [name.replace("-", "_") for name in options.names])
    except LookupError as error:
        print(error.args[0], file=sys.stderr)
        return 2

    def start() -> EmbeddedServer:
        server = embedded(options, names, key)
        print(f"Starting Triton with {', '.join(names)}. Its log: {server.log}", flush=True)
        if options.verbose:
            threading.Thread(target=follow, args=(server.log,), daemon=True).start()
        return server

    return run(start, options, key)


def embedded(
    options: argparse.Namespace, names: Sequence[str], key: str, stop_timeout: float = 4, more: Sequence[str] = ()
) -> EmbeddedServer:
    """The server that the options ask for. A port that was to be any is the same one the next time."""
    server = EmbeddedServer(
        options.repository,
        names,
        http_port=options.http_port,
        grpc_port=options.grpc_port,
        metrics_port=options.metrics_port,
        host=options.host,
        model_config_name=options.model_config_name,
        startup_timeout=options.startup_timeout,
        stop_timeout=stop_timeout,
        options=[*administration.options(key), *tls(options), *more],
    )
    options.http_port, options.grpc_port, options.metrics_port = server.http_port, server.grpc_port, server.metrics_port
    return server


def run(start: Callable[[], EmbeddedServer], options: argparse.Namespace, key: str) -> int:
    """Serve until a signal (exit code 0) or a failure (1); with --restart, start a server that died once more."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    current: Watcher | None = None

    def troubles() -> dict[str, str]:
        return {"server": "it is not up"} if current is None else current.troubles()

    deaths: list[float] = []
    try:
        with health_endpoint(options, troubles):
            while True:
                try:
                    with start() as server:
                        print(report(server), flush=True)
                        with Watcher(server, administration.headers(key), options.probe_interval) as current:
                            while True:
                                current.look()
                                time.sleep(INTERVAL)
                except ServerError as error:
                    print(error, file=sys.stderr, flush=True)
                    was_up, current = current is not None, None
                    now = time.monotonic()
                    deaths = [*(death for death in deaths if now - death < MANY_DEATHS_SECONDS), now]
                    if not (options.restart and was_up) or len(deaths) >= MANY_DEATHS:
                        return 1
                    print("Starting it again (--restart).", file=sys.stderr, flush=True)
    except ServerError as error:
        print(error, file=sys.stderr)
        return 1
    except Stopped as stopped:
        print(f"{stopped.args[0].name}: stopped.", flush=True)
    return 0


@contextmanager
def health_endpoint(options: argparse.Namespace, troubles: Callable[[], dict[str, str]]) -> Iterator[None]:
    """Health over HTTP while the context lasts, where --health-port asks for it."""
    if options.health_port is None:
        yield
        return
    host = resolve(options.host)
    check_port(host, options.health_port, "--health-port")
    with serve_health(host, options.health_port, troubles) as url:
        print(f"Health   {url}", flush=True)
        yield


def tls(options: argparse.Namespace) -> list[str]:
    """tritonserver's options for TLS; gRPC alone has it, HTTP goes through a proxy (docs/security.md)."""
    if not options.tls_cert:
        return []
    given = ["--grpc-use-ssl=1", f"--grpc-server-cert={options.tls_cert}", f"--grpc-server-key={options.tls_key}"]
    if options.tls_client_ca:
        given += ["--grpc-use-ssl-mutual=1", f"--grpc-root-cert={options.tls_client_ca}"]
    return given


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="task or deployment; default: all that have weights")
    parser.add_argument("--repository", type=Path, default=REPOSITORY, metavar="FOLDER")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; default %(default)s")
    for protocol, port in (("http", 8000), ("grpc", 8001), ("metrics", 8002)):
        parser.add_argument(f"--{protocol}-port", type=int, default=port, metavar="N", help=f"default {port}; 0: any")
    parser.add_argument("--model-config-name", metavar="NAME", help="use configs/NAME.pbtxt of the models that have it")
    parser.add_argument("--startup-timeout", type=float, default=600, metavar="SECONDS", help="default %(default)g")
    parser.add_argument("--probe-interval", type=float, default=ASKED_EVERY, metavar="SECONDS", help=PROBE_HELP)
    parser.add_argument("--health-port", type=int, metavar="N", help="GET there: 200 when all answer; default: none")
    parser.add_argument("--restart", action="store_true", help="start a tritonserver that died again")
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="of the gRPC port, PEM")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="its private key, PEM")
    parser.add_argument("--tls-client-ca", type=Path, metavar="FILE", help="callers need certificates that it signed")
    parser.add_argument("--verbose", action="store_true", help="Triton's log on standard error")
    options = parser.parse_args(arguments)
    if bool(options.tls_cert) != bool(options.tls_key):
        parser.error("--tls-cert and --tls-key go together")
    if options.tls_client_ca and not options.tls_cert:
        parser.error("--tls-client-ca needs --tls-cert and --tls-key")
    for file in filter(None, (options.tls_cert, options.tls_key, options.tls_client_ca)):
        if not file.is_file():
            parser.error(f"no file {file}")
    return options


def choose(repository: Path, names: Sequence[str]) -> list[str]:
    """The deployments to serve. LookupError, with the remedy, for one that is unknown or has no weights."""
    known = deployments(repository)
    if not known:
        raise LookupError(f"{repository} holds no deployment: no folder with a config.pbtxt of an ensemble.")
    installed = [name for name in known if has_weights(repository, name)]
    if not names and not installed:
        raise LookupError(
            f"Nothing in {repository} has weights yet. Install some: {install_command(repository, known[0])}"
        )
    for name in names:
        if name not in known:
            raise LookupError(
                f"{repository} has no deployment {name!r}, only {', '.join(known)}. Make one: python "
                f"scripts/install.py TASK --name {name} --checkpoint HUB_ID_OR_FOLDER{repository_option(repository)}"
            )
        if name not in installed:
            raise LookupError(f"{name} has no weights. Install them: {install_command(repository, name)}")
    return list(dict.fromkeys(names)) or installed


def follow(log: Path) -> None:
    """Copy Triton's log to standard error as it grows."""
    while not log.exists():
        time.sleep(0.05)
    with log.open(encoding="utf-8", errors="replace") as lines:
        while True:
            sys.stderr.write(lines.read())
            time.sleep(0.2)


def _stop(number: int, _frame: FrameType | None) -> None:
    for other in (signal.SIGINT, signal.SIGTERM):
        signal.signal(other, signal.SIG_IGN)  # a second one must not break the clean-up
    raise Stopped(signal.Signals(number))


if __name__ == "__main__":
    sys.exit(main())
