"""What a server's refusal means, whichever way it came."""

from __future__ import annotations

import re

from ..errors import TritonPipelinesError, from_status

# What Triton and the stages of this project say, for answers that come without a status; the first that fits.
_MESSAGES = (
    (re.compile(r"Request for unknown model"), "NOT_FOUND"),
    (re.compile(r"Exceeds maximum queue size|Request timeout expired|try again"), "UNAVAILABLE"),
    (re.compile(r"Failed to process the request|: \w*(Error|Exception): "), "INTERNAL"),
)
# What passes, whatever Triton's status for it is: a process of the model died and is started again (INTERNAL), or the
# model is being loaded again (NOT_FOUND).
_PASSING = re.compile(r"Stub process.* is not healthy|has no available versions|is not at ready state")


def refusal(status: str | None, message: str, url: str) -> TritonPipelinesError:
    """The exception for Triton's status and message.

    status: None where the answer has none of use: errors in gRPC streams are texts alone, and the generate endpoints
        of HTTP answer 400 to everything. The message tells then; InvalidInput is what is left.
    """
    if status is None:
        status = next((meant for words, meant in _MESSAGES if words.search(message)), "INVALID_ARG")
    if _PASSING.search(message):
        status = "UNAVAILABLE"
    if "is restricted, expecting header" in message:  # UNAVAILABLE over gRPC, as if it might work later
        status, message = "UNSUPPORTED", f"{message}; give it to pipeline(..., headers={{...}})"
    return from_status(status, f"{url}: {message}" if status == "UNAVAILABLE" else message)
