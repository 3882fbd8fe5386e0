"""Who may administer a server: load and unload models, register shared memory, trace, change what is logged.

These APIs ask for a key in the header `admin-key` (gRPC: `triton-grpc-protocol-admin-key`). It is the value of
TRITON_PIPELINES_ADMIN_KEY or, unset, a random one that the server's own process alone knows. Inference, health,
metadata and metrics need none.
"""

from __future__ import annotations

import os
import secrets

VARIABLE = "TRITON_PIPELINES_ADMIN_KEY"
HEADER = "admin-key"
RESTRICTED = ("model-repository", "shared-memory", "trace", "logging")


def take_key() -> str:
    """The key, out of the environment: Python models inherit that, and need it not."""
    return os.environ.pop(VARIABLE, "") or secrets.token_urlsafe()


def headers(key: str) -> dict[str, str]:
    """Of an HTTP request that administers; none without a key."""
    return {HEADER: key} if key else {}


def options(key: str) -> list[str]:
    """tritonserver's, which restrict the APIs."""
    restricted = f"{','.join(RESTRICTED)}:{HEADER}={key}"
    return [f"--http-restricted-api={restricted}", f"--grpc-restricted-protocol={restricted}"]
