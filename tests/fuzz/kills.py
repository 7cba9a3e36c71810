"""Batches that are killed at random moments, taken up again, and compared with undisturbed ones.

    python tests/fuzz/kills.py --kills 300 --seed 7

kills `imgconv filter` and `imgconv segment` (with a network of one layer) with SIGKILL, SIGTERM
and SIGINT while they work through a folder, deletes some of the results, and lets them go on with
--skip-existing until they end by themselves. After every kill each file that is there must be the
one that an undisturbed run writes; at the end all of them, tables, summary and record included. The
first difference ends the run.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))

import standin

ROOT = Path(__file__).parents[2]
BEGIN = """
from imgconv.__main__ import end_at_once, run
end_at_once()
print(flush=True)
run()
"""
COUNT = 10  # images
SIGNALS = [signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT]
TIMES = ("seconds", "started", "finished", "elapsed", "date", "version", "command_line", "argv")
SEGMENT = ["segment", "--model", "standin.safetensors", "in", "-o", "OUT/"]
WORK = {
    "filter": ["filter", "-k", "sharpen", "in", "-o", "OUT/"],
    "segment": [*SEGMENT, "--rois", "--geojson"],
    "segment with a report": [*SEGMENT, "--report"],
}
COMMON = {"summary.csv", "objects.csv", "report.html", "imgconv-run.json"}  # to all images


def start(command: Sequence[str], out: str, *more: str) -> subprocess.Popen[bytes]:
    """The command, from where it begins: what comes before is Python, which ends as it likes."""
    argv = [word.replace("OUT", out) for word in command]
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n" + BEGIN
    running = subprocess.Popen(
        [sys.executable, "-c", code, *argv, *more],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert running.stdout is not None
    running.stdout.readline()
    return running


def contents(folder: str) -> dict[str, Any]:
    """The files by name; of the record all that is not a time, of the report that it is whole."""
    files = [path for path in Path(folder).glob("*") if not path.name.startswith(".")]
    return {path.name: content(path) for path in files}


def content(path: Path) -> Any:
    if path.name == "imgconv-run.json":
        return timeless(json.loads(path.read_text()))
    if path.name == "report.html":
        return path.read_text().rstrip().endswith("</html>")
    return path.read_bytes()


def timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: timeless(one) for key, one in value.items() if key not in TIMES}
    return [timeless(one) for one in value] if isinstance(value, list) else value


def make_images(rng: np.random.Generator) -> None:
    """Fields of bright discs."""
    import tifffile

    Path("in").mkdir()
    y, x = np.mgrid[:96, :96]
    for number in range(COUNT):
        plane = rng.normal(300, 20, (96, 96))
        for _ in range(6):
            cy, cx, r = rng.uniform(10, 86), rng.uniform(10, 86), rng.uniform(5, 9)
            plane += 3000 * ((y - cy) ** 2 + (x - cx) ** 2 < r * r)
        tifffile.imwrite(f"in/{number:02}.tif", plane.astype(np.uint16))


def whole(command: Sequence[str]) -> tuple[dict[str, Any], float]:
    """What an undisturbed run writes, and how long it takes."""
    shutil.rmtree("out", ignore_errors=True)
    begin = time.perf_counter()
    running = start(command, "out")
    said = running.communicate()[1]
    assert running.returncode == 0, said.decode()
    return contents("out"), time.perf_counter() - begin


def compare(found: dict[str, Any], wanted: dict[str, Any], complete: bool) -> str:
    """What is wrong, or "". Until the end what is common to all images may lack some of them."""
    names = set(found) - (set() if complete else COMMON)
    if complete and set(found) != set(wanted):
        return f"other files: {sorted(set(found) ^ set(wanted))}"
    others = (n for n in sorted(names) if found[n] != wanted.get(n))
    return next((f"{n} is another{place(found[n], wanted.get(n))}" for n in others), "")


def place(one: Any, other: Any, where: str = "") -> str:
    """Where two records first differ, and how."""
    if isinstance(one, dict) and isinstance(other, dict):
        pairs: Any = [(key, one.get(key), other.get(key)) for key in {**one, **other}]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = [(number, *pair) for number, pair in enumerate(zip(one, other, strict=True))]
    else:
        return "" if isinstance(one, bytes) else f" at {where}: {one!r:.300}, not {other!r:.300}"
    return next((place(a, b, f"{where}/{key}") for key, a, b in pairs if a != b), "")


def kill_and_resume(
    command: Sequence[str], kills: int, rng: random.Random, seen: Callable[[str], None]
) -> str:
    """What is wrong after so many kills, or ""."""
    wanted, lasted = whole(command)
    shutil.rmtree("out")
    killed = 0
    while killed < kills:
        for name in wanted:
            path = Path("out", name)
            if rng.random() < 0.3 and path.exists() and path.name[0].isdigit():
                path.unlink()  # so that there is always something left to do
        running = start(command, "out", "--skip-existing", "-j", rng.choice(["1", "2"]))
        time.sleep(rng.uniform(0, 1.1) * lasted)
        number = rng.choice(SIGNALS)
        running.send_signal(number)
        said = running.communicate()[1]
        if running.returncode not in (0, 130, -number):
            return f"ended with {running.returncode}: {said.decode()[-500:]}"
        if b"Traceback" in said:
            return said.decode()
        killed += running.returncode != 0
        seen(number.name if running.returncode else "not in time")
        if wrong := compare(contents("out"), wanted, complete=False):
            return f"after {number.name}: {wrong}"
    running = start(command, "out", "--skip-existing")
    said = running.communicate()[1]
    if running.returncode:
        return said.decode()
    return compare(contents("out"), wanted, complete=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    seen: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        standin.model(Path("standin.safetensors"))
        make_images(np.random.default_rng(asked.seed))
        for number, (name, command) in enumerate(WORK.items()):
            share = (asked.kills + number) // len(WORK)
            rng = random.Random(asked.seed + number)
            if wrong := kill_and_resume(command, share, rng, lambda word: seen.update([word])):
                print(f"seed {asked.seed}, {name}: {wrong}")
                return 1
        os.chdir("/")
    print(f"{asked.kills} kills ({', '.join(f'{n} {w}' for w, n in seen.items())}), all whole")
    return 0


if __name__ == "__main__":
    sys.exit(main())
