"""What a batch is made of: items to do, what a step made of one, and how it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["written", "skipped", "failed"]


@dataclass(frozen=True)
class Item:
    """One input and the names of what becomes of it: plain data, picklable."""

    source: str  # a path, or "-" for standard input
    target: str = ""  # a path, "-" for standard output, "" where nothing is written
    index: int = 1  # position in the plan, from 1
    also: tuple[str, ...] = ()  # further files of the same step (a table, labels, ...)
    paged: bool = False  # target is a pattern for str.format with {page} still open
    skip: str = ""  # why it is left alone; the step is not called
    error: str = ""  # why it cannot even be tried; the step is not called

    def page(self, number: int) -> str:
        """The file that page `number` (from 1) goes to."""
        return self.target.format(page=number) if self.paged else self.target


@dataclass(frozen=True)
class Done:
    """What a step returns: the files it wrote, what the user should hear, facts for --json."""

    written: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    record: dict[str, Any] = field(default_factory=dict)


Step = Callable[[Item], Done]
"""Reads item.source, writes item.target (and item.also). Raises ImgconvError for a bad file.

A step is called from several threads at once, so it keeps nothing from one item to the next.
"""


@dataclass(frozen=True)
class Outcome:
    """How one item ended, in plan order."""

    item: Item
    status: Status
    message: str = ""  # the reason, when skipped or failed: one line
    done: Done = Done()
    seconds: float = 0.0
    trace: str = ""  # where an error that nobody expected came from
