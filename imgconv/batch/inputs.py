"""From what the user names to files: folders, quoted globs, lists, standard input.

Files are found as they are asked for. What is held of a folder is its names, and of a list its
text: a million of them begin at once.
"""

# ruff: noqa: PTH100, PTH112, PTH114, PTH116, PTH118, PTH122, PTH208
# Names stay the text that was typed: pathlib would turn ./-x.png into -x.png.
from __future__ import annotations

import codecs
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import translate
from heapq import heapify, heappop
from pathlib import Path
from typing import Any, NamedTuple

from imgconv.errors import UsageError
from imgconv.images import folder_format, is_url, of_suffix, show_name

from .digests import Digests

UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
WILDCARDS = frozenset("*?[")

Test = Callable[[str], object]
"""Whether a name fits one part of a pattern."""


class Found(NamedTuple):
    """One input file, and where it lies below the folder or glob that was named."""

    path: str
    below: str = ""  # "plate1/a.png" for FOLDER/plate1/a.png
    error: str = ""


class Inputs:
    """The input files in order, each once, found while they are iterated.

    `named` are files, folders and globs; `listed` names are taken literally, never as globs.
    """

    def __init__(
        self, named: Sequence[str], listed: Iterable[str] | None = None, *, recursive: bool = False
    ) -> None:
        self.named, self.listed, self.recursive = named, listed, recursive
        self._heaps: list[list[str]] = []  # names of the folders we are in

    def __iter__(self) -> Iterator[Found]:
        if len(self.named) == 1 and self.listed is None:
            yield from self._expand(self.named[0], globs=True)
            return
        seen = Digests()
        for one in self._all():
            if seen.add(os.path.abspath(one.path) if one.path != "-" else "-"):
                yield one

    @property
    def left(self) -> int:
        """How many names are known and still to come, at least."""
        return sum(map(len, self._heaps))

    def _all(self) -> Iterator[Found]:
        for name in self.named:
            yield from self._expand(name, globs=True)
        for name in self.listed or ():
            yield from self._expand(name, globs=False)

    def _expand(self, name: str, *, globs: bool) -> Iterator[Found]:
        if name == "-":  # in a list it is a file of that name
            yield Found("-" if globs else os.path.join(os.curdir, "-"))
        elif folder_format(name) or is_url(name):
            yield Found(name)
        elif os.path.isdir(name):
            yield from self._folder(name)
        elif globs and not os.path.lexists(name) and WILDCARDS & set(name):
            yield from self._glob(name)
        else:
            yield Found(name)

    def _folder(self, folder: str) -> Iterator[Found]:
        empty = True
        for one in self._walk(folder, "", ()):
            yield one
            empty = False
        if empty:
            hint = "" if self.recursive else "; `recursive` looks into its folders too"
            yield Found(folder, error=f"no images in this folder{hint}")

    def _walk(self, folder: str, below: str, above: tuple[tuple[int, int], ...]) -> Iterator[Found]:
        """Images of a folder by name, then its folders; `above` are those we came through."""
        try:
            status = os.stat(folder)
            names = os.listdir(folder)
        except OSError as error:
            yield Found(folder, error=f"cannot look into this folder: {error.strerror}")
            return
        here = (status.st_dev, status.st_ino)
        if here in above:
            yield Found(folder, error="a symbolic link that leads back to a folder above it")
            return
        folders = []
        for name in self._sorted(names):
            path = os.path.join(folder, name)
            if not os.path.isdir(path):
                if is_image_name(name):
                    yield Found(path, os.path.join(below, name))
            elif folder_format(path):
                yield Found(path, os.path.join(below, name))
            else:
                folders.append(name)
        for name in folders if self.recursive else ():
            inner = os.path.join(folder, name)
            yield from self._walk(inner, os.path.join(below, name), (*above, here))

    def _sorted(self, names: list[str]) -> Iterator[str]:
        """The names that are not hidden, in order: the first is there long before all are sorted,
        and those that are done with are forgotten."""
        heapify(names)
        self._heaps.append(names)
        while names:
            name = heappop(names)
            if not name.startswith("."):
                yield name
        self._heaps.remove(names)

    def _glob(self, pattern: str) -> Iterator[Found]:
        """Matches in order; `**` crosses folders (not symbolic links), hidden names stay hidden."""
        parts = Path(pattern).parts
        fixed = next(i for i, part in enumerate(parts) if WILDCARDS & set(part))
        root, below = os.path.join("", *parts[:fixed]), _tests(parts[fixed:])
        empty = True
        for name in self._match(root, "", below, {0}):
            yield Found(os.path.join(root, name), name)
            empty = False
        if empty:
            yield Found(pattern, error="no file matches this pattern")

    def _match(
        self, root: str, below: str, tests: Sequence[Test | None], at: set[int]
    ) -> Iterator[str]:
        """The files in the folder root/below, and below that, which fit tests from `at` on."""
        at = {n for first in at for n in _reachable(tests, first)}
        for name in self._sorted(_names(os.path.join(root, below) or os.curdir)):
            path, inner = os.path.join(root, below, name), os.path.join(below, name)
            fitting = {n + 1 for n in at if (test := tests[n]) and test(name)}
            is_folder = os.path.isdir(path)
            if len(tests) in fitting and (not is_folder or folder_format(path)):
                yield inner
            if is_folder:
                crossing = () if os.path.islink(path) else {n for n in at if tests[n] is None}
                if deeper := fitting.difference([len(tests)]).union(crossing):
                    yield from self._match(root, inner, tests, deeper)


def _tests(parts: Sequence[str]) -> list[Test | None]:
    """What each part of a pattern asks of a name; None is `**`, any folders."""
    parts = (*parts, "*") if parts[-1] == "**" else parts
    case = re.IGNORECASE if os.name == "nt" else 0
    return [None if one == "**" else re.compile(translate(one), case).match for one in parts]


def _reachable(tests: Sequence[Test | None], first: int) -> Iterator[int]:
    """The tests that a name may stand at, if `**` may be no folder at all."""
    yield first
    while tests[first] is None:
        first += 1
        yield first


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


class Names:
    """The file names in a list, one a line or separated by null bytes; "-" is standard input.

    In UTF-8 or, as Windows writes, UTF-16 with a byte-order mark. Raises UsageError.
    """

    def __init__(self, name: str) -> None:
        data = _read(name)
        self._text: Any
        self._line: Any
        if data.startswith(UTF_16):
            text = data.decode("utf-16", "surrogatepass")
            self._text, self._line = text.replace("\r\n", "\n"), "[^\n]+"
        else:
            data = data.removeprefix(codecs.BOM_UTF8)
            null = b"\0" in data
            self._text = data if null else data.replace(b"\r\n", b"\n")
            self._line = b"[^\0]+" if null else b"[^\n]+"

    def __iter__(self) -> Iterator[str]:
        return (os.fsdecode(found[0]) for found in re.finditer(self._line, self._text))


def _read(name: str) -> bytes:
    if name == "-" and sys.stdin is None:
        raise UsageError("standard input is closed: pipe a list of names into it, or name a file")
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise UsageError(
            f"`files_from={show_name(name)!r}`: {error.strerror or error}; name a text file with "
            "one file name a line, or - for standard input"
        ) from None


def is_image_name(name: str) -> bool:
    return of_suffix(os.path.splitext(name)[1]) is not None
