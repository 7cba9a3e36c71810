"""A progress bar for people who would otherwise wait in silence: how far, doing what."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from imgconv import doing
from imgconv.doing import Doing

from .console import Console, Kind, is_terminal, label, one_line

PATIENCE = 0.4  # seconds before a bar is worth its import
TICK = 0.1  # seconds
WIDEST = 40  # columns of the bar itself
WORDS = 44  # columns of what stands beside it, at most
ROOMY = 76  # columns of a terminal from which two counts find room


class Progress:
    """Counts outcomes. On a terminal, if it lasts, a thread draws the bar; else nothing loads."""

    def __init__(
        self, total: int, console: Console, *, shown: bool, unit: str = "file", word: str = ""
    ) -> None:
        self.total, self.done = total, 0
        self.unit, self.word = unit, word
        self.console = console
        self.ended = threading.Event()
        self.drawing = threading.Lock()  # held while lines or the bar are drawn
        self.bar: Any = None
        wanted = shown and total > 0 and is_terminal(console.stderr)
        self.thread = threading.Thread(target=self._draw, daemon=True) if wanted else None

    def __enter__(self) -> Progress:
        if self.thread:
            try:
                self.thread.start()
            except RuntimeError:  # no thread can be started
                self.thread = None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.ended.set()
        if self.thread:
            self.thread.join()

    def advance(self) -> None:
        self.done += 1

    def say(self, line: str, kind: Kind = "") -> None:
        """A line on standard error, above the bar."""
        with self.drawing:
            if self.bar:
                self._above(label(kind, self.console.stderr) + one_line(line))
            else:
                self.console.say(line, kind)

    def out(self, text: str) -> None:
        """Text on standard output; where that is the same terminal, above the bar."""
        with self.drawing:
            if self.bar and is_terminal(self.console.stdout):
                self._above(text.rstrip("\n"))
            else:
                self.console.out(text)

    def _above(self, text: str) -> None:
        from rich.text import Text

        self.bar.console.print(Text.from_ansi(text), soft_wrap=True)

    def _draw(self) -> None:
        """In a thread of its own, until the end."""
        begin = time.monotonic()
        if self.ended.wait(PATIENCE):
            return
        made = _bar(self.console.stderr)
        with self.drawing:
            made.start()
            self.bar = made
        task, pace = made.task_ids[0], Pace(begin)
        while not self.ended.wait(TICK):
            words, part = self._state(doing.now(), made.console.width >= ROOMY)
            pace.see(part)
            total = 1 if part > 0 else None
            with self.drawing:
                made.update(
                    task, description=words, total=total, completed=pace.part, left=pace.left
                )
                made.refresh()
        with self.drawing:
            made.stop()
            self.bar = None

    def _state(self, threads: Sequence[Doing], roomy: bool) -> tuple[str, float]:
        """What is done, in words, and how much of all, 0 to 1. Where there is room, a single file's
        innermost steps are told beside the outermost: a plane can take long."""
        part = (self.done + sum(one.fraction for one in threads)) / self.total
        word = self.word or (threads[-1].word if threads else "loading")
        levels = [level for one in threads for level in one.levels if level.total > 1]
        if self.total > 1:
            word += f", {self.done} of {self.total} {self.unit}s"
        elif levels:
            told = (levels[0], levels[-1]) if roomy and len(levels) > 1 else levels[:1]
            word += " " + ", ".join(f"{one.unit} {one.number} of {one.total}" for one in told)
        return word, min(part, 1)


class Pace:
    """How much is done and how long the rest will take, if it goes on as it went.

    Between two steps both go on at the pace seen so far, for as much as the last step was.
    """

    def __init__(self, begin: float) -> None:
        self.begin = self.now = begin
        self.done, self.step, self.end = 0.0, 0.0, begin

    def see(self, done: float) -> None:
        """So much is done now, 0 to 1."""
        self.now = time.monotonic()
        if done > self.done:
            self.done, self.step = done, done - self.done
            self.end = self.begin + (self.now - self.begin) / done

    @property
    def part(self) -> float:
        if self.done == 0:
            return 0.0
        by_time = (self.now - self.begin) / (self.end - self.begin)
        return min(max(self.done, by_time), self.done + self.step, 1)

    @property
    def left(self) -> str:
        """In words; at first, how long it has taken."""
        if self.done < 0.02 or self.now - self.begin < 1:
            return _clock(self.now - self.begin)
        return f"{_clock(max(0, self.end - self.now))} left"


def _clock(seconds: float) -> str:
    """1:05, or 2:01:05."""
    from datetime import timedelta

    return str(timedelta(seconds=round(seconds))).removeprefix("0:").removeprefix("0")


def _bar(stream: Any) -> Any:
    from rich.console import Console as Rich
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    rich = Rich(file=stream)
    wide = max(6, min(WIDEST, rich.width - WORDS))
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(wide),
        TextColumn("{task.fields[left]}", markup=False),
    )
    bar = Bar(*columns, console=rich, transient=True, auto_refresh=False)
    bar.add_task("loading", total=None, left="")
    return bar
