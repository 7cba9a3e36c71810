"""A progress bar with a time estimate, for people who would otherwise wait in silence."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

from .console import Console, Kind, is_terminal, label, one_line

PATIENCE = 0.5  # seconds before a bar is worth its import


class Progress:
    """Counts outcomes. The bar appears on a terminal when a batch lasts; before, nothing loads."""

    def __init__(self, total: int, console: Console, *, shown: bool) -> None:
        self.total, self.done, self.begin = total, 0, time.perf_counter()
        self.console = console
        self.wanted = shown and total > 1 and is_terminal(console.stderr)
        self.bar: Any = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.bar:
            self.bar.stop()
            self.bar = None

    def advance(self) -> None:
        self.done += 1
        if self.bar:
            self.bar.update(self.bar.task_ids[0], completed=self.done)
        elif self.wanted and self._lasts():
            self.bar = _bar(self.console.stderr, self.total, self.done)

    def _lasts(self) -> bool:
        spent = time.perf_counter() - self.begin
        return spent > PATIENCE and spent / self.done * (self.total - self.done) > PATIENCE

    def say(self, line: str, kind: Kind = "") -> None:
        """A line on standard error, above the bar."""
        if self.bar:
            self._above(label(kind, self.console.stderr) + one_line(line))
        else:
            self.console.say(line, kind)

    def out(self, text: str) -> None:
        """Text on standard output; where that is the same terminal, above the bar."""
        if self.bar and is_terminal(self.console.stdout):
            self._above(text.rstrip("\n"))
        else:
            self.console.out(text)

    def _above(self, text: str) -> None:
        from rich.text import Text

        self.bar.console.print(Text.from_ansi(text), soft_wrap=True)


def _bar(stream: Any, total: int, done: int) -> Any:
    from rich.console import Console as Rich
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("left"))
    bar = Bar(*columns, console=Rich(file=stream), transient=True)
    bar.add_task("", total=total, completed=done)
    bar.start()
    return bar
