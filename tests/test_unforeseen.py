"""What nobody asks for: numbers beyond bounds, mistakes of ours, a system without threads."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgconv import cli, threads
from imgconv.batch import Item, run
from imgconv.errors import InputError, OutputError, UsageError
from imgconv.images import Info, open_image, write_image
from imgconv.images.failures import translate_failures
from imgconv.images.formats.png.chunks import chunk
from imgconv.ops.kernel_text import parse


@pytest.mark.parametrize(
    "text",
    ["1e400", "1e999999999 1", "1e-999999999 1", "9" * 5000, "1/1e999999", "2e30", "box:1e9",
     "box:5000", "gaussian:1e400", "motion:1e9:3"],
)  # fmt: skip
def test_numbers_beyond_all_bounds_are_refused_at_once(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert len(str(caught.value)) < 300


def test_a_mistake_of_ours_is_one_line_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def command() -> int:
        raise KeyError("never")

    monkeypatch.delenv("IMGCONV_DEBUG", raising=False)
    monkeypatch.setattr("imgconv.cli.man.command", command)
    assert cli.main(["man"]) == 1
    said = capfd.readouterr().err
    assert said.count("\n") == 1 and "a mistake of imgconv" in said
    monkeypatch.setenv("IMGCONV_DEBUG", "1")
    with pytest.raises(KeyError):
        cli.main(["man"])


def test_a_mistake_of_ours_is_not_told_as_damage_alone() -> None:
    with (
        pytest.raises(InputError, match=r"^a\.png: damaged PNG \(bad\)$"),
        translate_failures("a.png", "PNG"),
    ):
        raise TypeError("bad")  # in a line that is none of the package's
    with pytest.raises(InputError, match="or a mistake of imgconv"), translate_failures("a", "PNG"):
        chunk(b"IDAT", None)  # type: ignore[arg-type]
    for error in (NameError("x"), ImportError("x"), OSError(errno.EMFILE, "x")):
        with pytest.raises(type(error)), translate_failures("a", "PNG"):
            raise error


def test_a_checksum_of_pixels_that_is_wrong_is_damage(tmp_path: Path) -> None:
    data = bytearray(zlib.compress(bytes(13)))
    data[-1] ^= 1
    head = bytes.fromhex("0000000300000004 08 00 00 00 00")
    path = tmp_path / "a.png"
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", bytes(data)), chunk(b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    with open_image(path) as source, pytest.raises(InputError, match="data check"):
        list(source.planes())


@pytest.mark.parametrize(("name", "most"), [("a.webp", 16383), ("a.jpg", 65500), ("a.gif", 65535)])
def test_what_is_larger_than_its_format_is_one_line(tmp_path: Path, name: str, most: int) -> None:
    plane = np.zeros((1, most + 1, 1), np.uint8)
    words = f"holds at most {most} rows and columns, the image has {most + 1}x1"
    with pytest.raises(OutputError, match=words):
        write_image(tmp_path / name, [plane], Info("png", plane.dtype, *plane.shape))
    assert not list(tmp_path.iterdir())


def test_without_threads_it_works_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    done: list[tuple[int, int]] = []
    threads._helpers.cache_clear()
    monkeypatch.setattr(threading.Thread, "start", start)
    threads.use(4)
    try:
        threads.run(lambda begin, end: done.append((begin, end)), 100)
        assert sorted(done)[0][0] == 0 and sum(end - begin for begin, end in done) == 100
        found = list(run([Item(str(n)) for n in range(5)], lambda item: None, jobs=3))  # type: ignore[arg-type, return-value]
        assert [one.status for one in found] == ["written"] * 5
    finally:
        threads.use(None)
        threads._helpers.cache_clear()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes as POSIX has them")
@pytest.mark.parametrize("jobs", ["1", "3"])
def test_a_pipe_that_nobody_writes_to_ends_with_one_interrupt(tmp_path: Path, jobs: str) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    os.mkfifo(tmp_path / "b.png")
    script = Path(__file__).with_name("cli_invert.py")
    running = subprocess.Popen(
        [sys.executable, script, "invert", "a.png", "b.png", "-o", "out/", "-j", jobs],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    while not (tmp_path / "out" / "a.png").exists():
        time.sleep(0.05)
    time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=30)
    assert running.returncode == 130
