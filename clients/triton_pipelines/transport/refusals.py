"""What a server's refusal means, whichever way it came."""

from __future__ import annotations

from ..errors import TritonPipelinesError, from_status

# Said by Triton's queues and by the stages of this project when there is too much to do.
_OVERLOAD = ("Exceeds maximum queue size", "Request timeout expired", "try again")


def refusal(status: str, message: str, url: str) -> TritonPipelinesError:
    """The exception for Triton's status and message.

    Some answers lose their status on the way and are told by their message: streams of gRPC know no NOT_FOUND, the
    generate endpoints of HTTP answer 400 to everything, and a restricted API is UNAVAILABLE over gRPC.
    """
    if message.startswith("Request for unknown model"):
        status = "NOT_FOUND"
    elif "is restricted, expecting header" in message:
        status, message = "UNSUPPORTED", f"{message}; give it to pipeline(..., headers={{...}})"
    elif any(words in message for words in _OVERLOAD):
        status = "UNAVAILABLE"
    return from_status(status, f"{url}: {message}" if status == "UNAVAILABLE" else message)
