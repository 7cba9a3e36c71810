"""What a batch is made of: items to do, what a step made of one, and how it ended.

Named tuples: immutable, picklable, and a tenth of a dataclass's time to define, which every
start of the program pays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

FIRST = 2048  # items of a batch that are known before anything begins
RETRIES = 2  # of what was lost with its worker
Status = Literal["written", "skipped", "failed"]


class Item(NamedTuple):
    """One input and the names of what becomes of it: plain data, picklable."""

    source: str  # a path, or "-" for standard input
    target: str = ""  # a path, "-" for standard output, "" where nothing is written
    number: int = 1  # position in the plan, from 1: {index} in templates
    also: tuple[str, ...] = ()  # further files of the same step (a table, labels, ...)
    former: tuple[str, ...] = ()  # files of an earlier run that go when this one writes its own
    paged: bool = False  # target is a pattern for str.format with {page} still open
    skip: str = ""  # why it is left alone; the step is not called
    error: str = ""  # why it cannot even be tried; the step is not called

    def page(self, number: int) -> str:
        """The file that page `number` (from 1) goes to."""
        return self.target.format(page=number) if self.paged else self.target


class Done(NamedTuple):
    """What a step returns: the files it wrote, what the user should hear, facts for --json."""

    written: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    record: Mapping[str, Any] = {}
    value: Any = None  # for who gathers outcomes: plain data, not shown


Step = Callable[[Item], Done]
"""Reads item.source, writes item.target (and item.also). Raises ImgconvError for a bad file.

A step is called from several threads at once, or in another process: it is picklable, mutates
nothing and keeps nothing from one item to the next. What a command makes of all items together is
gathered from their outcomes.

A step that is quicker with several items says how many in `together`, and `prepare(items)` returns
a step that is called with these in this order. What is wrong with an item, that one raises.
"""


class Outcome(NamedTuple):
    """How one item ended, in plan order."""

    item: Item
    status: Status
    message: str = ""  # the reason, when skipped or failed: one line
    done: Done = Done()
    seconds: float = 0.0
    where: str = ""  # the worker that did it, of a cluster's
    trace: str = ""  # where an error that nobody expected came from
