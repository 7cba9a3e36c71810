"""A network over an image from top to bottom: of each value only the rows that are still needed.

The steps are those of the plan for the whole image, on a few rows at a time: a layer's rows are
made once, in whole blocks of Winograd's, of rows that lie as in the whole image. So all results
equal it to the bit, and memory grows with the image's width alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from imgconv.errors import InputError

from . import blocked
from .blocked.layer import blocked_shape
from .fusion import Stage
from .network import Network
from .operators import OPERATORS
from .operators.reach import Shape, Sliding
from .plan import Key, Plan, Step, in_numpy
from .reach import Trace, Traces
from .receptive_field import WINOGRAD, Field
from .ring import Ring
from .schedule import Read, Task, order, rows_kept
from .shapes import shapes_of_node
from .slab import cut, unit
from .tiling import Cut, strips
from .turn import turn

PIXELS = 2**15  # of a value that are made at a time, if that is not more
DEEP = 32  # rows of the image
BESIDE = " beside"  # behind the name of a value that a layer adds to what it slides over

Feed = Callable[[str, int, int], np.ndarray]  # an input's name, rows begin ... end


@dataclass(frozen=True)
class Layer:
    """A step of the plan on rows. names: of what it reads, in the order of the task's reads."""

    step: Step | None  # None: an input of the network
    key: Key
    task: Task
    names: tuple[str, ...] = ()
    stage: Stage | None = None  # the step's, with names of its own for what is read twice


class Making(NamedTuple):
    """What makes rows of a value: run(values, out) of `rows` rows, or without out as a new array.
    by_rows: as of `Work`."""

    run: Callable[[Mapping[str, np.ndarray], Any], Any]
    by_rows: bool
    rows: int


