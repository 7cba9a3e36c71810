"""Graphs that cannot run are refused with one line that names the layer."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from imgconv.engine.graph import Graph, Node, canonical, check, from_json, to_json
from imgconv.engine.operators import OPERATORS
from imgconv.errors import InputError

WEIGHTS = np.zeros((4, 3, 3, 3), np.float32)


def graph(*nodes: Node, **changes) -> Graph:
    first = Node("conv", ("image", "w", ""), ("a",), {"pads": (1, 1, 1, 1)}, "conv1")
    made = Graph({"image": (1, 3, None, None)}, ("a",), (first, *nodes), {"w": WEIGHTS})
    return replace(made, **changes)


def test_a_sound_graph_passes():
    check(graph(Node("relu", ("a",), ("b",)), outputs=("b", "a")))


FAULTS = [
    (graph(Node("konv", ("a",), ("b",), {}, "second")),
     f"layer 'second' (konv): this version knows {len(OPERATORS)} operators, not 'konv'; "
     "did you mean 'conv'"),
    (graph(Node("exec", ("a",), ("b",))), "layer 'b' (exec): this version knows"),
    (graph(Node("add", ("a", "missing"), ("b",))),
     "layer 'b' (add) reads 'missing', which is neither a tensor nor made by a layer before it"),
    (graph(Node("add", ("a", "c"), ("b",)), Node("relu", ("b",), ("c",))),
     "layer 'b' (add) reads 'c' before it is made: a circle, or layers in a wrong order"),
    (graph(Node("relu", ("b",), ("b",))), "layer 'b' (relu) reads 'b' before it is made: a circle"),
    (graph(Node("relu", ("a",), ("a",))), "layer 'a' (relu) makes 'a', which exists already"),
    (graph(Node("relu", ("a",), ("w",))), "layer 'w' (relu) makes 'w', which exists already"),
    (graph(tensors={"w": WEIGHTS, "image": WEIGHTS}), "'image' is both an input and a tensor"),
    (graph(outputs=("z",)), "the output 'z' is made by no layer"),
    (graph(outputs=()), "found 0 outputs and 1 layers"),
    (graph(inputs={"image": (1, 3, -1, None)}), "the input 'image' has the shape [1, 3, -1, None]"),
    (graph(inputs={"image": (1 << 40,)}), "the input 'image' has the shape [1099511627776]"),
    (graph(Node("add", ("a",), ("b",))), "layer 'b' (add) has 1 inputs, allowed (x, y)"),
    (graph(Node("relu", ("a", "a"), ("b",))), "layer 'b' (relu) has 2 inputs, allowed (x)"),
    (graph(Node("add", ("a", ""), ("b",))), "layer 'b' (add) has 1 inputs, allowed (x, y)"),
    (graph(Node("concat", (), ("b",), {"axis": 1})), "layer 'b' (concat) has 0 inputs"),
    (graph(Node("relu", ("a",), ())), "layer '?' (relu) has 0 outputs, allowed 1"),
    (graph(Node("relu", ("a",), ("b", "c"))), "layer 'b' (relu) has 2 outputs, allowed 1"),
    (graph(Node("relu", ("a",), ("b",), {"slope": 1})),
     "layer 'b' (relu) has the attribute 'slope', allowed: none"),
    (graph(Node("leaky_relu", ("a",), ("b",), {"alpha": 1})),
     "layer 'b' (leaky_relu) has the attribute 'alpha', allowed: slope"),
    (graph(Node("leaky_relu", ("a",), ("b",), {"slope": float("nan")})),
     "layer 'b' (leaky_relu) has slope = nan, allowed: a finite number"),
    (graph(Node("max_pool", ("a",), ("b",), {"kernel": (0, 2)})),
     "layer 'b' (max_pool) has kernel = (0, 2), allowed: a list of at most 8 whole numbers from 1"),
    (graph(Node("max_pool", ("a",), ("b",), {"kernel": (10**9, 2)})), "has kernel = (1000000000,"),
    (graph(Node("max_pool", ("a",), ("b",), {"kernel": "22"})), "has kernel = '22', allowed"),
    (graph(Node("max_pool", ("a",), ("b",))), "layer 'b' (max_pool) lacks the attribute 'kernel'"),
    (graph(Node("reshape", ("a",), ("b",))), "layer 'b' (reshape) lacks the attribute 'shape'"),
    (graph(Node("resize", ("a",), ("b",), {"mode": "lanczos"})),
     "has mode = 'lanczos', allowed: one of 'nearest', 'linear', 'cubic'"),
    (graph(tensors={"w": WEIGHTS.astype(np.float64)}), "tensor 'w' holds float64 with 4 axes"),
]  # fmt: skip


@pytest.mark.parametrize(("broken", "message"), FAULTS, ids=lambda v: v if type(v) is str else "")
def test_a_graph_that_cannot_run_is_refused_by_layer_and_problem(broken, message):
    with pytest.raises(InputError) as caught:
        check(broken)
    assert str(caught.value).startswith(message) or message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_long_and_unprintable_names_make_one_short_line():
    node = Node("relu", ("x" * 10_000,), ("b\n\x1b[31m",), {})
    with pytest.raises(InputError) as caught:
        check(graph(node))
    assert len(str(caught.value)) < 250 and str(caught.value).isprintable()


def test_an_input_may_stand_for_a_required_attribute():
    shape = np.array([1, -1])
    nodes = (
        Node("reshape", ("a", "s"), ("b",)),
        Node("reshape", ("a",), ("c",), {"shape": (1, -1)}),
    )
    check(graph(*nodes, tensors={"w": WEIGHTS, "s": shape}))


def test_a_graph_becomes_json_and_back():
    nodes = (
        Node("max_pool", ("a",), ("b",), {"kernel": (2, 2), "ceil": True}, "pool"),
        Node("leaky_relu", ("b",), ("c",), {"slope": 0.1}),
    )
    made = graph(*nodes, outputs=("c", "a"))
    text = canonical(to_json(made))
    back = from_json(json.loads(text), made.tensors)
    assert (back.nodes, back.inputs, back.outputs) == (made.nodes, made.inputs, made.outputs)
    assert canonical(to_json(back)) == text


def test_the_json_text_is_the_same_whatever_the_order_of_keys():
    assert canonical({"b": 1, "a": [1, 2.5, None]}) == '{"a":[1,2.5,null],"b":1}'
    with pytest.raises(ValueError):
        canonical({"a": float("nan")})


def spoiled(path, value):
    """The JSON of a sound graph with one thing replaced."""
    data = json.loads(canonical(to_json(graph())))
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "the graph is a list without"),
        (None, "the graph is null without"),
        ({}, "the graph is an object without"),
        (spoiled(["nodes"], {}), "the graph's nodes are an object, allowed: a list"),
        (spoiled(["nodes"], [3]), "a node is a number without"),
        (spoiled(["nodes", 0, "operator"], 3), "a node's operator is a number, allowed: a text"),
        (spoiled(["nodes", 0, "inputs"], ["image", 3]), "a node's inputs is a number"),
        (spoiled(["nodes", 0, "attributes"], []), "a node's attributes are a list"),
        (spoiled(["nodes", 0, "attributes"], {"pads": [[[]]]}), "has pads = ([[]],), allowed"),
        (spoiled(["nodes", 0, "attributes"], {"groups": True}), "has groups = True, allowed"),
        (spoiled(["nodes", 0, "attributes"], {"groups": 10**400}), "has groups = 1000"),
        (spoiled(["inputs", 0, "shape"], ["a"]), "allowed to be whole numbers or null"),
        (spoiled(["inputs", 0, "shape"], [1] * 99), "the input 'image' has the shape"),
        (spoiled(["inputs", 0, "name"], None), "an input's name is null"),
        (spoiled(["outputs"], "a"), "the graph's outputs are a text, allowed: a list"),
    ],
)  # fmt: skip
def test_json_of_another_form_is_refused(data, message):
    with pytest.raises(InputError) as caught:
        from_json(data, {"w": WEIGHTS})
    assert message in str(caught.value)
