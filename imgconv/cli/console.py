"""Where a command line reads and writes, and how it ends: values, made once in `main`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from enum import IntEnum
from typing import Any, Literal, NamedTuple

from imgconv.errors import SETTING, OutputError, setting_value
from imgconv.text import show_text

Kind = Literal["", "error", "note"]
typed: list[str] = []  # the words of the command line that is being run
COLOURS = {"error": "1;31", "note": "1;36"}  # bold red, bold cyan


def command_line() -> str:
    """The command line that is being run, as a shell takes it."""
    import shlex

    return shlex.join(["imgconv", *typed])


class ExitCode(IntEnum):
    """What a command returns; the first two also mean "no" of commands that check something."""

    OK = 0
    FAILED = 1  # a file, or more: the others are done
    USAGE = 2  # the command line asks for something impossible; nothing was begun
    INTERRUPTED = 130  # 128 + SIGINT
    PIPE_CLOSED = 141  # 128 + SIGPIPE, what a shell reports for any tool whose reader went away


class Console(NamedTuple):
    """Three streams; one that the shell has closed (>&-) is None.

    Images that are piped go by the process's own.
    """

    stdin: Any
    stdout: Any
    stderr: Any

    @classmethod
    def of_process(cls) -> Console:
        return cls(sys.stdin, sys.stdout, sys.stderr)

    def out(self, text: str) -> None:
        """To standard output at once, names byte for byte. Raises OutputError (and
        BrokenPipeError on a pipe)."""
        if self.stdout is None:
            return
        stream = getattr(self.stdout, "buffer", None)
        try:
            if stream is None:  # a stream that takes text only
                self.stdout.write(text)
            else:
                stream.write(os.fsencode(text))
            self.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            self.hush()
            reason = error.strerror or error
            raise OutputError(f"standard output: cannot be written ({reason})") from error

    def show(self, text: str) -> None:
        """Lines for people, on standard output."""
        self.out(show_text(text, lines=True))

    def say(self, line: str, kind: Kind = "") -> None:
        """A line for people, on standard error."""
        if self.stderr is None:
            return
        try:
            self.stderr.write(label(kind, self.stderr) + one_line(line) + "\n")
            self.stderr.flush()
        except BrokenPipeError:
            raise
        except OSError:  # a full disk: there is nowhere else to say it
            pass

    def error(self, line: str) -> None:
        """What went wrong: the user's to fix."""
        self.say(line, "error")

    def note(self, line: str) -> None:
        """What went well and may not be what is wanted, and what to do."""
        self.say(line, "note")

    def hush(self) -> None:
        """Let the interpreter's own flush at exit go nowhere."""
        with suppress(OSError, ValueError, AttributeError):  # an output without a descriptor
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.stdout.fileno())


_current: ContextVar[Console | None] = ContextVar("console", default=None)


def current() -> Console:
    """The console of the command line that is being run; else the process's own."""
    return _current.get() or Console.of_process()


@contextmanager
def using(console: Console | None) -> Iterator[None]:
    """Within the block, `current` is this console."""
    before = _current.set(console)
    try:
        yield
    finally:
        _current.reset(before)


def is_terminal(stream: Any) -> bool:
    return stream is not None and stream.isatty()


def label(kind: Kind, stream: Any) -> str:
    """What a line begins with, "error: " or "note: "; in colour on a terminal that has any.

    NO_COLOR: https://no-color.org.
    """
    if not kind:
        return ""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    if plain or not is_terminal(stream):
        return f"{kind}: "
    return f"\x1b[{COLOURS[kind]}m{kind}:\x1b[0m "


NAMES = {"everything": "--global", "output": "-o", "recursive": "-r"}  # that are not the setting's


def in_options(text: str) -> str:
    """A message of the library as the command line has it: `max_pixels=25` as --max-pixels 25.

    A Fact stays one.
    """
    found = SETTING.sub(lambda found: _option(found[1], setting_value(found[2])), text)
    return type(text)(found)


def _option(name: str, value: object) -> str:
    word = NAMES.get(name) or "--" + name.replace("_", "-")
    if value is None or value is True:
        return word
    if isinstance(value, tuple):
        value = "x".join(map(str, value))
    every = value if isinstance(value, list) else [value]
    return " ".join(f"{word} {one}" for one in every)


def one_line(text: str) -> str:
    """A message fit for a terminal: no control characters, no lone surrogates, one line."""
    return show_text(text)
