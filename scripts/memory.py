"""Memory of a server's processes, as Linux counts it."""

from __future__ import annotations

from pathlib import Path

MIB = 1 << 20


def proportional(pid: int) -> float:
    """MiB that a process has to itself, and its share of what it has in common with others (PSS); 0 once it ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024 / MIB
