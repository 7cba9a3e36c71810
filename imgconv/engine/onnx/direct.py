"""Operators that have the same meaning here: only names of attributes differ."""

from __future__ import annotations

from typing import Any

from .calls import Call, Converter

Theirs = tuple[str, Any]  # an attribute's name in ONNX, and its default, whose type it has here


def direct(operator: str, **attributes: Theirs) -> Converter:
    """A converter to `operator` with the inputs as they are.

    An attribute whose default is None is left out where it is not given.
    """

    def convert(call: Call) -> None:
        found = {
            ours: _to_type(call.get(theirs, default), default)
            for ours, (theirs, default) in attributes.items()
            if default is not None or theirs in call.attributes
        }
        call.give(call.add(operator, *call.first_inputs(len(call.inputs)), **found))

    return convert


def _to_type(value: Any, default: Any) -> Any:
    if isinstance(value, list):
        return [int(n) for n in value]
    return value if default is None else type(default)(value)


def chain(operator: str) -> Converter:
    """Any number of inputs, two at a time."""

    def convert(call: Call) -> None:
        result, *others = call.inputs
        for other in others:
            result = call.add(operator, result, other)
        call.give(result)

    return convert


def mean(call: Call) -> None:
    total, *others = call.inputs
    for other in others:
        total = call.add("add", total, other)
    call.give(call.add("mul", total, call.const(1 / len(call.inputs))))


def shape(call: Call) -> None:
    """The sizes of the axes from `start` to `end`; beyond the ends there are none."""
    rank = call.rank()
    start, end = (max(-rank, min(int(call.get(*at)), rank)) for at in (("start", 0), ("end", rank)))
    part = {} if (start, end) == (0, rank) else {"start": start, "end": end}
    call.give(call.add("shape", call.input(0), **part))


def swish(call: Call) -> None:
    """x sigmoid(alpha x)."""
    alpha = float(call.get("alpha", 1.0))
    if alpha == 1:
        call.give(call.add("silu", call.input(0)))
        return
    scaled = call.add("mul", call.input(0), call.const(alpha))
    call.give(call.add("mul", call.input(0), call.add("sigmoid", scaled)))


def grid_sample(call: Call) -> None:
    """Until version 20 two of the modes had names of images only."""
    mode = str(call.get("mode", "linear"))
    found = {
        "mode": {"bilinear": "linear", "bicubic": "cubic"}.get(mode, mode),
        "padding": str(call.get("padding_mode", "zeros")),
        "corners": bool(call.get("align_corners", 0)),
    }
    call.give(call.add("grid_sample", *call.first_inputs(2), **found))


EPSILON = ("epsilon", 1e-5)
PLAIN = {
    "Abs": "abs", "And": "and", "Ceil": "ceil", "Cos": "cos", "Equal": "equal", "Erf": "erf",
    "Exp": "exp", "Expand": "expand", "Floor": "floor", "GlobalAveragePool": "global_average_pool",
    "GlobalMaxPool": "global_max_pool", "Greater": "greater",
    "GreaterOrEqual": "greater_or_equal", "HardSwish": "hard_swish", "Less": "less",
    "LessOrEqual": "less_or_equal", "Log": "log", "Max": "max", "Min": "min", "Mish": "mish",
    "Neg": "neg", "Not": "not", "Or": "or", "Range": "range", "Reciprocal": "reciprocal",
    "Relu": "relu", "Round": "round", "Sigmoid": "sigmoid", "Sign": "sign", "Sin": "sin",
    "Size": "size", "Softplus": "softplus", "Softsign": "softsign", "Sqrt": "sqrt",
    "Tanh": "tanh", "Tile": "tile", "Where": "where", "Xor": "xor",
}  # fmt: skip

CONVERTERS: dict[str, Converter] = {
    **{theirs: direct(ours) for theirs, ours in PLAIN.items()},
    "Celu": direct("celu", alpha=("alpha", 1.0)),
    "Concat": direct("concat", axis=("axis", 1)),
    "DepthToSpace": direct("pixel_shuffle", block=("blocksize", 1), order=("mode", "DCR")),
    "SpaceToDepth": direct("pixel_unshuffle", block=("blocksize", 1), order=("mode", "DCR")),
    "Elu": direct("elu", alpha=("alpha", 1.0)),
    "Flatten": direct("flatten", axis=("axis", 1)),
    "Gather": direct("gather", axis=("axis", 0)),
    "Gelu": direct("gelu", approximate=("approximate", "none")),
    "GlobalLpPool": direct("global_l2_pool", p=("p", 2)),
    "GridSample": grid_sample,
    "HardSigmoid": direct("hard_sigmoid", alpha=("alpha", 0.2), beta=("beta", 0.5)),
    "InstanceNormalization": direct("instance_norm", epsilon=EPSILON),
    "LRN": direct(
        "local_response_norm",
        size=("size", 1), alpha=("alpha", 1e-4), beta=("beta", 0.75), bias=("bias", 1.0),
    ),
    "LeakyRelu": direct("leaky_relu", slope=("alpha", 0.01)),
    "LpNormalization": direct("lp_norm", axis=("axis", -1), p=("p", 2)),
    "Mean": mean,
    "Mod": direct("mod", truncated=("fmod", False)),
    "Selu": direct("selu", alpha=("alpha", 1.6732631921768188), gamma=("gamma", 1.0507010221)),
    "Shape": shape,
    "Sum": chain("add"),
    "Swish": swish,
    "ThresholdedRelu": direct("thresholded_relu", alpha=("alpha", 1.0)),
    "Transpose": direct("transpose", permutation=("perm", None)),
}  # fmt: skip
