"""Does imgconv read what others read? Every image of a folder, each page and frame, beside Pillow,
tifffile and imagecodecs; OpenCV is asked where these disagree.

    python tests/conformance.py FOLDER [FOLDER...]

For the few kinds of files that libraries are known to get wrong, a reader written after the
standard (`standards.py`) is believed; else the one that most others agree with; of two that stand
alone, the one that knows the format best (tifffile of TIFF, NumPy of NPY, else Pillow). Exit code
1 if imgconv disagrees with it, refuses what another reads, or fails in a way that is not a plain
line.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

from oracles import STANDARD, TooLong, read, readers, within

LOSSY = 2.0  # levels of 255 in the mean that decoders of lossy formats may be apart
SECONDS = 300  # for a file; some make decoders go round in circles
MEMORY = 6 << 30  # bytes: a file that asks for more is read by nobody
OF_255 = {np.dtype(np.uint8): 1, np.dtype(np.uint16): 257}

SAME, CLOSE, ALONE = "same to the bit", "same but for rounding", "read by imgconv alone"
REFUSED, FOREIGN = "refused in plain words, as nobody reads it", "of a format that is not read"
DIFFERS, LEFT = "differs from the reader believed", "refused though another reads it"
DAMAGED, BUG = "called damaged though another reads it", "failed without a plain line"
NONE = "no image for anybody"
SLOW = "not judged, as it took too long or too much memory"
GOOD = (SAME, CLOSE, ALONE, REFUSED)
BAD = (DIFFERS, LEFT, DAMAGED, BUG)


class Verdict(NamedTuple):
    """What became of a file, and what there is to say about it."""

    path: Path
    kind: str
    words: str = ""


def judge(path: Path) -> Verdict:
    """imgconv's planes of a file beside those of the others."""
    try:
        return judge_planes(path)
    except MemoryError as error:
        return Verdict(path, SLOW, str(error))


def judge_planes(path: Path) -> Verdict:
    own, said = own_planes(path)
    if isinstance(own, TooLong):
        return Verdict(path, SLOW, str(own))
    found = {name: read(reader, path) for name, reader in readers(path).items() if name != "OpenCV"}
    if isinstance(own, Exception):
        return refusal(path, own, found)
    sound = {name: planes for name, planes in found.items() if not isinstance(planes, str)}
    if not sound or any(compare(own, planes) for planes in sound.values()):
        opencv = read(readers(path).get("OpenCV", lambda _: iter(())), path)
        sound |= {} if isinstance(opencv, str) else {"OpenCV": opencv}
    if not sound:
        return Verdict(path, ALONE, "; ".join(f"{name}: {why}" for name, why in found.items()))
    if "left out" in said or "only the first" in said:  # pages that are known, and known to be
        sound = {name: planes[: len(own)] for name, planes in sound.items()}
    name, allies = believed(sound)
    if words := compare(own, sound[name]):
        others = f", as {' and '.join(allies)} do" if allies else ""
        return Verdict(path, DIFFERS, f"{words}; believed is {name}{others}")
    others = [
        f"{name}: {words}" for name, planes in sound.items() if (words := compare(own, planes))
    ]
    exact = len(own) == len(sound[name]) and all(map(np.array_equal, own, sound[name]))
    return Verdict(path, SAME if exact else CLOSE, "; ".join(others))


def own_planes(path: Path) -> tuple[list[np.ndarray] | Exception | TooLong, str]:
    """What imgconv reads, or why nothing; and its notes."""
    from imgconv.images import open_image

    try:
        with within(SECONDS), open_image(path, allow_rounding=True) as source:
            return list(source.planes()), "; ".join(source.notes)
    except (Exception, TooLong) as error:
        return error, ""


def refusal(path: Path, error: Exception, found: dict[str, list[np.ndarray] | str]) -> Verdict:
    """Whether imgconv was right not to read it."""
    from imgconv.errors import InputError

    words = " ".join(str(error).split()).removeprefix(f"{path}: ")
    able = [name for name, planes in found.items() if not isinstance(planes, str)]
    if not isinstance(error, InputError):
        return Verdict(path, BUG, f"{type(error).__name__}: {words}")
    if is_foreign(path):
        return Verdict(path, FOREIGN if able else NONE, words)
    said = [planes for planes in found.values() if isinstance(planes, str)]
    if "truncated" in words and any("truncated" in why for why in said):
        able = []  # some decoders give what there is
    if not able or "camera raw" in words:  # what others read of it is no picture
        return Verdict(path, REFUSED, words)
    hard = any(word in words for word in ("damaged", "truncated", "cannot be read"))
    return Verdict(path, DAMAGED if hard else LEFT, f"{words} ({' and '.join(able)} read it)")


def is_foreign(path: Path) -> bool:
    """Whether it is of no format that is read, known by name or not; cameras' raw files are none
    that could be."""
    from imgconv.images.formats import explain_refusal, sniff

    with path.open("rb") as file:
        head = file.read(32)
    known = explain_refusal(head)
    if known:
        return "camera raw" not in known
    return bool(head) and sniff(head) is None


