"""`imgconv warmup`: compile every kernel now."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated

from typer import Option

from imgconv import threads
from imgconv.errors import OutputError
from imgconv.text import show_name

from .cache import ADVICE, own_folder
from .console import Console, ExitCode, current, is_terminal
from .progress import Progress

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


def command(
    system: Annotated[
        bool, Option("--system", help="As root: keep them where every user's commands look.")
    ] = False,
    quiet: Annotated[bool, Option("-q", "--quiet", help="Say nothing but errors.")] = False,
) -> int:
    """Compile all kernels for this machine ahead of their first use (containers, CI).

    They are kept in the user's cache folder, or in $IMGCONV_CACHE. A cache made by root serves
    every user: with --system in the one place where all look, else in the $IMGCONV_CACHE they
    share. imgconv cache shows what is there.
    """
    from time import perf_counter

    from imgconv.kernels import cache

    start, console = perf_counter(), current()
    if system:
        _choose_system()
    _check_cache()
    try:
        count = _compile_all(console, quiet)
    except KeyboardInterrupt:  # what is compiled is kept
        return ExitCode.INTERRUPTED
    if not quiet:
        seconds = perf_counter() - start
        console.say(f"{count} kernels ready in {seconds:.1f} s: {show_name(cache.folder())}")
    return ExitCode.OK


def _choose_system() -> None:
    """Work in the cache of all users, here and in every worker. Raises OutputError."""
    from imgconv.kernels import cache

    found = cache.system_folder()
    if found is None:
        raise OutputError(
            "--system: there is no place that all users' commands look into while IMGCONV_CACHE "
            "names one (or on this system): leave out --system, and let all set IMGCONV_CACHE"
        )
    if os.geteuid() != 0:
        raise OutputError(
            f"--system: only root's entries are trusted by all ({show_name(found)}): run it as "
            "root, or leave out --system"
        )
    os.environ["IMGCONV_CACHE"] = str(found.parent)


def _check_cache() -> None:
    """Raises OutputError where what is compiled could not be kept."""
    from imgconv.kernels import cache

    kernels = own_folder()
    try:
        cache.prepare()
    except OSError as error:
        why = error.strerror or str(error)
        raise OutputError(f"no kernel can be kept: {show_name(kernels)}: {why}; {ADVICE}") from None


def _compile_all(console: Console, quiet: bool) -> int:
    """How many kernels there are, all of them compiled, in as many processes as CPUs."""
    from imgconv import kernels, threads

    count = len(kernels.every())
    spoken = not (quiet or is_terminal(console.stderr))
    bar = Progress(count, console, shown=not quiet, unit="kernel", word="compiling")
    with _workers(min(threads.available(), count)) as ends, bar as progress:
        for done, _ in enumerate(_finished(ends, range(count)), 1):
            progress.advance()
            if spoken and done % max(1, count // 10) == 0:
                console.say(f"{done} of {count} kernels")
    return count


@contextmanager
def _workers(count: int) -> Iterator[list[Connection]]:
    """Our ends of the pipes to so many processes that compile; they end with the block."""
    from multiprocessing import get_context

    spawn, ends, processes = get_context("spawn"), [], []
    try:
        with threads.deafen_children():
            for _ in range(count):
                ours, theirs = spawn.Pipe()
                process = spawn.Process(target=work, args=(theirs,), daemon=True)
                process.start()
                processes.append(process)
                theirs.close()
                ends.append(ours)
        yield ends
    except BlockingIOError:
        raise OutputError("no further process can be started: raise ulimit -u") from None
    finally:
        for process in processes:
            process.kill()
            process.join()


def _finished(ends: list[Connection], kernels: Iterable[int]) -> Iterator[int]:
    """The numbers of kernels, each when it is compiled."""
    from multiprocessing.connection import wait

    waiting, busy = iter(kernels), set(ends)
    try:
        for end in ends:
            _send_next(end, waiting, busy)
        while busy:
            for end in [one for one in ends if one in wait(list(busy))]:
                yield end.recv()
                _send_next(end, waiting, busy)
    except (EOFError, BrokenPipeError):
        raise OutputError(
            "a process that compiled has been ended, or has found too little memory; "
            "imgconv warmup goes on where it was"
        ) from None


def _send_next(end: Connection, waiting: Iterator[int], busy: set[Connection]) -> None:
    number = next(waiting, None)
    if number is None:
        busy.discard(end)
    else:
        end.send(number)


def work(end: Connection) -> None:
    """In a worker: compile what comes through the pipe, until it is closed."""
    from imgconv import kernels
    from imgconv.kernels import native

    native.announce = False  # the parent says what is going on
    with suppress(EOFError):
        while True:
            number = end.recv()
            kernels.every()[number].warm()
            end.send(number)
