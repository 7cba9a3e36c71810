"""What operators state about the samples they read, against what moves when a sample is moved."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest
from naive_engine import evaluate

from imgconv.engine.graph import Graph, Node, check
from imgconv.engine.operators import OPERATORS
from imgconv.engine.operators.reach import NOTHING, Axes, Pointwise, Sliding
from imgconv.engine.reach import Trace, Traces
from imgconv.errors import InputError

CHANNELS = 4
IMAGE = {name for name, operator in OPERATORS.items() if operator.reach != NOTHING}
GLOBAL = {  # of these the whole image, or an order of its pixels, is meant
    "flatten", "reshape", "matmul", "instance_norm", "group_norm", "global_average_pool",
    "global_max_pool", "global_l2_pool", "grid_sample",
}  # fmt: skip


def numbers(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.uniform(0.5, 1.5, shape).astype(np.float32)


def window(rng: np.random.Generator) -> dict[str, Any]:
    whole = lambda low, high, n: [int(v) for v in rng.integers(low, high + 1, n)]  # noqa: E731
    return {"strides": whole(1, 3, 2), "dilations": whole(1, 2, 2), "pads": whole(0, 2, 4)}


def pool(rng: np.random.Generator) -> tuple[list, dict]:
    return [], {"kernel": [int(n) for n in rng.integers(2, 4, 2)], **window(rng)}


def padding(rng: np.random.Generator) -> tuple[list, dict]:
    at = [0, 0, *rng.integers(-2, 4, 2).tolist(), 0, 0, *rng.integers(-2, 4, 2).tolist()]
    return [], {"pads": at, "mode": str(rng.choice(["constant", "reflect", "edge"]))}


def cut(rng: np.random.Generator) -> tuple[list, dict]:
    return [], {
        "starts": rng.integers(-5, 5, 2).tolist(), "ends": [int(rng.integers(5, 9)), 1 << 40],
        "axes": [2, 3], "steps": rng.integers(1, 4, 2).tolist(),
    }  # fmt: skip


def resizing(rng: np.random.Generator) -> tuple[list, dict]:
    scales = [[1, 1, 2, 3], [1, 1, 0.5, 1], [1, 1, 0.25, 4]]
    return [], {
        "scales": scales[rng.integers(3)], "mode": str(rng.choice(["nearest", "linear", "cubic"])),
        "coordinates": str(rng.choice(["half_pixel", "asymmetric", "pytorch_half_pixel"])),
        "antialias": bool(rng.integers(2)),
    }  # fmt: skip


def of_channels(rng: np.random.Generator) -> np.ndarray:
    return numbers(rng, CHANNELS, 1, 1)


def vectors(count: int) -> Any:
    return lambda rng: ([numbers(rng, CHANNELS) for _ in range(count)], {})


TWO = ("add", "sub", "mul", "div", "pow", "mod", "greater", "greater_or_equal", "less",
       "less_or_equal", "and", "xor", "prelu", "min", "max")  # fmt: skip
CASES: dict[str, Any] = {
    **dict.fromkeys(TWO, lambda rng: ([of_channels(rng)], {})),
    **dict.fromkeys(("equal", "or"), lambda rng: ([np.zeros((CHANNELS, 1, 1), np.float32)], {})),
    "where": lambda rng: ([of_channels(rng), of_channels(rng)], {}),
    "cast": lambda rng: ([], {"to": "float32"}),
    "concat": lambda rng: ([], {"axis": 1}),
    "conv": lambda rng: ([numbers(rng, 2, CHANNELS, 3, 2)], window(rng)),
    "conv_transpose": lambda rng: (
        [numbers(rng, CHANNELS, 2, 3, 4)], {"strides": [2, 1], "dilations": [1, 2], "pads": [1] * 4}
    ),
    **dict.fromkeys(("max_pool", "average_pool", "l2_pool"), pool),
    "resize": resizing,
    "pad": padding,
    "slice": cut,
    "pixel_shuffle": lambda rng: ([], {"block": 2}),
    "pixel_unshuffle": lambda rng: ([], {"block": 2}),
    "grid_sample": lambda rng: ([rng.uniform(-1, 1, (1, 5, 4, 2)).astype(np.float32)], {}),
    "gather": lambda rng: ([np.array([2, 0])], {"axis": 1}),
    "split": lambda rng: ([], {"axis": 1, "sizes": [CHANNELS]}),
    **dict.fromkeys(("softmax", "log_softmax", "lp_norm"), lambda rng: ([], {"axis": 1})),
    "arg_max": lambda rng: ([], {"axis": 1, "keepdims": bool(rng.integers(2))}),
    **{name: lambda rng: ([], {"axes": [1], "keepdims": bool(rng.integers(2))})
       for name in OPERATORS if name.startswith("reduce_")},
    "unsqueeze": lambda rng: ([], {"axes": [int(rng.integers(0, 5))]}),
    "squeeze": lambda rng: ([], {"axes": [0]}),
    "transpose": lambda rng: ([], {"permutation": rng.permutation(4).tolist()}),
    "expand": lambda rng: ([], {"shape": [3, CHANNELS, 1, 1]}),
    "tile": lambda rng: ([], {"repeats": [2, 3, 1, 1]}),
    "dense": None,  # along the last axis: of an image with its channels last, see below
    "layer_norm": None,
    "batch_norm": vectors(4),
    "instance_norm": vectors(2),
    "group_norm": lambda rng: ([numbers(rng, CHANNELS), numbers(rng, CHANNELS)], {"groups": 2}),
    "local_response_norm": lambda rng: ([], {"size": 3}),
    "reshape": lambda rng: ([], {"shape": [0, -1]}),
    "matmul": lambda rng: ([numbers(rng, 12, 3)], {}),
}  # fmt: skip
LAST = {
    "dense": lambda rng: ([numbers(rng, 3, CHANNELS)], {}),
    "layer_norm": lambda rng: ([numbers(rng, CHANNELS)], {"axis": -1}),
}


def graph_of(name: str, rng: np.random.Generator) -> Graph:
    """x (1, C, H, W) -> y by the operator, with constants and attributes that suit it."""
    last = LAST.get(name)
    others, attributes = (last or CASES.get(name, lambda rng: ([], {})))(rng)
    tensors = {f"w{i}": array for i, array in enumerate(others)}
    nodes = [Node("transpose", ("x",), ("t",), {"permutation": [0, 2, 3, 1]})] if last else []
    nodes.append(Node(name, ("t" if last else "x", *tensors), ("y",), attributes))
    graph = Graph({"x": (1, CHANNELS, None, None)}, ("y",), tuple(nodes), tensors)
    check(graph)
    return graph


def test_every_operator_states_its_reach_and_has_a_case():
    for operator in OPERATORS.values():
        assert operator.reach == NOTHING or isinstance(operator.reach, Pointwise | Sliding | Axes)
    unary = {n for n in IMAGE if OPERATORS[n].least == 1 and not OPERATORS[n].required}
    assert set(CASES) | unary >= IMAGE


@pytest.mark.parametrize("name", sorted(IMAGE))
def test_nothing_else_moves_a_result_than_what_the_operator_says(name):
    local = 0
    for seed in range(8):
        rng = np.random.default_rng([seed, *name.encode()])
        height, width = (int(2 * n) for n in rng.integers(4, 8, 2)) if seed else (12, 12)
        graph, x = graph_of(name, rng), numbers(rng, 1, CHANNELS, height, width)
        try:
            traces = Traces(graph, {"x": x.shape}, 1)
        except InputError:  # a window larger than the image
            continue
        if "y" in traces.of:
            local += assert_only_this_moves(graph, x, traces.of["y"])
        else:
            assert "y" in traces.reasons
    assert (local == 0) == (name in GLOBAL)


def assert_only_this_moves(graph: Graph, x: np.ndarray, trace: Trace) -> int:
    """Row by row and column by column; how many samples moved."""
    before, count = evaluate(graph, {"x": x})["y"], 0
    for side, axis, at in zip(trace.sides, (2, 3), trace.place, strict=True):
        for pixel in range(x.shape[axis]):
            other = x.copy()
            other[(slice(None),) * axis + (pixel,)] *= -3 * axis + 6  # to 0, or below it
            with np.errstate(all="ignore"):
                after = evaluate(graph, {"x": other})["y"]
            unlike = (after != before) & ~(np.isnan(after) & np.isnan(before))
            moved = unlike.any(tuple(i for i in range(before.ndim) if i != at))
            reached = (side.low <= pixel) & (pixel <= side.high)
            assert not np.any(moved & ~reached)
            count += np.count_nonzero(moved)
    return count


@pytest.mark.parametrize(
    "name", sorted(n for n in IMAGE if isinstance(OPERATORS[n].reach, Sliding))
)
def test_a_sliding_window_is_stated_no_larger_than_it_is(name):
    """In the middle of an image, where no padding is."""
    rng = np.random.default_rng(5)
    graph, x = graph_of(name, rng), numbers(rng, 1, CHANNELS, 24, 24)
    traces = Traces(graph, {"x": x.shape}, 1)
    if "y" not in traces.of:
        pytest.skip(traces.reasons["y"])
    (rows, _), side = traces.spans["y"], traces.of["y"].rows
    middle = len(rows.first) // 2
    moved = []
    for pixel in range(24):
        other = x.copy()
        other[:, :, pixel] += 100
        unlike = evaluate(graph, {"x": other})["y"] != evaluate(graph, {"x": x})["y"]
        if unlike.any((0, 1, 3))[middle]:
            moved.append(pixel)
    assert (min(moved), max(moved)) == (side.low[middle], side.high[middle])


def test_every_fast_form_is_there():
    for operator in OPERATORS.values():
        if operator.fast:
            module, function = operator.fast.prepare.split(".")
            assert callable(getattr(import_module(f"imgconv.engine.blocked.{module}"), function))
