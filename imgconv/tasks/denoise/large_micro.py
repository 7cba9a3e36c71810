"""The model `micro` over planes larger than memory should be.

Camera, ends and level are found in passes of their own. What is taken out waits in a file, since
its mean is known only when all of it is there. All is to the bit as `Cleaning` makes it of the
whole.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import IO, Any

import numpy as np

from imgconv.engine.rows import RowSource, run_rows
from imgconv.images.bands import BAND
from imgconv.ops.box import rows_of_sum
from imgconv.ops.rows import Rows, rows_of
from imgconv.tasks.large_plane import LargePlane
from imgconv.tasks.row_file import RowFile

from .camera import BLOCK, Camera, camera_of, join_blocks, measure_rows, tops_of_blocks
from .large_photo import row_sums_of
from .micro import Micro, facts_of, trusted
from .prepare import ends_of_light, scaled
from .read import EDGE, SIDE, evening, inner, mean_of, spread_of
from .run import step_of
from .subgraph import only

FLOAT = np.dtype(np.float32)


@dataclass(frozen=True)
class LargeMicro:
    """The model over large planes."""

    micro: Micro

    def removed(
        self, plane: LargePlane, top: float, tell: Callable[[dict[str, Any]], None]
    ) -> Iterator[np.ndarray]:
        """What is to be taken out of a plane (H, W, 1), float32 (h, W, 1) after (h, W, 1).

        top: the value of white; `tell` is called with what was found out, once it is.
        """
        channel = _Channel(self.micro, plane)
        camera = channel.camera(top)
        tell(facts_of(camera))
        if camera.dark_noise == 0:
            for begin, end in plane.spans():
                yield np.zeros((end - begin, *plane.shape[1:]), np.float32)
            return
        with tempfile.TemporaryFile() as file:
            kept = channel.kept(camera, file)
            mean = mean_of(kept.row_sums(), plane.shape)
            for begin, end in spans_of(plane.shape, FLOAT.itemsize):
                yield (kept.balanced(begin, end) - mean).astype(np.float32)[..., None]


@dataclass(frozen=True)
class _Channel:
    """A channel (H, W, 1) of a plane."""

    micro: Micro
    plane: LargePlane

    def rows(self, top: int, bottom: int) -> np.ndarray:
        """(h, W) float32"""
        return self.plane.rows(top, bottom)[..., 0].astype(np.float32)

    def camera(self, top: float) -> Camera:
        low, high = np.inf, -np.inf
        for span in self.plane.spans():
            values = self.rows(*span)
            low, high = min(low, float(values.min())), max(high, float(values.max()))
        if self.micro.sigma is not None:
            return Camera(0.0, (self.micro.sigma / 255 * top) ** 2, low)
        tops = tops_of_blocks(self.plane.shape)
        return camera_of(
            *join_blocks(measure_rows(self.rows(y, y + BLOCK + 2), high) for y in tops)
        )

    def kept(self, camera: Camera, file: IO[bytes]) -> _Kept:
        """What the network takes out, in a file."""
        height, width = self.plane.shape[:2]
        sample = self.plane.sampled(step_of(self.plane.shape))[..., 0].astype(np.float32)
        low, span = ends_of_light(sample, camera)
        kept, begin = _Kept(file, (height, width)), 0
        for noise in self._noise(camera, low, span):
            plane = self.rows(begin, begin + len(noise))
            seen = scaled(plane, camera, low, span)
            cleaned = camera.restore((seen - noise) * span + low).astype(np.float32)
            kept.file.add(plane - cleaned)
            begin += len(noise)
        return kept

    def _noise(self, camera: Camera, low: float, span: float) -> Iterator[np.ndarray]:
        """(h, W) after (h, W), as the network sees it."""
        height, width = self.plane.shape[:2]

        @contextmanager
        def opened() -> Iterator[Callable[[int, int], np.ndarray]]:
            def read(top: int, bottom: int) -> np.ndarray:
                planes = np.zeros((3, bottom - top, width), np.float32)
                planes[0] = scaled(self.rows(top, bottom), camera, low, span)
                return planes

            yield read

        image = RowSource((3, height, width), opened)
        level = np.array([self._level(image, 1 / span), 0], np.float32)
        levels = np.broadcast_to(level[:, None, None], (2, height, width))
        model = replace(self.micro.model, graph=only(self.micro.model.graph, "noise"))
        for band in run_rows(model, {"image": image, "level": RowSource.of(levels)}):
            yield band[0]

    def _level(self, image: RowSource, told: float) -> float:
        if self.micro.sigma is not None:
            return told
        model = replace(self.micro.model, graph=only(self.micro.model.graph, "gauge"))
        sums = [row_sums_of(band) for band in run_rows(model, {"image": image})]
        every = np.concatenate(sums, axis=1)
        rows = inner(every.shape[1], 2 * EDGE + 1)[0]
        return trusted(spread_of(every[:, rows])[0], told)


class _Kept:
    """Rows (H, W) of float32 in a file, and what they are without the mean around every place."""

    def __init__(self, file: IO[bytes], shape: tuple[int, int]) -> None:
        self.file, self.shape = RowFile(file, shape[1]), shape
        made = rows_of(evening(shape), (*shape, 1), FLOAT)
        assert made is not None
        self.around: Rows = made

    def balanced(self, begin: int, end: int) -> np.ndarray:
        top, bottom = self.around.reads(begin, end)
        rows = self.file.rows(top, bottom)
        around = self.around.work(np.ascontiguousarray(rows[..., None]), top, begin, end)
        return np.asarray(rows[begin - top : end - top] - around[..., 0])

    def row_sums(self) -> np.ndarray:
        """(H,) of the balanced rows."""
        spans = spans_of((*self.shape, 1), FLOAT.itemsize)
        return np.concatenate([self.balanced(*span).sum(1, dtype=np.float64) for span in spans])


def spans_of(shape: tuple[int, ...], size: int) -> Iterator[tuple[int, int]]:
    """First and last row of bands of a plane (H, W, C) of numbers of `size` bytes: as many as sums
    down the columns are made of."""
    together = rows_of_sum(SIDE)
    step = -(-max(1, BAND // (shape[1] * shape[2] * size)) // together) * together
    for begin in range(0, shape[0], step):
        yield begin, min(begin + step, shape[0])
