"""What jobs import is imported before the first of them starts.

Where modules import each other in a circle, as SciPy's do, Python lets a second thread see them
half made: two jobs that import SciPy at the same moment fail. So a step, or anything it is made of,
names in `imports` what it imports when it works (names of `pkgutil.resolve_name`: "skimage.measure"
or, of a library that loads its parts late, "skimage.measure:regionprops").

Kernels that are not in the cache yet import Numba within a job: one job at a time, behind a lock,
while the others import nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from imgconv.images.imports import imports_for

from .item import Item
from .targets import is_known


def import_ahead(step: Any, items: Sequence[Item]) -> None:
    """Import, in this thread, what `step` will import for these items."""
    _import(dict.fromkeys((*imports_of(step), *_formats(items))))


def import_formats(item: Item, known: set[str]) -> None:
    """The same for an item that comes later, if its formats are none of those met before."""
    new = {*_formats([item])} - known
    _import(new)
    known |= new


def _import(names: Iterable[str]) -> None:
    from pkgutil import resolve_name

    for name in names:
        with suppress(ImportError, AttributeError):  # said by the job that cannot do without
            resolve_name(name)


def imports_of(part: Any) -> Iterator[str]:
    """The `imports` of a step and of all that it is made of."""
    yield from getattr(part, "imports", ())
    if dataclasses.is_dataclass(part):
        for field in dataclasses.fields(part):
            yield from imports_of(getattr(part, field.name))


def _formats(items: Sequence[Item]) -> Iterable[str]:
    """The formats of all files that are read and written."""
    todo = [item for item in items if not item.skip and not item.error]
    reads, writes = [item.source for item in todo], [item.target for item in todo if item.target]
    for item in todo:
        further = writes if item.target else reads
        further += filter(is_known, item.also)
    return imports_for(reads, writes)
