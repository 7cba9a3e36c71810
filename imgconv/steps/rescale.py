"""`--range rescale` band by band: the span of all values is found first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from imgconv.ops.filter import Filter, Span, span_of

if TYPE_CHECKING:
    from imgconv.ops.rows import Look, Rows


def rescales(work: Any) -> bool:
    """Whether it is a filter that does not know the span of all values yet."""
    return isinstance(work, Filter) and work.range == "rescale" and work.span is span_of


class SpanSeen:
    """The span of all values, of which each call sees some rows; `add` says which of them count."""

    def __init__(self) -> None:
        self.values = np.empty(0)
        self.low, self.high = np.inf, -np.inf

    def __call__(self, values: np.ndarray) -> tuple[float, float]:
        self.values = values
        return 0.0, 0.0

    def add(self, rows: slice) -> None:
        finite = self.values[rows][np.isfinite(self.values[rows])]
        self.low = min(self.low, float(finite.min(initial=np.inf)))
        self.high = max(self.high, float(finite.max(initial=-np.inf)))

    def known(self, values: np.ndarray) -> tuple[float, float]:
        return (self.low, self.high) if self.low <= self.high else (0.0, 0.0)


def rows_of_rescaled(rows_on: Callable[[Filter], Rows | None], work: Filter) -> Rows | None:
    """How a filter that rescales is done; None where that needs the whole plane.

    rows_on: how a filter is done that knows the span.
    """

    def with_span(span: Span, covered: bool) -> Any:
        found = rows_on(replace(work, span=span))
        return found.covered if found and covered else found

    found = with_span(SpanSeen().known, covered=False)
    if found is None or found.look:
        return None
    beside = found.covered and found.covered._replace(look=partial(_look, with_span, covered=True))
    made: Rows = found._replace(look=partial(_look, with_span, covered=False), covered=beside)
    return made


def _look(with_span: Callable[[Span, bool], Any], covered: bool) -> Look:
    from imgconv.ops.rows import Look

    seen = SpanSeen()
    rows = with_span(seen, covered)

    def watch(band: np.ndarray, top: int, begin: int, end: int) -> np.ndarray:
        made: np.ndarray = rows.work(band, top, begin, end)
        seen.add(slice(begin - top, end - top))
        return made[:0]

    return Look(rows._replace(work=watch, look=None), lambda: with_span(seen.known, covered))
