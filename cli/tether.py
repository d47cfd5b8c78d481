"""Runs a program that ends when its parent does, however the parent ends: ``tether.py PARENT PROGRAM [ARGUMENT ...]``.

A script of its own, without any import of ours: it only asks the kernel (Linux) and becomes the program.
Elsewhere the program must be stopped by its parent.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    """Become ``command``, unless the parent has gone already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
