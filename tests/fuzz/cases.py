"""The frame of the scripts beside it: numbered random cases, run in processes of their own.

Each case is made from its number alone. A process works through some hundreds, so that a crash is
seen as one and names its case; the rest goes on in the next.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import resource
import signal
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

Case = Callable[[int, Path], str]  # number and a folder -> what came of it, in a word


class Failure(Exception):
    """What is wrong with a case, in one line."""


def main(
    doc: str,
    prepare: Callable[[Counter[str]], Case],
    report: Callable[[Counter[str]], str],
    *,
    batch: int,
    seconds: int,
    addresses: int = 8 << 30,
) -> int:
    """Run the cases that the command line asks for; 1 if any failed, which are printed.

    `prepare` is called once in each process, with a counter for whatever is to be counted; a case
    that takes more than `seconds` of the processor or `addresses` bytes has failed.
    """
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    parser.add_argument("--failures", type=int, default=1, help="end after so many (default: 1)")
    parser.add_argument("--report", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.report:
        resource.setrlimit(resource.RLIMIT_AS, (addresses, addresses))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        return _work(prepare, range(asked.first, asked.first + asked.cases), asked.report, seconds)
    return _run(asked.first, asked.first + asked.cases, asked.failures, batch, report)


def _run(
    first: int, end: int, failures: int, batch: int, report: Callable[[Counter[str]], str]
) -> int:
    total: Counter[str] = Counter()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        while first < end and failed < failures:
            ended, reached, said = _process(first, min(batch, end - first), Path(folder), total)
            if ended:
                failed += 1
                print(f"case {reached} ended with {ended}: --first {reached} --cases 1 repeats it")
                print(said[:3000], flush=True)
            first = reached + 1
            print(f"to {reached}: {report(total)}", file=sys.stderr, flush=True)
    print(f"{report(total)}; {failed} failed")
    return 1 if failed else 0


def _process(first: int, count: int, folder: Path, total: Counter[str]) -> tuple[int, int, str]:
    """The exit code of a process for these cases, the last it began, and what it said."""
    file = folder / "case"
    command = [sys.executable, sys.argv[0], "--first", str(first), "--cases", str(count)]
    done = subprocess.run(
        [*command, "--report", str(file)], capture_output=True, text=True, check=False
    )
    for word in done.stdout.split():
        name, _, number = word.rpartition("=")
        total[name] += int(number)
    return done.returncode, int(file.read_text()) if file.exists() else first, done.stderr


def _work(prepare: Callable[[Counter[str]], Case], numbers: range, file: Path, seconds: int) -> int:
    """These cases in this process; the number of the one at work is in the file."""
    faulthandler.enable()
    seen: Counter[str] = Counter()
    case = prepare(seen)
    signal.signal(signal.SIGPROF, _hang)
    with tempfile.TemporaryDirectory() as folder, file.open("w") as progress:
        try:
            for number in numbers:
                os.pwrite(progress.fileno(), f"{number:020}".encode(), 0)
                signal.setitimer(signal.ITIMER_PROF, seconds)
                seen[case(number, Path(folder))] += 1
                signal.setitimer(signal.ITIMER_PROF, 0)
        except BaseException:  # whatever it was, the case has failed
            signal.setitimer(signal.ITIMER_PROF, 0)
            traceback.print_exc()
            return 1
        finally:
            print(*(f"{word}={number}" for word, number in seen.items()))
    return 0


def _hang(number: int, frame: Any) -> None:
    """Python's own time-out; a loop in compiled code is ended by the second signal."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, 5)
    raise TimeoutError("takes too long")