@dataclass
class Stream:
    """The rows of a network's outputs, for inputs of the plan's shapes."""

    network: Network
    plan: Plan
    traces: Traces
    layers: list[Layer]
    kept: list[int]  # rows of each layer's value
    makings: dict[Any, Making] = field(default_factory=dict)

    @property
    def memory(self) -> int:
        """Bytes of all rows that are kept."""
        return sum(4 * math.prod(self._room(i)) for i in range(len(self.layers)))

    def run(self, feed: Feed) -> Iterator[tuple[str, int, int, np.ndarray]]:
        """An output's name, rows begin ... end, and these rows; they are valid until the next.

        feed gives rows of an input (1, C, h, W), float32, each once and in order.
        """
        rings: dict[int, Ring] = {}
        ends = {key: name for name, key in self.plan.outputs.items()}
        for number, begin, end in order([layer.task for layer in self.layers]):
            layer = self.layers[number]
            if layer.step is None:
                made = feed(layer.key[0], begin, end)
                self._ring(rings, number, made.dtype).place(begin, end)[...] = made
            else:
                with turn():
                    self._make(rings, number, begin, end)
            if layer.key in ends:
                yield ends[layer.key], begin, end, rings[number].rows(begin, end)

    def _ring(self, rings: dict[int, Ring], number: int, dtype: Any = np.float32) -> Ring:
        if number not in rings:
            room = np.empty(self._room(number), dtype)
            rings[number] = Ring(room, self._axis(self.layers[number].key))
        return rings[number]

    def check(self) -> None:
        """CannotStream where rows at the top, in the middle or at the bottom cannot be made."""
        for layer in self.layers:
            task = layer.task
            last = -(-task.rows // task.chunk) - 1
            for chunk in {0, 1, last // 2, last - 1, last} & set(range(last + 1)):
                begin, end = chunk * task.chunk, min((chunk + 1) * task.chunk, task.rows)
                spans = [read.span(begin, end) for read in task.reads]
                if layer.step is not None:
                    self._making(layer, spans, begin, end)

    def _axis(self, key: Key) -> int:
        return self.traces.of[key[0]].place[0]

    def _room(self, number: int) -> tuple[int, ...]:
        """The shape of the rows that are kept."""
        layer = self.layers[number]
        return self._shape(layer.key, min(self.kept[number], self._whole_chunks(layer.task)))

    def _whole_chunks(self, task: Task) -> int:
        return -(-task.rows // task.chunk) * task.chunk

    def _shape(self, key: Key, rows: int) -> tuple[int, ...]:
        """The shape of so many rows of a value, in its form."""
        shape = resized(self.plan.shapes[key[0]], self._axis(key), rows)
        return blocked_shape(shape) if key[1] else shape

    def _make(self, rings: dict[int, Ring], number: int, begin: int, end: int) -> None:
        """Rows begin ... end of a layer's value."""
        layer = self.layers[number]
        spans = [read.span(begin, end) for read in layer.task.reads]
        given = {
            name: rings[read.value].rows(*span)
            for name, read, span in zip(layer.names, layer.task.reads, spans, strict=True)
        }
        making, skip = self._making(layer, spans, begin, end)
        if not making.by_rows:
            given = {name: np.ascontiguousarray(array) for name, array in given.items()}
        kept = slice(skip, skip + end - begin)
        if not layer.key[1]:
            result = making.run(given, None)
            result = result[0] if isinstance(result, tuple) else result
            ring = self._ring(rings, number, result.dtype)
            ring.place(begin, end)[...] = part(result, ring.axis, kept)
            return
        place = self._ring(rings, number).place(begin, end)
        if making.rows == end - begin and (making.by_rows or place.flags.c_contiguous):
            making.run(given, place)
            return
        made = np.empty(self._shape(layer.key, making.rows), np.float32)
        making.run(given, made)
        place[...] = made[:, :, kept]

    def _making(
        self, layer: Layer, spans: list[tuple[int, int]], begin: int, end: int
    ) -> tuple[Making, int]:
        """What makes the rows, and which of them is the first that is wanted.

        The same for all slabs of one size in the middle of the image.
        """
        assert layer.step is not None
        if layer.stage is None:
            return Making(layer.step.run, False, end - begin), 0
        node, skip, (low, high) = layer.stage.node, 0, spans[0]
        ends = False, False
        if layer.task.reads[0].first is not None:
            whole = self.plan.shapes[node.inputs[0]]
            slab = cut(node, whole, self.plan.tensors, low, high)
            if slab is None:
                raise CannotStream(f"{node} slides over rows in its own way")
            node, skip, ends = slab.node, begin - slab.first, (low == 0, high == whole[2])
        key = (layer.key, skip, end - begin, high - low, ends)
        if key not in self.makings:
            stage = replace(layer.stage, node=node)
            self.makings[key] = self._prepare(layer, stage, spans, skip, end - begin)
        return self.makings[key], skip

    def _prepare(
        self, layer: Layer, stage: Stage, spans: list[tuple[int, int]], skip: int, count: int
    ) -> Making:
        """The stage for rows of its inputs."""
        plan, node = self.plan, stage.node
        shapes = dict(plan.shapes)
        for name, read, (low, high) in zip(layer.names, layer.task.reads, spans, strict=True):
            key = self.layers[read.value].key
            shapes[name] = resized(plan.shapes[key[0]], self._axis(key), high - low)
        made = shapes_of_node(node, shapes, plan.tensors)[0]
        shapes[stage.output] = shapes[node.outputs[0]] = made
        axis = self._axis(layer.key)
        rows, whole = made[axis], plan.shapes[stage.output]
        if not 0 <= skip <= rows - count or made != resized(whole, axis, rows):
            raise CannotStream(f"{node} works with the size of the image")
        if not layer.key[1]:
            return Making(in_numpy(stage, plan.tensors), True, rows)
        algorithm = plan.algorithms.get(layer.key[0], "")
        work = blocked.prepare(stage, plan.tensors, shapes, self.network.prepared, algorithm)
        if work is None:
            raise CannotStream(f"{node} has no form for a few rows")
        return Making(work.run, work.by_rows, rows)


class CannotStream(Exception):
    """A network that cannot be computed row by row; str() says why."""


def resized(shape: Shape, axis: int, rows: int) -> Shape:
    return (*shape[:axis], rows, *shape[axis + 1 :])


def part(array: np.ndarray, axis: int, rows: slice) -> np.ndarray:
    return array[(slice(None),) * axis + (rows,)]


def stream(network: Network, shapes: Mapping[str, Shape], chosen: Mapping[str, str]) -> Stream:
    """The network for inputs of these shapes (1, C, H, W), with the algorithms `chosen` for all of
    the image. CannotStream where a layer cannot be computed row by row.
    """
    plan = network.plan(shapes, chosen)
    traces = Traces(network.graph, shapes, WINOGRAD)
    layers = _Layers(plan, traces).layers
    tasks = [layer.task for layer in layers]
    made = Stream(network, plan, traces, layers, rows_kept(tasks))
    if not {layer.key for layer in layers if layer.step}.issuperset(plan.outputs.values()):
        raise CannotStream("an output is an input")
    made.check()
    return made


def streams(
    network: Network, plan: Plan, field: Field, shapes: Mapping[str, Shape], memory: int
) -> list[tuple[Cut, Stream]]:
    """The image in as few strips of columns as need not more than so many bytes, each streamed
    from top to bottom; none where a layer cannot be, or no strip is so narrow."""
    count, found = 1, strips(field, 1)
    try:
        while True:
            made: dict[int, Stream] = {}
            for cut in found:
                wide = cut.read.stop - cut.read.start
                part = {name: (*shape[:3], wide) for name, shape in shapes.items()}
                made[wide] = made.get(wide) or stream(network, part, plan.algorithms)
            most = max(one.memory for one in made.values())
            if most <= memory:
                return [(cut, made[cut.read.stop - cut.read.start]) for cut in found]
            count = max(count + 1, count * most // memory)
            narrower = strips(field, count)
            if narrower == found:
                return []
            found = narrower
    except (CannotStream, InputError):
        return []


class _Layers:
    """The layers of a plan, with the rows that they read."""

    def __init__(self, plan: Plan, traces: Traces) -> None:
        self.plan, self.traces = plan, traces
        self.layers: list[Layer] = []
        self.places: dict[Key, int] = {}
        made = {key for step in plan.steps for key in step.makes}
        reads = {key for step in plan.steps for key in step.reads}
        for name in sorted({key[0] for key in reads - made} - plan.tensors.keys()):
            self._append(Layer(None, (name, False), self._task(name, ())))
        for step in plan.steps:
            self._add(step)

    def _append(self, layer: Layer) -> None:
        self.places[layer.key] = len(self.layers)
        self.layers.append(layer)

    def _trace(self, name: str) -> Trace:
        if name not in self.traces.of:
            raise CannotStream(f"'{name}' does not follow the rows of the image")
        return self.traces.of[name]

    def _task(self, name: str, reads: tuple[Read, ...]) -> Task:
        """In chunks of some thousand pixels, and of not too many rows of the image."""
        trace, shape = self._trace(name), self.plan.shapes[name]
        rows, width = (shape[axis] for axis in trace.place)
        deep = max(WINOGRAD, math.floor(DEEP / trace.rows.step) // WINOGRAD * WINOGRAD)
        wanted = -(-PIXELS // (WINOGRAD * max(width, 1))) * WINOGRAD
        return Task(rows, min(wanted, deep), reads)

    def _add(self, step: Step) -> None:
        if len(step.makes) > 1:
            raise CannotStream(f"{step.stage and step.stage.node} has several results")
        key = step.makes[0]
        reads = [key for key in step.reads if key[0] not in self.plan.tensors]
        if key[1] and any(self._trace(one).place != (2, 3) for one in (key[0],)):
            raise CannotStream("channels in blocks, and rows elsewhere")
        stage, names, slides = step.stage, [key[0] for key in reads], None
        found = [Read(self.places[key]) for key in reads]
        if stage is not None and isinstance(OPERATORS[stage.node.operator].reach, Sliding):
            slides = self._slides(stage)
            over = next(n for n, key in enumerate(reads) if key[0] == stage.node.inputs[0])
            found = [replace(slides, value=found[over].value)]
            names = [stage.node.inputs[0]]
            if stage.extra:
                beside = reads[[key[0] for key in reads].index(stage.extra)]
                stage = replace(stage, extra=stage.extra + BESIDE)
                found.append(Read(self.places[beside]))
                names.append(stage.extra)
        self._append(Layer(step, key, self._task(key[0], tuple(found)), tuple(names), stage))

    def _slides(self, stage: Stage) -> Read:
        """Which rows of its first input a row is made of; value is to be filled in."""
        node = stage.node
        shape = self.plan.shapes[node.inputs[0]]
        span = self.traces.spans[node.outputs[0]][0]
        by, height = unit(node, span.step), shape[2]
        first = np.minimum.accumulate(span.first[::-1])[::-1].clip(0, height - 1) // by * by
        last = np.maximum.accumulate(span.last).clip(0, height - 1)
        last = np.minimum(last // by * by + by - 1, height - 1)
        return Read(0, first.tolist(), last.tolist())
