"""Serve deployments with the tritonserver of the wheel `nvidia-pytriton`, without Docker.

python scripts/serve.py                        # everything that has weights
python scripts/serve.py fill-mask my_second    # tasks, or deployments by their names
"""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from embedded_server import ROOT, EmbeddedServer, ServerError
from repository import deployments, has_weights, task_of
from startup_report import report


class Stopped(BaseException):
    """SIGINT or SIGTERM came; its argument is the signal."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal (exit code 0), a failure of the server (1) or a wrong call (2)."""
    options = parse(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        names = choose(options.repository, [name.replace("-", "_") for name in options.names])
        server = EmbeddedServer(
            options.repository,
            names,
            http_port=options.http_port,
            grpc_port=options.grpc_port,
            metrics_port=options.metrics_port,
            host=options.host,
            model_config_name=options.model_config_name,
            startup_timeout=options.startup_timeout,
        )
        print(f"Starting Triton with {', '.join(names)}. Its log: {server.log}", flush=True)
        if options.verbose:
            threading.Thread(target=follow, args=(server.log,), daemon=True).start()
        with server:
            print(report(server), flush=True)
            watch(server)
    except LookupError as error:
        print(error.args[0], file=sys.stderr)
        return 2
    except ServerError as error:
        print(error, file=sys.stderr)
        return 1
    except Stopped as stopped:
        print(f"{stopped.args[0].name}: stopped.", flush=True)
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="task or deployment; default: all that have weights")
    parser.add_argument("--repository", type=Path, default=ROOT / "model_repository", metavar="FOLDER")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; default %(default)s")
    for protocol, port in (("http", 8000), ("grpc", 8001), ("metrics", 8002)):
        parser.add_argument(f"--{protocol}-port", type=int, default=port, metavar="N", help=f"default {port}; 0: any")
    parser.add_argument("--model-config-name", metavar="NAME", help="use configs/NAME.pbtxt of the models that have it")
    parser.add_argument("--startup-timeout", type=float, default=600, metavar="SECONDS", help="default %(default)g")
    parser.add_argument("--verbose", action="store_true", help="Triton's log on standard error")
    return parser.parse_args(arguments)


def choose(repository: Path, names: Sequence[str]) -> list[str]:
    """The deployments to serve. LookupError, with the remedy, for one that is unknown or has no weights."""
    known = deployments(repository)
    if not known:
        raise LookupError(f"{repository} holds no deployment: no folder with a config.pbtxt of an ensemble.")
    installed = [name for name in known if has_weights(repository, name)]
    if not names and not installed:
        raise LookupError(f"Nothing in {repository} has weights yet. Install some: {_install(repository, known[0])}")
    for name in names:
        if name not in known:
            raise LookupError(
                f"{repository} has no deployment {name!r}, only {', '.join(known)}. "
                f"Make one: python scripts/install.py TASK --name {name} --checkpoint HUB_ID_OR_FOLDER"
            )
        if name not in installed:
            raise LookupError(f"{name} has no weights. Install them: {_install(repository, name)}")
    return list(dict.fromkeys(names)) or installed


def watch(server: EmbeddedServer) -> None:
    """Stay until the server dies (ServerError) or a signal comes."""
    while True:
        server.check_alive()
        time.sleep(0.5)


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


def _install(repository: Path, name: str) -> str:
    task = task_of(repository, name)
    command = f"python scripts/install.py {task.replace('_', '-')}"
    command += "" if name == task else f" --name {name} --checkpoint HUB_ID_OR_FOLDER"
    return command + (
        "" if repository == ROOT / "model_repository" else f" --repository {shlex.quote(str(repository))}"
    )


if __name__ == "__main__":
    sys.exit(main())
