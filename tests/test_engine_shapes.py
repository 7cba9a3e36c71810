"""Shapes of all values at any input size, also where the graph computes with sizes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgconv.engine.graph import Graph, Node, check
from imgconv.engine.operators import evaluate
from imgconv.engine.shapes import costs, infer, propagate
from imgconv.errors import InputError


def int64(*values):
    return np.array(values, np.int64)


def graph(nodes, tensors, shape=(1, 3, None, None)):
    made = Graph({"x": shape}, (nodes[-1].outputs[0],), tuple(nodes), tensors)
    check(made)
    return made


def run(made: Graph, x: np.ndarray) -> dict[str, np.ndarray]:
    """Every value, node by node with the plain operators."""
    values = {**made.tensors, "x": x}
    for node in made.nodes:
        inputs = [values[name] if name else None for name in node.inputs]
        results = evaluate(node.operator, inputs, node.attributes)
        values.update(zip(node.outputs, results, strict=False))
    return values


WEIGHTS = np.ones((4, 3, 3, 3), np.float32)
CONV = Node("conv", ("x", "w"), ("a",), {"pads": (1,) * 4, "strides": (2, 2)}, "down")


def resized_to_its_input():
    """A decoder as torch.onnx.export writes it: sizes taken from another value."""
    nodes = [
        CONV,
        Node("shape", ("x",), ("sizes",)),
        Node("slice", ("sizes", "two", "four"), ("space",)),
        Node("shape", ("a",), ("deep",), {"end": 2}),
        Node("concat", ("deep", "space"), ("wanted",), {"axis": 0}),
        Node("resize", ("a", "", "wanted"), ("up",), {"mode": "linear"}, "up"),
        Node("concat", ("x", "up"), ("y",), {"axis": 1}),
    ]
    return graph(nodes, {"w": WEIGHTS, "two": int64(2), "four": int64(4)})


def scaled_by_arithmetic():
    """floor(size * 1.5) by way of gather, cast, mul, floor, unsqueeze."""
    nodes = [
        Node("shape", ("x",), ("sizes",)),
        Node("gather", ("sizes", "two"), ("h",)),
        Node("cast", ("h",), ("float",), {"to": "float32"}),
        Node("mul", ("float", "factor"), ("scaled",)),
        Node("floor", ("scaled",), ("low",)),
        Node("cast", ("low",), ("whole",), {"to": "int64"}),
        Node("unsqueeze", ("whole",), ("one",), {"axes": (0,)}),
        Node("concat", ("first", "one", "one"), ("wanted",), {"axis": 0}),
        Node("resize", ("x", "", "wanted"), ("y",)),
    ]
    tensors = {"two": np.array(2), "factor": np.array(1.5, np.float32), "first": int64(1, 3)}
    return graph(nodes, tensors)


def flattened_by_shape():
    nodes = [
        CONV,
        Node("shape", ("a",), ("sizes",), {"end": 1}),
        Node("concat", ("sizes", "rest"), ("wanted",), {"axis": 0}),
        Node("reshape", ("a", "wanted"), ("y",)),
    ]
    return graph(nodes, {"w": WEIGHTS, "rest": int64(-1)}, (None, 3, None, None))


def padded_to_even():
    """(size + 1) // 2 * 2 - size rows more at the end."""
    nodes = [
        Node("shape", ("x",), ("sizes",)),
        Node("gather", ("sizes", "axes"), ("space",)),
        Node("mod", ("space", "two"), ("odd",)),
        Node("concat", ("zeros", "odd"), ("pads",), {"axis": 0}),
        Node("pad", ("x", "pads", "", "axes"), ("y",), {"mode": "reflect"}),
    ]
    tensors = {"axes": int64(2, 3), "two": np.array(2), "zeros": int64(0, 0)}
    return graph(nodes, tensors)


def split_and_ranged():
    nodes = [
        Node("split", ("x",), ("r", "g", "b"), {"axis": 1, "count": 3}),
        Node("shape", ("g",), ("sizes",)),
        Node("gather", ("sizes", "three"), ("width",)),
        Node("range", ("zero", "width", "one"), ("columns",)),
        Node("cast", ("columns",), ("ramp",), {"to": "float32"}),
        Node("expand", ("ramp", "sizes"), ("picture",)),
        Node("add", ("picture", "b"), ("y",)),
    ]
    return graph(nodes, {"three": np.array(3), "zero": np.array(0), "one": np.array(1)})


GRAPHS = [
    resized_to_its_input, scaled_by_arithmetic, flattened_by_shape, padded_to_even,
    split_and_ranged,
]  # fmt: skip


@pytest.mark.parametrize("made", GRAPHS, ids=lambda f: f.__name__)
@settings(max_examples=15, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40))
def test_the_shapes_inferred_are_those_of_the_values_computed(made, height, width):
    made = made()
    if made.nodes[-1].operator == "pad" and 1 in (height, width):
        return  # nothing to reflect
    x = np.random.default_rng(0).normal(size=(1, 3, height, width)).astype(np.float32)
    values = run(made, x)
    found, known = propagate(made, {"x": x.shape})
    assert found == {name: value.shape for name, value in values.items()}
    for name, value in known.items():
        np.testing.assert_array_equal(value, values[name])


