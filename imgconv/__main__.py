"""`python -m imgconv` and the `imgconv` command."""

from __future__ import annotations

import os
import sys


def run() -> None:
    # NumPy's BLAS would start a thread a CPU when it is imported; the loops here are our own.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        from imgconv.cli import main

        code = main()
    except KeyboardInterrupt:  # before a command could care for it
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    run()
