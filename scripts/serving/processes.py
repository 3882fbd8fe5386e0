"""Processes, as Linux shows them in /proc. One that has ended meanwhile is no error."""

from __future__ import annotations

import os
from pathlib import Path


def children(pid: int) -> list[int]:
    """The processes that a process started, the dead among them that it has not noticed yet."""
    found = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in file.read_text().split()]
        except OSError:
            continue
    return found


def state(pid: int) -> str:
    """The letter of a process's state: "R", "S", "T" stopped, "Z" dead; empty where there is none."""
    return (_stat(pid) or [""])[0]


def processor_seconds(pid: int) -> float:
    """Processor time that a process has used."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def proportional(pid: int) -> float:
    """MiB of a process: what it has to itself, and its share of what it has in common with others (PSS)."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind its name, which may hold anything; none where there is no process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
