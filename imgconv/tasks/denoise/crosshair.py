"""The model `crosshair`: overlays found and what is beneath filled in, nothing else touched."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from imgconv.engine import Model
from imgconv.engine.rows import RowSource, run_rows
from imgconv.tasks.large_plane import LargePlane
from imgconv.tasks.row_file import RowFile

from .lines import KEPT, find_lines, lie_on_paper
from .orientations import Orientation
from .prepare import Span, ends
from .run import by_channel
from .source import source
from .subgraph import only

MIRRORED = Orientation(up=False, left=True, swapped=False)


@dataclass(frozen=True, eq=False)
class Crosshair:
    """The network as a Cleaner: zero is taken out everywhere but on the lines it finds."""

    imports: ClassVar = ("scipy.ndimage", "scipy.sparse.csgraph")  # when it works
    model: Model

    def __call__(self, colours: np.ndarray, top: float) -> tuple[np.ndarray, dict[str, Any]]:
        if colours.shape[2] not in (1, 3):
            return by_channel(self, colours, top)
        facts: dict[str, Any] = {}
        parts = list(self.removed(LargePlane.of(colours), top, facts.update))
        return np.concatenate(parts), facts

    def removed(
        self, plane: LargePlane, top: float, tell: Callable[[dict[str, Any]], None]
    ) -> Iterator[np.ndarray]:
        """What is to be taken out of a plane (H, W, 1 or 3), float32 rows after rows.

        `tell` is called with what was found out, once it is.
        """
        with ExitStack() as stack:
            low, span = ends(plane)
            lines = self._lines(plane, Span(low, span), stack)
            count = sum(int(np.count_nonzero(lines.rows(*span))) for span in plane.spans())
            if count and lie_on_paper(lines, plane, low, span):
                tell({"overlay_pixels": 0, "axes_pixels": count})
                count = 0
            else:
                tell({"overlay_pixels": count})
            yield from self._filled(plane, lines) if count else _nothing(plane)

    def _lines(self, plane: LargePlane, scale: Span, stack: ExitStack) -> LargePlane:
        """Where lines are, (H, W, 1) bool, by the mean of what the network says to the image and
        its mirror image."""
        first, mean, core = (stack.enter_context(_file()) for _ in range(3))
        height, width = plane.shape[:2]
        once, both = RowFile(first, width), RowFile(mean, width)
        for band in self._overlay(plane, scale):
            once.add(band)
        for band in self._overlay(MIRRORED.turn_plane(plane), scale):
            upright = once.rows(both.height, both.height + len(band))
            both.add((upright + band[:, ::-1]) / 2)

        def read(rows: slice, columns: slice) -> np.ndarray:
            return both.rows(rows.start, rows.stop)[:, columns, None]

        logits = LargePlane((height, width, 1), np.dtype(np.float32), read)
        return find_lines(logits, core)

    def _overlay(self, plane: LargePlane, scale: Span) -> Iterator[np.ndarray]:
        """Logits (h, W)."""
        model = replace(self.model, graph=only(self.model.graph, "overlay"))
        hole = RowSource.of(np.broadcast_to(np.float32(0), (1, *plane.shape[:2])))
        sources = {"image": source(plane), "hole": hole}
        needed = {name: sources[name] for name in model.graph.inputs}
        for band in run_rows(model, needed, prepare=scale):
            yield band[0]

    def _filled(self, plane: LargePlane, lines: LargePlane) -> Iterator[np.ndarray]:
        """What is on lines less what is beneath."""
        scale = Span(*ends(plane, lines))  # the overlay is no part of the picture
        model = replace(self.model, graph=only(self.model.graph, "content"))
        sources = {"image": source(plane), "hole": source(lines, 1)}
        begin = 0
        for band in run_rows(model, sources, prepare=scale):
            end = begin + band.shape[1]
            beneath = np.moveaxis(np.clip(band, 0, 1), 0, 2)
            beneath = beneath * np.float32(scale.span) + np.float32(scale.low)
            beneath = beneath if plane.shape[2] == 3 else beneath.mean(2, keepdims=True)
            more = plane.rows(begin, end) - beneath
            yield np.where(lines.rows(begin, end), more, 0).astype(np.float32)
            begin = end


def _file() -> tempfile.SpooledTemporaryFile[bytes]:
    return tempfile.SpooledTemporaryFile(KEPT)


def _nothing(plane: LargePlane) -> Iterator[np.ndarray]:
    for begin, end in plane.spans():
        yield np.zeros((end - begin, *plane.shape[1:]), np.float32)
