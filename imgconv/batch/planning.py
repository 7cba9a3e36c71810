"""Output names before files are read, and every clash among them refused.

The first inputs are looked at before anything begins, and what is wrong with one of them ends the
command. Further ones are planned while others are worked on, so a million begin at once; what is
wrong with one of those is its own failure. Nothing is written over in either case.
"""

# ruff: noqa: PTH110, PTH112, PTH113, PTH114, PTH118, PTH122
# Names stay the text that was typed: pathlib would turn ./-x.png into -x.png.
from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import chain, islice
from pathlib import Path

from imgconv.errors import UsageError
from imgconv.images import folder_format, is_ours, show_name

from .digests import Digests
from .inputs import Found, Inputs, Names
from .item import FIRST, Item
from .targets import Naming, Suffix, suffix_of

OURS = "written by imgconv itself; name it alone to process it"


class Plan:
    """What will be done, in order. `items` are those that are known before anything begins, all
    where there are no more than `FIRST`; iterating gives also those that are planned later, once.
    """

    def __init__(
        self,
        items: Iterable[Item],
        rest: Iterable[Item] | None = None,
        left: Callable[[], int] = int,
    ) -> None:
        """`left` says how many names are known, at the moment, of which there are no items yet."""
        self.items = tuple(items)
        self.is_whole = rest is None  # or there is more to come
        self._rest, self._left, self._count = rest or (), left, len(self.items)

    def __iter__(self) -> Iterator[Item]:
        yield from self.items
        for item in self._rest:
            self._count += 1
            yield item
        self.is_whole = True

    @property
    def count(self) -> int:
        """How many items there are, as far as is known."""
        return self._count + (0 if self.is_whole else self._left())

    @property
    def todo(self) -> list[Item]:
        """What there is to do among `items`."""
        return [item for item in self.items if not item.skip and not item.error]


def plan_inputs(
    inputs: Sequence[str],
    *,
    recursive: bool = False,
    files_from: str | None = None,
    ahead: int | None = FIRST,
) -> Plan:
    """The plan of a command that only reads: its items have no target."""
    found = _inputs(inputs, recursive, files_from)
    items = (Item(f.path, number=i, error=f.error) for i, f in enumerate(found, 1))
    return _split(items, ahead, lambda: found.left)


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
    ahead: int | None = FIRST,
) -> Plan:
    """Pair every input with its output names.

    Without `output`, STEM-COMMAND.EXT beside the input (or FOLDER/STEM.EXT with `folder`).
    `suffix` maps the input's suffix to the output's; by default it is kept, or the one of
    `format`. `also` are endings of further files a step writes: "-labels.tif" becomes TARGET's
    stem + "-labels.tif"; beside standard output there are none. Raises UsageError for two inputs
    to one output, an output over an input, and existing files without `force` or `skip_existing`;
    beyond the first `ahead` inputs (None: all are looked at first) these are the items' errors.
    """
    if force and skip_existing:
        raise UsageError("`force` and `skip_existing` exclude each other: give one")
    if output == "":
        raise UsageError("the name after `output` is empty: leave it out, or name a file or folder")
    named = _inputs(inputs, recursive, files_from)
    found = iter(named)
    first = list(islice(found, ahead))
    several = len(first) > 1 or any(f.below for f in first) or files_from is not None
    shown = tuple(one.path for one in first[:2]) + ("...",) * (len(first) > 2)
    ending = suffix_of(format, suffix)
    naming = Naming(command, output, ending, several, format is not None, folder, shown)
    is_whole = ahead is None or len(first) < ahead
    items = _name_outputs(chain(first, found), naming, also, _leaves_out_ours(first))
    known = list(islice(items, len(first)))
    todo = [item for item in known if not item.skip and not item.error]
    _refuse_clashes(todo)
    known = _meet_existing(known, force, skip_existing)
    if is_whole:
        return Plan(known)
    later = Later(todo, named, force=force, skip_existing=skip_existing)
    return Plan(known, map(later.check, items), lambda: named.left)


def _split(items: Iterator[Item], ahead: int | None, left: Callable[[], int]) -> Plan:
    first = list(islice(items, ahead))
    return Plan(first) if ahead is None or len(first) < ahead else Plan(first, items, left)


def _inputs(inputs: Sequence[str], recursive: bool, files_from: str | None) -> Inputs:
    if not all(map(os.path.isabs, inputs)):
        Path.cwd()  # raises FileNotFoundError where the working folder is gone
    if files_from == "-" and "-" in inputs:
        raise UsageError("standard input is either an image (-) or a list (`files_from='-'`)")
    if not inputs and files_from is None:
        raise UsageError("no input: name files, folders or 'quoted patterns', or - for a pipe")
    return Inputs(inputs, Names(files_from) if files_from else None, recursive=recursive)


def _name_outputs(
    found: Iterable[Found], naming: Naming, also: Sequence[str], leaves_out_ours: bool
) -> Iterator[Item]:
    """The items; {index} counts what is planned, whatever is left out."""
    count = 0
    for number, one in enumerate(found, 1):
        is_left_out = leaves_out_ours and not one.error and _is_ours(one.path)
        count += not is_left_out
        item = _item(one, number, count, naming, also)
        yield item._replace(skip=OURS) if is_left_out else item


