"""Tensors in memory that client and server share, where both run on one machine: large ones travel by reference.

A slot is a file in /dev/shm that the server is told to map ("registered") and that loses its name then: nothing is
left there, however the client ends. Each request has a slot to itself from its sending to its answer.
"""

from __future__ import annotations

import mmap
import os
import secrets
import struct
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from .batching import size_of
from .transport import Array, Region

FOLDER = Path("/dev/shm")
LEAST_BYTES = 256 << 10  # of a request; a smaller one is as fast without (scripts/benchmark_shared_memory.py)
_LARGEST_SLOT = 64 << 20
_MOST_LOST = 8  # slots that the server may still be reading, since nobody waited for the answer


def is_local(url: str) -> bool:
    """Whether the server may be on this machine."""
    host = urlsplit(url).hostname or ""
    return FOLDER.is_dir() and (host in ("localhost", "::1") or host.startswith("127."))


class Slot:
    """Shared memory of `size` bytes, in the file `key` of /dev/shm, that the server knows as `name`."""

    def __init__(self, size: int) -> None:
        self.name = f"triton-pipelines-client-{os.getpid()}-{secrets.token_hex(4)}"
        self.key = f"/{self.name}"
        self.size = size
        self._file = FOLDER / self.name
        file = os.open(self._file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        try:
            os.posix_fallocate(file, 0, size)  # fails here, and not later in the middle of a write
            self._memory = mmap.mmap(file, size)
        except OSError:
            self.forget_name()
            raise
        finally:
            os.close(file)

    def forget_name(self) -> None:
        """The memory stays, for those who have mapped it."""
        self._file.unlink(missing_ok=True)

    def write(self, tensors: Mapping[str, Array]) -> dict[str, Region]:
        """Put the tensors one after another, and say where each lies."""
        regions, offset = {}, 0
        for name, tensor in tensors.items():
            end = self._write(tensor, offset)
            regions[name] = Region(self.name, offset, end - offset)
            offset = end
        return regions

    def _write(self, tensor: Array, offset: int) -> int:
        """Text as Triton has it: 4 bytes of length before each value. Returns where the tensor ends."""
        values = tensor.flat if tensor.dtype == object else [tensor.tobytes()]
        for value in values:
            if tensor.dtype == object:
                struct.pack_into("<I", self._memory, offset, len(value))
                offset += 4
            self._memory[offset : offset + len(value)] = value
            offset += len(value)
        return offset


class Slots:
    """The slots of one process. Those that are free are used again.

    required: whether it is an error that the server refuses: shared_memory=True rather than "auto".
    """

    def __init__(self, required: bool) -> None:
        self.required = required
        self.refused = False
        self._free: deque[Slot] = deque()
        self._lost: list[Slot] = []

    def wants(self, tensors: Mapping[str, Array]) -> bool:
        """Whether it is of use for these tensors."""
        usable = not self.refused and len(self._lost) < _MOST_LOST
        return usable and LEAST_BYTES <= size_of(tensors) <= _LARGEST_SLOT

    def take(self, size: int) -> Slot | None:
        """A free slot that has room."""
        for _ in range(len(self._free)):
            try:
                slot = self._free.popleft()
            except IndexError:  # another thread was faster
                return None
            if slot.size >= size:
                return slot
            self._free.append(slot)
        return None

    def make(self, size: int) -> Slot:
        return Slot(1 << (size - 1).bit_length())

    def give(self, slot: Slot) -> None:
        """Back, after the answer."""
        self._free.append(slot)

    def lose(self, slot: Slot) -> None:
        """The server may still read it."""
        self._lost.append(slot)

    def forget(self) -> list[str]:
        """The names of all slots, which are used no more."""
        names = [slot.name for slot in (*self._free, *self._lost)]
        self._free.clear()
        self._lost.clear()
        return names
