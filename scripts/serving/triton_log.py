"""What Triton's log tells: why models failed to load, and how long they took."""

from __future__ import annotations

import re
from datetime import datetime

# I1123 13:07:53.083254 6779 model_lifecycle.cc:839] "successfully loaded 'fill_mask'"
LINE = re.compile(r"^(?P<level>[IWE])(?P<time>\d{4} \d\d:\d\d:\d\d\.\d{6})\d* +\d+ [\w.]+:\d+\] *(?P<text>.*)$")
LOADING = re.compile(r'^"loading: (?P<name>.+):\d+"$')
LOADED = re.compile(r"^\"successfully loaded '(?P<name>.+)'\"$")
FAILED = re.compile(r"^failed to load '(?P<name>.+)' version \d+: (?P<reason>.*)$", re.DOTALL)
STATUS = re.compile(r"^(Internal|Invalid argument|Not found|Unavailable|Unsupported|Unknown): ")
PROTOBUF = re.compile(r"^\[libprotobuf ERROR .*?\] ")

# Said on every machine without a GPU, or said again elsewhere with the reason.
NOISE = ("CudaDriverHelper", "unable to create stream", "Failed to create instance", "contains models", "depends on")


def failure_reasons(log: str) -> list[str]:
    """Why the server did not start, a string for each model or fault; the log's last lines when nothing tells."""
    failed, errors, other = [], [], []
    for line in log.splitlines():
        parsed = LINE.match(line)
        if parsed is None:
            other.append(line.strip())
        elif parsed["level"] == "E" and not any(noise in parsed["text"] for noise in NOISE):
            text = _unescape(parsed["text"])
            failure = FAILED.match(text)
            if failure:
                failed.append(f"{failure['name']}: {_exception(failure['reason'])}")
            else:
                errors.append(text)
    # Besides Triton's own lines: what the loader, protobuf or a stub printed.
    other = [PROTOBUF.sub("", line) for line in other if line and not line.startswith(("|", "+"))]
    other = [
        line for line in other if not line.startswith(("Error: Failed to initialize NVML", "error: creating server"))
    ]
    raw = [line for line in other if "error" in line.lower()]
    return list(dict.fromkeys(failed or errors + raw or other[-5:]))


def load_seconds(log: str) -> dict[str, float | None]:
    """Seconds that each model took to load; None for one that has begun and not ended."""
    started: dict[str, datetime] = {}
    seconds: dict[str, float | None] = {}
    for line in log.splitlines():
        parsed = LINE.match(line)
        if parsed is None:
            continue
        moment = datetime.strptime(f"2000{parsed['time']}", "%Y%m%d %H:%M:%S.%f")  # a leap year: 29 February parses
        if loading := LOADING.match(parsed["text"]):
            started[loading["name"]] = moment
            seconds[loading["name"]] = None
        elif (loaded := LOADED.match(parsed["text"])) and loaded["name"] in started:
            seconds[loaded["name"]] = (moment - started[loaded["name"]]).total_seconds()
    return seconds


def _exception(reason: str) -> str:
    """ "Internal: ValueError: text\\n\\nAt:\\n  /x/model.py(4): load" as "ValueError: text (/x/model.py(4): load)"."""
    if "is not healthy" in reason:
        return "its Python process died while loading (killed, out of memory, or a crash in native code)"
    what, _, where = STATUS.sub("", reason).strip().rpartition("\n\nAt:\n")
    return f"{what.strip()} ({where.strip().splitlines()[0]})" if what else where


def _unescape(text: str) -> str:
    """Triton writes its messages as quoted strings with escapes."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    return re.sub(r"\\(.)", lambda escape: {"n": "\n", "t": "\t"}.get(escape[1], escape[1]), text[1:-1])
