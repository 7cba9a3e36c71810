"""In which order rows of a network's values are made, from the image's top to its bottom.

A layer makes a few rows as soon as the rows that it reads are there, and whoever is nearest to the
end goes first: so of every value only those rows wait that some later layer still needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush


@dataclass(frozen=True)
class Read:
    """Rows first[i] ... last[i] of a value are what row i is made of; None: row i alone."""

    value: int  # which
    first: list[int] | None = None
    last: list[int] | None = None

    def span(self, begin: int, end: int) -> tuple[int, int]:
        """What rows begin ... end are made of."""
        if self.first is None or self.last is None:
            return begin, end
        return self.first[begin], self.last[end - 1] + 1

    def oldest(self, begin: int) -> int:
        """The first row that rows from `begin` on need."""
        if self.first is None:
            return begin
        return self.first[begin] if begin < len(self.first) else 1 << 60


@dataclass(frozen=True)
class Task:
    """A layer, or an input: so many rows of its value, `chunk` at a time. None are read: an
    input."""

    rows: int
    chunk: int
    reads: Sequence[Read] = ()


Run = tuple[int, int, int]  # which task, and the rows begin ... end that it makes


def order(tasks: Sequence[Task]) -> Iterator[Run]:
    """Every row of every task once. Tasks stand in an order in which they could run whole; value
    i is what task i makes. An input comes when nobody can do anything without."""
    readers: list[list[int]] = [[] for _ in tasks]
    for number, task in enumerate(tasks):
        for read in task.reads:
            readers[read.value].append(number)
    done, waiting = [0] * len(tasks), list[int]()
    inputs = [number for number, task in enumerate(tasks) if not task.reads]
    while waiting or any(done[number] < tasks[number].rows for number in inputs):
        number = -heappop(waiting) if waiting else min(inputs, key=done.__getitem__)
        task, begin = tasks[number], done[number]
        end = min(begin // task.chunk * task.chunk + task.chunk, task.rows)
        if begin == task.rows or any(
            done[read.value] < read.span(begin, end)[1] for read in task.reads
        ):
            continue
        done[number] = end
        yield number, begin, end
        for later in (number, *readers[number]) if task.reads else readers[number]:
            heappush(waiting, -later)


def rows_kept(tasks: Sequence[Task]) -> list[int]:
    """For each task how many rows of its value have to be kept at a time, whole chunks."""
    readers: list[list[tuple[int, Read]]] = [[] for _ in tasks]
    for number, task in enumerate(tasks):
        for read in task.reads:
            readers[read.value].append((number, read))
    done, most = [0] * len(tasks), [task.chunk for task in tasks]
    for number, begin, end in order(tasks):
        done[number] = end
        oldest = min((one.oldest(done[later]) for later, one in readers[number]), default=begin)
        most[number] = max(most[number], end - min(oldest, begin))
    return [-(-count // task.chunk) * task.chunk for count, task in zip(most, tasks, strict=True)]
