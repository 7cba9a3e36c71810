"""Fair timing: ours and the peer's in turn, in one run, medians and their ratio."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One line of the table: seconds of both sides, medians of the rounds."""

    work: str
    peer: str
    ours: float
    theirs: float
    goal: float | None  # the ratio wanted

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs


def pair(
    work: str,
    peer: str,
    ours: Callable[[], object],
    theirs: Callable[[], object],
    goal: float | None = None,
    rounds: int = 11,
) -> Row:
    """Time both `rounds` times, A B A B ..., after one call of each that does not count."""
    ours(), theirs()
    times = [(seconds(ours), seconds(theirs)) for _ in range(rounds)]
    mine, other = (statistics.median(column) for column in zip(*times, strict=True))
    return Row(work, peer, mine, other, goal)


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def command(*words: str | Path, stdin: Path | None = None) -> Callable[[], object]:
    """A whole process; its failure is an error."""

    def call() -> object:
        return subprocess.run([*map(str, words)], check=True, capture_output=True)

    return call


def show(rows: Sequence[Row], title: str) -> None:
    print(f"\n{title}\n")
    print("| work | imgconv ms | peer ms | ratio | goal | peer |")
    print("|---|---:|---:|---:|---:|---|")
    for row in rows:
        goal = "" if row.goal is None else f"{row.goal:.2f}"
        mine, other = row.ours * 1e3, row.theirs * 1e3
        print(f"| {row.work} | {mine:.1f} | {other:.1f} | {row.ratio:.2f} | {goal} | {row.peer} |")


def refuse_a_busy_machine() -> None:
    """Stop if other processes use the CPUs: figures would mean nothing."""
    if "--anyway" in sys.argv:
        return
    busy = min(_busy_share() for _ in range(3))
    if busy > 0.1:
        sys.exit(f"the machine is busy ({busy:.0%} of its CPUs): wait, or add --anyway")


def _busy_share(wait: float = 0.7) -> float:
    """The share of all CPU time that was not idle during `wait` seconds (Linux)."""
    before, start = _cpu_times(), time.perf_counter()
    time.sleep(wait)
    idle = _cpu_times() - before
    passed = (time.perf_counter() - start) * (os.cpu_count() or 1)
    return max(0.0, 1 - idle / passed)


def _cpu_times() -> float:
    """Idle seconds of all CPUs together since boot."""
    try:
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    except OSError:
        sys.exit("cannot tell whether this machine is idle: add --anyway")
    return (int(fields[4]) + int(fields[5])) / os.sysconf("SC_CLK_TCK")
