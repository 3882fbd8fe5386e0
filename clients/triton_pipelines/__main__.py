"""The command line, `triton-pipelines` or `python -m triton_pipelines`: see cli/."""

from __future__ import annotations

import sys
from collections.abc import Sequence

_MISSING = "The command line needs more than the library: pip install 'triton-pipelines[cli]'"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code is 0, or 1 after an error."""
    try:
        from . import cli
    except ModuleNotFoundError as error:
        if error.name not in ("click", "rich"):
            raise
        print(_MISSING, file=sys.stderr)
        return 1
    return cli.main(arguments)


if __name__ == "__main__":
    sys.exit(main())
