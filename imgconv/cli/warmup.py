"""`imgconv warmup`: compile every kernel now."""

from __future__ import annotations

import sys
from typing import Annotated

from typer import Option


def command(
    quiet: Annotated[bool, Option("-q", "--quiet", help="Say nothing but errors.")] = False,
) -> int:
    """Compile all kernels for this machine ahead of their first use (containers, CI).

    They are kept in the user's cache folder, or in $IMGCONV_CACHE; a cache made by root
    serves every user.
    """
    from time import perf_counter

    from imgconv import kernels
    from imgconv.kernels import cache

    start = perf_counter()
    every = kernels.every()
    for number, kernel in enumerate(every, 1):
        if not quiet and sys.stderr.isatty():
            print(f"\r{number}/{len(every)} {kernel.name:<24}", end="", file=sys.stderr)
        kernel.warm()
    if not quiet:
        clear = "\r" if sys.stderr.isatty() else ""
        seconds = perf_counter() - start
        print(
            f"{clear}{len(every)} kernels ready in {seconds:.1f} s: {cache.folder()}",
            file=sys.stderr,
        )
    return 0
