"""`python -m imgconv` and the `imgconv` command."""

from __future__ import annotations

import sys


def run() -> None:
    from imgconv.cli import main

    sys.exit(main())


if __name__ == "__main__":
    run()
