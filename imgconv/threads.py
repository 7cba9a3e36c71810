"""Threads: how many this process may use, and bands of rows shared among them."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

_chosen: list[int] = []


def use(threads: int | None) -> None:
    """Use this many threads from now on; None: as many as the process may."""
    _chosen[:] = [] if threads is None else [threads]


def chosen() -> int | None:
    """What `use` was told last."""
    return _chosen[0] if _chosen else None


def count() -> int:
    """The number of threads in use."""
    return chosen() or available()


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
    asked = [_pool(workers - 1).submit(work) for _ in range(helpers)]
    try:
        work()
    finally:
        for future in asked:
            future.exception()  # waits
    for future in asked:
        future.result()


def rows_worthwhile(numbers: int) -> int:
    """The fewest rows of `numbers` each that are worth a thread."""
    return max(16, WORTHWHILE // max(1, numbers))


@functools.cache
def _pool(workers: int) -> Any:
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(workers, thread_name_prefix="imgconv")
