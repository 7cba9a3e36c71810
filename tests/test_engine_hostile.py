"""Graphs made to hurt: one line each, in little time and memory, and no crash."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from imgconv.engine import Model, run
from imgconv.engine.builder import Builder
from imgconv.engine.graph import Graph, Node
from imgconv.engine.model_file import load, save
from imgconv.engine.onnx import import_file
from imgconv.errors import InputError

IMAGE = {"x": np.zeros((1, 8, 8), np.float32)}
MEMORY = 16 << 20


def model(*nodes: Node, **tensors: np.ndarray) -> Model:
    graph = Graph({"x": (1, 1, None, None)}, (nodes[-1].outputs[0],), nodes, tensors)
    return Model(graph, {}, "")


def longs(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def node(operator: str, inputs: str, output: str = "y", **attributes) -> Node:
    return Node(operator, tuple(inputs.split()), (output,), attributes)


@pytest.mark.parametrize(
    "hostile",
    [
        model(node("tile", "x r"), r=longs(64, 1 << 62, 65536, 0)),
        model(node("expand", "x s"), s=longs(1, 1, 0, 1 << 62)),
        model(node("reshape", "x s"), s=longs(1 << 62, 4, 0, 0)),
        model(node("constant_of_shape", "s"), s=longs(0, 1 << 62)),
        model(node("range", "a b d"), a=longs(0), b=longs(1 << 40), d=longs(1)),
        model(node("pad", "x", pads=(0, 0, -9, 0, 0, 0, 9, 0))),
        model(node("clip", "x low"), low=np.zeros(3, np.float32)),
        model(node("gather", "x i", axis=3), i=np.full(3, np.nan, np.float32)),
    ],
)
def test_sizes_beyond_all_bounds_are_one_line(hostile):
    with pytest.raises(InputError) as caught:
        run(hostile, IMAGE, memory=MEMORY)
    assert "\n" not in str(caught.value) and "layer 'y'" in str(caught.value)


def test_an_axis_of_any_length_beside_an_empty_one_takes_no_memory():
    from imgconv.engine.operators.resizing import resize

    empty = np.zeros((1, 1, 0, 8), np.float32)
    assert resize(empty, sizes=longs(1, 1, 0, 1 << 31)).shape == (1, 1, 0, 1 << 31)


def test_constants_count_in_the_memory_that_is_allowed():
    large = model(
        node("constant_of_shape", "s", "c"), node("global_max_pool", "c", "m"),
        node("add", "x m"), s=longs(1, 1, 1 << 15, 1 << 16),
    )  # fmt: skip
    with pytest.raises(InputError, match=r"needs \d+ MB .*allowed 16"):
        run(large, IMAGE, memory=MEMORY)


@pytest.mark.parametrize("card", [{"multiple": "abc"}, {"multiple": 0}, {"multiple": True}])
def test_a_card_with_no_multiple_is_refused(tmp_path, card):
    builder = Builder(["x"])
    graph = builder.graph({"x": (1, 1, None, None)}, [builder.add("relu", "x")])
    with pytest.raises(InputError, match="allowed: a whole number"):
        save(tmp_path / "m.safetensors", graph, card)


def test_a_card_nested_without_an_end_is_refused(tmp_path):
    builder, deep = Builder(["x"]), {}
    for _ in range(200):
        deep = {"a": [deep]}
    graph = builder.graph({"x": (1, 1, None, None)}, [builder.add("relu", "x")])
    with pytest.raises(InputError, match="nested deeper"):
        save(tmp_path / "m.safetensors", graph, deep)
    assert load(save(tmp_path / "n.safetensors", graph, {"a": [{"b": [1]}]}).path).card["a"]


class TestOnnx:
    """Files in ONNX's format."""

    onnx = pytest.importorskip("onnx")

    def saved(self, folder: Path, nodes: list, **more) -> Path:
        from onnx import TensorProto, helper

        values = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, 8, 8]) for name in "xy"
        ]
        graph = helper.make_graph(nodes, "g", values[:1], values[1:])
        sets = more.pop("opset_imports", [helper.make_opsetid("", 17)])
        sets.append(helper.make_opsetid("my", 1))
        path = folder / "net.onnx"
        self.onnx.save(helper.make_model(graph, opset_imports=sets, ir_version=8, **more), path)
        return path

    def functions(self, depth: int, circle: bool = False) -> list:
        """f0 calls f1 twice, f1 calls f2 twice, ... ."""
        from onnx import helper

        made = []
        for i in range(depth):
            inner, domain = (f"f{i + 1}", "my") if i + 1 < depth or circle else ("Relu", "")
            inner = "f0" if circle and i + 1 == depth else inner
            calls = [
                helper.make_node(inner, ["a"], ["b"], domain=domain),
                helper.make_node(inner, ["b"], ["c"], domain=domain),
            ]
            sets = [helper.make_opsetid("", 17), helper.make_opsetid("my", 1)]
            made.append(helper.make_function("my", f"f{i}", ["a"], ["c"], calls, sets))
        return made

    @pytest.mark.parametrize(
        ("depth", "circle", "message"),
        [(40, False, "more than 100000 layers"), (3, True, "without an end")],
    )
    def test_functions_are_counted_before_they_are_taken_apart(
        self, tmp_path, depth, circle, message
    ):
        from onnx import helper

        nodes = [helper.make_node("f0", ["x"], ["y"], domain="my")]
        path = self.saved(tmp_path, nodes, functions=self.functions(depth, circle))
        with pytest.raises(InputError, match=message):
            import_file(path)

    def test_values_that_name_each_other_are_refused(self, tmp_path):
        from onnx import helper

        nodes = [
            helper.make_node("Identity", ["x"], ["a"]),
            helper.make_node("Identity", ["a"], ["b"]),
            helper.make_node("Identity", ["b"], ["a"]),
            helper.make_node("Relu", ["a"], ["y"]),
        ]
        with pytest.raises(InputError, match="'a' is made twice"):
            import_file(self.saved(tmp_path, nodes))

    def test_an_operator_set_of_the_far_future_is_refused(self, tmp_path):
        from onnx import helper

        sets = [helper.make_opsetid("", 1 << 40)]
        path = self.saved(tmp_path, [helper.make_node("Relu", ["x"], ["y"])], opset_imports=sets)
        with pytest.raises(InputError, match="operator set 1099511627776 is newer"):
            import_file(path)


def test_random_hostile_graphs_between_guard_pages():
    """More of them: python tests/fuzz/graphs.py --cases 100000."""
    script = Path(__file__).parent / "fuzz" / "graphs.py"
    command = [sys.executable, script, "--cases", "80", "--first", "12345"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
