"""What each thread is doing, for whoever shows it to people who wait: a word, and how far it is.

Who works writes here and knows nobody who reads; who reads looks when it likes. Nothing is called.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

alone = False  # whether this process is a command's, with no other code in it that works


class Level(NamedTuple):
    """The how manieth of how many is being worked on."""

    unit: str  # "plane", "tile"
    number: int  # from 1
    total: int


class Doing:
    """One thread's: tiles within planes are two levels."""

    def __init__(self) -> None:
        self.word = "loading"
        self.levels: list[Level] = []

    @property
    def fraction(self) -> float:
        """How much is done, 0 to 1, if all of a level takes the same time."""
        done, part = 0.0, 1.0
        for level in tuple(self.levels):
            done += part * (level.number - 1) / level.total
            part /= level.total
        return done


_threads: WeakKeyDictionary[threading.Thread, Doing] = WeakKeyDictionary()  # those that live


def now() -> list[Doing]:
    """What the threads that are at work do."""
    return [one for thread, one in list(_threads.items()) if thread.is_alive()]


def say(word: str) -> None:
    """What this thread does from now on: "loading", "computing", "writing"."""
    _mine().word = word


@contextmanager
def during(word: str) -> Iterator[None]:
    """What this thread does within the block."""
    mine = _mine()
    before, mine.word = mine.word, word
    try:
        yield
    finally:
        mine.word = before


def count(unit: str, things: Iterable[T], total: int) -> Iterator[T]:
    """The things, while it is known which of them is being worked on."""
    levels = _mine().levels
    place = len(levels)
    try:
        for number, thing in enumerate(things, 1):
            levels[place:] = [Level(unit, number, max(total, number))]
            yield thing
    finally:
        del levels[place:]


def rest() -> None:
    """This thread has done its item."""
    _threads.pop(threading.current_thread(), None)


def _mine() -> Doing:
    return _threads.setdefault(threading.current_thread(), Doing())