def _item(found: Found, number: int, count: int, naming: Naming, also: Sequence[str]) -> Item:
    if found.error:
        return Item(found.path, number=number, error=found.error)
    target = naming.target(found, count)
    own = naming.suffix(os.path.splitext(found.path)[1])  # may have a word in it: "-labels.tif"
    stem = target.removesuffix(own) if own and target.endswith(own) else os.path.splitext(target)[0]
    further = tuple(stem + ending for ending in also) if target != "-" else ()
    return Item(found.path, target, number, further, paged=naming.is_paged)


def _leaves_out_ours(first: Sequence[Found]) -> bool:
    """Whether to leave out what imgconv wrote, so that a glob can be run twice.

    Where all inputs are its own (one file, or the folder an earlier command filled), they are
    what the user means.
    """
    real = [one.path for one in first if not one.error]
    return len(real) > 1 and not all(map(_is_ours, real))


def _is_ours(path: str) -> bool:
    return bool(_is_file(path) or folder_format(path)) and is_ours(path)


def _refuse_clashes(items: Sequence[Item]) -> None:
    places = Places()
    sources = {places.of(item.source): item.source for item in items if item.source != "-"}
    taken: dict[str, str] = {}
    for item in items:
        for target in (item.target, *item.also):
            key = places.of(target) if target != "-" else "-"
            if key in taken:
                raise UsageError(_two_to_one(taken[key], item.source, target))
            if key in sources:
                raise UsageError(_over_input(target, sources[key]))
            taken[key] = item.source


def _two_to_one(first: str, second: str, target: str) -> str:
    if target == "-":
        return "several inputs cannot go to one standard output: give `output='FOLDER/'`"
    return (
        f"{show_name(first)} and {show_name(second)} would both be written to {show_name(target)}: "
        "tell them apart with `output='{parent}/...'` or {index}, or mirror folders with "
        "`recursive`"
    )


def _over_input(target: str, source: str) -> str:
    return (
        f"{show_name(target)} would be written over the input {show_name(source)}: choose another "
        "name with `output`"
    )


class Places:
    """Files told apart by where they really are, with one look at each folder."""

    def __init__(self) -> None:
        self._real = lru_cache(FIRST)(os.path.realpath)

    def of(self, path: str) -> str:
        if os.path.islink(path):
            return _fold(os.path.realpath(path))
        folder, name = os.path.split(path)
        return _fold(os.path.join(self._real(folder or os.curdir), name))


def _fold(path: str) -> str:
    """Where the usual file system ignores case, so do we."""
    return path.casefold() if sys.platform in ("darwin", "win32") else path


def _meet_existing(items: list[Item], force: bool, skip_existing: bool) -> list[Item]:
    there = [item for item in items if not item.skip and not item.error and _exists(item)]
    if force or not there:
        return items
    if not skip_existing:
        more = f" (and {len(there) - 1} more)" if len(there) > 1 else ""
        raise UsageError(_exists_already(there[0], more))
    skipped = {
        item.number: f"{show_name(_exists(item))} exists" for item in there if _complete(item)
    }
    return [item._replace(skip=skipped.get(item.number, item.skip)) for item in items]


def _exists_already(item: Item, more: str = "") -> str:
    return (
        f"{show_name(_exists(item))} exists already{more}: "
        "`force` overwrites, `skip_existing` leaves it, `output` writes elsewhere"
    )


class Later:
    """The same for items that are planned one by one, while others are worked on already."""

    def __init__(
        self, planned: Iterable[Item], inputs: Inputs, *, force: bool, skip_existing: bool
    ) -> None:
        self._inputs, self._force, self._skip_existing = inputs, force, skip_existing
        self._places, self._taken = Places(), Digests()
        for item in planned:
            self._take(item)

    def check(self, item: Item) -> Item:
        """The item as it was, to be skipped, or with the error that it is."""
        if item.skip or item.error:
            return item
        if self._place(item.source) in self._taken:
            return item._replace(skip="written by this very batch")
        targets = (item.target, *item.also)
        if double := [one for one in targets if self._place(one) in self._taken]:
            return item._replace(error=_two_to_one("another input", item.source, double[0]))
        self._take(item)
        return self._meet_existing(item)

    def _meet_existing(self, item: Item) -> Item:
        there = _exists(item)
        if not there:
            return item
        if self._skip_existing and _complete(item):
            return item._replace(skip=f"{show_name(there)} exists")
        if not self._force and not self._skip_existing:
            return item._replace(error=_exists_already(item))
        over = self._over_input(item)
        return item._replace(error=_over_input(over, over)) if over else item

    def _over_input(self, item: Item) -> str:
        """The output that is an input, perhaps one that has not had its turn, else ""."""
        there = (one for one in (item.target, *item.also) if one != "-" and os.path.lexists(one))
        return next(
            (one for one in there if self._place(one) in self._sources and not _is_ours(one)), ""
        )

    @cached_property
    def _sources(self) -> Digests:
        """All inputs, looked for when the first file that is there is to be written over."""
        found = Digests()
        for one in self._inputs:
            found.add(self._place(one.path))
        return found

    def _take(self, item: Item) -> None:
        for target in (item.target, *item.also):
            self._taken.add(self._place(target))

    def _place(self, path: str) -> str:
        return path if path == "-" else self._places.of(path)


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
