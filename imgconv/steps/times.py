"""The time of a file's last change, kept on what is made of it."""

# ruff: noqa: PTH116
# Names stay the text that was typed: pathlib would turn ./-x.png into -x.png.
from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from imgconv.batch import Done, Item, Step
from imgconv.text import Fact


@dataclass(frozen=True)
class PreserveTimes:
    """Another step, whose outputs get the modification time of their input."""

    step: Step

    @property
    def together(self) -> int:
        """How many items it gains to do at once: see `imgconv.batch.run`."""
        return getattr(self.step, "together", 1)

    def prepare(self, items: Sequence[Item]) -> Step:
        """The step for these items, which the other one has prepared."""
        ready: Step = getattr(self.step, "prepare")(items)  # noqa: B009
        return PreserveTimes(ready)

    def __call__(self, item: Item) -> Done:
        if item.source == "-":
            done = self.step(item)
            return done._replace(
                notes=(*done.notes, Fact("standard input has no time to preserve"))
            )
        read = os.stat(item.source)
        done = self.step(item)
        try:
            for path in filter(os.path.isfile, done.written):
                os.utime(path, ns=(read.st_atime_ns, read.st_mtime_ns))
        except OSError as error:
            note = Fact(f"its time could not be preserved ({error.strerror})")
            return done._replace(notes=(*done.notes, note))
        return done
