"""`python -m imgconv` and the `imgconv` command."""

from __future__ import annotations

import sys


def run() -> None:
    try:
        from imgconv.cli import main

        code = main()
    except KeyboardInterrupt:  # before a command could care for it
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    run()
