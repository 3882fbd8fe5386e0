"""The base of decoupled stages: requests in, any number of responses out, each when it is there.

class Model(DecoupledStage):
    def start(self, request, reply):      # called for each request; returns at once
        self.work.put((request, reply))   # later, from a thread: reply.send(tensors), reply.send(tensors, final=True)
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from python_backend import stage as stage_module
from python_backend.stage import Request, Stage, Tensors

ONE_CALL = threading.Lock()
"""Held while Triton is told or asked something. A metric that is counted while another thread sends a response brings
Triton 2.51 down (seen, within a hundred requests)."""


class Unavailable(RuntimeError):  # noqa: N818 (named like Triton's status)
    """There is no room for the request now; it may be sent again. Becomes Triton's UNAVAILABLE."""


class Cancelled(RuntimeError):  # noqa: N818 (named like Triton's status)
    """The caller went away. Becomes Triton's CANCELLED."""


class Reply:
    """The way back to the caller of one request. One thread at a time sends.

    The last response carries the final flag itself: an empty one behind it would make Triton's /generate fail.
    """

    def __init__(self, stage: DecoupledStage, sender: Any) -> None:
        self.stage = stage
        self.sender = sender

    def send(self, tensors: Tensors, final: bool = False) -> None:
        self._send(self.stage.respond(tensors), final)

    def fail(self, error: Exception) -> None:
        """The last response: the error."""
        self._send(self.stage.respond(error), final=True)

    def cancelled(self) -> bool:
        """Whether the caller went away. Seen for direct callers alone: Triton 2.51 tells no step of an ensemble."""
        with ONE_CALL:
            return self.sender.is_cancelled()

    def _send(self, response: Any, final: bool) -> None:
        try:
            with ONE_CALL:
                self.sender.send(
                    response, flags=stage_module.pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL if final else 0
                )
        except Exception as error:  # one caller's broken way back is nobody else's matter
            logging.warning("%s: a response could not be sent: %s", self.stage.name, error)


class DecoupledStage(Stage):
    """A stage that answers a request when and as often as it likes (model_transaction_policy { decoupled: true })."""

    def start(self, request: Request, reply: Reply) -> None:
        """Take a request on. What is raised here goes back as the answer."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop working: the model is being unloaded."""

    def counter(self, name: str, description: str) -> Callable[[int], None]:
        count = super().counter(name, description)

        def count_alone(amount: int) -> None:
            with ONE_CALL:
                count(amount)

        return count_alone

    def triton_error(self, error: Exception) -> Any:
        triton = stage_module.pb_utils.TritonError
        for kind, code in ((Unavailable, "UNAVAILABLE"), (Cancelled, "CANCELLED")):
            if isinstance(error, kind):
                return triton(str(error), getattr(triton, code))
        return super().triton_error(error)

    # What Triton calls.

    def execute(self, requests: list[Any]) -> None:  # type: ignore[override]
        for request in requests:
            reply = Reply(self, request.get_response_sender())
            parsed = self.read(request)
            try:
                if isinstance(parsed, Exception):
                    raise parsed
                # Triton's memory is gone once this call returns, the work is not.
                tensors = {name: array.copy() for name, array in parsed.tensors.items()}
                self.start(Request(tensors, parsed.parameters), reply)
            except Exception as error:
                reply.fail(error)

    def finalize(self) -> None:
        self.close()
