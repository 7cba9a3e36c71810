"""Rows of a network's output, of an image that is read from top to bottom and never there whole."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import IO, Any

import numpy as np

from imgconv import doing
from imgconv.errors import InputError

from .model_file import Model
from .operators.reach import Shape
from .plan import Plan
from .receptive_field import WINOGRAD, receptive_field
from .runner import MEMORY, NO_MARGINS, Frame, make_frame, place_of, places, prepare_network, run
from .streaming import Stream, streams
from .tiling import Cut
from .turn import turn

Read = Callable[[int, int], np.ndarray]
ENDLESS = 1 << 62
TOGETHER = 128  # rows of a band, at least


@dataclass(frozen=True)
class RowSource:
    """An image that is read in rows, for an input (C, H, W) of a network.

    open() begins at the top: within it, read(begin, end) gives rows of the image, of any type and
    channels, of which `prepare` makes C; neither number is ever smaller than the one before.
    again: whether it can be opened more than once; if not, the rows of a network's values are kept
    however wide they are.
    """

    shape: tuple[int, int, int]
    open: Callable[[], AbstractContextManager[Read]]
    again: bool = True

    @staticmethod
    def of(image: np.ndarray) -> RowSource:
        """An image (C, H, W) that is in memory."""
        C, H, W = image.shape
        return RowSource((C, H, W), lambda: nullcontext(lambda top, end: image[:, top:end]))


def run_rows(
    model: Model,
    sources: Mapping[str, RowSource],
    *,
    prepare: Callable[[np.ndarray], np.ndarray] | None = None,
    finish: Callable[[np.ndarray], np.ndarray] | None = None,
    memory: int = MEMORY,
) -> Iterator[np.ndarray]:
    """The output of a model that has one, (K, h, W) in bands from top to bottom.

        with RowReader(image, 0) as reader: ...          # imgconv.images.bands
        source = RowSource((C, H, W), open)              # or RowSource.of(array)
        for band in run_rows(model, {"image": source}): ...

    Put together the bands are run()'s output, to the bit, whose prepare, finish (here of rows
    (K, h, w) alone) and memory these are. An image whose rows fit into `memory` is read once. A
    wider one is computed in strips of columns, each from top to bottom, that are put together from
    files in the system's folder for temporary files: what `finish` gives of the whole image has to
    find room there. A network that sees all of the image at once is given all of it. Nobody waits
    while the caller uses a band: the turn is taken for each layer. InputError as from run().
    """
    if len(model.graph.outputs) != 1:
        raise InputError(f"found {len(model.graph.outputs)} outputs, allowed one: choose it first")
    likes = {name: np.broadcast_to(np.int8(0), one.shape) for name, one in sources.items()}
    frame = make_frame(likes, model.card, NO_MARGINS)
    shapes = {name: (1, len(like), frame.high, frame.wide) for name, like in likes.items()}
    once = not all(source.again for source in sources.values())
    found, plan, keep = _plan(model, shapes, frame, memory, once)
    if not found:
        yield from _whole(model, sources, prepare, finish, memory)
        return

    def strip(cut: Cut, stream: Stream) -> Iterator[np.ndarray]:
        with ExitStack() as stack:
            reads = {
                name: _Continued(frame, plan.shapes[name][2], stack.enter_context(source.open()))
                for name, source in sources.items()
            }

            def feed(name: str, begin: int, end: int) -> np.ndarray:
                piece = reads[name].rows(begin, end, cut.read)
                return np.asarray(prepare(piece) if prepare else piece, np.float32)[None]

            for _, begin, end, made in stream.run(feed):
                rows = keep(cut, begin, end, made)
                if rows.shape[1]:
                    yield finish(rows) if finish else rows.copy()

    if len(found) == 1:
        yield from _together(strip(*found[0]))
    else:
        yield from _side_by_side([partial(strip, *one) for one in found])


Planned = tuple[list[tuple[Cut, Stream]], Plan, Callable[[Cut, int, int, np.ndarray], np.ndarray]]


def _plan(
    model: Model, shapes: Mapping[str, Shape], frame: Frame, memory: int, once: bool
) -> Planned:
    """Strips to be streamed, none where the image is to be computed whole; and what of the rows of
    one belongs to the image, as (K, h, w)."""
    with turn():
        network = prepare_network(model.graph)
        plan = network.plan(shapes)
        (name,) = model.graph.outputs
        axes = network.output_axes(shapes)[name]
        found: list[tuple[Cut, Stream]] = []
        if plan.peak > memory and axes.places is not None:
            field = receptive_field(network.graph, shapes, WINOGRAD)
            if not field.reasons and field.outputs:
                found = streams(network, plan, field, shapes, ENDLESS if once else memory)

    def keep(cut: Cut, begin: int, end: int, made: np.ndarray) -> np.ndarray:
        place = place_of(name, plan.shapes[name], axes, frame, cut.tile(name, begin, end))
        return image_of(place.take(made), place.axes or (1, 2))

    return found, plan, keep


def image_of(array: np.ndarray, axes: tuple[int, int]) -> np.ndarray:
    """(K, h, w) of an array whose rows and columns are these axes."""
    turned = np.moveaxis(array, axes, (-2, -1))
    return turned.reshape(math.prod(turned.shape[:-2]), *turned.shape[-2:])


def _whole(
    model: Model, sources: Mapping[str, RowSource], prepare: Any, finish: Any, memory: int
) -> Iterator[np.ndarray]:
    images = {}
    for name, source in sources.items():
        with source.open() as read:
            whole = read(0, source.shape[1])
            images[name] = prepare(whole) if prepare else whole
    (name,) = model.graph.outputs
    found = run(model, images, memory=memory)[name]
    yield finish(found) if finish else found


class _Continued:
    """Rows of an image and of what it is continued by, from those that are read once."""

    def __init__(self, frame: Frame, high: int, read: Read) -> None:
        self.frame, self.read = frame, read
        self.at = np.r_[places(slice(0, high), frame.height, 0)]
        self.low = np.minimum.accumulate(self.at[::-1])[::-1]
        self.high = np.maximum.accumulate(self.at) + 1

    def rows(self, begin: int, end: int, columns: slice) -> np.ndarray:
        """(C, end - begin, w)"""
        low = int(self.low[begin])
        part = self.read(low, int(self.high[end - 1]))
        part = part[:, self.at[begin:end] - low]
        return part[:, :, places(columns, self.frame.width, 0)]


def _together(bands: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The same rows (K, h, w) in fewer bands."""
    held: list[np.ndarray] = []
    for band in bands:
        held.append(band)
        if sum(one.shape[1] for one in held) >= TOGETHER:
            yield np.concatenate(held, axis=1)
            held = []
    if held:
        yield np.concatenate(held, axis=1)


def _side_by_side(
    strips: Iterable[Callable[[], Iterator[np.ndarray]]],
) -> Iterator[np.ndarray]:
    """Strips (K, h, w), made one after the other, as bands of all their columns."""
    with ExitStack() as stack:
        kept = []
        every = list(strips)
        for strip in doing.count("strip", every, len(every)):
            file = stack.enter_context(tempfile.TemporaryFile())
            kept.append(_Kept(file, strip()))
        while (parts := [one.next() for one in kept])[0].size:
            yield np.concatenate(parts, axis=2)


class _Kept:
    """Rows (K, h, w) in a file, to be read again from the first one on."""

    def __init__(self, file: IO[bytes], bands: Iterator[np.ndarray]) -> None:
        self.file = file
        for band in bands:
            self.dtype, (self.channels, _, self.width) = band.dtype, band.shape
            file.write(np.ascontiguousarray(np.moveaxis(band, 1, 0)).data)
        file.seek(0)

    def next(self) -> np.ndarray:
        """The next rows, fewer at the end and then none."""
        row = self.channels * self.width * self.dtype.itemsize
        found = np.frombuffer(self.file.read(TOGETHER * row), self.dtype)
        return np.moveaxis(found.reshape(-1, self.channels, self.width), 0, 1)
