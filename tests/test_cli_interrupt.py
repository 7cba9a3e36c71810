"""A batch that is interrupted or killed leaves whole files only, and can be taken up again.

IMGCONV_KILLS=200 makes the killing as long as that.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

COMMAND = [sys.executable, str(Path(__file__).with_name("cli_invert.py")), "invert"]
COUNT = 24


@pytest.fixture
def batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    rng = np.random.default_rng(0)
    for n in range(COUNT):
        Image.fromarray(rng.integers(0, 256, (64, 64), dtype=np.uint8)).save(f"in/{n:02}.png")
    return tmp_path


def start(*more: str) -> subprocess.Popen[bytes]:
    argv = [*COMMAND, "in", "-o", "out", "--skip-existing", *more]
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, stdout=pipe, stderr=pipe, preexec_fn=heard)


def heard() -> None:
    """A script that runs the tests in the background, or nohup, has made them ignore these."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def contents(folder: str) -> dict[str, bytes]:
    files = Path(folder).iterdir() if Path(folder).exists() else ()
    return {p.name: p.read_bytes() for p in files if not p.name.startswith(".")}


def complete() -> dict[str, bytes]:
    """What an undisturbed run writes."""
    argv = [*COMMAND, "in", "-o", "whole"]
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return contents("whole")


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize("jobs", ["1", "3"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_with_130_and_leaves_whole_files(
    batch: Path, number: signal.Signals, jobs: str
) -> None:
    running = start("--pause", "0.1", "-j", jobs)
    assert running.stdout is not None
    first = running.stdout.readline()
    running.send_signal(number)
    rest, err = running.communicate(timeout=10)
    assert running.returncode == 130
    assert err.decode().startswith("interrupted: ")
    assert err.count(b"\n") == 1
    written = {path.name for path in Path("out").iterdir()}
    assert written >= {Path(line.decode()).name for line in (first + rest).split()}
    assert 0 < len(written) < COUNT
    assert not [name for name in written if name.startswith(".")]  # nothing half-written
    assert contents("out").items() <= complete().items()


def kill_and_resume(times: int, seed: int) -> None:
    """Kill a batch at random moments until it ends by itself; the set must be whole."""
    whole = complete()
    rng = random.Random(seed)
    kinds = [signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT]
    killed = 0
    while killed < times:
        for file in Path("out").glob("*.png"):
            if rng.random() < 0.3:
                file.unlink()  # so that there is always something left to do
        running = start("--pause", "0.02", "-j", rng.choice(["1", "2"]))
        time.sleep(rng.uniform(0.1, 0.9))
        running.send_signal(rng.choice(kinds))
        running.communicate(timeout=20)
        killed += running.returncode != 0
        assert contents("out").items() <= whole.items()
    last = start()
    last.communicate(timeout=60)
    assert last.returncode == 0
    assert contents("out") == whole


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_killing_and_resuming_ends_with_the_whole_set(batch: Path) -> None:
    kill_and_resume(int(os.environ.get("IMGCONV_KILLS", "6")), seed=1)


DROPPED = """
import os, signal, sys, weakref
class Thing: pass
thing = Thing()
def interrupt(_): os.kill(os.getpid(), signal.SIGINT); sum(range(9)); sum(range(9))
import imgconv.__main__ as program
from imgconv.batch import imports
before = imports.import_ahead
def import_ahead(*given):
    global thing
    HOW
    before(*given)
imports.import_ahead = import_ahead
import imgconv.batch.running as running
running.import_ahead = import_ahead
sys.argv = ["imgconv", "filter", "-k", "sharpen", "in", "-o", "out", "-j", "2"]
program.run()
"""
WAYS = {
    "by a callback of Python": "seen = weakref.ref(thing, interrupt); del thing; "
    "import time; time.sleep(9)",
    "by a library": "try: os.kill(os.getpid(), signal.SIGINT); import time; time.sleep(9)\n"
    "    except BaseException: pass",
}


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize("way", WAYS)
def test_an_interrupt_that_is_dropped_ends_the_batch_all_the_same(batch: Path, way: str) -> None:
    argv = [sys.executable, "-c", DROPPED.replace("HOW", WAYS[way])]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, preexec_fn=heard)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr and done.stderr.count("\n") <= 1
    assert len(contents("out")) < COUNT


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_while_modules_are_imported_says_nothing(number: signal.Signals) -> None:
    code = (
        "import os, sys; from imgconv.__main__ import run\n"
        "class Finder:\n"
        "  def find_spec(self, name, *more):\n"
        f"    if name == 'typer': os.kill(os.getpid(), {int(number)}); sum(range(9))\n"
        "sys.meta_path.insert(0, Finder()); sys.argv = ['imgconv', 'kernels']; run()"
    )
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, preexec_fn=heard)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