def test_nothing_large_is_computed_on_the_way():
    nodes = [
        Node("shape", ("x",), ("sizes",)),
        Node("constant_of_shape", ("sizes",), ("zeros",)),
        Node("add", ("zeros", "x"), ("y",)),
    ]
    found, known = propagate(graph(nodes, {}), {"x": (1, 3, 50_000, 50_000)})
    assert found["y"] == (1, 3, 50_000, 50_000) and set(known) == {"sizes"}


def test_what_does_not_fit_names_the_layer():
    nodes = [CONV, Node("concat", ("x", "a"), ("y",), {"axis": 1}, "skip")]
    with pytest.raises(InputError) as caught:
        infer(graph(nodes, {"w": WEIGHTS}), {"x": (1, 3, 8, 8)})
    assert str(caught.value) == (
        "layer 'skip' (concat): found shapes 1x3x8x8 and 1x4x4x4, which differ beside axis 1"
    )


def test_sizes_that_only_the_picture_knows_are_refused():
    nodes = [
        Node("reduce_max", ("x",), ("top",), {"keepdims": False}),
        Node("cast", ("top",), ("count",), {"to": "int64"}),
        Node("unsqueeze", ("count",), ("wanted",), {"axes": (0,)}),
        Node("constant_of_shape", ("wanted",), ("y",), {}, "as many as bright"),
    ]
    with pytest.raises(InputError) as caught:
        infer(graph(nodes, {}), {"x": (1, 3, 8, 8)})
    assert str(caught.value) == (
        "layer 'as many as bright' (constant_of_shape): its shape is known only while it runs, "
        "which is not supported"
    )


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({}, r"found the inputs \[\], the network has \['x'\]"),
        ({"y": (1, 3, 8, 8)}, r"found the inputs \['y'\], the network has \['x'\]"),
        ({"x": (1, 4, 8, 8)}, "found 1x4x8x8 for the input 'x', allowed 1x3x\\?x\\?"),
        ({"x": (3, 8, 8)}, "found 3x8x8 for the input 'x'"),
        ({"x": (1, 3, 0, 8)}, "found 1x3x0x8 for the input 'x'"),
    ],
)
def test_inputs_of_another_shape_are_refused(shapes, message):
    with pytest.raises(InputError, match=message):
        infer(graph([CONV], {"w": WEIGHTS}), shapes)


def test_absurd_sizes_are_refused_before_anything_is_allocated():
    vast = [
        [Node("tile", ("x",), ("y",), {"repeats": (1, 1, 60_000, 60_000)})],
        [Node("pad", ("x",), ("y",), {"pads": (0, 0, 60_000, 60_000) * 2})] * 1
        + [Node("tile", ("y",), ("z",), {"repeats": (9, 9, 9, 9)})],
        [Node("expand", ("x",), ("y",), {"shape": (1 << 62, 1, 1, 1)})],
        [Node("resize", ("x",), ("y",), {"scales": (1, 1, 1e9, 1e9)})],
        [Node("constant_of_shape", ("many",), ("y",))],
        [Node("range", ("zero", "much", "step"), ("y",))],
    ]
    tensors = {
        "many": int64(1 << 40, 1 << 40),
        "zero": np.array(0.0, np.float32),
        "much": np.array(3e38, np.float32),
        "step": np.array(1e-38, np.float32),
    }
    for nodes in vast:
        with pytest.raises(InputError):
            infer(graph(nodes, tensors), {"x": (1, 3, 64, 64)})


def test_parameters_and_multiply_adds_are_those_counted_by_hand():
    tensors = {
        "w": np.ones((8, 3, 3, 3), np.float32),
        "b": np.ones(8, np.float32),
        "d": np.ones((8, 1, 5, 5), np.float32),
        "t": np.ones((8, 4, 2, 2), np.float32),
        "f": np.ones((10, 4), np.float32),
        "s": int64(1, -1),
    }
    nodes = [
        Node("conv", ("x", "w", "b"), ("a",), {"pads": (1,) * 4}),
        Node("conv", ("a", "d", "b"), ("c",), {"pads": (2,) * 4, "groups": 8, "strides": (2, 2)}),
        Node("conv_transpose", ("c", "t"), ("e",), {"strides": (2, 2)}),
        Node("global_average_pool", ("e",), ("g",)),
        Node("reshape", ("g", "s"), ("h",)),
        Node("dense", ("h", "f"), ("y",)),
    ]
    found = costs(graph(nodes, tensors), {"x": (1, 3, 16, 12)})
    assert [cost.parameters for cost in found] == [8 * 27 + 8, 8 * 25, 8 * 4 * 4, 0, 0, 40]
    assert [cost.multiply_adds for cost in found] == [
        16 * 12 * 8 * 27, 8 * 6 * 8 * 25, 8 * 6 * 8 * 4 * 4, 0, 0, 40,
    ]  # fmt: skip
    assert [cost.shape for cost in found][2] == (1, 4, 16, 12)
