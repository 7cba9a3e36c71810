"""The model `micro` over planes larger than memory should be.

Camera, ends and level are found in passes of their own. What is taken out waits in a file, since
its mean is known only when all of it is there. All is to the bit as `Cleaning` makes it of the
whole.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import IO, Any

import numpy as np

from imgconv.engine.rows import RowSource, run_rows
from imgconv.images.bands import BAND
from imgconv.ops.box import rows_of_sum
from imgconv.ops.rows import Rows, rows_of
from imgconv.tasks.large_plane import LargePlane

from .camera import BLOCK, Camera, camera_of, join_blocks, measure_rows, tops_of_blocks
from .large import find_picture, row_sums_of
from .micro import Micro, facts_of, trusted
from .prepare import ends_of_light, scaled
from .read import EDGE, SIDE, evening, inner, mean_of, spread_of
from .run import Cleaning, Rounding, step_of
from .subgraph import only

FLOAT = np.dtype(np.float32)


@dataclass(frozen=True)
class LargeMicro:
    """A plane and how it is cleaned; `tell` is called with what was found out, once it is."""

    cleaning: Cleaning
    plane: LargePlane
    alpha: str
    tell: Callable[[dict[str, Any]], None]

    def bands(self, top: float) -> Iterator[np.ndarray]:
        """The cleaned plane (h, W, C) after (h, W, C); top: the value of white."""
        channels = list(range(self.plane.shape[2] - (self.alpha != "none")))
        picture = find_picture(self.plane.channels(tuple(channels)))
        rounding = Rounding(len(channels))
        with ExitStack() as stack:
            removed = []
            for c in channels:
                one = _Channel(self._micro, self.plane.channels((c,)).through(picture.filled))
                camera = one.camera(top)
                if c == 0:
                    self.tell(facts_of(camera))
                removed.append(one.removed(camera, stack))
            for begin, end in spans_of(self.plane.shape, self.plane.dtype.itemsize):
                rows = self.plane.rows(begin, end)
                known = picture.valid(rows[..., channels]) if picture.valid else None
                taken = np.stack([part(begin, end) for part in removed], axis=2)
                yield self.cleaning.subtract(rows, self.alpha, known, taken, rounding)[0]

    @property
    def _micro(self) -> Micro:
        assert isinstance(self.cleaning.clean, Micro)
        return self.cleaning.clean


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

    def removed(self, camera: Camera, stack: ExitStack) -> Callable[[int, int], np.ndarray]:
        """What is to be taken out: (begin, end) -> float32 (end - begin, W)."""
        height, width = self.plane.shape[:2]
        if camera.dark_noise == 0:
            return lambda begin, end: np.zeros((end - begin, width), np.float32)
        sample = self.plane.sampled(step_of(self.plane.shape))[..., 0].astype(np.float32)
        low, span = ends_of_light(sample, camera)
        file = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 (the stack does)
        kept = _Kept(file, (height, width))
        for begin, noise in self._noise(camera, low, span):
            plane = self.rows(begin, begin + len(noise))
            seen = scaled(plane, camera, low, span)
            cleaned = camera.restore((seen - noise) * span + low).astype(np.float32)
            kept.add(plane - cleaned)
        mean = mean_of(kept.row_sums(), (height, width))
        return lambda begin, end: (kept.balanced(begin, end) - mean).astype(np.float32)

    def _noise(self, camera: Camera, low: float, span: float) -> Iterator[tuple[int, np.ndarray]]:
        """First row, and (h, W) as the network sees it."""
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
        begin = 0
        for band in run_rows(model, {"image": image, "level": RowSource.of(levels)}):
            yield begin, band[0]
            begin += band.shape[1]

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
        self.file, self.shape = file, shape
        made = rows_of(evening(shape), (*shape, 1), FLOAT)
        assert made is not None
        self.around: Rows = made

    def add(self, rows: np.ndarray) -> None:
        self.file.write(np.ascontiguousarray(rows).data)

    def read(self, top: int, bottom: int) -> np.ndarray:
        row = self.shape[1] * FLOAT.itemsize
        self.file.seek(top * row)
        data = self.file.read((bottom - top) * row)
        return np.frombuffer(data, FLOAT).reshape(-1, self.shape[1])

    def balanced(self, begin: int, end: int) -> np.ndarray:
        top, bottom = self.around.reads(begin, end)
        rows = self.read(top, bottom)
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
