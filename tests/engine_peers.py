"""Operators as onnxruntime computes them, and the measure by which results are compared."""

from __future__ import annotations

from typing import Any

import numpy as np

from imgconv.engine.operators import OPERATORS, call, evaluate


def onnxruntime_of(
    operator: str, *inputs: np.ndarray | None, **attributes: Any
) -> list[np.ndarray]:
    """The results of one ONNX operator (version `opset`) in onnxruntime; None is left out."""
    import onnx
    import onnxruntime
    from onnx import helper

    count, opset = attributes.pop("outputs", 1), attributes.pop("opset", 21)
    inputs = tuple(None if array is None else np.asarray(array) for array in inputs)
    names = [f"i{n}" if array is not None else "" for n, array in enumerate(inputs)]
    results = [f"o{n}" for n in range(count)]
    node = helper.make_node(operator, names, results, **attributes)
    graph = helper.make_graph(
        [node],
        "one",
        [
            helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
            )
            for name, array in zip(names, inputs, strict=True)
            if array is not None
        ],
        [onnx.ValueInfoProto(name=name) for name in results],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(
        None, {name: array for name, array in zip(names, inputs, strict=True) if array is not None}
    )


def ours(operator: str, *inputs: Any, **attributes: Any) -> Any:
    """Our result, its shape as the shape rule has said, its attributes as the table allows."""
    found = OPERATORS[operator]
    for name, value in attributes.items():
        assert found.attributes[name].accepts(value), (name, value)
    arguments = [
        x if x is None or found.names[min(i, len(found.names) - 1)] in found.reads else x.shape
        for i, x in enumerate(inputs)
    ]
    shapes = call(found, found.shape, arguments, attributes)
    shapes = shapes if found.outputs is None else (shapes,)
    results = evaluate(operator, inputs, attributes)
    assert [result.shape for result in results] == list(shapes)
    return results[0] if found.outputs == 1 else results


def error(found: np.ndarray, wanted: Any) -> float:
    """max |a - b| / max(1e-6, max |b|)."""
    wanted = np.asarray(wanted)
    assert found.shape == wanted.shape
    if not found.size:
        return 0.0
    wide = wanted.astype(np.float64)
    same = found == wide  # infinities are
    apart = np.abs(np.where(same, 0, found) - np.where(same, 0, wide))
    return float(apart.max() / max(1e-6, np.abs(wide).max()))
