"""`imgconv warmup`: compile every kernel now."""

from __future__ import annotations

import sys
from typing import Annotated

from typer import Option

from .console import is_terminal


def command(
    quiet: Annotated[bool, Option("-q", "--quiet", help="Say nothing but errors.")] = False,
) -> int:
    """Compile all kernels for this machine ahead of their first use (containers, CI).

    They are kept in the user's cache folder, or in $IMGCONV_CACHE; a cache made by root
    serves every user.
    """
    from multiprocessing import get_context
    from time import perf_counter

    from imgconv import kernels, threads
    from imgconv.kernels import cache

    start = perf_counter()
    count = len(kernels.every())
    with get_context("spawn").Pool(min(threads.available(), count), silence) as pool:
        for done, name in enumerate(pool.imap_unordered(warm, range(count)), 1):
            if not quiet and is_terminal(sys.stderr):
                print(f"\r{done}/{count} {name:<40}", end="", file=sys.stderr, flush=True)
    if not quiet and sys.stderr is not None:
        clear = "\r" if is_terminal(sys.stderr) else ""
        seconds = perf_counter() - start
        print(f"{clear}{count} kernels ready in {seconds:.1f} s: {cache.folder()}", file=sys.stderr)
    return 0


def silence() -> None:
    """In a worker: the parent says what is going on."""
    from imgconv.kernels import native

    native.announce = False


def warm(number: int) -> str:
    """In a worker: compile the kernel of this number; its name."""
    from imgconv import kernels

    kernel = kernels.every()[number]
    kernel.warm()
    return f"{kernel.module}.{kernel.name}"
