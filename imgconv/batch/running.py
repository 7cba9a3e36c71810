"""Carry out a plan: one item after another or several at once, outcomes in plan order."""

# ruff: noqa: PTH103, PTH120
# Names stay the text that was typed: pathlib would turn ./-x.png into -x.png.
from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from imgconv.errors import ImgconvError
from imgconv.images import shown

from .item import Item, Outcome, Step

if TYPE_CHECKING:
    from concurrent.futures import Future

Attempt = Callable[[Item], Outcome | None]
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
    outcomes = map(attempt, items) if jobs <= 1 else _side_by_side(attempt, items, jobs, stop)
    yield from (outcome for outcome in outcomes if outcome is not None)


def _side_by_side(
    attempt: Attempt, items: Sequence[Item], jobs: int, stop: threading.Event
) -> Iterator[Outcome | None]:
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(jobs, thread_name_prefix="imgconv-job")
    waiting: deque[Future[Outcome | None]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(attempt, item))
            if len(waiting) > AHEAD * jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


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
        _make_folders(item)
        done = step(item)
    except Exception as error:
        message, trace = _explain(error, item)
        seconds = time.perf_counter() - begin
        return Outcome(item, "failed", message, seconds=seconds, trace=trace)
    return Outcome(item, "written", done=done, seconds=time.perf_counter() - begin)


def _make_folders(item: Item) -> None:
    """The folder of the outputs. Where {page} is part of a folder's name, the step makes it."""
    folder = os.path.dirname(item.target)
    if folder and not item.paged:
        os.makedirs(folder, exist_ok=True)


def _explain(error: Exception, item: Item) -> tuple[str, str]:
    """One line for any exception, and the traceback of one that is a bug."""
    if isinstance(error, ImgconvError):
        return str(error), ""
    name = shown(item.source)
    if isinstance(error, MemoryError):
        return f"{name}: not enough memory for this image; --jobs 1 needs least", ""
    if isinstance(error, OSError) and error.strerror:
        where = shown(error.filename) if isinstance(error.filename, str) else name
        return f"{where}: {error.strerror}", ""
    import traceback

    said = f"{type(error).__name__}: {error}".strip(": ")
    return f"{name}: unexpected {said}; -v shows where", traceback.format_exc()
