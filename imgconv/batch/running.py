"""Carry out a plan: one item after another or several at once, outcomes in plan order."""

# ruff: noqa: PTH103, PTH120
# Names stay the text that was typed: pathlib would turn ./-x.png into -x.png.
from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING

from imgconv import doing, threads
from imgconv.errors import ImgconvError, OutputError
from imgconv.images import is_url, show_name

from .imports import import_ahead, import_formats
from .item import FIRST, Item, Outcome, Step

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

Fold = Callable[[Outcome], object]
Group = Sequence[Item]
AHEAD = 16  # outcomes a job may be ahead of a slow one; only `jobs` images are in memory
_importing = threading.Lock()  # of a worker's threads


def run(
    items: Iterable[Item],
    step: Step,
    *,
    executor: Executor | None = None,
    jobs: int = 1,
    fail_fast: bool = False,
    fold: Fold | None = None,
) -> Generator[Outcome]:
    """Call step(item) for each item, `jobs` at once, and yield how each ended, in plan order.

    Without an executor the jobs are threads of this process. Any other of concurrent.futures's
    kind may be given (processes, a cluster's): it has as many workers as it has, `jobs` is their
    number as far as known, and whoever gave it shuts it down. Standard input and output stay here.
    With `fail_fast` nothing is begun after a failure; what was under way ends and is reported.
    Closing the generator (or an interrupt) begins nothing more and waits for what is under way.
    `fold` is called here, in plan order, with each outcome, also of what ends after that. Of the
    items only the first are taken at once, the others when their turn is near.
    """
    fold = fold or _nothing
    rest = iter(items)
    first = list(islice(rest, FIRST))
    jobs = min(jobs, len(first))
    if executor is not None:
        return _send(first, rest, step, executor, max(jobs, AHEAD), fail_fast, fold)
    jobs = threads.startable(jobs) if jobs > 1 else jobs
    if jobs <= 1:
        return _in_turn(first, rest, step, fail_fast, fold)
    import_ahead(step, first)
    return _on_threads(first, _imported(rest), step, jobs, fail_fast, fold)


def _nothing(outcome: Outcome) -> None:
    pass


def _imported(items: Iterable[Item]) -> Iterator[Item]:
    known: set[str] = set()
    for item in items:
        import_formats(item, known)
        yield item


