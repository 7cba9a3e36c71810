"""The bar that a person sees who waits: on a terminal alone, soon, and saying what is done."""

from __future__ import annotations

import io
import os
import re
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import denoise_standin
import numpy as np
import pytest
import standin
import tifffile
from PIL import Image

from imgconv import cli, doing
from imgconv.cli.console import Console
from imgconv.cli.progress import Pace, Progress
from imgconv.images import bands


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


def test_the_time_left_runs_down_and_the_bar_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter((100.5, 110.0, 115.0, 120.0, 3820.0, 3830.0))
    pace = Pace(100.0)
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    said, parts = [], []
    for part in (0.0, 0.25, 0.25, 0.5, 0.75, 0.75):
        pace.see(part)
        said.append(pace.left)
        parts.append(pace.part)
    assert said == ["0:00", "0:30 left", "0:25 left", "0:20 left", "20:40 left", "20:30 left"]
    assert parts[:5] == [0.0, 0.25, 0.375, 0.5, 0.75]
    assert parts[5] == pytest.approx(0.75 * 3730 / 3720)


def test_a_bar_waits_where_the_next_step_should_have_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter((10.0, 1000.0, 2000.0))
    pace = Pace(0.0)
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    for done, shown in ((0.1, 0.1), (0.1, 0.2), (1.0, 1.0)):
        pace.see(done)
        assert pace.part == pytest.approx(shown)


def test_where_a_plane_takes_long_its_parts_are_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for columns, words in (("80", "loading plane 2 of 3, tile 4 of 5"), ("60", "plane 2 of 3")):
        monkeypatch.setenv("COLUMNS", columns)
        seen = Terminal()
        with Progress(1, Console(None, None, seen), shown=True):
            for plane in doing.count("plane", range(3), 3):
                for tile in doing.count("tile", range(5), 5):
                    if (plane, tile) == (1, 3):
                        until(seen, words)
        doing.rest()
        assert ("tile" in seen.getvalue()) == (columns == "80")


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


@pytest.mark.parametrize(
    ("line", "words", "counted"),
    [
        ("filter -k sharpen a.png", ["loading", "computing", "writing"], {"plane": 1}),
        ("filter -k sharpen tiles.tif", ["loading", "computing"], {"band": 4}),
        ("denoise --model photo.safetensors a.png", ["loading", "computing"], {"layer": 2}),
        ("segment --model standin.safetensors a.png", ["computing", "writing"], {"layer": 1}),
    ],
)
def test_one_file_is_told_in_parts(
    line: str, words: list[str], counted: dict[str, int], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """What the bar shows of a single file: each word, and at least so many of each unit."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bands, "LARGE", 1 << 16)
    monkeypatch.setattr(bands, "BAND", 1 << 16)
    denoise_standin.photo(tmp_path)
    standin.model(tmp_path / "standin.safetensors")
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 70, 3), np.uint8)).save("a.png")
    tifffile.imwrite("tiles.tif", np.zeros((900, 256), np.uint8), tile=(256, 256))
    said, units = ["loading"], dict.fromkeys(counted, 0)
    say, count = doing.say, doing.count

    def noted(unit: str, things: Iterable[Any], total: int) -> Iterator[Any]:
        for one in count(unit, things, total):
            units[unit] = units.get(unit, 0) + 1
            yield one

    def heard(word: str) -> None:
        said.append(word)
        say(word)

    monkeypatch.setattr(doing, "say", heard)
    monkeypatch.setattr(doing, "count", noted)
    assert cli.main([*line.split(), "-q", "-j", "1"]) == 0
    assert set(words) <= set(said)
    assert all(units[unit] >= least for unit, least in counted.items()), units
