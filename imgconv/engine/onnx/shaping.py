"""Converters for what moves values, and for what differs between ONNX's operator sets there."""

from __future__ import annotations

from typing import Any

import numpy as np

from .calls import Call, Converter, Unsupported


def identity(call: Call) -> None:
    call.give(call.input(0))


def dropout(call: Call) -> None:
    """Nothing is dropped outside training: the mask, if it is wanted, is true everywhere."""
    training = call.input(2) and call.require(2, "training_mode")
    if np.any(training):
        raise Unsupported("in training mode (export the network after .eval())")
    if call.outputs[1:] and call.building.is_used(call.outputs[1]):
        sizes = call.add("shape", call.input(0))
        mask = call.add("constant_of_shape", sizes, value=1, to="bool")
        call.give(call.input(0), mask)
        return
    call.give(call.input(0))


def reshape(call: Call) -> None:
    """In a shape, -1 and 0 (keep) mean the same here."""
    shape = call.input(1) or call.const(call.get("shape"), np.int64)
    zero = {"allow_zero": True} if call.get("allowzero", 0) else {}
    call.give(call.add("reshape", call.input(0), shape, **zero))


def with_axes(operator: str) -> Converter:
    """Axes are an attribute before operator set 13, an input from then on."""

    def convert(call: Call) -> None:
        axes = {"axes": call.whole("axes")} if call.whole("axes") else {}
        call.give(call.add(operator, *call.first_inputs(2), **axes))

    return convert


def reduction(operator: str) -> Converter:
    """Axes are an attribute of old operator sets, an input of new; none means all of them."""

    def convert(call: Call) -> None:
        found: dict[str, Any] = {"keepdims": bool(call.get("keepdims", 1))}
        if axes := call.whole("axes"):
            found["axes"] = axes
        if call.get("noop_with_empty_axes", 0):
            found["none_is_none"] = True
        call.give(call.add(operator, *call.first_inputs(2), **found))

    return convert


def arg_max(call: Call) -> None:
    last = {"last": True} if call.get("select_last_index", 0) else {}
    axis, keep = int(call.get("axis", 0)), bool(call.get("keepdims", 1))
    call.give(call.add("arg_max", call.input(0), axis=axis, keepdims=keep, **last))


def slice_(call: Call) -> None:
    """Attributes before operator set 10, inputs from then on."""
    found = {name: values for name in ("starts", "ends", "axes") if (values := call.whole(name))}
    call.give(call.add("slice", *call.first_inputs(5), **found))


def split(call: Call) -> None:
    """Sizes are an attribute before operator set 13, then an input; without them, equal parts."""
    found: dict[str, Any] = {"axis": int(call.get("axis", 0))}
    if sizes := call.whole("split"):
        found["sizes"] = sizes
    elif not call.input(1):
        found["count"] = len(call.outputs)
    call.give(*call.add_several("split", call.first_inputs(2), found, len(call.outputs)))


def pad(call: Call) -> None:
    """Attributes before operator set 11, inputs from then on; axes since operator set 18."""
    found: dict[str, Any] = {"mode": call.get("mode", "constant")}
    if pads := call.whole("pads") or call.whole("paddings"):
        found |= {"pads": pads, "value": float(call.get("value", 0.0))}
    call.give(call.add("pad", *call.first_inputs(4), **found))


def constant(call: Call) -> None:
    """The one of the attributes value, value_float, value_ints, ... that is there."""
    name, value = next(iter(call.attributes.items()), ("no value", None))
    if name not in ("value", "value_float", "value_floats", "value_int", "value_ints"):
        raise Unsupported(f"with {name}")
    dtype: Any = np.int64 if "int" in name else np.float32
    call.building.keep(
        call.outputs[0], value if isinstance(value, np.ndarray) else np.asarray(value, dtype)
    )


def constant_of_shape(call: Call) -> None:
    value = call.get("value", np.zeros(1, np.float32)).reshape(-1)[0]
    kind = {"f": "float32", "i": "int64", "b": "bool"}[value.dtype.kind]
    call.give(call.add("constant_of_shape", call.input(0), value=value.item(), to=kind))


def cast(call: Call) -> None:
    """Every float is float32 here, every integer int64."""
    from onnx import TensorProto

    name = TensorProto.DataType.Name(call.get("to"))
    kinds = {
        "FLOAT": "float32", "DOUBLE": "float32", "FLOAT16": "float32", "BFLOAT16": "float32",
        "INT64": "int64", "INT32": "int64", "BOOL": "bool",
    }  # fmt: skip
    if name not in kinds:
        raise Unsupported(f"to {name.lower()}")
    call.give(call.add("cast", call.input(0), to=kinds[name]))


def cast_like(call: Call) -> None:
    """The type of the second input, where that is a constant; else float32."""
    like = call.constant(1)
    kind = (
        "float32" if like is None else {"f": "float32", "i": "int64", "b": "bool"}[like.dtype.kind]
    )
    call.give(call.add("cast", call.input(0), to=kind))


REDUCTIONS = {
    "Mean": "mean", "Sum": "sum", "Max": "max", "Min": "min", "L1": "l1", "L2": "l2",
    "Prod": "prod", "SumSquare": "sum_square", "LogSum": "log_sum", "LogSumExp": "log_sum_exp",
}  # fmt: skip

CONVERTERS: dict[str, Converter] = {
    **{"Reduce" + theirs: reduction("reduce_" + ours) for theirs, ours in REDUCTIONS.items()},
    "ArgMax": arg_max,
    "Cast": cast,
    "CastLike": cast_like,
    "Constant": constant,
    "ConstantOfShape": constant_of_shape,
    "Dropout": dropout,
    "Identity": identity,
    "Pad": pad,
    "Reshape": reshape,
    "Slice": slice_,
    "Split": split,
    "Squeeze": with_axes("squeeze"),
    "Unsqueeze": with_axes("unsqueeze"),
}
