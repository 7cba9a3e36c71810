"""Hostile graphs: model files with odd operators, sizes and constants, run between guard pages.

    python tests/fuzz/graphs.py --cases 100000 --first 0

writes that many small model files, loads them and runs an image through each. What may come out
is a result or an ImgconvError of one line, within seconds and without the memory of a small
machine. Every array that a kernel reads or writes lies between guard pages, so that reading beyond
it is a crash.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

import cases
from guard import guard_kernels

from imgconv.engine import run
from imgconv.engine.graph import Graph, Node, check
from imgconv.engine.model_file import load, save
from imgconv.engine.operators import OPERATORS
from imgconv.engine.operators.operator import Operator
from imgconv.engine.operators.resizing import COORDINATES, ROUNDING
from imgconv.engine.runner import prepare_network
from imgconv.engine.shapes import infer
from imgconv.errors import ImgconvError

SECONDS = 20  # of the processor; a graph of a few layers that takes longer hangs
MEMORY = 64 << 20  # that the values of a network may take

EXTREMES = (0, 1, 2, 3, 4, 8, -1, -2, 7, 40, 65535, 65536, 1 << 20, 1 << 31, 1 << 40, 1 << 62,
            (1 << 63) - 1, -(1 << 63))  # fmt: skip
REALS = (0.0, 1.0, -1.0, 0.5, 2.0, 1e-30, 1e30, -3.7, 1e299)
WORDS = ("none", "tanh", "constant", "reflect", "edge", "wrap", "CRD", "DCR", "float32", "int64",
         "int32", "bool", "nearest", "linear", "cubic", "same_upper", "same_lower", "valid",
         "stretch", "not_larger", "not_smaller", *COORDINATES, *ROUNDING)  # fmt: skip


def some(rng: np.random.Generator, values: Any) -> Any:
    return values[int(rng.integers(len(values)))]


def sizes(rng: np.random.Generator, hostile: float = 0.1) -> list[int]:
    """A few whole numbers, mostly small."""
    count = int(rng.choice([4, 4, 4, 2, 2, 1, 0, 8]))
    return [some(rng, EXTREMES) if rng.random() < hostile else int(rng.integers(-2, 6))
            for _ in range(count)]  # fmt: skip


def attribute(rng: np.random.Generator, kind: Any) -> Any:
    """A value that the operator's table lets in; None where none was found."""
    for _ in range(30):
        value = some(
            rng,
            [some(rng, EXTREMES), int(rng.integers(0, 5)), some(rng, REALS), some(rng, WORDS),
             sizes(rng), sizes(rng, 0.0), [abs(n) + 1 for n in sizes(rng, 0.0)],
             [some(rng, REALS) for _ in range(int(rng.integers(5)))], bool(rng.integers(2))],
        )  # fmt: skip
        if kind.accepts(value):
            return value
    return None


def array(rng: np.random.Generator, x: tuple[int, ...]) -> np.ndarray:
    """Weights of a shape that often suits an input (1, C, H, W), or of any other."""
    C = x[1] if len(x) > 1 else 3
    shape = some(
        rng,
        [(5, C, 3, 3), (C, 5, 2, 2), (C, 1, 3, 3), (16, C, 1, 1), (C,), (C,), (C, 1, 1), (), (1,),
         (5,), (16, C, 5, 2), (8, max(C // 2, 1), 3, 3), x, (0,), (3, 0, 2), (2, 3), (1, C, 0, 4)],
    )  # fmt: skip
    values = rng.standard_normal(shape)
    if rng.random() < 0.05:
        values = np.full(shape, some(rng, (np.nan, np.inf, 1e38)))
    return values.astype(np.int64 if rng.random() < 0.05 else np.float32)


def graph_of(rng: np.random.Generator) -> Graph:
    """Up to eight layers, one after the other, with joins; some that do not fit are kept."""
    C = int(rng.choice([1, 3, 8, 16, 17]))
    shape = (1, C, None, None)
    values, tensors, nodes = ["x"], {}, []

    def tensor(value: np.ndarray) -> str:
        name = f"w{len(tensors)}"
        tensors[name] = value
        return name

    def given(operator: Operator, index: int) -> str:
        name = operator.inputs[index]
        if name.endswith("?") and rng.random() < 0.5:
            return ""
        if name.rstrip("?*") in operator.reads:
            return tensor(np.array(sizes(rng), np.int64))
        if index == 0 or rng.random() < 0.2:
            return some(rng, values[-2:]) if rng.random() < 0.9 else some(rng, values)
        return tensor(array(rng, (1, C, 8, 8)))

    for _ in range(int(rng.integers(8, 60))):
        word = some(rng, list(OPERATORS)) if rng.random() < 0.7 else some(rng, COMMON)
        operator = OPERATORS[word]
        count = int(rng.integers(1, 4)) if operator.variadic else len(operator.inputs)
        inputs = [given(operator, min(i, len(operator.inputs) - 1)) for i in range(count)]
        while inputs and not inputs[-1]:
            inputs.pop()
        attributes = {}
        for name, kind in operator.attributes.items():
            if name in operator.required or rng.random() < 0.3:
                attributes[name] = attribute(rng, kind)
        attributes = {name: value for name, value in attributes.items() if value is not None}
        outputs = tuple(f"v{len(nodes)}_{i}" for i in range(2 if word == "split" else 1))
        nodes.append(Node(word, tuple(inputs), outputs, attributes))
        if rng.random() < 0.995 and not fits(Graph({"x": shape}, outputs, tuple(nodes), tensors)):
            nodes.pop()
            continue
        values.extend(outputs)
        if len(nodes) > 8:
            break
    return Graph({"x": shape}, (values[-1],), tuple(nodes), tensors)


def fits(graph: Graph) -> bool:
    """Whether it would run on a small image."""
    try:
        check(graph)
        infer(graph, {"x": (1, graph.inputs["x"][1] or 1, 16, 12)})
    except ImgconvError:
        return False
    return True


COMMON = ("conv", "conv", "relu", "add", "concat", "max_pool", "resize", "conv_transpose", "pad")


def run_case(seed: int, folder: Path) -> str:
    """What came of it, in a word."""
    rng = np.random.default_rng(seed)
    graph = graph_of(rng)
    path = folder / "case.safetensors"
    try:
        save(path, graph, {"multiple": int(rng.choice([1, 2, 8]))}, half=False)
        model = load(path)
        prepare_network.cache_clear()
        image = rng.random((model.graph.inputs["x"][1], *rng.integers(1, 40, 2))).astype(np.float32)
        run(model, {"x": image}, memory=int(some(rng, (MEMORY, MEMORY, 1 << 18))))
    except ImgconvError as problem:
        assert "\n" not in str(problem), problem
        return "refused"
    return "run"


def prepare(seen: Counter[str]) -> cases.Case:
    np.seterr(all="ignore")

    def case(number: int, folder: Path) -> str:
        with guard_kernels(at_start=number % 4 == 0):
            return run_case(number, folder)

    return case


def report(seen: Counter[str]) -> str:
    return f"{sum(seen.values())} graphs: " + ", ".join(f"{n} {word}" for word, n in seen.items())


if __name__ == "__main__":
    sys.exit(cases.main(__doc__, prepare, report, batch=500, seconds=SECONDS))
