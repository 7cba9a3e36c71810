"""The ONNX importer: what differs between operator sets, and files that are not as they should be.

Networks of one or two nodes are made by hand and compared with onnxruntime.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from naive_engine import evaluate
from onnx import ModelProto, TensorProto, helper, numpy_helper

from imgconv.engine import Network
from imgconv.engine.graph import Graph
from imgconv.engine.onnx import import_file
from imgconv.engine.onnx.convert import convert
from imgconv.engine.onnx.multiples import step_of_sizes
from imgconv.errors import InputError

node = helper.make_node


def network(
    nodes: Any, shape: Any = (1, 4, 6, 8), opset: int = 13, *, outputs: Any = ("y",), **weights: Any
) -> ModelProto:
    """A model from "x" of a shape to its outputs, with weights by name."""
    ends = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    results = [onnx.ValueInfoProto(name=name) for name in outputs]
    tensors = [numpy_helper.from_array(np.asarray(v), name) for name, v in weights.items()]
    nodes = [nodes] if isinstance(nodes, onnx.NodeProto) else nodes
    graph = helper.make_graph(nodes, "net", ends, results, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def image(shape: Any = (1, 4, 6, 8), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def elsewhere(model: ModelProto, x: np.ndarray) -> np.ndarray:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return session.run(None, {"x": x})[0]


def ours(graph: Graph, x: np.ndarray) -> np.ndarray:
    return next(iter(evaluate(graph, {"x": x}).values()))


def same(model: ModelProto, shape: Any = (1, 4, 6, 8), **how: Any) -> Graph:
    """The imported graph, whose result has been compared."""
    graph, x = convert(model, **how), image(shape)
    expected = elsewhere(model, x)
    for found in (ours(graph, x), next(iter(Network(graph)({"x": x}).values()))):
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    return graph


def refused(model: ModelProto, **how: Any) -> str:
    with pytest.raises(InputError) as problem:
        convert(model, **how)
    assert "\n" not in str(problem.value)
    return str(problem.value)


SCALES = np.float32([1, 1, 2, 3])
VARIANTS = {
    "upsample 7": (node("Upsample", ["x"], ["y"], scales=[1.0, 1.0, 2.0, 3.0]), 7, {}),
    "upsample 9": (node("Upsample", ["x", "s"], ["y"]), 9, {"s": SCALES}),
    "upsample 9 linear": (node("Upsample", ["x", "s"], ["y"], mode="linear"), 9, {"s": SCALES}),
    "resize 10": (node("Resize", ["x", "s"], ["y"]), 10, {"s": SCALES}),
    "resize 10 smaller": (
        node("Resize", ["x", "s"], ["y"]), 10, {"s": np.float32([1, 1, 0.5, 0.4])},
    ),
    "resize 10 linear": (node("Resize", ["x", "s"], ["y"], mode="linear"), 10, {"s": SCALES}),
    "resize 11": (
        node("Resize", ["x", "e", "s"], ["y"], mode="linear",
             coordinate_transformation_mode="align_corners"),
        11, {"s": SCALES, "e": np.float32([])},
    ),
    "resize 13 to sizes": (
        node("Resize", ["x", "", "", "s"], ["y"], mode="cubic"), 13, {"s": np.int64([1, 4, 9, 5])},
    ),
    "resize 18 on axes": (
        node("Resize", ["x", "", "s"], ["y"], axes=[3, 2]), 18, {"s": np.float32([2, 3])},
    ),
    "resize 19 antialiased": (
        node("Resize", ["x", "", "", "s"], ["y"], mode="linear", antialias=1),
        19, {"s": np.int64([1, 4, 3, 3])},
    ),
    "clip 7": (node("Clip", ["x"], ["y"], min=-0.5, max=0.25), 7, {}),
    "clip 7 below": (node("Clip", ["x"], ["y"], min=0.0), 7, {}),
    "clip 11": (
        node("Clip", ["x", "", "high"], ["y"]), 11, {"high": np.float32(0.25)},
    ),
    "softmax 7": (node("Softmax", ["x"], ["y"]), 7, {}),
    "softmax 11": (node("Softmax", ["x"], ["y"], axis=2), 11, {}),
    "softmax 13": (node("Softmax", ["x"], ["y"], axis=1), 13, {}),
    "log softmax 11": (node("LogSoftmax", ["x"], ["y"], axis=-2), 11, {}),
    "pad 7": (
        node("Pad", ["x"], ["y"], pads=[0, 0, 1, 2, 0, 0, 0, 3], mode="reflect"), 7, {},
    ),
    "pad 11": (
        node("Pad", ["x", "p", "v"], ["y"]), 11,
        {"p": np.int64([0, 0, 1, -2, 0, 0, -1, 3]), "v": np.float32(2)},
    ),
    "pad 18": (
        node("Pad", ["x", "p", "", "a"], ["y"], mode="edge"), 18,
        {"p": np.int64([1, 2, 3, 4]), "a": np.int64([-1, 2])},
    ),
    "slice 7": (node("Slice", ["x"], ["y"], starts=[1, 0], ends=[-1, 99], axes=[2, 3]), 7, {}),
    "slice 10": (
        node("Slice", ["x", "b", "e", "a", "s"], ["y"]), 10,
        {"b": np.int64([7, 0]), "e": np.int64([-99, 5]), "a": np.int64([3, 2]),
         "s": np.int64([-2, 2])},
    ),
    "mean 7": (node("ReduceMean", ["x"], ["y"], axes=[2, 3], keepdims=0), 7, {}),
    "mean 18": (node("ReduceMean", ["x", "a"], ["y"]), 18, {"a": np.int64([-1])}),
    "mean of all": (node("ReduceMean", ["x"], ["y"]), 13, {}),
    "sum 13": (node("ReduceSum", ["x", "a"], ["y"]), 13, {"a": np.int64([1])}),
    "unsqueeze 7": (node("Unsqueeze", ["x"], ["y"], axes=[0, 5]), 7, {}),
    "squeeze 13": (node("Squeeze", ["x", "a"], ["y"]), 13, {"a": np.int64([0])}),
    "prelu": (node("PRelu", ["x", "s"], ["y"]), 9, {"s": image((4, 1, 1))}),
    "norm 7": (
        node("BatchNormalization", ["x", *"abcd"], ["y"], epsilon=0.1), 7,
        {name: np.abs(image((4,), seed)) for seed, name in enumerate("abcd")},
    ),
    "norm 14": (
        node("BatchNormalization", ["x", *"abcd"], ["y"]), 14,
        {name: np.abs(image((4,), seed)) for seed, name in enumerate("abcd")},
    ),
    "instance norm": (
        node("InstanceNormalization", ["x", "a", "b"], ["y"]), 7,
        {"a": image((4,)), "b": image((4,), 1)},
    ),
    "group norm 18": (
        node("GroupNormalization", ["x", "a", "b"], ["y"], num_groups=2), 18,
        {"a": image((2,)), "b": image((2,), 1)},
    ),
    "group norm 21": (
        node("GroupNormalization", ["x", "a", "b"], ["y"], num_groups=2), 21,
        {"a": image((4,)), "b": image((4,), 1)},
    ),
    "layer norm": (
        node("LayerNormalization", ["x", "a"], ["y"], axis=2), 17, {"a": image((6, 8))},
    ),
    "local response norm": (node("LRN", ["x"], ["y"], size=3, alpha=0.5), 7, {}),
    "l2 pool": (node("LpPool", ["x"], ["y"], kernel_shape=[2, 3], strides=[2, 1]), 11, {}),
    "l1 pool": (node("LpPool", ["x"], ["y"], kernel_shape=[2, 2], p=1), 11, {}),
    "global l2 pool": (node("GlobalLpPool", ["x"], ["y"]), 7, {}),
    "depth to space 7": (node("DepthToSpace", ["x"], ["y"], blocksize=2), 7, {}),
    "depth to space 13": (node("DepthToSpace", ["x"], ["y"], blocksize=2, mode="CRD"), 13, {}),
    "space to depth": (node("SpaceToDepth", ["x"], ["y"], blocksize=2), 7, {}),
    "max pool, rounded up": (
        node("MaxPool", ["x"], ["y"], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1), 10, {},
    ),
    "average pool, padding counted": (
        node("AveragePool", ["x"], ["y"], kernel_shape=[3, 3], pads=[1, 0, 1, 2],
             count_include_pad=1), 7, {},
    ),
    "convolution, same": (
        node("Conv", ["x", "w"], ["y"], auto_pad="SAME_LOWER", strides=[2, 3], group=2), 7,
        {"w": image((6, 2, 3, 4))},
    ),
    "transposed convolution, to a size": (
        node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 3], output_shape=[13, 24]), 7,
        {"w": image((4, 2, 3, 3))},
    ),
    "transposed convolution, same": (
        node("ConvTranspose", ["x", "w", "b"], ["y"], strides=[2, 2], auto_pad="SAME_UPPER"), 7,
        {"w": image((4, 2, 3, 3)), "b": image((2,))},
    ),
    "split 7": (
        [node("Split", ["x"], ["a", "b"], axis=3, split=[3, 5]),
         node("Concat", ["b", "a"], ["y"], axis=3)], 7, {},
    ),
    "split 13": (
        [node("Split", ["x", "s"], ["a", "b"], axis=3), node("Concat", ["b", "a"], ["y"], axis=3)],
        13, {"s": np.int64([3, 5])},
    ),
    "split 18": (
        [node("Split", ["x"], ["a", "b", "c"], axis=3, num_outputs=3),
         node("Concat", ["c", "a"], ["y"], axis=3)], 18, {},
    ),
    "gelu": (node("Gelu", ["x"], ["y"], approximate="tanh"), 20, {}),
    "hard sigmoid": (node("HardSigmoid", ["x"], ["y"], alpha=0.3), 7, {}),
    "mish, swish": ([node("Mish", ["x"], ["a"]), node("Softsign", ["a"], ["y"])], 18, {}),
    "selu, celu": ([node("Selu", ["x"], ["a"]), node("Celu", ["a"], ["y"], alpha=2.0)], 12, {}),
    "sum of three": (node("Sum", ["x", "a", "x"], ["y"]), 8, {"a": image((8,))}),
    "mean of two": (node("Mean", ["x", "a"], ["y"]), 8, {"a": image((6, 1))}),
    "largest of three": (node("Max", ["x", "a", "b"], ["y"]), 8,
                         {"a": image((8,)), "b": np.float32(0.1)}),
    "dropout 7": (node("Dropout", ["x"], ["y"], ratio=0.9), 7, {}),
    "dropout 13": (node("Dropout", ["x", "r"], ["y"]), 13, {"r": np.float32(0.9)}),
    "constant of a shape": (
        [node("ConstantOfShape", ["s"], ["c"], value=numpy_helper.from_array(np.float32([3]))),
         node("Mul", ["x", "c"], ["y"])], 9, {"s": np.int64([6, 8])},
    ),
    "a function of the standard": (
        node("MeanVarianceNormalization", ["x"], ["y"], axes=[0, 2, 3]), 13, {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", VARIANTS)
def test_an_operator_of_any_operator_set_equals_onnxruntime(name: str) -> None:
    nodes, opset, weights = VARIANTS[name]
    same(network(nodes, opset=opset, **weights))


@given(
    st.integers(1, 3), st.integers(2, 5), st.booleans(), st.booleans(),
    st.sampled_from(["no", "row", "matrix", "column", "number", "one row"]),
    st.sampled_from([1.0, 0.5]), st.sampled_from([1.0, 2.0]),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_a_matrix_product_of_any_kind_is_a_dense_layer(
    rows: int, results: int, turned: bool, stood: bool, bias: str, alpha: float, beta: float
) -> None:
    shapes: Any = {
        "row": (results,), "matrix": (rows, results), "column": (rows, 1), "number": (),
        "one row": (1, results),
    }  # fmt: skip
    weights = {"w": image((results, 4) if stood else (4, results))}
    if bias != "no":
        weights["b"] = image(shapes[bias], 1)
    inputs = ["x", "w", "b"] if bias != "no" else ["x", "w"]
    gemm = node(
        "Gemm", inputs, ["y"], transA=int(turned), transB=int(stood), alpha=alpha, beta=beta
    )
    shape = (4, rows) if turned else (rows, 4)
    graph = same(network(gemm, shape, 11, **weights), shape)
    assert "dense" in {one.operator for one in graph.nodes}
    assert all(name not in ("w",) or stood for name in graph.tensors)


def test_weights_computed_from_constants_are_weights() -> None:
    nodes = [
        node("Constant", [], ["two"], value_float=2.0),
        node("Mul", ["w", "two"], ["doubled"]),
        node("Transpose", ["doubled"], ["turned"], perm=[1, 0, 2, 3]),
        node("Conv", ["x", "turned"], ["y"]),
    ]
    graph = same(network(nodes, w=image((4, 5, 3, 3))))
    assert [one.operator for one in graph.nodes] == ["conv"]
    assert [tensor.shape for tensor in graph.tensors.values()] == [(5, 4, 3, 3)]


def test_weights_listed_among_the_inputs_are_no_inputs() -> None:
    model = network(node("Add", ["x", "w"], ["y"]), opset=7, w=image((4, 1, 1)))
    model.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, (4, 1, 1)))
    assert list(same(model).inputs) == ["x"]


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE])
def test_weights_of_other_precisions_are_widened(kind: int) -> None:
    values = [0.5, -1.25, 3.0, 1e-3]
    model = network([node("Cast", ["w"], ["v"], to=1), node("Add", ["x", "v"], ["y"])])
    model.graph.initializer.append(helper.make_tensor("w", kind, (4, 1, 1), values))
    graph = convert(model)
    weights = next(iter(graph.tensors.values()))
    assert weights.dtype == np.float32
    assert np.allclose(weights.ravel(), values, rtol=1e-2)
    assert np.array_equal(ours(graph, image()), image() + weights)


def test_sizes_computed_from_the_image_are_followed() -> None:
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "spatial"], ["hw"]),
        node("Add", ["hw", "one"], ["larger"]),
        node("Concat", ["nc", "larger"], ["sizes"], axis=0),
        node("Resize", ["x", "", "", "sizes"], ["y"]),
    ]
    given = {"spatial": np.int64([2, 3]), "one": np.int64([1]), "nc": np.int64([1, 4])}
    model = network(nodes, ("n", 4, "h", "w"), **given)
    graph = same(model)
    assert len(graph.nodes) == 5
    assert ours(graph, image((1, 4, 10, 3))).shape == (1, 4, 11, 4)
    fixed = same(model, size=(6, 8))
    assert [(one.operator, dict(one.attributes)["sizes"]) for one in fixed.nodes] == [
        ("resize", [1, 4, 7, 9])
    ]


def test_a_branch_whose_condition_is_known_is_taken() -> None:
    branches = {
        f"{word}_branch": helper.make_graph(
            [node(operator, ["x"], [word])], word, [], [onnx.ValueInfoProto(name=word)]
        )
        for word, operator in (("then", "Relu"), ("else", "Neg"))
    }
    for value, expected in ((True, "relu"), (False, "neg")):
        nodes = [node("If", ["c"], ["b"], **branches), node("Abs", ["b"], ["y"])]
        graph = convert(network(nodes, c=np.array(value)))
        assert [one.operator for one in graph.nodes] == [expected, "abs"]


def test_functions_of_the_file_are_inlined() -> None:
    function = helper.make_function(
        "mine", "Double", ["a"], ["b"], [node("Add", ["a", "a"], ["b"])],
        [helper.make_opsetid("", 13)],
    )  # fmt: skip
    model = network([node("Double", ["x"], ["d"], domain="mine"), node("Relu", ["d"], ["y"])])
    model.functions.append(function)
    model.opset_import.append(helper.make_opsetid("mine", 1))
    assert [one.operator for one in same(model).nodes] == ["add", "relu"]


def test_outputs_keep_their_names_even_if_two_are_the_same() -> None:
    nodes = [node("Relu", ["x"], ["a"]), node("Identity", ["a"], ["b"])]
    graph = convert(network(nodes, outputs=("b", "a")))
    found = evaluate(graph, {"x": image()})
    assert list(found) == ["b", "a"]
    assert np.array_equal(found["a"], found["b"])


def test_everything_that_is_in_the_way_is_named_in_one_line() -> None:
    nodes = [
        node("NonZero", ["x"], ["a"], name="first"),
        node("NonZero", ["a"], ["b"]),
        node("Fancy", ["x"], ["c"], domain="com.example"),
        node("MaxPool", ["x"], ["d", "places"], name="pool", kernel_shape=[2, 2]),
        node("Unpool", ["d", "places"], ["e"], name="last"),
        node("Add", ["e", "c"], ["y"]),
    ]
    line = refused(network(nodes, opset=12))
    assert line == (
        "these operators (of operator set 12) cannot be imported: "
        "1 x Fancy of com.example (first: 'c'); "
        "1 x MaxPool with its second output (indices) (first: 'pool'); "
        "2 x NonZero (first: 'first'); "
        "1 x Unpool (first: 'last')"
    )


@pytest.mark.parametrize(
    ("nodes", "weights", "said"),
    [
        (node("Relu", ["z"], ["y"]), {}, "reads 'z', which nothing before it makes"),
        (node("Conv", ["x", "w"], ["y"]), {"w": image((5, 3, 3, 3))}, "4 channels"),
        (node("Reshape", ["x", "s"], ["y"]), {"s": np.int64([7, -1])}, "cannot become"),
        (node("Constant", [], ["y"], value_float=1.0), {}, "depend on no input"),
        (node("Dropout", ["x", "r", "t"], ["y"]), {"r": np.float32(1), "t": np.array(True)},
         "in training mode"),
        (node("BatchNormalization", ["x", *"abab"], ["y"], training_mode=1),
         {"a": image((4,)), "b": image((4,))}, "in training mode"),
        (node("Cast", ["x"], ["y"], to=TensorProto.UINT8), {}, "1 x Cast to uint8"),
        (node("Conv", ["x"], ["y"]), {}, "Conv"),
        (node("Gemm", ["x", "x"], ["y"]), {}, "layer 'y' (transpose): found the order"),
        (node("DepthToSpace", ["x"], ["y"], blocksize=3), {}, "multiples of 9"),
        ([node("ConstantOfShape", ["s"], ["c"]), node("Add", ["x", "c"], ["y"])],
         {"s": np.int64([1 << 33])}, "numbers, allowed"),
        (node("MaxPool", ["x"], ["y"]), {}, "MaxPool"),
        (node("LRN", ["x"], ["y"], size=-3), {}, "size = -3"),
    ],
)  # fmt: skip
def test_a_node_that_makes_no_sense_is_refused_in_one_line(
    nodes: Any, weights: Any, said: str
) -> None:
    assert said.lower() in refused(network(nodes, **weights)).lower()


def test_sizes_that_must_be_known_are_asked_for() -> None:
    transposed = node("ConvTranspose", ["x", "w"], ["y"], output_shape=[9, 9])
    model = network(transposed, (1, 4, "h", "w"), w=image((4, 1, 2, 2)))
    assert "give `size`" in refused(model)
    assert convert(model, size=(8, 8)).inputs == {"x": (1, 4, 8, 8)}


def test_inputs_without_a_shape_or_with_a_wrong_name_are_refused() -> None:
    model = network(node("Relu", ["x"], ["y"]))
    model.graph.input[0].type.tensor_type.ClearField("shape")
    assert "`shape='x=1,3,224,224'`" in refused(model)
    assert convert(model, {"x": (1, 3, None, None)}).inputs == {"x": (1, 3, None, None)}
    assert "no input 'z': the network has x" in refused(model, given={"z": (1,)})


def test_operator_sets_that_are_too_old_are_refused() -> None:
    assert "operator set 5 is too old" in refused(network(node("Relu", ["x"], ["y"]), opset=5))


@pytest.fixture
def model() -> ModelProto:
    return network(node("Add", ["x", "w"], ["y"]), w=image((4, 6, 8)))


def test_weights_in_a_file_beside_the_model_are_read(model: ModelProto, tmp_path: Path) -> None:
    onnx.save(
        model, tmp_path / "net.onnx", save_as_external_data=True, location="net.data",
        size_threshold=0,
    )  # fmt: skip
    assert (tmp_path / "net.data").stat().st_size >= 4 * 6 * 8 * 4
    graph = import_file(tmp_path / "net.onnx")
    assert np.array_equal(graph.tensors["w"], image((4, 6, 8)))
    (tmp_path / "net.data").write_bytes(b"short")
    with pytest.raises(InputError, match=r"net\.onnx: its external weights cannot be read"):
        import_file(tmp_path / "net.onnx")


@pytest.mark.parametrize("place", ["../secret", "/etc/hostname", "link", "up/secret", "hard"])
def test_weights_outside_the_folder_of_the_model_are_not_read(
    model: ModelProto, tmp_path: Path, place: str
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(bytes(4 * 6 * 8 * 4))
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "up").symlink_to(tmp_path)
    (folder / "hard").hardlink_to(tmp_path / "secret")
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=place)
    (folder / "net.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(InputError, match="external weights cannot be read") as problem:
        import_file(folder / "net.onnx")
    assert "\n" not in str(problem.value)


def test_a_package_that_follows_links_is_refused(
    model: ModelProto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onnx.save(model, tmp_path / "net.onnx")
    monkeypatch.setattr(onnx, "__version__", "1.20.1")
    with pytest.raises(InputError, match=r"needs the package onnx 1\.21 or newer, found 1\.20\.1"):
        import_file(tmp_path / "net.onnx")


def test_a_weight_shorter_than_its_shape_is_refused(model: ModelProto, tmp_path: Path) -> None:
    model.graph.initializer[0].dims[0] = 1 << 40
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(InputError, match=r"net\.onnx: the weight 'w' cannot be read"):
        import_file(tmp_path / "net.onnx")


@given(st.data())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_damaged_file_gives_a_network_or_one_line(tmp_path: Path, data: Any) -> None:
    nodes = [node("Conv", ["x", "w"], ["a"]), node("Clip", ["a"], ["y"], min=0.0)]
    whole = network(nodes, opset=7, w=image((2, 4, 3, 3))).SerializeToString()
    place = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.integers(0, 255))
    changed = whole[:place] + bytes([byte]) + whole[place + 1 :]
    length = data.draw(st.sampled_from([len(whole), len(whole) // 2, place]))
    path = tmp_path / "net.onnx"
    path.write_bytes(changed[:length])
    try:
        import_file(path)
    except InputError as problem:
        assert "\n" not in str(problem)
        assert len(str(problem)) < 1000


def test_the_step_of_sizes_is_found() -> None:
    def step(*nodes: Any, shape: Any = (1, 4, "h", "w"), **weights: Any) -> int | None:
        return step_of_sizes(convert(network(list(nodes), shape, **weights)))

    halve = {"kernel_shape": [2, 2], "strides": [2, 2]}
    doubling = {"s": np.float32([1, 1, 2, 2])}
    assert step(node("Relu", ["x"], ["y"])) == 1
    assert step(node("MaxPool", ["x"], ["y"], **halve)) == 2
    assert step(node("ReduceMean", ["x"], ["y"], axes=[2, 3])) == 1
    assert step(node("Relu", ["x"], ["y"]), shape=(1, 4, 6, 8)) is None
    around = [
        node("MaxPool", ["x"], ["a"], **halve), node("MaxPool", ["a"], ["b"], **halve),
        node("Resize", ["b", "", "s"], ["c"]), node("Add", ["a", "c"], ["d"]),
        node("Resize", ["d", "", "s"], ["e"]), node("Concat", ["e", "x"], ["y"], axis=1),
    ]  # fmt: skip
    assert step(*around, **doubling) == 4
