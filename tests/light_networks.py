"""Well-known networks of the package onnx, whose constant weights are replaced by random ones.

The files hold their weights as constants made from a shape, all alike, so that their outputs
mean nothing. Here every weight is drawn at the scale that keeps values near 1 (He 2015).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, numpy_helper

FOLDER = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
NAMES = (
    "bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet",
    "squeezenet", "vgg19", "zfnet512",
)  # fmt: skip
BLOCK = 1 << 20  # random numbers drawn; larger weights repeat them


def light(name: str) -> ModelProto:
    """The network; where it ends in a softmax, with the scores before it as a second output."""
    model = onnx.load(FOLDER / f"light_{name}.onnx")
    if model.graph.node[-1].op_type == "Softmax":
        scores = onnx.ValueInfoProto(name=model.graph.node[-1].input[0])
        model.graph.output.append(scores)
    return model


def weights_of(model: ModelProto, seed: int = 0) -> dict[str, np.ndarray]:
    """A random array for every constant weight, by name."""
    normal = np.random.default_rng(seed).standard_normal(BLOCK, np.float32)
    readers = _readers(model)
    found: dict[str, np.ndarray] = {}
    for number, (name, shape) in enumerate(_shapes(model).items()):
        start = number * 101 % (BLOCK // 2)
        size = int(np.prod(shape))  # np.resize copies all it is given, more than once
        values = np.resize(normal[start : start + size], shape)
        _scale(values, *readers.get(name, ("", 0)))
        found[name] = values
    return found


def _shapes(model: ModelProto) -> dict[str, tuple[int, ...]]:
    """Of the constants made from a shape, and of the float weights that are stored."""
    stored = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    made = {
        node.output[0]: tuple(stored[node.input[0]].tolist())
        for node in model.graph.node
        if node.op_type == "ConstantOfShape"
    }
    return made | {n: v.shape for n, v in stored.items() if v.dtype == np.float32 and v.ndim}


def _readers(model: ModelProto) -> dict[str, tuple[str, int]]:
    """Operator and input that each weight goes to, past reshapings."""
    found: dict[str, tuple[str, int]] = {}
    for node in reversed(model.graph.node):
        for index, name in enumerate(node.input):
            behind = found.get(node.output[0]) if node.op_type == "Unsqueeze" else None
            found[name] = behind or (node.op_type, index)
    return found


def _scale(values: np.ndarray, operator: str, index: int) -> None:
    if operator in ("Conv", "Gemm") and index == 1:
        values *= np.float32(np.sqrt(2 / np.prod(values.shape[1:])))
    elif operator == "BatchNormalization" and index == 4:  # a variance
        values[...] = 1 + np.float32(0.2) * np.tanh(values)
    elif (operator, index) in (("BatchNormalization", 1), ("Mul", 1)):  # a scale
        values *= np.float32(0.2)
        values += 1
    else:
        values *= np.float32(0.1)


def with_weights(model: ModelProto, weights: dict[str, np.ndarray]) -> ModelProto:
    """The model with the weights stored in it."""
    changed = _without(model, weights)
    for name, value in weights.items():  # in place: vgg19 has half a gigabyte of them
        changed.graph.initializer.add(
            name=name, dims=value.shape, data_type=onnx.TensorProto.FLOAT, raw_data=value.tobytes()
        )
    return changed


def run_elsewhere(model: ModelProto, weights: dict[str, np.ndarray], image: np.ndarray) -> Any:
    """onnxruntime's outputs. Weights are inputs, so that large ones are not copied."""
    import onnxruntime

    changed = _without(model, weights)
    inputs = {one.name for one in changed.graph.input}
    changed.graph.input.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, value.shape)
        for name, value in weights.items()
        if name not in inputs
    )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(
        changed.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, {**weights, image_name(model): image})


def image_name(model: ModelProto) -> str:
    stored = {one.name for one in model.graph.initializer}
    return next(one.name for one in model.graph.input if one.name not in stored)


def _without(model: ModelProto, weights: dict[str, np.ndarray]) -> ModelProto:
    changed = ModelProto()
    changed.CopyFrom(model)
    del changed.graph.node[:]
    changed.graph.node.extend(n for n in model.graph.node if n.output[0] not in weights)
    del changed.graph.initializer[:]
    changed.graph.initializer.extend(i for i in model.graph.initializer if i.name not in weights)
    return changed
