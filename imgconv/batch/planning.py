"""All output names before the first file is read, and every clash among them refused."""

# ruff: noqa: PTH110, PTH112, PTH113, PTH114, PTH118, PTH122
# Names stay the text that was typed: pathlib would turn ./-x.png into -x.png.
from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NamedTuple

from imgconv.errors import UsageError
from imgconv.images import folder_format, is_ours, show_name

from .inputs import Found, find, read_list
from .item import Item
from .targets import Naming, Suffix, suffix_of


class Plan(NamedTuple):
    """What will be done, in order."""

    items: tuple[Item, ...]

    @property
    def todo(self) -> list[Item]:
        return [item for item in self.items if not item.skip and not item.error]


OURS = "written by imgconv itself; name it alone to process it"


def plan_inputs(
    inputs: Sequence[str], *, recursive: bool = False, files_from: str | None = None
) -> Plan:
    """The plan of a command that only reads: its items have no target."""
    found = _find(inputs, recursive, files_from)
    return Plan(tuple(Item(f.path, number=i, error=f.error) for i, f in enumerate(found, 1)))


def plan(
    inputs: Sequence[str],
    *,
    command: str,
    output: str | None = None,
    recursive: bool = False,
    files_from: str | None = None,
    force: bool = False,
    skip_existing: bool = False,
    format: str | None = None,
    suffix: Suffix | None = None,
    also: Sequence[str] = (),
    folder: str = "",
) -> Plan:
    """Pair every input with its output names.

    Without `output`, STEM-COMMAND.EXT beside the input (or FOLDER/STEM.EXT with `folder`).
    `suffix` maps the input's suffix to the output's; by default it is kept, or the one of
    `format`. `also` are endings of further files a step writes: "-labels.tif" becomes TARGET's
    stem + "-labels.tif"; beside standard output there are none. Raises UsageError for two inputs
    to one output, an output over an input, and existing files without `force` or `skip_existing`.
    """
    if force and skip_existing:
        raise UsageError("`force` and `skip_existing` exclude each other: give one")
    if output == "":
        raise UsageError("the name after `output` is empty: leave it out, or name a file or folder")
    found = _find(inputs, recursive, files_from)
    several = len(found) > 1 or any(f.below for f in found) or files_from is not None
    naming = Naming(command, output, suffix_of(format, suffix), several, format is not None, folder)
    items = _name_outputs(found, naming, also)
    _refuse_clashes([item for item in items if not item.skip and not item.error])
    return Plan(tuple(_meet_existing(items, force, skip_existing)))


def _find(inputs: Sequence[str], recursive: bool, files_from: str | None) -> list[Found]:
    if files_from == "-" and "-" in inputs:
        raise UsageError("standard input is either an image (-) or a list (`files_from='-'`)")
    if not inputs and files_from is None:
        raise UsageError("no input: name files, folders or 'quoted patterns', or - for a pipe")
    return find(inputs, read_list(files_from) if files_from else (), recursive=recursive)


def _name_outputs(found: Sequence[Found], naming: Naming, also: Sequence[str]) -> list[Item]:
    """The items; {index} counts what is planned, whatever is left out."""
    ours, count, items = _find_ours(found), 0, []
    for number, one in enumerate(found, 1):
        count += number not in ours
        item = _item(one, number, count, naming, also)
        items.append(item._replace(skip=OURS) if number in ours else item)
    return items


def _item(found: Found, number: int, count: int, naming: Naming, also: Sequence[str]) -> Item:
    if found.error:
        return Item(found.path, number=number, error=found.error)
    target = naming.target(found, count)
    own = naming.suffix(os.path.splitext(found.path)[1])  # may have a word in it: "-labels.tif"
    stem = target.removesuffix(own) if own and target.endswith(own) else os.path.splitext(target)[0]
    further = tuple(stem + ending for ending in also) if target != "-" else ()
    return Item(found.path, target, number, further, paged=naming.is_paged)


def _find_ours(found: Sequence[Found]) -> set[int]:
    """The numbers of inputs to leave out: among others, what imgconv wrote, so that a glob can be
    run twice.

    Where all inputs are its own (one file, or the folder an earlier command filled), they are
    what the user means.
    """
    real = {number: one.path for number, one in enumerate(found, 1) if not one.error}
    if len(real) < 2:
        return set()
    ours = {
        number
        for number, path in real.items()
        if (_is_file(path) or folder_format(path)) and is_ours(path)
    }
    return ours if len(ours) < len(real) else set()


def _refuse_clashes(items: Sequence[Item]) -> None:
    place = Places()
    sources = {place.of(item.source): item.source for item in items if item.source != "-"}
    taken: dict[str, str] = {}
    for item in items:
        for target in (item.target, *item.also):
            key = place.of(target) if target != "-" else "-"
            if key in taken:
                raise UsageError(_two_to_one(taken[key], item.source, target))
            if key in sources:
                raise UsageError(
                    f"{show_name(target)} would be written over the input "
                    f"{show_name(sources[key])}: choose another name with `output`"
                )
            taken[key] = item.source


def _two_to_one(first: str, second: str, target: str) -> str:
    if target == "-":
        return "several inputs cannot go to one standard output: give `output='FOLDER/'`"
    return (
        f"{show_name(first)} and {show_name(second)} would both be written to {show_name(target)}: "
        "tell them apart with `output='{parent}/...'` or {index}, or mirror folders with "
        "`recursive`"
    )


class Places:
    """Files told apart by where they really are, with one look at each folder."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}

    def of(self, path: str) -> str:
        if os.path.islink(path):
            return _fold(os.path.realpath(path))
        folder, name = os.path.split(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder or os.curdir)
        return _fold(os.path.join(self._folders[folder], name))


def _fold(path: str) -> str:
    """Where the usual file system ignores case, so do we."""
    return path.casefold() if sys.platform in ("darwin", "win32") else path


def _meet_existing(items: list[Item], force: bool, skip_existing: bool) -> list[Item]:
    there = [item for item in items if not item.skip and not item.error and _exists(item)]
    if force or not there:
        return items
    if not skip_existing:
        more = f" (and {len(there) - 1} more)" if len(there) > 1 else ""
        raise UsageError(
            f"{show_name(_exists(there[0]))} exists already{more}: "
            "`force` overwrites, `skip_existing` leaves it, `output` writes elsewhere"
        )
    skipped = {
        item.number: f"{show_name(_exists(item))} exists" for item in there if _complete(item)
    }
    return [item._replace(skip=skipped.get(item.number, item.skip)) for item in items]


def _exists(item: Item) -> str:
    """The first of the item's outputs that is there already, else ""."""
    if item.target == "-" or item.paged:
        return ""
    there = (t for t in (item.target, *item.also) if os.path.lexists(t) and not _is_device(t))
    return next(there, "")


def _is_file(path: str) -> bool:
    """Not a pipe, which could be read only once."""
    return path != "-" and os.path.isfile(path)


def _is_device(path: str) -> bool:
    """/dev/stdout, a named pipe: written to, never replaced."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def _complete(item: Item) -> bool:
    """All of the item's outputs are there: one that was killed between two is done again."""
    return all(os.path.lexists(target) for target in (item.target, *item.also))
