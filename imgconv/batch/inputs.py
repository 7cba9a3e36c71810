"""From what the user names to files: folders, quoted globs, lists, standard input."""

# ruff: noqa: PTH100, PTH112, PTH116, PTH118, PTH122
# Names stay the text that was typed: pathlib would turn ./-x.png into -x.png.
from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from imgconv.errors import UsageError
from imgconv.images import folder_format, is_url, of_suffix, show_name

UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
WILDCARDS = frozenset("*?[")


class Found(NamedTuple):
    """One input file, and where it lies below the folder or glob that was named."""

    path: str
    below: str = ""  # "plate1/a.png" for FOLDER/plate1/a.png
    error: str = ""


def find(
    named: Iterable[str], listed: Iterable[str] = (), *, recursive: bool = False
) -> list[Found]:
    """The input files in order, each once; `listed` names are taken literally, never as globs."""
    found: dict[str, Found] = {}
    for name in named:
        for one in _expand(name, recursive, globs=True):
            found.setdefault(os.path.abspath(one.path) if one.path != "-" else "-", one)
    for name in listed:
        for one in _expand(name, recursive, globs=False):
            found.setdefault(os.path.abspath(one.path), one)
    return list(found.values())


def read_list(name: str) -> list[str]:
    """The file names in a list, one a line or separated by null bytes; "-" is standard input.

    In UTF-8 or, as Windows writes, UTF-16 with a byte-order mark.
    """
    if name == "-" and sys.stdin is None:
        raise UsageError("standard input is closed: pipe a list of names into it, or name a file")
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise UsageError(
            f"`files_from={show_name(name)!r}`: {error.strerror or error}; name a text file with "
            "one file name a line, or - for standard input"
        ) from None
    if data.startswith(UTF_16):
        text = data.decode("utf-16", "surrogatepass")
        return [line for line in text.replace("\r\n", "\n").split("\n") if line]
    data = data.removeprefix(codecs.BOM_UTF8)
    names = data.split(b"\0") if b"\0" in data else data.replace(b"\r\n", b"\n").split(b"\n")
    return [os.fsdecode(name) for name in names if name]


def _expand(name: str, recursive: bool, *, globs: bool) -> Iterator[Found]:
    if name == "-":  # in a list it is a file of that name
        yield Found("-" if globs else os.path.join(os.curdir, "-"))
    elif folder_format(name) or is_url(name):
        yield Found(name)
    elif os.path.isdir(name):
        yield from _folder(name, recursive)
    elif globs and not os.path.lexists(name) and WILDCARDS & set(name):
        yield from _glob(name)
    else:
        yield Found(name)


def _folder(folder: str, recursive: bool) -> Iterator[Found]:
    found = list(_walk(folder, "", recursive, ()))
    hint = "" if recursive else "; `recursive` looks into its folders too"
    yield from found or [Found(folder, error=f"no images in this folder{hint}")]


def _walk(
    folder: str, below: str, recursive: bool, above: tuple[tuple[int, int], ...]
) -> Iterator[Found]:
    """Images of a folder by name, then its folders; `above` are those we came through."""
    try:
        status = os.stat(folder)
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield Found(folder, error=f"cannot look into this folder: {error.strerror}")
        return
    here = (status.st_dev, status.st_ino)
    if here in above:
        yield Found(folder, error="a symbolic link that leads back to a folder above it")
        return
    entries = [entry for entry in entries if not entry.name.startswith(".")]
    inside = [entry for entry in entries if _is_folder(entry)]
    images = {entry.name for entry in inside if folder_format(entry.path)}
    folders = [entry for entry in inside if entry.name not in images]
    for entry in entries:
        if entry.name in images or (entry not in folders and is_image_name(entry.name)):
            yield Found(entry.path, os.path.join(below, entry.name))
    for entry in folders if recursive else ():
        yield from _walk(entry.path, os.path.join(below, entry.name), True, (*above, here))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: an input that fails by name when it is opened
        return False


def _glob(pattern: str) -> Iterator[Found]:
    """Matches in order; `**` crosses folders (not symbolic links), hidden names stay hidden."""
    parts = Path(pattern).parts
    fixed = next(i for i, part in enumerate(parts) if WILDCARDS & set(part))
    root = Path(*parts[:fixed])
    matches = [path.relative_to(root) for path in root.glob(str(Path(*parts[fixed:])))]
    visible = sorted(path for path in matches if not any(p.startswith(".") for p in path.parts))
    files = [p for p in visible if not (root / p).is_dir() or folder_format(root / p)]
    for path in files:
        yield Found(str(root / path), str(path))
    if not files:
        yield Found(pattern, error="no file matches this pattern")


def is_image_name(name: str) -> bool:
    return of_suffix(os.path.splitext(name)[1]) is not None
