"""Ports for a server: free ones where any will do, and a clear word about one that is taken."""

from __future__ import annotations

import errno
import random
import socket

from triton_wheel import ServerError

PORT_OPTIONS = ("--http-port", "--grpc-port", "--metrics-port")


def choose_ports(host: str, *wanted: int) -> list[int]:
    """The wanted ports, with a free one for each 0. They lie below the range that the kernel gives to outgoing
    connections, so that none is taken between here and the server's own bind."""
    ports = list(wanted)
    for index, port in enumerate(ports):
        while port == 0:
            port = random.SystemRandom().randrange(20_000, 32_000)
            if port in ports or not _is_free(host, port):
                port = 0
        ports[index] = port
    if len(set(ports)) < len(ports):
        raise ServerError(f"The ports must differ: {', '.join(map(str, ports))} for {', '.join(PORT_OPTIONS)}.")
    return ports


def check_port(host: str, port: int, option: str) -> None:
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ServerError(f"Port {port} on {host} is in use; choose another with {option}, 0 takes any.") from None
        raise ServerError(f"Cannot listen on {host}:{port} ({error.strerror}); check --host and {option}.") from None


def _is_free(host: str, port: int) -> bool:
    try:
        check_port(host, port, "")
    except ServerError:
        return False
    return True
