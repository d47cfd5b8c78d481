"""The process `danbiet`, and how it ends.

Temporal's threads outlive its client, and may abort an interpreter that is being taken down (sdk-python #300): an
action that was taken would end with a signal instead of 0. A process that has loaded Temporal ends without that.
"""

from __future__ import annotations

import os
import sys

from cli.main import run


def main() -> None:
    """Entry point."""
    code = 0
    try:
        run()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    if "temporalio" in sys.modules:
        os._exit(code or _flush())
    sys.exit(code)


def _flush() -> int:
    """1 if the answer could not be written to its end."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        return 1
    return 0


if __name__ == "__main__":
    main()
