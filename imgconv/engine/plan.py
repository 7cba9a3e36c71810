"""A network made ready for one size of input: steps, their order, their memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from imgconv.errors import InputError

from . import arena, blocked
from .blocked.layer import V, Work, blocked_shape
from .blocked.layout import to_blocks, to_planes
from .fusion import Stage, fold, merge
from .graph import Graph
from .operators import OPERATORS, evaluate
from .operators.operator import UNCLAMPED
from .operators.reach import Sliding
from .shapes import propagate

Key = tuple[str, bool]  # a value, and whether it is the blocked form of it
Arrays = Mapping[str, np.ndarray]


@dataclass
class Step:
    """run(values) -> result, or into `out` where the result has a place in the plan's memory."""

    stage: Stage | None  # None: from planes to blocks or back
    makes: tuple[Key, ...]
    reads: tuple[Key, ...]
    run: Callable[[Arrays, Any], Any]
    algorithm: str
    frees: tuple[Key, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where a blocked value lies in the plan's memory: numbers from its start, and its shape.

    A part of the result of a concat lies inside of that: from block `first` of its `blocks`.
    """

    start: int
    shape: tuple[int, ...]
    first: int = 0
    blocks: int = 0

    def view(self, room: np.ndarray) -> np.ndarray:
        """(N, blocks, H, W, V): the value in `room` (n,), the plan's memory of float32; no copy."""
        n, b, h, w, lanes = self.shape
        whole = (n, self.blocks or b, h, w, lanes)
        array = room[self.start : self.start + math.prod(whole)].reshape(whole)
        return array[:, self.first : self.first + b]


@dataclass
class Plan:
    """Steps in order; values of the plan's memory by key, its size in float32 numbers."""

    shapes: Mapping[str, tuple[int, ...]]
    tensors: Mapping[str, np.ndarray]
    steps: list[Step]
    outputs: Mapping[str, Key]
    places: Mapping[Key, Place] = field(default_factory=dict)
    numbers: int = 0
    peak: int = 0  # bytes of values that live together, at most

    @property
    def algorithms(self) -> dict[str, str]:
        """The algorithm of every convolution, by its result."""
        return {
            step.stage.output: step.algorithm
            for step in self.steps
            if step.stage and step.stage.node.operator == "conv" and step.makes[0][1]
        }


def make(
    graph: Graph,
    shapes: Mapping[str, tuple[int, ...]],
    prepared: dict[Any, np.ndarray],
    chosen: Mapping[str, str] | None = None,
) -> Plan:
    """The plan for inputs of these shapes.

    prepared: weights in the forms that kernels read (arrays by name and form), shared by all plans
    of a network. chosen: the algorithms of another plan, to be used here too.
    """
    graph = fold(graph, _select_decided(graph, propagate(graph, shapes)[1]))
    found = dict(propagate(graph, shapes)[0])
    stages = merge(graph, found)
    plan = Plan(found, graph.tensors, [], {})
    forms = _Forms(plan, set(graph.inputs))
    for stage in stages:
        work = _work(stage, forms, prepared, (chosen or {}).get(stage.output, ""))
        forms.add(stage, work)
    plan.outputs = {name: forms.plain(name) for name in graph.outputs}
    _free(plan)
    _place(plan)
    return plan


def _select_decided(graph: Graph, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What the sizes alone decide, but for tensors, which are there already."""
    return {name: array for name, array in values.items() if name not in graph.tensors}


def _work(stage: Stage, forms: _Forms, prepared: dict[Any, Any], chosen: str) -> Work | None:
    """The stage over blocks; what only passes over its input follows the form that it has."""
    plan = forms.plan
    data = [name for name in stage.reads if name not in plan.tensors]
    passing = not isinstance(OPERATORS[stage.node.operator].reach, Sliding)
    if passing and not any((n, True) in forms.made for n in data):
        return None
    return blocked.prepare(stage, plan.tensors, plan.shapes, prepared, chosen)


@dataclass
class _Forms:
    """Steps being collected, and the forms in which every value is made."""

    plan: Plan
    inputs: set[str]
    made: set[Key] = field(init=False)

    def __post_init__(self) -> None:
        self.made = {(name, False) for name in self.inputs}

    def plain(self, name: str) -> Key:
        return self._form(name, False)

    def _form(self, name: str, in_blocks: bool) -> Key:
        """The value in this form, by a step of its own if it is there only in the other."""
        key = (name, in_blocks)
        if name in self.plan.tensors:
            return (name, False)
        if key not in self.made:
            convert = _to_blocks if in_blocks else _to_planes
            run = convert(name, self.plan.shapes[name])
            word = "to blocks" if in_blocks else "to planes"
            self._append(Step(None, (key,), ((name, not in_blocks),), run, word))
        return key

    def add(self, stage: Stage, work: Work | None) -> None:
        if work:
            reads = tuple(self._form(name, name in work.blocked) for name in stage.reads)
            self._append(Step(stage, ((stage.output, True),), reads, work.run, work.algorithm))
            return
        reads = tuple(self._form(name, False) for name in stage.reads)
        made = tuple((name, False) for name in _results(stage))
        self._append(Step(stage, made, reads, in_numpy(stage, self.plan.tensors), "numpy"))

    def _append(self, step: Step) -> None:
        self.plan.steps.append(step)
        self.made.update(step.makes)


def _results(stage: Stage) -> tuple[str, ...]:
    return (stage.output,) if len(stage.node.outputs) == 1 else stage.node.outputs


def _to_blocks(name: str, shape: tuple[int, ...]) -> Callable[[Arrays, Any], None]:
    return lambda values, out: to_blocks(values[name], out)


def _to_planes(name: str, shape: tuple[int, ...]) -> Callable[[Arrays, Any], np.ndarray]:
    return lambda values, out: to_planes(values[name], shape[1])


def in_numpy(stage: Stage, tensors: Arrays) -> Callable[[Arrays, Any], Any]:
    """run(values, None) -> the results of the stage's plain formula, arrays of any shape."""

    def run(values: Arrays, out: Any) -> tuple[np.ndarray, ...]:
        given = [
            (tensors[name] if name in tensors else values[name]) if name else None
            for name in stage.node.inputs
        ]
        try:
            results = evaluate(stage.node.operator, given, stage.node.attributes)
        except InputError as problem:
            raise InputError(f"{stage.node}: {problem}") from None
        except (ArithmeticError, LookupError, TypeError, ValueError) as problem:
            reason = " ".join(str(problem).split())[:100]
            raise InputError(f"{stage.node}: does not fit its inputs ({reason})") from None
        return (_finish(results[0], stage, values), *results[1:])

    return run


def _finish(result: np.ndarray, stage: Stage, values: Arrays) -> np.ndarray:
    if stage.extra:
        result = result + values[stage.extra]
    slope, low, high = stage.clamp.numbers
    if slope != UNCLAMPED.slope:
        result = np.where(result < 0, result * np.float32(slope), result)
    if (low, high) != (UNCLAMPED.low, UNCLAMPED.high):
        result = np.clip(result, np.float32(low), np.float32(high))
    return result


def _free(plan: Plan) -> None:
    """Every value is freed after the last step that reads it."""
    kept = set(plan.outputs.values())
    seen: set[Key] = set(kept)
    for step in reversed(plan.steps):
        last = {key for key in (*step.reads, *step.makes) if key not in seen}
        step.frees = tuple(key for key in sorted(last) if key[0] not in plan.tensors)
        seen |= last


def _place(plan: Plan) -> None:
    """Give every blocked value its place; parts of a concat lie in its result."""
    parts = _parts_of_concats(plan)
    lives = _lives(plan.steps)
    for key, (whole, _) in parts.items():
        first, last = lives[whole]
        lives[whole] = (min(first, lives[key][0]), max(last, lives[key][1]))
    keys = [key for key in lives if key[1] and key not in parts]
    shapes = {key: blocked_shape(plan.shapes[key[0]]) for key in lives if key[1]}
    spans = [arena.Span(math.prod(shapes[key]), *lives[key]) for key in keys]
    starts, plan.numbers = arena.place(spans)
    places = {key: Place(at, shapes[key]) for key, at in zip(keys, starts, strict=True)}
    for key, (whole, first) in parts.items():
        outer = places[whole]
        places[key] = Place(outer.start, shapes[key], first, outer.shape[1])
    plan.places = places
    plan.peak = 4 * plan.numbers + _plain_peak(plan, lives)


def _lives(steps: Sequence[Step]) -> dict[Key, tuple[int, int]]:
    """First and last step of every value that a step makes."""
    lives: dict[Key, tuple[int, int]] = {}
    for place, step in enumerate(steps):
        for key in step.makes:
            lives[key] = (place, place)
        for key in step.reads:
            if key in lives:
                lives[key] = (lives[key][0], place)
    return lives


def _parts_of_concats(plan: Plan) -> dict[Key, tuple[Key, int]]:
    """Values that can be made where a concat wants them: that result, and the block there.

    A block holds V channels: what begins inside one has to be copied.
    """
    parts: dict[Key, tuple[Key, int]] = {}
    made = {key for step in plan.steps for key in step.makes}
    for step in plan.steps:
        if not (step.stage and step.stage.node.operator == "concat" and step.makes[0][1]):
            continue
        at = 0
        for name in step.stage.node.inputs:
            key, channels = (name, True), plan.shapes[name][1]
            twice = step.stage.node.inputs.count(name) > 1
            outer = key in parts or any(whole == key for whole, _ in parts.values())
            alone = plan.shapes[name][0] == 1 and not twice and not outer and key in made
            if alone and at % V == 0 and channels % V == 0:
                parts[key] = (step.makes[0], at // V)
            at += channels
    return parts


def _plain_peak(plan: Plan, lives: Mapping[Key, tuple[int, int]]) -> int:
    """Bytes of values in planes that live together, at most."""
    change = [0] * (len(plan.steps) + 1)
    for key, (first, last) in lives.items():
        if not key[1]:
            size = 4 * math.prod(plan.shapes[key[0]])
            change[first] += size
            change[last + 1] -= size
    now = most = 0
    for step in change:
        now += step
        most = max(most, now)
    return most
