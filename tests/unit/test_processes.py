"""What /proc tells of processes: the dead among children, and nothing of those that are gone."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from serving.processes import children, processor_seconds, proportional, state


def test_a_dead_child_is_one_until_its_parent_notices() -> None:
    code = "import os, time\nif os.fork(): time.sleep(60)\n"
    with subprocess.Popen([sys.executable, "-c", code]) as parent:
        deadline = time.monotonic() + 10
        while [state(pid) for pid in children(parent.pid)] != ["Z"] and time.monotonic() < deadline:
            time.sleep(0.05)
        found = children(parent.pid)
        assert [state(pid) for pid in found] == ["Z"]
        parent.kill()
    assert children(parent.pid) == []


def test_what_is_gone_has_nothing() -> None:
    with subprocess.Popen(["true"]) as gone:
        pass
    assert (state(gone.pid), children(gone.pid), processor_seconds(gone.pid), proportional(gone.pid)) == ("", [], 0, 0)
    assert state(os.getpid()) == "R" and processor_seconds(os.getpid()) > 0 and proportional(os.getpid()) > 1