def _groups(
    first: Sequence[Item], rest: Iterable[Item], step: Step, jobs: int, fail_fast: bool
) -> Iterator[Group]:
    """What a job does at a time: one item, or several of a step that is quicker with several."""
    most = 1 if fail_fast else getattr(step, "together", 1)
    size = max(1, min(most, len(first) // jobs))
    items = chain(first, rest)
    while group := list(islice(items, size)):
        yield group


def _in_turn(
    first: Sequence[Item], rest: Iterable[Item], step: Step, fail_fast: bool, fold: Fold
) -> Generator[Outcome]:
    for group in _groups(first, rest, step, 1, fail_fast):
        for outcome in attempt_each(step, group):
            fold(outcome)
            yield outcome
            if fail_fast and outcome.status == "failed":
                return


def _on_threads(
    first: Sequence[Item],
    rest: Iterable[Item],
    step: Step,
    jobs: int,
    fail_fast: bool,
    fold: Fold,
) -> Generator[Outcome]:
    from concurrent.futures import ThreadPoolExecutor

    abandon = threading.Event()
    pool = ThreadPoolExecutor(
        jobs, "imgconv-job", initializer=threads.abandon_with, initargs=(abandon,)
    )
    try:
        groups = _groups(first, rest, step, jobs, fail_fast)
        yield from gather(
            groups, lambda group: pool.submit(attempt_each, step, group), lambda: AHEAD * jobs,
            fail_fast, fold, abandon,
        )  # fmt: skip
    finally:
        pool.shutdown(wait=True)


def _send(
    first: Sequence[Item],
    rest: Iterable[Item],
    step: Step,
    executor: Executor,
    jobs: int,
    fail_fast: bool,
    fold: Fold,
) -> Generator[Outcome]:
    share = threads.count() if threads.chosen_count() else None

    def begin(group: Group) -> Future[list[Outcome]]:
        if any(i.skip or i.error or "-" in (i.source, i.target) for i in group):
            return begin_here(step, group)
        return executor.submit(attempt_there, step, group, share)

    groups = _groups(first, rest, step, jobs, True)
    yield from gather(groups, begin, lambda: AHEAD * jobs, fail_fast, fold)


def begin_here(step: Step, group: Group) -> Future[list[Outcome]]:
    from concurrent.futures import Future

    future: Future[list[Outcome]] = Future()
    future.set_result(attempt_each(step, group))
    return future


def gather(
    groups: Iterable[Group],
    begin: Callable[[Group], Future[list[Outcome]]],
    ahead: Callable[[], int],
    fail_fast: bool,
    fold: Fold | None = None,
    abandon: threading.Event | None = None,
) -> Generator[Outcome]:
    """Outcomes in plan order, `ahead` items begun ahead of the one that is waited for."""
    fold = fold or _nothing
    waiting: list[tuple[Group, Future[list[Outcome]]]] = []
    failed = threading.Event()

    def watch(future: Future[list[Outcome]]) -> None:
        if future.cancelled():
            return
        if future.exception() or any(one.status == "failed" for one in future.result()):
            failed.set()
            for _, other in list(waiting):
                other.cancel()

    def first() -> Generator[Outcome]:
        outcomes = _collect(*waiting[0])
        del waiting[0]
        for number, outcome in enumerate(outcomes):
            fold(outcome)
            try:
                yield outcome
            except GeneratorExit:
                for other in outcomes[number + 1 :]:
                    fold(other)
                raise

    try:
        for group in groups:
            if failed.is_set():
                break
            waiting.append((group, begin(group)))
            if fail_fast:
                waiting[-1][1].add_done_callback(watch)
            if sum(len(group) for group, _ in waiting) > ahead():
                yield from first()
        while waiting:
            yield from first()
    finally:
        if abandon:
            abandon.set()
        for _, future in waiting:
            future.cancel()
        for group, future in waiting:
            for outcome in _collect(group, future):
                fold(outcome)


def _collect(group: Group, future: Future[list[Outcome]]) -> list[Outcome]:
    """What became of the items, when their job has ended; nothing if it was not begun."""
    from concurrent.futures import CancelledError

    try:
        error = future.exception()
    except CancelledError:
        return []
    if error is None:
        return future.result()
    if not isinstance(error, Exception) or isinstance(error, BrokenPipeError):
        raise error
    told = [(i, *_explain(error, i)) for i in group]  # it died, or what was sent is no pickle
    return [Outcome(item, "failed", message, trace=trace) for item, message, trace in told]


def attempt_there(step: Step, group: Group, share: int | None) -> list[Outcome]:
    """`attempt_each` in a worker, which may do several groups at once, each on `share` threads."""
    threads.use(share)
    with _importing:
        import_ahead(step, group)
    return attempt_each(step, group)


def attempt_each(step: Step, group: Group) -> list[Outcome]:
    """Do the items, by what `step.prepare(group)` returns if there are several."""
    if len(group) == 1:
        return [attempt(step, group[0])]
    begin = time.perf_counter()
    todo = [item for item in group if not (item.error or item.skip)]
    ready: Step = getattr(step, "prepare")(todo)  # noqa: B009
    outcomes = [attempt(ready, item) for item in group]
    each = (time.perf_counter() - begin) / len(group)
    return [one if one.status == "skipped" else one._replace(seconds=each) for one in outcomes]


def attempt(step: Step, item: Item) -> Outcome:
    """Do one item; every exception becomes its failure."""
    if item.error:
        return Outcome(item, "failed", f"{show_name(item.source)}: {item.error}")
    if item.skip:
        return Outcome(item, "skipped", item.skip)
    begin = time.perf_counter()
    doing.say("loading")
    try:
        if not item.paged:
            make_folder(item.target)
        done = step(item)
    except BrokenPipeError:
        if item.target == "-":  # whoever read our standard output has gone: no use going on
            raise
        return Outcome(item, "failed", f"{show_name(item.source)}: the pipe was closed")
    except Exception as error:
        message, trace = _explain(error, item)
        seconds = time.perf_counter() - begin
        return Outcome(item, "failed", message, seconds=seconds, trace=trace)
    finally:
        doing.rest()
    return Outcome(item, "written", done=done, seconds=time.perf_counter() - begin)


def make_folder(target: str) -> None:
    """The folder that a file goes into. Raises OutputError."""
    folder = os.path.dirname(target)
    if is_url(folder):
        return
    try:
        os.makedirs(folder or os.curdir, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{show_name(folder)}: cannot make this folder ({error.strerror}); give another with "
            "`output`"
        ) from error


def explain_loss(item: Item, times: int) -> Outcome:
    """The failure of an item that ended its process whenever it was tried."""
    why = "lost its worker each time, perhaps for want of memory"
    return Outcome(item, "failed", f"{show_name(item.source)}: tried {times + 1} times, {why}")


def _explain(error: Exception, item: Item) -> tuple[str, str]:
    """One line for any exception, and the traceback of one that is a bug."""
    name = show_name(item.source)
    if isinstance(error, ImgconvError):
        text = str(error)
        named = any(show_name(n) in text for n in (item.source, item.target, *item.also) if n)
        return text if named else f"{name}: {text}", ""
    if isinstance(error, MemoryError):
        return f"{name}: not enough memory for this image; `jobs=1` needs least", ""
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return f"{name}: too many files are open; raise `ulimit -n`, or give `jobs=1`", ""
    if isinstance(error, OSError) and error.strerror:
        where = show_name(error.filename) if isinstance(error.filename, str) else name
        return f"{where}: {error.strerror}", ""
    import traceback

    said = f"{type(error).__name__}: {error}".strip(": ")
    return f"{name}: unexpected {said}; `verbose` shows where", traceback.format_exc()
