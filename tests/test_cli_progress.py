"""The bar that a person sees who waits: on a terminal alone, soon, and saying what is done."""

from __future__ import annotations

import io
import os
import re
import sys
import threading
import time
from pathlib import Path

import pytest

from imgconv import doing
from imgconv.cli.console import Console
from imgconv.cli.progress import Progress, TimeLeft


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def until(seen: Terminal, words: str) -> None:
    while words not in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.getvalue()):
        time.sleep(0.02)


def test_one_file_shows_what_is_done_and_how_far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    seen = Terminal()
    with Progress(1, Console(None, None, seen), shown=True) as progress:
        doing.say("loading")
        until(seen, "loading")
        for number in doing.count("plane", range(3), 3):
            doing.say("computing")
            until(seen, f"computing plane {number + 1} of 3")
            with doing.during("compiling"):
                until(seen, f"compiling plane {number + 1} of 3")
        progress.say("careful", "note")
        progress.advance()
    doing.rest()
    assert "careful" in seen.getvalue()
    assert not [one for one in threading.enumerate() if one is progress.thread]


def test_many_files_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    seen = Terminal()
    with Progress(7, Console(None, None, seen), shown=True) as progress:
        for _ in range(3):
            progress.advance()
        until(seen, "3 of 7 files")


@pytest.mark.parametrize(("stream", "shown"), [(io.StringIO(), True), (Terminal(), False)])
def test_without_a_terminal_or_when_quiet_there_is_none(stream: io.StringIO, shown: bool) -> None:
    with Progress(5, Console(None, None, stream), shown=shown) as progress:
        assert progress.thread is None
        progress.say("a line")
    assert stream.getvalue() == "a line\n"


def test_tiles_within_planes_are_a_part_of_them() -> None:
    parts = []
    for _ in doing.count("plane", "ab", 2):
        for _ in doing.count("tile", "abcd", 4):
            (mine,) = doing.now()
            parts.append(mine.fraction)
    doing.rest()
    assert parts == [n / 8 for n in range(8)]
    assert doing.now() == []


def test_the_time_left_runs_down(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter((100.5, 110.0, 115.0, 120.0, 3820.0))
    left = TimeLeft(100.0)
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    said = [left(part) for part in (0.0, 0.25, 0.25, 0.5, 0.75)]
    assert said == ["0:00", "0:30 left", "0:25 left", "0:20 left", "20:40 left"]


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals as POSIX has them")
@pytest.mark.parametrize("columns", [40, 120])
def test_a_real_terminal_of_any_width_keeps_it_on_one_line(tmp_path: Path, columns: int) -> None:
    import fcntl
    import pty
    import struct
    import termios

    code = (
        "import time; from imgconv import doing; from imgconv.cli.console import Console\n"
        "from imgconv.cli.progress import Progress\n"
        "with Progress(1, Console.of_process(), shown=True) as p:\n"
        "    doing.say('computing')\n"
        "    for n in doing.count('plane', range(1, 1001), 1000):\n"
        "        while n == 999 and not (p.bar and '999' in p.bar.tasks[0].description):\n"
        "            time.sleep(0.01)\n"
        "        with p.drawing:\n"
        "            pass\n"
    )
    child, terminal = pty.fork()
    if child == 0:
        os.environ.pop("COLUMNS", None)
        os.execv(sys.executable, [sys.executable, "-c", code])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    seen = b""
    try:
        while data := os.read(terminal, 4096):
            seen += data
    except OSError:  # Linux says so when the other end has gone
        pass
    assert os.waitpid(child, 0)[1] == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode())
    lines = [line.rstrip() for line in re.split(r"[\r\n]+", text) if "computing" in line]
    assert any("computing plane 999 of 1000" in line for line in lines), text
    assert all(len(line) <= columns for line in lines), lines
    assert "\n" not in text.rstrip()  # drawn over and over, and taken away at the end
