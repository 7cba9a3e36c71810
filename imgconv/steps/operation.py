"""What a command does to one plane, and what it says of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

if TYPE_CHECKING:
    import numpy as np

    from imgconv.images import Info
    from imgconv.ops.rows import Rows
    from imgconv.tasks.large_plane import LargePlane


class Result(NamedTuple):
    """What an operation makes of one plane."""

    pixels: np.ndarray  # (H', W', C')
    notes: tuple[str, ...] = ()  # what the user should hear, once a file
    facts: Mapping[str, Any] = {}  # what was found out, for the file's record
    value: Any = None  # for who gathers outcomes: small, since that of each plane is kept


class Banded(NamedTuple):
    """How planes of one Info become others, band by band. bands(plane) -> rows (h, W, C) of the
    result from top to bottom; it calls `tell` with what is found out, before it ends."""

    shape: tuple[int, int, int]  # of a result
    dtype: np.dtype[Any]
    bands: Callable[[LargePlane, Callable[[Result], None]], Iterator[np.ndarray]]


class Operation(ABC):
    """A pure function of a plane (H, W, C) and its Info; a frozen dataclass, so that it can be
    sent to another process. It keeps nothing from one plane to the next.
    """

    imports: ClassVar[Any] = ()  # what it imports when it works: see batch/imports.py

    @abstractmethod
    def __call__(self, plane: np.ndarray, info: Info) -> Result:
        """What becomes of the plane."""

    def by_rows(self, info: Info) -> Rows | None:
        """How it is done band by band; None where it needs the whole plane."""
        return None

    def by_bands(self, info: Info) -> Banded | None:
        """How a large plane is done that has to be looked at more than once, or by other rows than
        `by_rows` can say; None where it needs the whole plane."""
        return None

    def count(self, rows: np.ndarray, found: np.ndarray, begin: int) -> Mapping[str, int]:
        """What is to be counted of rows of a plane and of their results, from row `begin` on."""
        return {}

    def notes_of(self, counts: Mapping[str, int]) -> tuple[str, ...]:
        """What the user should hear of a plane of which this was counted."""
        return ()

    def describe(self, info: Info) -> Info:
        """The Info of the results: a scaled pixel size, another format."""
        return info

    def size(self, info: Info) -> tuple[int, int] | None:
        """Rows and columns of a result, None where they are known only when it is there: what a
        format cannot hold is refused before it is computed."""
        return info.height, info.width

    def suffix(self, found: str) -> str:
        """The usual suffix of a result's file, from that of the input's (".jpg", or "")."""
        return found

    def summary(self, facts: Sequence[Mapping[str, Any]]) -> tuple[Sequence[str], dict[str, Any]]:
        """Notes for the user and the record of a file, from what was found in its planes."""
        return (), {}
