"""Ports for a server: free ones where any will do, and a clear word about one that is taken."""

from __future__ import annotations

import errno
import random
import socket

from serving.triton_wheel import ServerError

PORT_OPTIONS = ("--http-port", "--grpc-port", "--metrics-port")


def resolve(host: str) -> str:
    """The IPv4 address of a host: Triton's HTTP server takes a name without complaint, and then answers nowhere."""
    try:
        return socket.gethostbyname(host)
    except OSError:
        raise ServerError(f"{host!r} is no IPv4 address or name; check --host.") from None


def choose_ports(host: str, *wanted: int) -> list[int]:
    """The wanted ports, with a free one for each 0. They lie below the range that the kernel gives to outgoing
    connections, so that none is taken between here and the server's own bind."""
    ports = list(wanted)
    for index, port in enumerate(ports):
        while port == 0:
            port = random.SystemRandom().randrange(20_000, 32_000)
            if port in ports or not is_free(host, port):
                port = 0
        ports[index] = port
    if len(set(ports)) < len(ports):
        raise ServerError(f"The ports must differ: {', '.join(map(str, ports))} for {', '.join(PORT_OPTIONS)}.")
    return ports


def check_port(host: str, port: int, option: str) -> None:
    """ServerError when something else listens there."""
    if not is_free(host, port):
        raise ServerError(f"Port {port} on {host} is in use; choose another with {option}, 0 takes any.")


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there. ServerError when none ever could."""
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return False
        raise ServerError(f"Cannot listen on {host}:{port} ({error.strerror}); check --host and the port.") from None
    except OverflowError:
        raise ServerError(f"{port} is no port; they go from 1 to 65535.") from None
    return True
