"""A network that runs: plans for the sizes it meets, weights made ready once."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from imgconv import doing
from imgconv.errors import InputError

from .arena import aligned
from .fusion import fold
from .graph import Graph
from .outputs import Axes, output_axes
from .plan import Key, Plan, Step, make
from .turn import turn

KEPT = 8  # plans, that is sizes of input, kept at a time
ROOM = 2**26  # float32 numbers that are kept for the next input


@dataclass
class Network:
    """A graph with all that has been made ready for it. Its inputs take turns with those of all
    other networks; it is pickled as its graph."""

    graph: Graph
    prepared: dict[Any, np.ndarray] = field(default_factory=dict)
    plans: OrderedDict[Any, Plan] = field(default_factory=OrderedDict)
    room: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))
    axes: dict[str, Axes] = field(default_factory=dict)
    seconds: dict[str, float] | None = None  # by layer, where they are wanted

    def __post_init__(self) -> None:
        self.graph = fold(self.graph, {})

    def __reduce__(self) -> tuple[Any, ...]:
        return Network, (self.graph,)

    def plan(
        self, shapes: Mapping[str, tuple[int, ...]], chosen: Mapping[str, str] | None = None
    ) -> Plan:
        """The plan for inputs of these shapes, with the algorithms `chosen` for another size."""
        with turn():
            key = (tuple(sorted(shapes.items())), tuple(sorted((chosen or {}).items())))
            if key not in self.plans:
                self.plans[key] = make(self.graph, shapes, self.prepared, chosen)
                while len(self.plans) > KEPT:
                    self.plans.popitem(last=False)
            self.plans.move_to_end(key)
            return self.plans[key]

    def __call__(
        self, inputs: Mapping[str, np.ndarray], chosen: Mapping[str, str] | None = None
    ) -> dict[str, np.ndarray]:
        """The outputs for these inputs, arrays (N, C, H, W) or of any other shape by name."""
        with turn():
            return self._outputs(
                {name: _input(name, array) for name, array in inputs.items()}, chosen
            )

    def _outputs(
        self, inputs: Mapping[str, np.ndarray], chosen: Mapping[str, str] | None
    ) -> dict[str, np.ndarray]:
        plan = self.plan({name: array.shape for name, array in inputs.items()}, chosen)
        if self.room.size < plan.numbers:
            self.room = aligned((plan.numbers,))
        values: dict[Key, np.ndarray] = {(name, False): array for name, array in inputs.items()}
        for step in doing.count("layer", plan.steps, len(plan.steps)):
            start = time.perf_counter()
            self._run(step, plan, values)
            if self.seconds is not None:
                layer = step.stage.node.outputs[0] if step.stage else step.algorithm
                passed = time.perf_counter() - start
                self.seconds[layer] = self.seconds.get(layer, 0.0) + passed
        return {name: self._output(plan, key, values) for name, key in plan.outputs.items()}

    def output_axes(self, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Axes]:
        """Where rows and columns of images are in the outputs; looked for once."""
        if not self.axes:
            self.axes = output_axes(self.graph, shapes, self.plan(shapes).shapes)
        return self.axes

    def rest(self) -> None:
        """Give much memory back; little is kept, since fresh memory costs time."""
        with turn():
            if self.room.size > ROOM:
                self.room = np.empty(0, np.float32)

    def _run(self, step: Step, plan: Plan, values: dict[Key, np.ndarray]) -> None:
        given = {name: values[name, form] for name, form in step.reads if (name, form) in values}
        key = step.makes[0]
        if key[1]:
            out = plan.places[key].view(self.room)
            step.run(given, out)
            values[key] = out
        else:
            results = step.run(given, None)
            results = results if isinstance(results, tuple) else (results,)
            for (name, _), array in zip(step.makes, results, strict=False):
                if array.shape != plan.shapes[name]:  # what kernels read next, without looking
                    raise InputError(
                        f"{name}: has the shape {list(array.shape)}, its layer's rule says "
                        f"{list(plan.shapes[name])}"
                    )
            values.update(zip(step.makes, results, strict=False))
        for freed in step.frees:
            values.pop(freed, None)

    def _output(self, plan: Plan, key: Key, values: Mapping[Key, np.ndarray]) -> np.ndarray:
        array = plan.tensors[key[0]] if key not in values else values[key]
        return np.asarray(array, order="C")  # ascontiguousarray makes single numbers vectors


def _input(name: str, array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in "fiu":
        raise InputError(f"found {array.dtype} for the input '{name}', allowed numbers")
    return array if array.dtype.kind == "i" else np.asarray(array, np.float32)
