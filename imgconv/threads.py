"""Threads: how many this process may use, and bands of rows shared among them."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from imgconv.errors import ImgconvError

_chosen: list[int] = []  # how many, and among how many jobs
_own = threading.local()


def use(granted: int | None, jobs: int = 1) -> None:
    """Use this many threads from now on, shared by jobs at a time; None: all that there are."""
    _chosen[:] = [] if granted is None else [granted, jobs]


def chosen_count() -> int | None:
    """What `use` was told last."""
    return _chosen[0] if _chosen else None


def count() -> int:
    """The number of threads that a job uses."""
    granted, jobs = _chosen or (available(), 1)
    return granted if getattr(_own, "undivided", False) else max(1, granted // jobs)


@contextlib.contextmanager
def use_all_threads() -> Iterator[None]:
    """Within it, this thread's work has the threads of all jobs."""
    before = getattr(_own, "undivided", False)
    _own.undivided = True
    try:
        yield
    finally:
        _own.undivided = before


@functools.cache
def available() -> int:
    """CPUs this process may use: its affinity, but no more than its cgroup's quota."""
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min(count, _quota(count)))


def _quota(count: int) -> int:
    """CPUs that the control group grants (Linux, versions 2 and 1), rounded up."""
    for read in (_quota_v2, _quota_v1):
        try:
            quota, period = read(Path("/sys/fs/cgroup"))
        except (OSError, ValueError):
            continue
        if quota > 0:
            return -(-quota // period)
    return count


def _quota_v2(root: Path) -> tuple[int, int]:
    quota, period = (root / "cpu.max").read_text().split()
    return (-1 if quota == "max" else int(quota)), int(period)


def _quota_v1(root: Path) -> tuple[int, int]:
    group = root / "cpu"
    quota, period = (group / f"cpu.cfs_{word}_us" for word in ("quota", "period"))
    return int(quota.read_text()), int(period.read_text())


WORTHWHILE = 2**18  # numbers of a band, below which another thread costs more than it saves


def run(band: Callable[[int, int], Any], rows: int, smallest: int = 1) -> None:
    """Call band(begin, end) for bands that together cover rows 0..rows, on all threads.

    A few bands a thread even out the load; none has fewer than `smallest` rows but the last.
    This thread works too: the others are asked to help, and each takes the next band when it has
    done one. An exception in a band is raised here, after all of them have ended.
    """
    workers = count()
    step = max(smallest, -(-rows // (4 * workers)))
    spans = [(y, min(y + step, rows)) for y in range(0, rows, step)]
    turn = iter(spans)  # next() of a list's iterator is atomic

    def work() -> None:
        for span in turn:
            band(*span)

    helpers = min(workers, len(spans)) - 1
    asked = _helpers(workers - 1).ask(work, helpers) if helpers > 0 else []
    try:
        work()
    except BaseException:
        for one in asked:
            one.wait()
        raise
    for one in asked:
        one.withdraw()
    for one in asked:
        if one.error is not None:
            raise one.error


def startable(wanted: int) -> int:
    """How many of so many further threads the system lets this process have."""
    enough = threading.Event()
    started = []
    with contextlib.suppress(RuntimeError):
        for _ in range(wanted):
            one = threading.Thread(target=enough.wait, daemon=True)
            one.start()
            started.append(one)
    enough.set()
    for one in started:
        one.join()
    return len(started)


def abandon_with(abandon: threading.Event) -> None:
    """From now on this thread's work ends when `abandon` is set: see `check_abandoned`."""
    _own.abandon = abandon


@contextlib.contextmanager
def stop_with(abandon: threading.Event) -> Iterator[None]:
    """Within it, this thread's steps end between two planes when `abandon` is set."""
    abandon_with(abandon)
    try:
        yield
    finally:
        del _own.abandon


def check_abandoned() -> None:
    """Called between planes, and while waiting: ends this thread's work when the batch was
    interrupted meanwhile.

    Without threads an interrupt reaches the work by itself, as KeyboardInterrupt.
    """
    abandon = getattr(_own, "abandon", None)
    if abandon is not None and abandon.is_set():
        raise ImgconvError("interrupted")


def rows_worthwhile(numbers: int) -> int:
    """The fewest rows of `numbers` each that are worth a thread."""
    return max(16, WORTHWHILE // max(1, numbers))


def _nothing() -> None:
    pass


class _Asked:
    """Work that another thread was asked to do; once it is done nothing here holds it, and what it
    works on, any more."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.work, self.error = work, None  # type: Callable[[], None], BaseException | None
        self.taken, self.unfinished = threading.Lock(), threading.Lock()
        self.unfinished.acquire()

    def do(self) -> None:
        if not self.taken.acquire(blocking=False):
            return
        try:
            self.work()
        except BaseException as error:  # raised where it is waited for
            self.error = error
        finally:
            self.work = _nothing
            self.unfinished.release()

    def wait(self) -> None:
        self.unfinished.acquire()

    def withdraw(self) -> None:
        """If nobody has begun it, since all may be busy or wait themselves; else wait."""
        if self.taken.acquire(blocking=False):
            self.work = _nothing
        else:
            self.wait()


class _Helpers:
    """Threads that wait for work. Those of concurrent.futures take 10 ms to import, a good part of
    what a small image takes as a whole."""

    def __init__(self, count: int) -> None:
        from queue import SimpleQueue

        self.asked: SimpleQueue[_Asked] = SimpleQueue()
        self.count = 0
        with contextlib.suppress(RuntimeError):  # no more can be started: then with fewer
            for n in range(count):
                threading.Thread(target=self._serve, name=f"imgconv-{n}", daemon=True).start()
                self.count += 1

    def _serve(self) -> None:
        while True:
            self.asked.get().do()

    def ask(self, work: Callable[[], None], count: int) -> list[_Asked]:
        """Ask so many to do the work, or as many as there are."""
        asked = [_Asked(work) for _ in range(min(count, self.count))]
        for one in asked:
            self.asked.put(one)
        return asked


_helpers = functools.cache(_Helpers)
if hasattr(os, "register_at_fork"):  # threads do not come along into a forked process
    os.register_at_fork(after_in_child=_helpers.cache_clear)


@contextlib.contextmanager
def deafen_children() -> Iterator[None]:
    """Processes begun within it do not hear Ctrl-C, which a terminal sends to all: we end them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