def believed(found: dict[str, list[np.ndarray]]) -> tuple[str, list[str]]:
    """The reader with the most allies, the first of several; and these allies."""
    if STANDARD in found:
        return STANDARD, []
    allies = {
        name: [
            other
            for other, theirs in found.items()
            if other != name and not compare(planes, theirs)
        ]
        for name, planes in found.items()
    }
    best = max(found, key=lambda name: len(allies[name]))
    return best, allies[best]


def compare(mine: list[np.ndarray], theirs: list[np.ndarray]) -> str:
    """How the planes differ, in words; "" if they show the same."""
    if len(mine) != len(theirs):
        return f"{len(mine)} planes, there {len(theirs)}"
    for number, (a, b) in enumerate(zip(mine, theirs, strict=True), 1):
        if words := compare_planes(a, b):
            return f"plane {number}: {words}" if len(mine) > 1 else words
    return ""


def compare_planes(a: np.ndarray, b: np.ndarray) -> str:
    if a.shape[:2] != b.shape[:2]:
        return f"{a.shape[1]} x {a.shape[0]} pixels, there {b.shape[1]} x {b.shape[0]}"
    if a.shape[2] != b.shape[2] and max(a.shape[2], b.shape[2]) > 4:
        return f"{a.shape[2]} channels, there {b.shape[2]}"
    if a.dtype == b.dtype and np.array_equal(a, b):
        return ""
    free = LOSSY if {a.dtype, b.dtype} <= set(OF_255) else 0
    a, b = levels(a, b)
    if a.shape[2] != b.shape[2]:
        a, b = colours(a), colours(b)
    if a.shape[2] in (2, 4):
        a, b = visible(a), visible(b)
    apart = np.abs(a - b)
    apart[(a == b) | (np.isnan(a) & np.isnan(b))] = 0
    apart = np.nan_to_num(apart, nan=np.inf)
    if apart.max() <= 1.01 or (apart.mean() <= free and np.percentile(apart, 99) <= 4 * free):
        return ""
    return f"up to {apart.max():.4g} levels apart, in {(apart > 1.01).mean():.1%} of the samples"


def levels(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both in levels of 255 where both are light, else in shares of the range of their numbers."""
    wide = [OF_255.get(plane.dtype) for plane in (a, b)]
    if all(wide):
        return a / wide[0], b / wide[1]
    a, b = a.astype(np.float64), b.astype(np.float64)
    finite = np.abs(b[np.isfinite(b)])
    unit = max(float(finite.max(initial=0)), 1e-300) / 1e5  # float32 and some more
    return a / unit, b / unit


def colours(plane: np.ndarray) -> np.ndarray:
    """Grey, with alpha or without, and RGB as RGBA."""
    alpha = plane[..., -1:] if plane.shape[2] in (2, 4) else np.full_like(plane[..., :1], 255)
    colour = plane[..., : plane.shape[2] - (plane.shape[2] in (2, 4))]
    return np.concatenate([np.broadcast_to(colour, (*colour.shape[:2], 3)), alpha], axis=2)


def visible(plane: np.ndarray) -> np.ndarray:
    """Without the colours of what is fully transparent, on which formats and readers differ."""
    return np.where(plane[..., -1:] > 0, plane, 0)


def files(folders: Iterable[str]) -> Iterator[Path]:
    for folder in map(Path, folders):
        found = [folder] if folder.is_file() else sorted(folder.rglob("*"))
        yield from (path for path in found if path.is_file())


def verdicts(paths: list[Path], jobs: int) -> Iterator[Verdict]:
    """Each in a process that may die: a decoder that crashes costs its file only."""
    left = list(paths)
    while left:
        with workers(jobs) as pool:
            try:
                for verdict in pool.map(judge, left):
                    del left[0]
                    yield verdict
            except BrokenProcessPool:
                pass
        if left:
            yield alone(left.pop(0))


def workers(jobs: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(jobs, mp_context=get_context("forkserver"), initializer=limit_memory)


def limit_memory() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def alone(path: Path) -> Verdict:
    """A file at which, or near which, a process died."""
    with workers(1) as pool:
        try:
            return pool.submit(judge, path).result()
        except BrokenProcessPool:
            return Verdict(path, BUG, "a decoder ended the process")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", nargs="+", help="folders, searched to the bottom, or files")
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count())
    parser.add_argument("-v", "--verbose", action="store_true", help="a line for every file")
    options = parser.parse_args(argv)
    counts: Counter[str] = Counter()
    for verdict in verdicts(list(files(options.folder)), options.jobs):
        counts[verdict.kind] += 1
        if options.verbose or verdict.kind in BAD:
            print(f"{verdict.path}: {verdict.kind}: {verdict.words}", flush=True)
    print()
    for kind in (*GOOD, *BAD, SLOW, FOREIGN, NONE):
        if counts[kind]:
            print(f"{counts[kind]:6} {kind}")
    good, bad = (sum(counts[kind] for kind in kinds) for kinds in (GOOD, BAD))
    if good + bad:
        print(f"{good / (good + bad):6.1%} of {good + bad} images are right")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
