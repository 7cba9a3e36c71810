"""`imgconv warmup`: compile every kernel now."""

from __future__ import annotations

from typing import Annotated

from typer import Option

from imgconv.errors import OutputError
from imgconv.text import show_name

from .console import Console, current, is_terminal
from .progress import Progress


def command(
    quiet: Annotated[bool, Option("-q", "--quiet", help="Say nothing but errors.")] = False,
) -> int:
    """Compile all kernels for this machine ahead of their first use (containers, CI).

    They are kept in the user's cache folder, or in $IMGCONV_CACHE; a cache made by root
    serves every user.
    """
    from time import perf_counter

    from imgconv.kernels import cache

    start, console = perf_counter(), current()
    _check_cache()
    count = _compile_all(console, quiet)
    if not quiet:
        seconds = perf_counter() - start
        console.say(f"{count} kernels ready in {seconds:.1f} s: {show_name(cache.folder())}")
    return 0


def _check_cache() -> None:
    """Raises OutputError where what is compiled could not be kept."""
    from imgconv.kernels import cache

    place = ""
    try:
        place = f"{show_name(cache.folder())}: "
        cache.prepare()
    except (OSError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or str(error) or "others can write into it"
        raise OutputError(
            f"no kernel can be kept: {place}{why}; set IMGCONV_CACHE to a folder that only you "
            "can write"
        ) from None


def _compile_all(console: Console, quiet: bool) -> int:
    """How many kernels there are, all of them compiled, in as many processes as CPUs."""
    from multiprocessing import get_context

    from imgconv import kernels, threads

    count = len(kernels.every())
    workers = get_context("spawn").Pool(min(threads.available(), count), silence)
    with workers as pool, Progress(count, console, shown=not quiet) as progress:
        for done, _ in enumerate(pool.imap_unordered(warm, range(count)), 1):
            progress.advance()
            if not (quiet or is_terminal(console.stderr)) and done % max(1, count // 4) == 0:
                console.say(f"{done} of {count} kernels")
    return count


def silence() -> None:
    """In a worker: the parent says what is going on."""
    from imgconv.kernels import native

    native.announce = False


def warm(number: int) -> None:
    """In a worker: compile the kernel of this number."""
    from imgconv import kernels

    kernels.every()[number].warm()
