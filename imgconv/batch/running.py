"""Carry out a plan: one item after another or several at once, outcomes in plan order."""

# ruff: noqa: PTH103, PTH120
# Names stay the text that was typed: pathlib would turn ./-x.png into -x.png.
from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from imgconv.errors import ImgconvError, OutputError
from imgconv.images import shown

from .imports import import_ahead
from .item import Item, Outcome, Step

if TYPE_CHECKING:
    from concurrent.futures import Future

Attempt = Callable[[Item], Outcome | None]
_here = threading.local()  # of a job's thread: whether the batch has been abandoned
AHEAD = 16  # outcomes a thread may be ahead of a slow one; only `jobs` images are in memory


def run(
    items: Sequence[Item], step: Step, *, jobs: int = 1, fail_fast: bool = False
) -> Generator[Outcome]:
    """Call step(item) for each item, `jobs` at once, and yield how each ended, in plan order.

    With `fail_fast` nothing is begun after a failure; what was under way ends and is reported.
    Closing the generator (or an interrupt) begins nothing more and waits for what is under way.
    """
    stop = threading.Event()
    attempt = partial(_attempt, step, stop, fail_fast)
    jobs = min(jobs, len(items))
    if jobs <= 1:
        return _in_turn(attempt, items)
    import_ahead(step, items)
    return _side_by_side(attempt, items, jobs, stop)


def _in_turn(attempt: Attempt, items: Sequence[Item]) -> Generator[Outcome]:
    yield from filter(None, map(attempt, items))


def _side_by_side(
    attempt: Attempt, items: Sequence[Item], jobs: int, stop: threading.Event
) -> Generator[Outcome]:
    from concurrent.futures import ThreadPoolExecutor

    abandon = threading.Event()
    pool = ThreadPoolExecutor(
        jobs, "imgconv-job", initializer=setattr, initargs=(_here, "abandon", abandon)
    )
    waiting: deque[Future[Outcome | None]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(attempt, item))
            if len(waiting) > AHEAD * jobs:
                yield from filter(None, [waiting.popleft().result()])
        while waiting:
            yield from filter(None, [waiting.popleft().result()])
    finally:
        stop.set()
        abandon.set()
        pool.shutdown(wait=True, cancel_futures=True)


def check_abandoned() -> None:
    """Called by a step between planes: ends it when the batch was interrupted meanwhile.

    Without threads an interrupt reaches the step by itself, as KeyboardInterrupt.
    """
    abandon = getattr(_here, "abandon", None)
    if abandon is not None and abandon.is_set():
        raise ImgconvError("interrupted")


def _attempt(step: Step, stop: threading.Event, fail_fast: bool, item: Item) -> Outcome | None:
    if stop.is_set():
        return None
    outcome = _outcome(step, item)
    if fail_fast and outcome.status == "failed":
        stop.set()
    return outcome


def _outcome(step: Step, item: Item) -> Outcome:
    if item.error:
        return Outcome(item, "failed", f"{shown(item.source)}: {item.error}")
    if item.skip:
        return Outcome(item, "skipped", item.skip)
    begin = time.perf_counter()
    try:
        if not item.paged:
            make_folder(item.target)
        done = step(item)
    except BrokenPipeError:
        if item.target == "-":  # whoever read our standard output has gone: no use going on
            raise
        return Outcome(item, "failed", f"{shown(item.source)}: the pipe was closed")
    except Exception as error:
        message, trace = _explain(error, item)
        seconds = time.perf_counter() - begin
        return Outcome(item, "failed", message, seconds=seconds, trace=trace)
    return Outcome(item, "written", done=done, seconds=time.perf_counter() - begin)


def make_folder(target: str) -> None:
    """The folder that a file goes into. Raises OutputError."""
    folder = os.path.dirname(target)
    try:
        os.makedirs(folder or os.curdir, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{shown(folder)}: cannot make this folder ({error.strerror}); give another with -o"
        ) from error


def _explain(error: Exception, item: Item) -> tuple[str, str]:
    """One line for any exception, and the traceback of one that is a bug."""
    name = shown(item.source)
    if isinstance(error, ImgconvError):
        text = str(error)
        named = any(shown(n) in text for n in (item.source, item.target) if n)
        return text if named else f"{name}: {text}", ""
    if isinstance(error, MemoryError):
        return f"{name}: not enough memory for this image; --jobs 1 needs least", ""
    if isinstance(error, OSError) and error.strerror:
        where = shown(error.filename) if isinstance(error.filename, str) else name
        return f"{where}: {error.strerror}", ""
    import traceback

    said = f"{type(error).__name__}: {error}".strip(": ")
    return f"{name}: unexpected {said}; -v shows where", traceback.format_exc()
